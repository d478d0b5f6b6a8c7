//! Access control lists.

use alluxio_fs::{AclEntry, AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{SetAclAction, SetAclPOptions, SetAclPRequest};

use super::{FileSystem, ask, entry::text};

impl FileSystem {
    /// # Errors
    /// What the master answers.
    pub async fn set_acl(
        &self,
        path: &AlluxioPath,
        action: SetAclAction,
        entries: &[AclEntry],
        options: SetAclPOptions,
    ) -> FsResult<()> {
        ask!(self.set_acl(SetAclPRequest {
            path: text(path),
            action: Some(action.into()),
            entries: entries.iter().map(AclEntry::to_wire).collect(),
            options: Some(options),
        }))?;
        Ok(())
    }
}
