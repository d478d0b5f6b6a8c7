//! Modes, owners, fingerprints, space.

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};
use crate::options::{Attributes, CreateOptions};

pub(super) async fn modes(place: Place) -> Result<()> {
    place.put("folder/file", b"x").await?;
    for path in ["folder", "folder/file"] {
        let path = place.at(path)?;
        let changed = place.ufs.set_mode(&path, 0o741).await?;
        assert_eq!(changed, place.ufs.capabilities().modes);
        if changed {
            let status = place.ufs.status(&path).await?;
            assert_eq!(status.map(|status| status.mode), Some(0o741));
        }
    }
    if place.ufs.capabilities().modes {
        // Bits that a usual umask takes away.
        let options = CreateOptions { attributes: Attributes::mode(0o666), ..CreateOptions::default() };
        let status = place.ufs.create(&place.at("folder/wide")?, options).await?.close().await?;
        assert_eq!(status.mode, 0o666);
        let path = place.at("nothing")?;
        assert_fails(place.ufs.set_mode(&path, 0o700).await, UfsErrorKind::NotFound, &path);
        let path = place.at("folder/file")?;
        assert_fails(place.ufs.set_mode(&path, 0o10_000).await, UfsErrorKind::InvalidArgument, &path);
    }
    Ok(())
}

pub(super) async fn owners(place: Place) -> Result<()> {
    let status = place.put("file", b"x").await?;
    let path = place.at("file")?;
    if !place.ufs.capabilities().owners {
        assert!(!place.ufs.set_owner(&path, Some("nobody"), None).await?);
        return Ok(());
    }
    // To whom it belongs already: any process may do that.
    assert!(place.ufs.set_owner(&path, Some(&status.owner), Some(&status.group)).await?);
    assert!(place.ufs.set_owner(&path, None, None).await?);
    const STRANGER: &str = "no such user here";
    match place.ufs.set_owner(&path, Some(STRANGER), None).await {
        // HDFS keeps owners as mere names.
        Ok(true) => {
            let given = place.ufs.status(&path).await?;
            assert_eq!(given.map(|given| given.owner.to_string()).as_deref(), Some(STRANGER));
        }
        refused => {
            // Where no name is wrong, the right may still be missing.
            if !matches!(refused, Ok(false)) {
                assert_fails(refused, UfsErrorKind::InvalidArgument, &path);
            }
            assert_eq!(place.ufs.status(&path).await?, Some(status));
        }
    }
    // A wish that cannot be granted stops no file from being made.
    let attributes = Attributes { owner: Some(STRANGER.to_owned()), ..Attributes::default() };
    let options = CreateOptions { attributes, ..CreateOptions::default() };
    place.ufs.create(&place.at("made")?, options).await?.close().await?;
    assert!(place.exists("made").await?);
    Ok(())
}

pub(super) async fn fingerprints(place: Place) -> Result<()> {
    let status = place.put("file", b"content").await?;
    let path = place.at("file")?;
    let first = status.fingerprint(place.ufs.ufs_type());
    assert_eq!(place.ufs.fingerprint(&path).await?.as_ref(), Some(&first), "stable");
    let text = first.to_string();
    assert!(text.starts_with(&format!("TYPE|FILE UFS|{} OWNER|", place.ufs.ufs_type())), "{text}");
    place.ufs.delete_file(&path).await?;
    let second = place.put("file", b"longer content").await?.fingerprint(place.ufs.ufs_type());
    assert!(!first.same_content(&second) && first.same_metadata(&second));
    if place.ufs.set_mode(&path, 0o600).await? {
        let third = place.ufs.fingerprint(&path).await?;
        assert!(third.is_some_and(|third| third.same_content(&second) && !third.same_metadata(&second)));
    }
    Ok(())
}

pub(super) async fn space(place: Place) -> Result<()> {
    place.put("file", b"x").await?;
    let space = place.ufs.space().await?;
    assert_eq!(space.is_some(), place.ufs.capabilities().space);
    if let Some(space) = space {
        assert!(space.total > 0 && space.used + space.free == space.total, "{space:?}");
    }
    Ok(())
}
