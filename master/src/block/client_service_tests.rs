use std::time::Duration;

use tonic::Code;

use super::super::test_cluster::{TestCluster, address, listed, options};
use super::super::{BlockOptions, Endpoint, Heartbeat};
use super::*;

fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(alluxio_rpc::Caller::default());
    request
}

fn block(id: i64) -> Request<GetBlockInfoPRequest> {
    asked(GetBlockInfoPRequest { block_id: Some(id), options: None })
}

#[tokio::test]
async fn block_info_and_its_error() {
    let cluster = TestCluster::new();
    cluster.tree.lengths.lock().extend([(1, Some(7)), (2, None)]);
    let id = cluster.register("w1", [1]).await;
    let service = BlockClientService::new(cluster.master.clone());
    let info = service.get_block_info(block(1)).await.unwrap().into_inner().block_info.unwrap();
    assert_eq!((info.block_id(), info.length()), (1, 7));
    assert_eq!(info.locations[0].worker_id(), id);
    cluster.master.decommission("w1", None, false).unwrap();
    let info = service.get_block_info(block(1)).await.unwrap().into_inner().block_info.unwrap();
    assert_eq!(info.locations[0].worker_id(), id, "nobody else has it");
    for unknown in [2, 5] {
        let error = service.get_block_info(block(unknown)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.message(), format!("BlockMeta not found for blockId {unknown}"));
    }
    let bare = Request::new(GetBlockInfoPRequest::default());
    assert!(service.get_block_info(bare).await.is_err(), "without a session");
}

#[tokio::test(start_paused = true)]
async fn in_safe_mode_clients_are_sent_away_for_a_moment() {
    let connect_wait = Duration::from_secs(5);
    let cluster = TestCluster::starting(BlockOptions { connect_wait, ..options() });
    cluster.tree.add([1]);
    cluster.master.start_serving();
    let service = BlockClientService::new(cluster.master.clone());
    let list = async || service.get_worker_info_list(asked(GetWorkerInfoListPOptions {})).await;
    assert_eq!(list().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(service.get_block_info(block(1)).await.unwrap_err().code(), Code::Unavailable);
    assert!(service.get_capacity_bytes(asked(GetCapacityBytesPOptions {})).await.is_ok());
    tokio::time::advance(connect_wait).await;
    assert!(list().await.unwrap().into_inner().worker_infos.is_empty());
    assert!(service.get_block_info(block(1)).await.is_ok());
}

/// The leader before had them: who comes on top is not waited for.
#[tokio::test(start_paused = true)]
async fn safe_mode_ends_when_the_workers_of_before_are_back() {
    let patient = || BlockOptions { connect_wait: Duration::from_secs(5), ..options() };
    let cluster = TestCluster::starting(patient());
    let workers = ["w1", "w2"].map(|host| Endpoint::of(&address(host)));
    cluster.master.wait_for(Some(workers.into()));
    cluster.master.start_serving();
    cluster.register("w1", []).await;
    cluster.register("w3", []).await;
    assert!(cluster.master.safe_mode(), "one is missing");
    cluster.register("w2", []).await;
    assert!(!cluster.master.safe_mode());
    for (workers, waits) in [(Some(Vec::new()), false), (None, true)] {
        let cluster = TestCluster::starting(patient());
        cluster.master.wait_for(workers);
        cluster.master.start_serving();
        assert_eq!(cluster.master.safe_mode(), waits);
    }
}

#[tokio::test]
async fn capacity_and_summary() {
    let cluster = TestCluster::new();
    cluster.register("w1", []).await;
    cluster.register("w2", []).await;
    let gone = cluster.register("w3", []).await;
    cluster.master.decommission("w3", None, true).unwrap();
    assert!(!cluster.master.is_worker_live(gone));
    let service = BlockClientService::new(cluster.master.clone());
    let total = service.get_capacity_bytes(asked(GetCapacityBytesPOptions {})).await.unwrap();
    assert_eq!(total.into_inner().bytes(), 22_000);
    let used = service.get_used_bytes(asked(GetUsedBytesPOptions {})).await.unwrap();
    assert_eq!(used.into_inner().bytes(), 20);

    let summary = async |filters: &[Field]| {
        let filters = filters.iter().map(|field| *field as i32).collect();
        let request = asked(GetBlockMasterInfoPOptions { filters });
        service.get_block_master_info(request).await.unwrap().into_inner().block_master_info.unwrap()
    };
    let all = summary(&[]).await;
    assert_eq!((all.live_worker_num(), all.lost_worker_num()), (2, 0));
    assert_eq!(all.decommissioned_worker_num(), 1);
    assert_eq!((all.free_bytes(), all.capacity_bytes_on_tiers["SSD"]), (21_980, 20_000));
    let some = summary(&[Field::UsedBytes, Field::LiveWorkerNum]).await;
    assert_eq!((some.used_bytes, some.live_worker_num, some.free_bytes), (Some(20), Some(2), None));
    assert!(some.capacity_bytes_on_tiers.is_empty());
}

#[tokio::test]
async fn reports_by_range_name_and_field() {
    let cluster = TestCluster::new();
    for host in ["w1", "w2", "w3"] {
        cluster.register(host, []).await;
    }
    cluster.master.decommission("w2", None, false).unwrap();
    let service = BlockClientService::new(cluster.master.clone());
    let report = async |range: WorkerRange, names: &[&str], fields: &[WorkerInfoField]| {
        let options = GetWorkerReportPOptions {
            addresses: names.iter().map(|name| (*name).to_owned()).collect(),
            field_ranges: fields.iter().map(|field| *field as i32).collect(),
            worker_range: Some(range as i32),
        };
        service.get_worker_report(asked(options)).await.map(|answer| answer.into_inner().worker_infos)
    };
    let hosts = |infos: &[WorkerInfo]| -> Vec<String> {
        infos.iter().map(|info| info.address.as_ref().unwrap().host().to_owned()).collect()
    };
    assert_eq!(hosts(&report(WorkerRange::All, &[], &[]).await.unwrap()), ["w1", "w2", "w3"]);
    assert_eq!(hosts(&report(WorkerRange::Live, &[], &[]).await.unwrap()), ["w1", "w3"]);
    assert_eq!(hosts(&report(WorkerRange::Decommissioned, &[], &[]).await.unwrap()), ["w2"]);
    assert!(report(WorkerRange::Lost, &[], &[]).await.unwrap().is_empty());
    assert_eq!(hosts(&report(WorkerRange::Specified, &["w3"], &[]).await.unwrap()), ["w3"]);
    let error = report(WorkerRange::Specified, &["w3", "x"], &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().starts_with("Unrecognized worker names: [x]."), "{}", error.message());

    let few = report(WorkerRange::Live, &[], &[WorkerInfoField::State]).await.unwrap();
    assert_eq!(few[0], WorkerInfo { state: Some("ACTIVE".to_owned()), ..Default::default() });
}

#[tokio::test]
async fn lost_storage_and_decommission_by_call() {
    let cluster = TestCluster::new();
    let id = cluster.register("w1", []).await;
    let lost = alluxio_proto::grpc::block::StorageList { storage: vec!["/ssd1".to_owned()] };
    let lost_storage = [("SSD".to_owned(), lost)].into();
    cluster.beat(id, Heartbeat { lost_storage, added: listed("MEM", []), ..Default::default() }).await;
    let service = BlockClientService::new(cluster.master.clone());
    let answer = service.get_worker_lost_storage(asked(GetWorkerLostStoragePOptions {})).await.unwrap();
    let infos = answer.into_inner().worker_lost_storage_info;
    assert_eq!(infos[0].lost_storage["SSD"].storage, ["/ssd1"]);

    let options = DecommissionWorkerPOptions {
        worker_hostname: "w1".to_owned(),
        worker_web_port: Some(30000),
        can_register_again: Some(false),
    };
    service.decommission_worker(asked(options)).await.unwrap();
    assert_eq!(cluster.master.worker_reports()[0].info.state(), "Disabled");
    let options = RemoveDisabledWorkerPOptions { worker_hostname: "w1".to_owned(), worker_web_port: None };
    service.remove_disabled_worker(asked(options.clone())).await.unwrap();
    service.remove_disabled_worker(asked(options)).await.unwrap();
    assert_eq!(cluster.master.worker_reports()[0].info.state(), "LOST");
}
