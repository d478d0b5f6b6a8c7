//! `BlockMasterClientService`: what clients and `fsadmin` call.

use std::collections::BTreeSet;
use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    BlockInfo,
    block::{
        BlockMasterInfo, BlockMasterInfoField as Field, DecommissionWorkerPOptions,
        DecommissionWorkerPResponse, GetBlockInfoPRequest, GetBlockInfoPResponse, GetBlockMasterInfoPOptions,
        GetBlockMasterInfoPResponse, GetCapacityBytesPOptions, GetCapacityBytesPResponse,
        GetUsedBytesPOptions, GetUsedBytesPResponse, GetWorkerInfoListPOptions, GetWorkerInfoListPResponse,
        GetWorkerLostStoragePOptions, GetWorkerLostStoragePResponse, GetWorkerReportPOptions,
        RemoveDisabledWorkerPOptions, RemoveDisabledWorkerPResponse, WorkerInfo, WorkerInfoField,
        WorkerLostStorageInfo, WorkerRange, block_master_client_service_server::BlockMasterClientService,
    },
};
use tonic::{Request, Response, Status};

use super::master::BlockMaster;
use super::report::WorkerReport;
use super::worker::Standing;

/// Serves clients.
pub struct BlockClientService {
    master: Arc<BlockMaster>,
}

type Reply<T> = Result<Response<T>, Status>;

impl BlockClientService {
    pub fn new(master: Arc<BlockMaster>) -> Self {
        Self { master }
    }

    /// While workers may still be missing there is no answer: a client that took an empty list for the
    /// truth would read from the under storage, or fail. Clients try again.
    fn refuse_in_safe_mode(&self) -> Result<(), FsError> {
        if self.master.safe_mode() {
            return Err(FsError::unavailable(
                "The master is in safe mode: it has just started and waits for its workers. Try again in a few seconds.",
            ));
        }
        Ok(())
    }

    async fn block_info(&self, block_id: i64) -> Result<BlockInfo, FsError> {
        self.refuse_in_safe_mode()?;
        let length = self.master.lengths.block_length(block_id);
        self.master.lengths.settled(&[block_id]).await?;
        let length = length.ok_or_else(|| {
            FsError::invalid_argument(format!("BlockMeta not found for blockId {block_id}"))
        })?;
        Ok(BlockInfo {
            block_id: Some(block_id),
            length: Some(length),
            locations: self.master.last_locations(block_id).into_vec(),
        })
    }
}

#[tonic::async_trait]
impl BlockMasterClientService for BlockClientService {
    async fn get_block_info(&self, request: Request<GetBlockInfoPRequest>) -> Reply<GetBlockInfoPResponse> {
        alluxio_rpc::caller(&request)?;
        let block_info = Some(self.block_info(request.into_inner().block_id()).await?);
        Ok(Response::new(GetBlockInfoPResponse { block_info }))
    }

    async fn get_block_master_info(
        &self,
        request: Request<GetBlockMasterInfoPOptions>,
    ) -> Reply<GetBlockMasterInfoPResponse> {
        alluxio_rpc::caller(&request)?;
        let wanted: Vec<Field> = request.into_inner().filters().collect();
        let block_master_info = Some(only(self.master.summary(), &wanted));
        Ok(Response::new(GetBlockMasterInfoPResponse { block_master_info }))
    }

    async fn get_capacity_bytes(
        &self,
        request: Request<GetCapacityBytesPOptions>,
    ) -> Reply<GetCapacityBytesPResponse> {
        alluxio_rpc::caller(&request)?;
        let bytes = Some(self.master.capacity().total);
        Ok(Response::new(GetCapacityBytesPResponse { bytes }))
    }

    async fn get_used_bytes(&self, request: Request<GetUsedBytesPOptions>) -> Reply<GetUsedBytesPResponse> {
        alluxio_rpc::caller(&request)?;
        let bytes = Some(self.master.capacity().used);
        Ok(Response::new(GetUsedBytesPResponse { bytes }))
    }

    async fn get_worker_info_list(
        &self,
        request: Request<GetWorkerInfoListPOptions>,
    ) -> Reply<GetWorkerInfoListPResponse> {
        alluxio_rpc::caller(&request)?;
        self.refuse_in_safe_mode()?;
        Ok(Response::new(GetWorkerInfoListPResponse { worker_infos: self.master.worker_infos() }))
    }

    async fn get_worker_report(
        &self,
        request: Request<GetWorkerReportPOptions>,
    ) -> Reply<GetWorkerInfoListPResponse> {
        alluxio_rpc::caller(&request)?;
        self.refuse_in_safe_mode()?;
        let options = request.into_inner();
        let reports = in_range(self.master.worker_reports(), &options)?;
        let fields: BTreeSet<i32> = options.field_ranges.iter().copied().collect();
        let worker_infos = reports.into_iter().map(|report| with_fields(report.info, &fields)).collect();
        Ok(Response::new(GetWorkerInfoListPResponse { worker_infos }))
    }

    async fn get_worker_lost_storage(
        &self,
        request: Request<GetWorkerLostStoragePOptions>,
    ) -> Reply<GetWorkerLostStoragePResponse> {
        alluxio_rpc::caller(&request)?;
        let reports = self.master.worker_reports();
        let worker_lost_storage_info = reports
            .into_iter()
            .filter(|report| report.standing == Standing::Active && !report.lost_storage.is_empty())
            .map(|report| WorkerLostStorageInfo {
                address: report.info.address,
                lost_storage: report.lost_storage,
            })
            .collect();
        Ok(Response::new(GetWorkerLostStoragePResponse { worker_lost_storage_info }))
    }

    async fn decommission_worker(
        &self,
        request: Request<DecommissionWorkerPOptions>,
    ) -> Reply<DecommissionWorkerPResponse> {
        alluxio_rpc::caller(&request)?;
        let options = request.into_inner();
        let may_return = options.can_register_again.unwrap_or(true);
        self.master.decommission(&options.worker_hostname, options.worker_web_port, may_return)?;
        Ok(Response::new(DecommissionWorkerPResponse {}))
    }

    async fn remove_disabled_worker(
        &self,
        request: Request<RemoveDisabledWorkerPOptions>,
    ) -> Reply<RemoveDisabledWorkerPResponse> {
        alluxio_rpc::caller(&request)?;
        let options = request.into_inner();
        self.master.enable(&options.worker_hostname, options.worker_web_port);
        Ok(Response::new(RemoveDisabledWorkerPResponse {}))
    }
}

/// The fields asked for; all when none is named.
fn only(info: BlockMasterInfo, wanted: &[Field]) -> BlockMasterInfo {
    let asked = |field| wanted.is_empty() || wanted.contains(&field);
    BlockMasterInfo {
        capacity_bytes: info.capacity_bytes.filter(|_| asked(Field::CapacityBytes)),
        capacity_bytes_on_tiers: kept(info.capacity_bytes_on_tiers, asked(Field::CapacityBytesOnTiers)),
        free_bytes: info.free_bytes.filter(|_| asked(Field::FreeBytes)),
        live_worker_num: info.live_worker_num.filter(|_| asked(Field::LiveWorkerNum)),
        lost_worker_num: info.lost_worker_num.filter(|_| asked(Field::LostWorkerNum)),
        used_bytes: info.used_bytes.filter(|_| asked(Field::UsedBytes)),
        used_bytes_on_tiers: kept(info.used_bytes_on_tiers, asked(Field::UsedBytesOnTiers)),
        decommissioned_worker_num: info
            .decommissioned_worker_num
            .filter(|_| asked(Field::DecommissionedWorkerNum)),
    }
}

fn kept<T: Default>(value: T, keep: bool) -> T {
    if keep { value } else { T::default() }
}

/// The workers that a report asks for.
fn in_range(
    reports: Vec<WorkerReport>,
    options: &GetWorkerReportPOptions,
) -> Result<Vec<WorkerReport>, FsError> {
    let range = match options.worker_range {
        None => WorkerRange::All,
        Some(number) => WorkerRange::try_from(number)
            .map_err(|_| FsError::invalid_argument(format!("Unknown worker range {number}.")))?,
    };
    if range == WorkerRange::Specified {
        return named(reports, &options.addresses);
    }
    let mut reports = reports;
    reports.retain(|report| match range {
        WorkerRange::Live => report.standing == Standing::Active,
        WorkerRange::Lost => report.standing == Standing::Lost,
        WorkerRange::Decommissioned => {
            matches!(report.standing, Standing::Decommissioned | Standing::Disabled)
        }
        WorkerRange::All | WorkerRange::Specified => true,
    });
    Ok(reports)
}

fn named(reports: Vec<WorkerReport>, names: &[String]) -> Result<Vec<WorkerReport>, FsError> {
    let host = |report: &WorkerReport| report.info.address.as_ref().map_or("", |a| a.host()).to_owned();
    let hosts: BTreeSet<String> = reports.iter().map(host).collect();
    let unknown: Vec<&str> = names.iter().filter(|name| !hosts.contains(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = hosts.iter().map(String::as_str).collect();
        return Err(FsError::invalid_argument(format!(
            "Unrecognized worker names: [{}]. The workers are: [{}].",
            unknown.join(", "),
            known.join(", ")
        )));
    }
    Ok(reports.into_iter().filter(|report| names.contains(&host(report))).collect())
}

/// The fields asked for; all when none is named.
fn with_fields(info: WorkerInfo, fields: &BTreeSet<i32>) -> WorkerInfo {
    use WorkerInfoField as F;
    let asked = |field: F| fields.is_empty() || fields.contains(&(field as i32));
    WorkerInfo {
        id: info.id.filter(|_| asked(F::Id)),
        address: info.address.filter(|_| asked(F::Address)),
        last_contact_sec: info.last_contact_sec.filter(|_| asked(F::LastContactSec)),
        state: info.state.filter(|_| asked(F::State)),
        capacity_bytes: info.capacity_bytes.filter(|_| asked(F::WorkerCapacityBytes)),
        used_bytes: info.used_bytes.filter(|_| asked(F::WorkerUsedBytes)),
        start_time_ms: info.start_time_ms.filter(|_| asked(F::StartTimeMs)),
        capacity_bytes_on_tiers: kept(info.capacity_bytes_on_tiers, asked(F::WorkerCapacityBytesOnTiers)),
        used_bytes_on_tiers: kept(info.used_bytes_on_tiers, asked(F::WorkerUsedBytesOnTiers)),
        build_version: info.build_version.filter(|_| asked(F::BuildVersion)),
        num_v_cpu: info.num_v_cpu.filter(|_| asked(F::NumVcpu)),
    }
}

#[cfg(test)]
#[path = "client_service_tests.rs"]
mod tests;
