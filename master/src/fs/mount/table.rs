//! The mounts as others see them.

use std::{collections::BTreeMap, time::Duration};

use alluxio_conf::shown_option;
use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::file::MountPointInfo;
use alluxio_ufs::ufs_type;

use crate::{
    fs::{FileSystemMaster, Subject},
    tree::Mount,
};

/// Longest wait for the figures of one under storage; without them the table is still of use.
const FIGURES: Duration = Duration::from_secs(10);

/// What is known of a mount without asking its under storage; secrets are masked.
pub fn mount_info(mount: &Mount) -> MountPointInfo {
    let scheme = || mount.ufs_uri.split_once("://").map_or("local", |(scheme, _)| scheme).to_owned();
    let ufs_type = ufs_type(&mount.ufs_uri).map_or_else(scheme, str::to_owned);
    MountPointInfo {
        ufs_uri: Some(mount.ufs_uri.clone()),
        ufs_type: Some(ufs_type),
        ufs_capacity_bytes: Some(-1),
        ufs_used_bytes: Some(-1),
        read_only: Some(mount.read_only),
        properties: mount
            .properties
            .iter()
            .map(|(key, value)| (key.clone(), shown_option(key, value).to_owned()))
            .collect(),
        shared: Some(mount.shared),
        mount_id: Some(mount.id),
    }
}

impl FileSystemMaster {
    /// All mounts by path; with `check_ufs` also how full their under storages are, -1 where that cannot
    /// be known.
    pub async fn mount_table(&self, check_ufs: bool) -> Result<BTreeMap<String, MountPointInfo>, FsError> {
        let mounts: Vec<_> = self.namespace.read(|tree| Ok(tree.mounts().iter().cloned().collect())).await?;
        let infos = mounts.iter().map(async |mount| {
            let mut info = mount_info(mount);
            if check_ufs && let Some((total, used)) = self.figures(mount).await {
                info.ufs_capacity_bytes = Some(total);
                info.ufs_used_bytes = Some(used);
            }
            (mount.path.to_string(), info)
        });
        Ok(futures::future::join_all(infos).await.into_iter().collect())
    }

    async fn figures(&self, mount: &Mount) -> Option<(i64, i64)> {
        let result = match self.ufs.get(mount) {
            Ok(ufs) => match tokio::time::timeout(FIGURES, ufs.space()).await {
                Ok(space) => space.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", FIGURES.as_secs())),
            },
            Err(error) => Err(error.to_string()),
        };
        match result {
            Ok(space) => {
                let bytes = |n| i64::try_from(n).unwrap_or(i64::MAX);
                space.map(|space| (bytes(space.total), bytes(space.used)))
            }
            Err(error) => {
                tracing::warn!(mount = %mount.path, ufs = mount.ufs_uri, error, "the space of an under storage is not known");
                None
            }
        }
    }

    /// The path under which an address of an under storage is mounted.
    pub async fn reverse_resolve(&self, ufs_uri: &str) -> Result<AlluxioPath, FsError> {
        let mounts: Vec<_> = self.namespace.read(|tree| Ok(tree.mounts().iter().cloned().collect())).await?;
        let mut deepest: Option<AlluxioPath> = None;
        for mount in mounts {
            let ufs = self.ufs.get(&mount)?;
            let Ok(below) = ufs.uri().relative(ufs_uri) else { continue };
            let path = below.components().fold(mount.path.clone(), |path, name| path.join(name));
            if deepest.as_ref().is_none_or(|other| path.depth() < other.depth()) {
                deepest = Some(path);
            }
        }
        deepest.ok_or_else(|| FsError::invalid_argument(format!("{ufs_uri} is not mounted anywhere.")))
    }

    /// What was compared with the under storage at or below a path counts no more: the next access looks again, also
    /// one that never does. So does the original.
    pub async fn needs_sync(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        self.namespace
            .read_path(path, |tree, lookup| self.permissions.traverse(tree, subject, path, lookup))
            .await?;
        self.look_again(path);
        Ok(())
    }

    /// What is known at or below a path may be old: the next access compares.
    pub fn look_again(&self, path: &AlluxioPath) {
        self.absent.forget(path);
        self.sync_times.want(path);
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::MASKED;

    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let properties = [("s3a.secretKey", "x"), ("my.Password", "y"), ("alluxio.underfs.s3.region", "eu")];
        let mount = Mount {
            id: 7,
            path: AlluxioPath::root(),
            ufs_uri: "s3://bucket".to_owned(),
            read_only: true,
            shared: false,
            properties: properties.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        let info = mount_info(&mount);
        let shown: Vec<&str> = info.properties.values().map(String::as_str).collect();
        assert_eq!(shown, ["eu", MASKED, MASKED]);
        assert_eq!((info.ufs_type(), info.ufs_capacity_bytes(), info.mount_id()), ("s3", -1, 7));
    }
}
