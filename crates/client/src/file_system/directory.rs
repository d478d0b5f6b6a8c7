//! Directories and mount points.

use std::collections::BTreeMap;

use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{
    CreateDirectoryPOptions, CreateDirectoryPRequest, GetMountTablePRequest, MountPOptions, MountPRequest,
    MountPointInfo, ReverseResolvePRequest, UnmountPOptions, UnmountPRequest, UpdateMountPRequest,
};

use super::{FileSystem, ask, defaults, entry::text};

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl FileSystem {
    pub async fn create_directory(
        &self,
        path: &AlluxioPath,
        mut options: CreateDirectoryPOptions,
    ) -> FsResult<()> {
        defaults::fill_create_directory(&mut options, &self.conf());
        self.identify(&mut options.common_options);
        ask!(self.create_directory(CreateDirectoryPRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    /// Mount points by their Alluxio paths; `check_ufs` also asks the under storages for their space.
    pub async fn get_mount_table(&self, check_ufs: bool) -> FsResult<BTreeMap<String, MountPointInfo>> {
        let reply = ask!(self.get_mount_table(GetMountTablePRequest { check_ufs: Some(check_ufs) }))?;
        Ok(reply.mount_points)
    }

    pub async fn mount(&self, path: &AlluxioPath, ufs: &str, options: MountPOptions) -> FsResult<()> {
        ask!(self.mount(MountPRequest {
            alluxio_path: text(path),
            ufs_path: Some(ufs.to_owned()),
            options: Some(options),
        }))?;
        Ok(())
    }

    pub async fn update_mount(&self, path: &AlluxioPath, options: MountPOptions) -> FsResult<()> {
        ask!(self.update_mount(UpdateMountPRequest { alluxio_path: text(path), options: Some(options) }))?;
        Ok(())
    }

    pub async fn unmount(&self, path: &AlluxioPath) -> FsResult<()> {
        let options = Some(UnmountPOptions::default());
        ask!(self.unmount(UnmountPRequest { alluxio_path: text(path), options }))?;
        Ok(())
    }

    /// The Alluxio path of a path in an under storage.
    pub async fn reverse_resolve(&self, ufs: &str) -> FsResult<AlluxioPath> {
        let reply = ask!(self.reverse_resolve(ReverseResolvePRequest { ufs_uri: Some(ufs.to_owned()) }))?;
        AlluxioPath::parse(reply.alluxio_path())
    }
}
