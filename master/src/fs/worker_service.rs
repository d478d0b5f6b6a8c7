//! `FileSystemMasterWorkerService`: what workers call.

use std::{ops::Bound, sync::Arc};

use alluxio_fs::{FsError, ids};
use alluxio_proto::grpc::{
    CommandType,
    file::{
        FileSystemCommand, FileSystemCommandOptions, FileSystemHeartbeatPRequest,
        FileSystemHeartbeatPResponse, GetFileInfoPRequest, GetFileInfoPResponse, GetPinnedFileIdsPRequest,
        GetPinnedFileIdsPResponse, GetUfsInfoPRequest, GetUfsInfoPResponse, MountPOptions,
        PersistCommandOptions, PersistFile, UfsInfo,
        file_system_master_worker_service_server::FileSystemMasterWorkerService,
    },
};
use alluxio_rpc::caller;
use tonic::{Request, Response, Status};

use super::FileSystemMaster;
use crate::{namespace::MAX_INODES_PER_HOLD, tree::Tree};

pub struct FileSystemWorkerService {
    fs: Arc<FileSystemMaster>,
}

impl FileSystemWorkerService {
    pub fn new(fs: Arc<FileSystemMaster>) -> Self {
        Self { fs }
    }
}

#[tonic::async_trait]
impl FileSystemMasterWorkerService for FileSystemWorkerService {
    async fn file_system_heartbeat(
        &self,
        request: Request<FileSystemHeartbeatPRequest>,
    ) -> Result<Response<FileSystemHeartbeatPResponse>, Status> {
        caller(&request)?;
        let jobs = self.fs.clone().persist_heartbeat(request.into_inner()).await?;
        Ok(Response::new(FileSystemHeartbeatPResponse { command: Some(command(jobs)) }))
    }

    async fn get_file_info(
        &self,
        request: Request<GetFileInfoPRequest>,
    ) -> Result<Response<GetFileInfoPResponse>, Status> {
        caller(&request)?;
        let info = self.fs.info_of_id(request.get_ref().file_id()).await?;
        Ok(Response::new(GetFileInfoPResponse { file_info: Some(info) }))
    }

    async fn get_pinned_file_ids(
        &self,
        request: Request<GetPinnedFileIdsPRequest>,
    ) -> Result<Response<GetPinnedFileIdsPResponse>, Status> {
        caller(&request)?;
        Ok(Response::new(GetPinnedFileIdsPResponse { pinned_file_ids: self.fs.unevictable_files().await? }))
    }

    async fn get_ufs_info(
        &self,
        request: Request<GetUfsInfoPRequest>,
    ) -> Result<Response<GetUfsInfoPResponse>, Status> {
        caller(&request)?;
        let info = self.fs.ufs_info(request.get_ref().mount_id()).await?;
        Ok(Response::new(GetUfsInfoPResponse { ufs_info: Some(info) }))
    }
}

fn command(jobs: Vec<PersistFile>) -> FileSystemCommand {
    let kind = if jobs.is_empty() { CommandType::Nothing } else { CommandType::Persist };
    FileSystemCommand {
        command_type: Some(kind as i32),
        command_options: Some(FileSystemCommandOptions {
            persist_options: Some(PersistCommandOptions { persist_files: jobs }),
        }),
    }
}

impl FileSystemMaster {
    /// Files whose blocks workers must keep: pinned ones, and those that are still to be persisted.
    pub(super) async fn unevictable_files(&self) -> Result<Vec<i64>, FsError> {
        let mut files = Vec::new();
        for set in [Tree::pinned, Tree::to_be_persisted] {
            let mut after = Bound::Unbounded;
            loop {
                let before = files.len();
                let last = self.namespace.peek(|tree| {
                    let some = set(tree).range((after, Bound::Unbounded)).take(MAX_INODES_PER_HOLD);
                    let mut last = None;
                    for id in some {
                        last = Some(*id);
                        files.extend(Some(*id).filter(|id| ids::is_file_id(*id)));
                    }
                    last
                });
                debug_assert!(files.len() - before <= MAX_INODES_PER_HOLD);
                match last {
                    Some(id) => after = Bound::Excluded(id),
                    None => break,
                }
            }
        }
        self.namespace.settled().await?;
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// What a worker needs to open an under storage, secrets included.
    pub(super) async fn ufs_info(&self, mount_id: i64) -> Result<UfsInfo, FsError> {
        let mount = self.namespace.read(|tree| Ok(tree.mounts().by_id(mount_id).cloned())).await?;
        let mount = mount.ok_or_else(|| {
            FsError::not_found(format!(
                "No under storage is mounted with id {mount_id}: it was unmounted, or its options were changed."
            ))
        })?;
        Ok(UfsInfo {
            uri: Some(mount.ufs_uri.clone()),
            properties: Some(MountPOptions {
                read_only: Some(mount.read_only),
                properties: mount.properties.clone(),
                shared: Some(mount.shared),
                ..MountPOptions::default()
            }),
        })
    }
}
