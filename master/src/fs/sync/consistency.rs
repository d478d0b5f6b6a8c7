//! Which paths of a subtree do not look as the under storage has them. Nothing is changed.

use alluxio_fs::{AlluxioPath, Bits, FsError};
use futures::{StreamExt, stream};

use super::{AT_ONCE, FileSystemMaster, Verdict, target, verdict_at};
use crate::{
    fs::{Subject, status::existing, walk::Walk},
    namespace::Claim,
};

/// Paths in one answer: so many fit into a message, and a person reads fewer.
const MAX_TOLD: usize = 10_000;

impl FileSystemMaster {
    /// Those at and below `path` that are gone from the under storage or look different there, and those that are
    /// there although Alluxio has not put them there.
    pub async fn inconsistent_paths(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
    ) -> Result<Vec<AlluxioPath>, FsError> {
        self.load_for_status(path, None, None).await?;
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.target(tree, subject, path, lookup, Bits::READ)?;
                existing(tree, lookup, path).map(drop)
            })
            .await?;
        let mut inconsistent = Vec::new();
        let mut walk = Walk::new(path, true);
        while let Some(paths) = self.next_chunk(&mut walk).await? {
            let mut looks = stream::iter(paths)
                .map(|path| async move { (self.is_inconsistent(&path).await, path) })
                .buffered(AT_ONCE);
            while let Some((differs, path)) = looks.next().await {
                inconsistent.extend(differs?.then_some(path));
            }
            if inconsistent.len() > MAX_TOLD {
                return Err(FsError::resource_exhausted(format!(
                    "More than {MAX_TOLD} paths below {path} are inconsistent. Check its subdirectories one by one, or \
                     take over what the under storage has: `alluxio fs loadMetadata -R -F {path}`."
                )));
            }
        }
        Ok(inconsistent)
    }

    async fn is_inconsistent(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        if !self.looks_inconsistent(path).await? {
            return Ok(false);
        }
        // Once more while nobody changes it: what was seen may have been half of a change.
        match self.namespace.reservations().try_reserve(vec![Claim::edge(path)]) {
            Some(_reservation) => self.looks_inconsistent(path).await,
            None => Ok(false),
        }
    }

    async fn looks_inconsistent(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        let (place, status) = self.look_at(path).await?;
        Ok(self.namespace.peek(|tree| match target(tree, path) {
            Some((_, inode)) if inode.is_completed() && !inode.is_persisted() => status.is_some(),
            Some(_) => matches!(
                verdict_at(tree, path, &place, status.as_ref()),
                Some(Verdict::Metadata | Verdict::Content | Verdict::Gone)
            ),
            // Deleted meanwhile.
            None => false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use alluxio_fs::{ErrorKind, Mode};
    use alluxio_proto::grpc::file::{SetAttributePOptions, WritePType};
    use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};

    use crate::fs::fixture::{Rig, path, recursive};

    async fn check(rig: &Rig, at: &str) -> Vec<String> {
        let found = rig.fs.inconsistent_paths(&rig.root().await, &path(at)).await.unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn what_differs_is_told_and_left_as_it_is() {
        let rig = Rig::new().await;
        for name in ["same", "changed", "gone", "other"] {
            rig.ufs_write(&format!("/d/{name}"), "1");
        }
        rig.ufs_write("/d/sub/x", "1");
        rig.create("/d/open", WritePType::CacheThrough).await.unwrap();
        let worker = rig.worker("w").await;
        rig.write("/d/only-here", worker, 3).await.unwrap();
        assert_eq!(rig.list("/d", recursive()).await.unwrap().len(), 8);
        assert!(check(&rig, "/").await.is_empty());

        rig.ufs_write("/d/changed", "22");
        std::fs::remove_file(rig.in_ufs("/d/gone")).unwrap();
        std::fs::remove_file(rig.in_ufs("/d/other")).unwrap();
        rig.ufs_mkdir("/d/other");
        std::fs::remove_dir_all(rig.in_ufs("/d/sub")).unwrap();
        rig.ufs_write("/d/only-here", "not ours");
        let expected = ["/d/changed", "/d/gone", "/d/only-here", "/d/other", "/d/sub", "/d/sub/x"];
        assert_eq!(check(&rig, "/").await, expected);
        assert_eq!(check(&rig, "/d/gone").await, ["/d/gone"]);
        assert!(check(&rig, "/d/same").await.is_empty());
        assert_eq!(rig.list("/d", recursive()).await.unwrap().len(), 8, "nothing was changed");
    }

    #[tokio::test]
    async fn what_was_changed_through_alluxio_is_consistent() {
        let rig = Rig::new().await;
        rig.write_through("/f", "abc").await.unwrap();
        let open = SetAttributePOptions { mode: Some(Mode::new(0o604).to_wire()), ..Default::default() };
        rig.fs.set_attribute(&rig.root().await, &path("/f"), &open).await.unwrap();
        assert!(check(&rig, "/").await.is_empty());
        std::fs::set_permissions(rig.in_ufs("/f"), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(check(&rig, "/").await, ["/f"]);
    }

    #[tokio::test]
    async fn who_may_not_read_and_what_is_not_there() {
        let rig = Rig::new().await;
        let eve = rig.subject("eve").await;
        rig.mkdir("/d", WritePType::CacheThrough).await.unwrap();
        let root = rig.root().await;
        let closed = SetAttributePOptions { mode: Some(Mode::new(0o700).to_wire()), ..Default::default() };
        rig.fs.set_attribute(&root, &path("/d"), &closed).await.unwrap();
        let denied = rig.fs.inconsistent_paths(&eve, &path("/d")).await.unwrap_err();
        assert_eq!(denied.kind, ErrorKind::PermissionDenied);
        let missing = rig.fs.inconsistent_paths(&eve, &path("/no")).await.unwrap_err();
        assert_eq!(missing.kind, ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_failure_of_the_under_storage_is_no_inconsistency() {
        let rig = Rig::new().await;
        rig.ufs_write("/d/a", "1");
        rig.list("/d", Default::default()).await.unwrap();
        let faulty = rig.faulty();
        faulty.inject(Fault::fail(Operation::Status, UfsErrorKind::Unavailable).times(1));
        assert!(rig.fs.inconsistent_paths(&rig.root().await, &path("/d")).await.is_err());
        assert!(check(&rig, "/d").await.is_empty());
    }
}
