//! Mounts under storages below the root, changes those that were edited, and takes away those that the operator had mounted and that are no
//! longer wanted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::file::MountPOptions;

use super::leader::{Leader, in_time};

/// A folder below the root as it shall be.
#[derive(Clone, Debug)]
pub struct MountWish {
    pub path: String,
    pub uri: String,
    pub read_only: bool,
    /// With the credentials.
    pub options: BTreeMap<String, String>,
    /// Of all of it.
    pub digest: String,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Mounted {
    /// The folders that are the operator's now, each with the digest of what it was given.
    pub digests: BTreeMap<String, String>,
    pub failure: Option<String>,
}

/// What a wish needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need<'a> {
    Mount,
    /// New options; what is cached and not persisted yet stays.
    Change,
    /// Of another address. The old mount was taken out of the spec, though nobody looked in between.
    Replace,
    /// Somebody else has mounted that there.
    Refuse(&'a str),
}

/// `there`: the address that is mounted at the path.
fn need<'a>(wish: &MountWish, there: Option<&'a str>, is_ours: bool) -> Need<'a> {
    match there {
        None => Need::Mount,
        // Ours; or by hand, or by an operator that was killed before it could write it down.
        Some(uri) if uri.trim_end_matches('/') == wish.uri.trim_end_matches('/') => Need::Change,
        Some(_) if is_ours => Need::Replace,
        Some(uri) => Need::Refuse(uri),
    }
}

/// So long mounts are made in one reconcile: nothing else is done for the cluster meanwhile.
const MOUNTING: Duration = Duration::from_secs(10);

/// `ours`: what the operator mounted before, with its digests. What fails, and what does not get done in time, is tried at the next reconcile.
///
/// # Errors
/// The leader does not answer.
pub async fn mount(
    leader: &Leader,
    properties: &BTreeMap<String, String>,
    wishes: &[MountWish],
    ours: &BTreeMap<String, String>,
) -> FsResult<Mounted> {
    let files = FileSystem::new(leader.cluster(properties)?);
    let table = in_time(files.get_mount_table(false)).await?;
    let mut mounted = Mounted { digests: ours.clone(), failure: None };
    let until = Instant::now() + MOUNTING;
    let left = |path: &str| Some(format!("{path} has to wait: the leader is slow"));
    for path in ours.keys().filter(|path| !wishes.iter().any(|wish| wish.path == **path)) {
        if Instant::now() >= until {
            mounted.failure = mounted.failure.or_else(|| left(path));
            return Ok(mounted);
        }
        let gone = match table.contains_key(path) {
            true => in_time(unmount(&files, path)).await,
            false => Ok(()),
        };
        match gone {
            Ok(()) => drop(mounted.digests.remove(path)),
            Err(error) => mounted.failure = Some(format!("{path} cannot be unmounted: {error}")),
        }
    }
    for wish in wishes.iter().filter(|wish| ours.get(&wish.path) != Some(&wish.digest)) {
        if Instant::now() >= until {
            mounted.failure = mounted.failure.or_else(|| left(&wish.path));
            return Ok(mounted);
        }
        let there = table.get(&wish.path).map(|mount| mount.ufs_uri());
        let done = match need(wish, there, ours.contains_key(&wish.path)) {
            Need::Mount => in_time(mount_one(&files, wish)).await,
            Need::Change => in_time(change(&files, wish)).await,
            Need::Replace => match in_time(unmount(&files, &wish.path)).await {
                Ok(()) => in_time(mount_one(&files, wish)).await,
                Err(error) => Err(error),
            },
            Need::Refuse(uri) => Err(FsError::already_exists(format!(
                "{uri} is mounted there; unmount it, or choose another path"
            ))),
        };
        match done {
            Ok(()) => drop(mounted.digests.insert(wish.path.clone(), wish.digest.clone())),
            Err(error) => {
                mounted.failure = Some(format!(
                    "{} cannot be mounted: {error}; mend spec.underStorage.mounts, or what it refers to",
                    wish.path
                ))
            }
        }
    }
    Ok(mounted)
}

async fn unmount(files: &FileSystem, path: &str) -> FsResult<()> {
    files.unmount(&AlluxioPath::parse(path)?).await
}

async fn change(files: &FileSystem, wish: &MountWish) -> FsResult<()> {
    files.update_mount(&AlluxioPath::parse(&wish.path)?, options(wish)).await
}

async fn mount_one(files: &FileSystem, wish: &MountWish) -> FsResult<()> {
    files.mount(&AlluxioPath::parse(&wish.path)?, &wish.uri, options(wish)).await
}

fn options(wish: &MountWish) -> MountPOptions {
    MountPOptions {
        read_only: Some(wish.read_only),
        properties: wish.options.clone().into_iter().collect(),
        ..MountPOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_mount_is_changed_and_only_what_is_ours_goes() {
        let wish = MountWish {
            path: "/m".to_owned(),
            uri: "s3://b/f".to_owned(),
            read_only: true,
            options: BTreeMap::new(),
            digest: "d".to_owned(),
        };
        assert_eq!(need(&wish, None, true), Need::Mount, "unmounted by hand, and edited");
        assert_eq!(need(&wish, None, false), Need::Mount);
        for is_ours in [true, false] {
            assert_eq!(need(&wish, Some("s3://b/f/"), is_ours), Need::Change);
        }
        assert_eq!(need(&wish, Some("s3://b/other"), true), Need::Replace);
        assert_eq!(need(&wish, Some("s3://b/other"), false), Need::Refuse("s3://b/other"));
    }
}
