//! Files: content, ranges, names.

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};
use crate::options::CreateOptions;

pub(super) async fn what_is_written_is_read(place: Place) -> Result<()> {
    let written = place.put("a/file", b"content").await?;
    assert_eq!((written.length, written.is_dir, written.name()), (7, false, "file"));
    assert_eq!(place.get("a/file").await?, b"content");
    let status = place.ufs.status(&place.at("a/file")?).await?;
    assert_eq!(status.as_ref(), Some(&written), "close and status tell the same");
    assert!(written.modified_ms.is_some() && written.content_hash.is_some());
    Ok(())
}

pub(super) async fn ranges(place: Place) -> Result<()> {
    place.put("file", b"0123456789").await?;
    let path = place.at("file")?;
    for (offset, length, expected) in
        [(0, 10, "0123456789"), (3, 4, "3456"), (8, 100, "89"), (10, 5, ""), (50, 5, ""), (4, 0, "")]
    {
        let range = place.ufs.read_range(&path, offset, length).await?;
        assert_eq!(range, expected.as_bytes(), "{length} bytes from {offset}");
    }
    let mut reader = place.ufs.open(&path, 2, Some(5)).await?;
    let mut read = Vec::new();
    loop {
        let piece = reader.read(2).await?;
        assert!(piece.len() <= 2);
        if piece.is_empty() {
            break;
        }
        read.extend_from_slice(&piece);
    }
    assert_eq!(read, b"23456");
    let mut reader = place.ufs.open(&path, 7, None).await?;
    assert_eq!(reader.read(0).await?, "");
    assert!(b"789".starts_with(&reader.read(usize::MAX).await?));
    let far = place.ufs.open(&path, u64::MAX, Some(u64::MAX)).await?.read(10).await?;
    assert!(far.is_empty());
    Ok(())
}

pub(super) async fn empty_file(place: Place) -> Result<()> {
    assert_eq!(place.put("empty", b"").await?.length, 0);
    assert!(place.exists("empty").await?);
    assert_eq!(place.get("empty").await?, b"");
    Ok(())
}

pub(super) async fn large_file(place: Place) -> Result<()> {
    // Several parts of any store's multipart upload, in pieces that fit none of its sizes.
    const LENGTH: usize = 20 * 1024 * 1024 + 12_345;
    let content: Vec<u8> = (0..LENGTH as u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    place.make("").await?;
    let path = place.at("large")?;
    let mut writer = place.ufs.create(&path, Default::default()).await?;
    for piece in content.chunks(777_777) {
        writer.write(bytes::Bytes::copy_from_slice(piece)).await?;
    }
    assert_eq!(writer.close().await?.length, LENGTH as u64);
    assert!(place.get("large").await? == content, "content differs");
    let middle = place.ufs.read_range(&path, 9_999_999, 1_000_001).await?;
    assert!(middle == content[9_999_999..11_000_000], "range differs");
    Ok(())
}

/// What was opened is read to its end, or is an error; it never goes on in what came in its place.
pub(super) async fn replaced_while_read(place: Place) -> Result<()> {
    let (old, new) = (vec![1; 3 << 20], vec![2; 3 << 20]);
    let written = place.put("file", &old).await?;
    let path = place.at("file")?;
    let mut reader = place.ufs.open(&path, 0, None).await?;
    assert_eq!(reader.content_hash().await?, written.content_hash);
    let mut read = reader.read(1000).await?.to_vec();
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let mut writer = place.ufs.create(&path, options).await?;
    writer.write(new.clone().into()).await?;
    let replaced = writer.close().await?;
    while let Ok(piece) = reader.read(1 << 20).await {
        if piece.is_empty() {
            assert_eq!(read.len(), old.len());
            break;
        }
        read.extend_from_slice(&piece);
    }
    assert!(old.starts_with(&read), "a mixture was read");
    let mut reader = place.ufs.open(&path, 0, None).await?;
    assert_eq!(reader.content_hash().await?, replaced.content_hash);
    assert!(place.get("file").await? == new);
    Ok(())
}

pub(super) async fn missing_file(place: Place) -> Result<()> {
    place.make("").await?;
    let path = place.at("nothing")?;
    assert_eq!(place.ufs.status(&path).await?, None);
    assert_eq!(place.ufs.status(&place.at("nothing/below")?).await?, None);
    assert_eq!(place.ufs.fingerprint(&path).await?, None);
    assert_fails(place.ufs.open(&path, 0, None).await, UfsErrorKind::NotFound, &path);
    place.put("file", b"x").await?;
    assert_eq!(place.ufs.status(&place.at("file/below")?).await?, None, "nothing is below a file");
    Ok(())
}

pub(super) async fn a_directory_is_no_file(place: Place) -> Result<()> {
    place.put("folder/file", b"x").await?;
    let path = place.at("folder")?;
    assert_fails(place.ufs.open(&path, 0, None).await, UfsErrorKind::IsDirectory, &path);
    assert_fails(place.ufs.delete_file(&path).await, UfsErrorKind::IsDirectory, &path);
    assert!(place.exists("folder/file").await?);
    Ok(())
}

pub(super) async fn deleted_files_are_gone(place: Place) -> Result<()> {
    place.put("folder/file", b"x").await?;
    let path = place.at("folder/file")?;
    assert!(place.ufs.delete_file(&path).await?);
    assert!(!place.exists("folder/file").await?);
    let again = place.ufs.delete_file(&path).await?;
    assert!(!again || !place.ufs.capabilities().reports_deleted, "nothing was there");
    Ok(())
}

pub(super) async fn odd_names(place: Place) -> Result<()> {
    let long = "n".repeat(240);
    let names =
        ["a b", "100%", "%2F", "é", "日本", "q?x=1&y#z", "back\\slash", "'\"$`", "...", long.as_str()];
    for name in names {
        place.put(name, name.as_bytes()).await?;
    }
    for name in names {
        assert_eq!(place.get(name).await?, name.as_bytes(), "{name}");
    }
    let mut listed = place.keys("", Default::default()).await?;
    listed.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
    Ok(())
}
