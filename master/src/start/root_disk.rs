//! A root under storage on a local disk: only the workers of that host have it.

use std::{path::Path, time::Duration};

use alluxio_conf::{Configuration, KeyName, key};
use alluxio_journal::store::local::file_system_type;
use alluxio_ufs::UfsUri;
use tokio::time::timeout;

/// For one look at a folder, which may be a file server's that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// File systems on a disk, or in the memory, of one host. What is not among them may be shared.
const OF_ONE_HOST: &[&str] = &[
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "ntfs", "ntfs3",
    "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs",
];

/// Why all workers must run on one host, if they must.
pub(super) async fn one_host(conf: &Configuration) -> Option<String> {
    if conf.get(key::MASTER_MOUNT_TABLE_ROOT_LOCAL_DISK_ALLOWED) {
        return None;
    }
    let uri = conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
    // An address that cannot be used was refused at the start.
    let parsed = UfsUri::parse(&uri).ok().filter(|uri| uri.scheme() == "file")?;
    let folder = Path::new("/").join(parsed.path().as_str());
    let error = match timeout(PATIENCE, file_system_type(&folder)).await {
        Ok(Ok(kind)) => return reason(&uri, &kind?),
        Ok(Err(error)) => error.to_string(),
        // A local disk does not hang.
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    tracing::warn!(error, "whether the root under storage lies on a local disk is not known");
    None
}

fn reason(uri: &str, kind: &str) -> Option<String> {
    OF_ONE_HOST.contains(&kind).then(|| {
        format!(
            "the root under storage {uri} lies on a local disk ({kind}), where each host would keep files of its own. Set \
             {} to a place that all hosts reach, or {}=true if this folder is the same on all of them",
            key::MASTER_MOUNT_TABLE_ROOT_UFS.name(),
            key::MASTER_MOUNT_TABLE_ROOT_LOCAL_DISK_ALLOWED.name()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_the_file_system_decides() {
        let told = reason("/data", "ext4").unwrap();
        assert!(told.contains("/data lies on a local disk (ext4)"), "{told}");
        for kind in ["nfs4", "fuse.glusterfs", "ceph", "9p", "virtiofs", "cifs"] {
            assert_eq!(reason("/data", kind), None, "{kind}");
        }
    }

    #[tokio::test]
    async fn only_a_folder_that_is_not_allowed_binds_the_workers() {
        // Its own file system is in memory or on a disk, whatever the machine is.
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().display().to_string();
        let of = async |uri: &str, allowed: &str| {
            let conf = Configuration::defaults()
                .with(&[
                    ("alluxio.master.mount.table.root.ufs", uri),
                    ("alluxio.master.mount.table.root.local.disk.allowed", allowed),
                ])
                .unwrap();
            one_host(&conf).await
        };
        assert!(of(&folder, "false").await.is_some());
        assert!(of(&format!("file://{folder}"), "false").await.is_some());
        assert_eq!(of(&folder, "true").await, None);
        assert_eq!(of("s3://bucket/data", "false").await, None);
    }
}
