//! Mounts under storages below the root, and takes away those that the operator had mounted and that are no longer wanted.

use std::collections::{BTreeMap, BTreeSet};

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
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Mounted {
    /// The folders that are the operator's now.
    pub paths: BTreeSet<String>,
    pub failure: Option<String>,
}

/// `ours`: the folders that the operator mounted before. What fails is tried at the next reconcile.
///
/// # Errors
/// The leader does not answer.
pub async fn mount(
    leader: &Leader,
    properties: &BTreeMap<String, String>,
    wishes: &[MountWish],
    ours: &BTreeSet<String>,
) -> FsResult<Mounted> {
    let files = FileSystem::new(leader.cluster(properties)?);
    let table = in_time(files.get_mount_table(false)).await?;
    let mut mounted = Mounted { paths: ours.clone(), failure: None };
    for path in ours.iter().filter(|path| !wishes.iter().any(|wish| wish.path == **path)) {
        let gone = match table.contains_key(path) {
            true => in_time(async { files.unmount(&AlluxioPath::parse(path)?).await }).await,
            false => Ok(()),
        };
        match gone {
            Ok(()) => drop(mounted.paths.remove(path)),
            Err(error) => mounted.failure = Some(format!("{path} cannot be unmounted: {error}")),
        }
    }
    for wish in wishes.iter().filter(|wish| !ours.contains(&wish.path)) {
        let there = table.get(&wish.path).map(|mount| mount.ufs_uri().trim_end_matches('/').to_owned());
        let done = match there {
            // Mounted by us, and the operator was killed before it could write it down; or by hand.
            Some(uri) if uri == wish.uri.trim_end_matches('/') => Ok(()),
            Some(uri) => Err(FsError::already_exists(format!(
                "{uri} is mounted there; unmount it, or choose another path"
            ))),
            None => in_time(mount_one(&files, wish)).await,
        };
        match done {
            Ok(()) => drop(mounted.paths.insert(wish.path.clone())),
            Err(error) => mounted.failure = Some(format!("{} cannot be mounted: {error}", wish.path)),
        }
    }
    Ok(mounted)
}

async fn mount_one(files: &FileSystem, wish: &MountWish) -> FsResult<()> {
    let path = AlluxioPath::parse(&wish.path)?;
    let options = MountPOptions {
        read_only: Some(wish.read_only),
        properties: wish.options.clone().into_iter().collect(),
        ..MountPOptions::default()
    };
    files.mount(&path, &wish.uri, options).await
}
