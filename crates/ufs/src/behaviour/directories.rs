//! Folders.

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};
use crate::options::{Attributes, MkdirsOptions};

pub(super) async fn made_and_told(place: Place) -> Result<()> {
    let ufs = &place.ufs;
    let capabilities = ufs.capabilities();
    assert!(place.make("a/b").await?);
    assert!(!place.make("a/b").await? || !capabilities.directories, "it was there");
    if capabilities.directories {
        for path in ["a", "a/b"] {
            let status = ufs.status(&place.at(path)?).await?;
            assert!(status.is_some_and(|s| s.is_dir && s.length == 0 && s.content_hash.is_none()), "{path}");
        }
        let path = place.at("x/y")?;
        assert_fails(ufs.mkdirs(&path, MkdirsOptions::default()).await, UfsErrorKind::NotFound, &path);
        assert!(!place.exists("x").await?);
    }
    if capabilities.modes {
        let attributes = Attributes::mode(0o711);
        ufs.mkdirs(&place.at("p/q/r")?, MkdirsOptions::with_parents(attributes)).await?;
        for path in ["p", "p/q", "p/q/r"] {
            let status = ufs.status(&place.at(path)?).await?;
            assert_eq!(status.map(|status| status.mode), Some(0o711), "{path}");
        }
    }
    Ok(())
}

pub(super) async fn not_empty(place: Place) -> Result<()> {
    place.put("folder/file", b"x").await?;
    let path = place.at("folder")?;
    let deleted = place.ufs.delete_directory(&path, false).await;
    assert_fails(deleted, UfsErrorKind::DirectoryNotEmpty, &path);
    assert!(place.exists("folder/file").await?);
    place.ufs.delete_file(&place.at("folder/file")?).await?;
    place.ufs.delete_directory(&path, false).await?;
    assert!(!place.exists("folder").await?);
    Ok(())
}

pub(super) async fn deleted_with_all(place: Place) -> Result<()> {
    for file in ["top/a", "top/b/c", "top/b/d/e", "topmost/f"] {
        place.put(file, b"x").await?;
    }
    place.make("top/empty").await?;
    let path = place.at("top")?;
    assert!(place.ufs.delete_directory(&path, true).await?);
    for gone in ["top", "top/a", "top/b", "top/b/d/e", "top/empty"] {
        assert!(!place.exists(gone).await?, "{gone}");
    }
    assert!(place.exists("topmost/f").await?, "a neighbour with the same beginning stays");
    let again = place.ufs.delete_directory(&path, true).await?;
    assert!(!again || !place.ufs.capabilities().reports_deleted, "nothing was there");
    Ok(())
}

pub(super) async fn a_file_in_the_way(place: Place) -> Result<()> {
    place.put("file", b"x").await?;
    let path = place.at("file")?;
    assert_fails(place.ufs.delete_directory(&path, true).await, UfsErrorKind::NotDirectory, &path);
    if place.ufs.capabilities().directories {
        assert_fails(place.make("file").await, UfsErrorKind::AlreadyExists, &path);
        let below = place.at("file/below")?;
        assert_fails(place.make("file/below").await, UfsErrorKind::NotDirectory, &below);
        assert_fails(place.put("file/below", b"x").await, UfsErrorKind::NotDirectory, &path);
    }
    assert_eq!(place.get("file").await?, b"x");
    Ok(())
}
