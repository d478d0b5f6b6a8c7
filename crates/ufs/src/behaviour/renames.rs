//! Renaming.

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};

pub(super) async fn files(place: Place) -> Result<()> {
    let written = place.put("a/file", b"content").await?;
    let (from, to) = (place.at("a/file")?, place.at("a/renamed")?);
    let capabilities = place.ufs.capabilities();
    let done = place.ufs.rename_file(&from, &to).await;
    if !capabilities.rename_file && is_unsupported(&done) {
        return Ok(());
    }
    done?;
    assert!(!place.exists("a/file").await?);
    assert_eq!(place.get("a/renamed").await?, b"content");
    let status = place.ufs.status(&to).await?;
    if capabilities.rename_file {
        assert_eq!(
            status.and_then(|status| status.modified_ms),
            written.modified_ms,
            "a rename is no change"
        );
    }
    assert_fails(place.ufs.rename_file(&from, &to).await, UfsErrorKind::NotFound, &from);
    let nowhere = place.at("nowhere/file")?;
    if place.ufs.capabilities().directories {
        assert_fails(place.ufs.rename_file(&to, &nowhere).await, UfsErrorKind::NotFound, &nowhere);
    }
    let folder = place.at("a")?;
    assert_fails(place.ufs.rename_file(&folder, &place.at("b")?).await, UfsErrorKind::IsDirectory, &folder);
    assert!(place.exists("a/renamed").await?);
    Ok(())
}

pub(super) async fn directories(place: Place) -> Result<()> {
    place.put("from/a", b"1").await?;
    place.put("from/b/c", b"2").await?;
    let (from, to) = (place.at("from")?, place.at("to")?);
    let done = place.ufs.rename_directory(&from, &to).await;
    if !place.ufs.capabilities().rename_directory && is_unsupported(&done) {
        return Ok(());
    }
    done?;
    assert!(!place.exists("from").await? && !place.exists("from/a").await?);
    assert_eq!(place.get("to/b/c").await?, b"2");
    let inside = place.at("to/b/itself")?;
    assert!(place.ufs.rename_directory(&to, &inside).await.is_err(), "not into itself");
    assert_eq!(place.get("to/a").await?, b"1");
    let file = place.at("to/a")?;
    let done = place.ufs.rename_directory(&file, &place.at("x")?).await;
    assert_fails(done, UfsErrorKind::NotDirectory, &file);
    Ok(())
}

pub(super) async fn never_replace(place: Place) -> Result<()> {
    place.put("one", b"1").await?;
    place.put("two", b"2").await?;
    place.put("folder/file", b"3").await?;
    place.make("empty").await?;
    let one = place.at("one")?;
    let capabilities = place.ufs.capabilities();
    if !capabilities.rename_file && is_unsupported(&place.ufs.rename_file(&one, &place.at("two")?).await) {
        return Ok(());
    }
    for taken in ["two", "folder", "empty"] {
        let to = place.at(taken)?;
        assert_fails(place.ufs.rename_file(&one, &to).await, UfsErrorKind::AlreadyExists, &to);
    }
    assert_eq!((place.get("one").await?, place.get("two").await?), (b"1".to_vec(), b"2".to_vec()));
    let folder = place.at("folder")?;
    for taken in ["one", "empty"] {
        let to = place.at(taken)?;
        let done = place.ufs.rename_directory(&folder, &to).await;
        if capabilities.rename_directory || !is_unsupported(&done) {
            assert_fails(done, UfsErrorKind::AlreadyExists, &to);
        }
    }
    assert_eq!(place.get("folder/file").await?, b"3");
    Ok(())
}

fn is_unsupported(done: &Result<()>) -> bool {
    done.as_ref().is_err_and(|error| error.kind() == UfsErrorKind::Unsupported)
}
