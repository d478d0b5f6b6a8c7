//! Mounts under storages below the root, changes those that were edited, and takes away those that the operator had mounted and that are no
//! longer wanted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::file::MountPOptions;
use futures::future::join_all;

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

impl Mounted {
    fn late(mut self) -> Self {
        self.failure.get_or_insert_with(|| "others have to wait: the leader is slow".to_owned());
        self
    }
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

/// After so long no more are begun in one reconcile, which itself may take a minute.
const MOUNTING: Duration = Duration::from_secs(40);

/// `ours`: what the operator mounted before, with its digests. What fails, and what does not get done in time, is tried at the next reconcile.
/// One that hangs holds up what lies below it, and nothing else for long: the leader is asked for all of a depth at once.
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
    let gone = ours.keys().filter(|path| !wishes.iter().any(|wish| wish.path == **path));
    // What lies below another mount goes before it, and comes after it.
    for paths in by_depth(gone, |path| path).into_values().rev() {
        if Instant::now() >= until {
            return Ok(mounted.late());
        }
        let gone = join_all(paths.into_iter().map(async |path| match table.contains_key(path) {
            true => (path, in_time(unmount(&files, path)).await),
            false => (path, Ok(())),
        }));
        for (path, gone) in gone.await {
            match gone {
                Ok(()) => drop(mounted.digests.remove(path)),
                Err(error) => mounted.failure = Some(format!("{path} cannot be unmounted: {error}")),
            }
        }
    }
    let wishes = wishes.iter().filter(|wish| ours.get(&wish.path) != Some(&wish.digest));
    let mut failed = Vec::new();
    for mut wishes in by_depth(wishes, |wish| &wish.path).into_values() {
        if Instant::now() >= until {
            return Ok(mounted.late());
        }
        // What is mounted first could not be covered by what should lie above it.
        wishes.retain(|wish| !failed.iter().any(|above: &String| wish.path.starts_with(above)));
        let done = join_all(wishes.into_iter().map(async |wish| {
            let there = table.get(&wish.path).map(|mount| mount.ufs_uri());
            (wish, grant(&files, wish, need(wish, there, ours.contains_key(&wish.path))).await)
        }));
        for (wish, done) in done.await {
            match done {
                Ok(()) => drop(mounted.digests.insert(wish.path.clone(), wish.digest.clone())),
                Err(error) => {
                    failed.push(format!("{}/", wish.path));
                    mounted.failure = Some(format!(
                        "{} cannot be mounted: {error}; mend spec.underStorage.mounts, or what it refers to",
                        wish.path
                    ))
                }
            }
        }
    }
    Ok(mounted)
}

/// Those that cannot lie below one another together, the upper ones first.
fn by_depth<T>(all: impl Iterator<Item = T>, path: impl Fn(&T) -> &str) -> BTreeMap<usize, Vec<T>> {
    let mut depths = BTreeMap::<_, Vec<T>>::new();
    for one in all {
        depths.entry(path(&one).matches('/').count()).or_default().push(one);
    }
    depths
}

async fn grant(files: &FileSystem, wish: &MountWish, need: Need<'_>) -> FsResult<()> {
    match need {
        Need::Mount => in_time(mount_one(files, wish)).await,
        Need::Change => in_time(change(files, wish)).await,
        Need::Replace => {
            in_time(unmount(files, &wish.path)).await?;
            in_time(mount_one(files, wish)).await
        }
        Need::Refuse(uri) => Err(FsError::already_exists(format!(
            "{uri} is mounted there; unmount it, or choose another path"
        ))),
    }
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
    fn the_upper_ones_come_first() {
        let paths = ["/a/b/c", "/a", "/d/e", "/b"];
        let by_depth: Vec<_> = by_depth(paths.iter(), |path| path).into_values().collect();
        assert_eq!(by_depth, [vec![&"/a", &"/b"], vec![&"/d/e"], vec![&"/a/b/c"]]);
    }

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
