//! Blocks and workers, as shells ask for them.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::{
    BlockInfo,
    block::{
        BlockMasterInfo, BlockMasterInfoField, DecommissionWorkerPOptions, GetBlockInfoPOptions,
        GetBlockInfoPRequest, GetBlockMasterInfoPOptions, GetCapacityBytesPOptions, GetUsedBytesPOptions,
        GetWorkerInfoListPOptions, GetWorkerLostStoragePOptions, GetWorkerReportPOptions,
        RemoveDisabledWorkerPOptions, WorkerInfo, WorkerLostStorageInfo,
    },
};

use crate::{cluster::Cluster, stubs::BLOCKS};

macro_rules! ask {
    ($self:ident.$method:ident($request:expr)) => {{
        let request = $request;
        $self
            .cluster
            .call(&BLOCKS, |mut client| {
                let request = request.clone();
                async move { client.$method(request).await }
            })
            .await
    }};
}

/// The block master's client service. Cheap to clone.
#[derive(Clone)]
pub struct BlockMasterClient {
    cluster: Cluster,
}

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl BlockMasterClient {
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    pub async fn get_block_info(&self, block_id: i64) -> FsResult<BlockInfo> {
        let options = Some(GetBlockInfoPOptions {});
        let reply = ask!(self.get_block_info(GetBlockInfoPRequest { block_id: Some(block_id), options }))?;
        reply.block_info.ok_or_else(|| FsError::internal("The master answered without a BlockInfo."))
    }

    /// The fields asked for; all of them when `fields` is empty.
    pub async fn get_block_master_info(&self, fields: &[BlockMasterInfoField]) -> FsResult<BlockMasterInfo> {
        let filters = fields.iter().map(|&field| field.into()).collect();
        let reply = ask!(self.get_block_master_info(GetBlockMasterInfoPOptions { filters }))?;
        Ok(reply.block_master_info.unwrap_or_default())
    }

    pub async fn get_capacity_bytes(&self) -> FsResult<i64> {
        Ok(ask!(self.get_capacity_bytes(GetCapacityBytesPOptions {}))?.bytes())
    }

    pub async fn get_used_bytes(&self) -> FsResult<i64> {
        Ok(ask!(self.get_used_bytes(GetUsedBytesPOptions {}))?.bytes())
    }

    pub async fn get_worker_info_list(&self) -> FsResult<Vec<WorkerInfo>> {
        Ok(ask!(self.get_worker_info_list(GetWorkerInfoListPOptions {}))?.worker_infos)
    }

    pub async fn get_worker_report(&self, options: GetWorkerReportPOptions) -> FsResult<Vec<WorkerInfo>> {
        Ok(ask!(self.get_worker_report(options))?.worker_infos)
    }

    pub async fn get_worker_lost_storage(&self) -> FsResult<Vec<WorkerLostStorageInfo>> {
        Ok(ask!(self.get_worker_lost_storage(GetWorkerLostStoragePOptions {}))?.worker_lost_storage_info)
    }

    pub async fn decommission_worker(&self, options: DecommissionWorkerPOptions) -> FsResult<()> {
        ask!(self.decommission_worker(options)).map(drop)
    }

    pub async fn remove_disabled_worker(&self, options: RemoveDisabledWorkerPOptions) -> FsResult<()> {
        ask!(self.remove_disabled_worker(options)).map(drop)
    }
}
