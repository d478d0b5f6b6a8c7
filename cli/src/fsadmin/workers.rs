//! The workers that the master knows.

use alluxio_client::BlockMasterClient;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{GetWorkerReportPOptions, WorkerInfo, WorkerInfoField, WorkerRange};

use super::worker_address::WorkerAddress;

/// Those that clients are offered.
pub async fn serving(blocks: &BlockMasterClient) -> FsResult<Vec<WorkerAddress>> {
    Ok(addresses(&blocks.get_worker_info_list().await?))
}

/// A master of the original fails with a null pointer where the tiers' capacity or use is not asked for.
const ANSWERED_FIELDS: [WorkerInfoField; 4] = [
    WorkerInfoField::Address,
    WorkerInfoField::State,
    WorkerInfoField::WorkerCapacityBytesOnTiers,
    WorkerInfoField::WorkerUsedBytesOnTiers,
];

pub async fn in_range(blocks: &BlockMasterClient, range: WorkerRange) -> FsResult<Vec<WorkerAddress>> {
    let options = GetWorkerReportPOptions {
        addresses: Vec::new(),
        field_ranges: ANSWERED_FIELDS.map(|field| field as i32).to_vec(),
        worker_range: Some(range as i32),
    };
    Ok(addresses(&blocks.get_worker_report(options).await?))
}

fn addresses(workers: &[WorkerInfo]) -> Vec<WorkerAddress> {
    workers.iter().filter_map(|worker| worker.address.as_ref()).map(WorkerAddress::of).collect()
}
