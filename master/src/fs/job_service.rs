//! `FileSystemMasterJobService`: what a job master of the original asks.

use std::sync::Arc;

use alluxio_proto::grpc::file::{
    GetFileInfoPRequest, GetFileInfoPResponse, GetUfsInfoPRequest, GetUfsInfoPResponse,
    file_system_master_job_service_server::FileSystemMasterJobService,
};
use alluxio_rpc::caller;
use tonic::{Request, Response, Status};

use super::FileSystemMaster;

pub struct FileSystemJobService {
    fs: Arc<FileSystemMaster>,
}

impl FileSystemJobService {
    pub fn new(fs: Arc<FileSystemMaster>) -> Self {
        Self { fs }
    }
}

#[tonic::async_trait]
impl FileSystemMasterJobService for FileSystemJobService {
    async fn get_file_info(
        &self,
        request: Request<GetFileInfoPRequest>,
    ) -> Result<Response<GetFileInfoPResponse>, Status> {
        caller(&request)?;
        let info = self.fs.info_of_id(request.get_ref().file_id()).await?;
        Ok(Response::new(GetFileInfoPResponse { file_info: Some(info) }))
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
