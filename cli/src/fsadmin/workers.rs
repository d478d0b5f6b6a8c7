//! The workers that the master knows.

use alluxio_client::BlockMasterClient;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{GetWorkerReportPOptions, WorkerInfo, WorkerInfoField, WorkerRange};

use super::worker_address::WorkerAddress;

/// Those that clients are offered.
pub async fn serving(blocks: &BlockMasterClient) -> FsResult<Vec<WorkerAddress>> {
    Ok(addresses(&blocks.get_worker_info_list().await?))
}

pub async fn in_range(blocks: &BlockMasterClient, range: WorkerRange) -> FsResult<Vec<WorkerAddress>> {
    let options = GetWorkerReportPOptions {
        addresses: Vec::new(),
        field_ranges: vec![WorkerInfoField::Address as i32],
        worker_range: Some(range as i32),
    };
    Ok(addresses(&blocks.get_worker_report(options).await?))
}

fn addresses(workers: &[WorkerInfo]) -> Vec<WorkerAddress> {
    workers.iter().filter_map(|worker| worker.address.as_ref()).map(WorkerAddress::of).collect()
}
