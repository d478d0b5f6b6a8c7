//! How files come to be: at close, whole, and never over another one unasked.

use bytes::Bytes;

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};
use crate::listing::ListOptions;
use crate::options::{Attributes, CreateOptions};

pub(super) async fn not_there_before_close(place: Place) -> Result<()> {
    if !place.ufs.capabilities().atomic_create {
        return Ok(());
    }
    place.make("").await?;
    let mut writer = place.ufs.create(&place.at("file")?, CreateOptions::default()).await?;
    writer.write(Bytes::from_static(b"half")).await?;
    assert!(!place.exists("file").await?);
    assert!(place.keys("", ListOptions::default()).await?.is_empty(), "temporary files are hidden");
    writer.write(Bytes::from_static(b" and half")).await?;
    writer.close().await?;
    assert_eq!(place.get("file").await?, b"half and half");
    assert_eq!(place.keys("", all()).await?, ["file"], "nothing else is left");
    Ok(())
}

pub(super) async fn abort_leaves_nothing(place: Place) -> Result<()> {
    place.make("").await?;
    let mut writer = place.ufs.create(&place.at("file")?, CreateOptions::default()).await?;
    writer.write(Bytes::from_static(b"half")).await?;
    writer.abort().await?;
    assert!(!place.exists("file").await?);
    assert!(place.keys("", all()).await?.is_empty());
    Ok(())
}

pub(super) async fn dropped_leaves_nothing(place: Place) -> Result<()> {
    place.make("").await?;
    let mut writer = place.ufs.create(&place.at("file")?, CreateOptions::default()).await?;
    writer.write(Bytes::from_static(b"half")).await?;
    drop(writer);
    // What is left is cleaned up by and by.
    for _ in 0..200 {
        if place.keys("", all()).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert!(place.keys("", all()).await?.is_empty(), "still there after 5 s");
    Ok(())
}

pub(super) async fn never_replaces_unasked(place: Place) -> Result<()> {
    place.put("file", b"old").await?;
    let path = place.at("file")?;
    let begun = place.ufs.create(&path, CreateOptions::default()).await;
    assert_fails(begun, UfsErrorKind::AlreadyExists, &path);
    assert_eq!(place.get("file").await?, b"old");
    Ok(())
}

pub(super) async fn overwrites_when_asked(place: Place) -> Result<()> {
    let old = place.put("file", b"old").await?;
    let path = place.at("file")?;
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let mut writer = place.ufs.create(&path, options.clone()).await?;
    writer.write(Bytes::from_static(b"newer")).await?;
    if place.ufs.capabilities().atomic_create {
        assert_eq!(place.get("file").await?, b"old", "the old content stays until close");
    }
    let new = writer.close().await?;
    assert_eq!(place.get("file").await?, b"newer");
    assert_ne!(old.content_hash, new.content_hash);
    place.put("folder/file", b"x").await?;
    let folder = place.at("folder")?;
    if place.ufs.capabilities().directories {
        assert_fails(place.ufs.create(&folder, options).await, UfsErrorKind::IsDirectory, &folder);
    }
    Ok(())
}

pub(super) async fn two_writers(place: Place) -> Result<()> {
    if !place.ufs.capabilities().atomic_create {
        return Ok(());
    }
    place.make("").await?;
    let path = place.at("file")?;
    let mut first = place.ufs.create(&path, CreateOptions::default()).await?;
    let mut second = place.ufs.create(&path, CreateOptions::default()).await?;
    first.write(Bytes::from_static(b"first")).await?;
    second.write(Bytes::from_static(b"second")).await?;
    second.close().await?;
    assert_fails(first.close().await, UfsErrorKind::AlreadyExists, &path);
    assert_eq!(place.get("file").await?, b"second");
    assert_eq!(place.keys("", all()).await?, ["file"], "the loser left nothing");
    Ok(())
}

pub(super) async fn parents(place: Place) -> Result<()> {
    place.make("").await?;
    let path = place.at("a/b/file")?;
    let capabilities = place.ufs.capabilities();
    if capabilities.directories {
        let begun = place.ufs.create(&path, CreateOptions::default()).await;
        assert_fails(begun, UfsErrorKind::NotFound, &path);
        assert!(!place.exists("a").await?);
    }
    let options = CreateOptions {
        attributes: Attributes::mode(0o640),
        parents: Some(Attributes::mode(0o750)),
        ..CreateOptions::default()
    };
    let status = place.ufs.create(&path, options).await?.close().await?;
    if capabilities.modes {
        assert_eq!(status.mode, 0o640);
        for parent in ["a", "a/b"] {
            let status = place.ufs.status(&place.at(parent)?).await?;
            assert_eq!(status.map(|status| (status.is_dir, status.mode)), Some((true, 0o750)), "{parent}");
        }
    }
    Ok(())
}

fn all() -> ListOptions {
    ListOptions { include_temporary: true, ..ListOptions::default() }
}
