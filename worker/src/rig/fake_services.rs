//! The fake master's answers.

use super::fake_master::FakeMaster;
use alluxio_proto::{
    grpc::{
        BlockInfo, BlockLocation, Command, CommandType, WorkerNetAddress,
        block::{
            block_master_client_service_server::BlockMasterClientService,
            block_master_worker_service_server::BlockMasterWorkerService, *,
        },
        file::{file_system_master_worker_service_server::FileSystemMasterWorkerService, *},
    },
    own::{
        DeregisterRequest, DeregisterResponse, MayEvictRequest, MayEvictResponse,
        coordination_server::Coordination,
    },
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::internal("not part of the fake master"))
}

#[async_trait]
impl BlockMasterWorkerService for FakeMaster {
    type RegisterWorkerStreamStream = ReceiverStream<Result<RegisterWorkerPResponse, Status>>;

    async fn get_worker_id(
        &self,
        _: Request<GetWorkerIdPRequest>,
    ) -> Result<Response<GetWorkerIdPResponse>, Status> {
        let mut mind = self.mind.lock();
        mind.next_id += 1;
        Ok(Response::new(GetWorkerIdPResponse { worker_id: Some(mind.next_id) }))
    }

    async fn request_register_lease(
        &self,
        request: Request<GetRegisterLeasePRequest>,
    ) -> Result<Response<GetRegisterLeasePResponse>, Status> {
        let worker_id = request.get_ref().worker_id;
        Ok(Response::new(GetRegisterLeasePResponse { worker_id, allowed: Some(true), ..Default::default() }))
    }

    async fn register_worker_stream(
        &self,
        request: Request<Streaming<RegisterWorkerPRequest>>,
    ) -> Result<Response<Self::RegisterWorkerStreamStream>, Status> {
        let mut batches = request.into_inner();
        let (answers, receiver) = mpsc::channel(16);
        let master = self.clone();
        tokio::spawn(async move {
            let (mut id, mut held) = (0, Vec::new());
            let received = Arc::new(AtomicUsize::new(0));
            let mut answered = 0;
            // Reads ahead of its answers, so that it sees how many the worker sends unanswered.
            let (queue, mut waiting) = mpsc::unbounded_channel();
            let counter = received.clone();
            tokio::spawn(async move {
                while let Ok(Some(batch)) = batches.message().await {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let _ = queue.send(batch);
                }
            });
            while let Some(batch) = waiting.recv().await {
                master.batch_permits.acquire().await.unwrap().forget();
                let unanswered = received.load(Ordering::SeqCst) - answered;
                let blocks: Vec<i64> =
                    batch.current_blocks.iter().flat_map(|e| e.value.clone().unwrap().block_id).collect();
                {
                    let mut mind = master.mind.lock();
                    mind.batch_unanswered_most = mind.batch_unanswered_most.max(unanswered);
                    mind.batches.push(blocks.len());
                    mind.lost_storage.extend(batch.lost_storage.into_values().flat_map(|list| list.storage));
                }
                id = batch.worker_id.unwrap();
                held.extend(blocks);
                let _ = answers.send(Ok(RegisterWorkerPResponse {})).await;
                answered += 1;
            }
            // What the stream told replaces what was known, as in 2.9.
            let mut mind = master.mind.lock();
            mind.registrations += 1;
            mind.workers.insert(id, held.into_iter().collect());
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn block_heartbeat(
        &self,
        request: Request<BlockHeartbeatPRequest>,
    ) -> Result<Response<BlockHeartbeatPResponse>, Status> {
        self.hang_if_told("block heartbeat").await;
        let beat = request.into_inner();
        let mut mind = self.mind.lock();
        mind.heartbeats += 1;
        if mind.lose_heartbeats > 0 {
            mind.lose_heartbeats -= 1;
            return Err(Status::unavailable("lost"));
        }
        for metric in beat.options.iter().flat_map(|options| &options.metrics) {
            *mind.counted.entry(metric.name().to_owned()).or_default() += metric.value();
        }
        let answer = |command| Ok(Response::new(BlockHeartbeatPResponse { command: Some(command) }));
        let kind = |kind: CommandType| Command { command_type: Some(kind.into()), data: vec![] };
        let Some(blocks) = mind.workers.get_mut(&beat.worker_id.unwrap()) else {
            return answer(kind(CommandType::Register));
        };
        blocks.retain(|block| !beat.removed_block_ids.contains(block));
        blocks.extend(beat.added_blocks.iter().flat_map(|e| e.value.clone().unwrap().block_id));
        let order = mind.orders.pop_front();
        answer(order.unwrap_or_else(|| kind(CommandType::Nothing)))
    }

    async fn commit_block(
        &self,
        request: Request<CommitBlockPRequest>,
    ) -> Result<Response<CommitBlockPResponse>, Status> {
        let commit = request.into_inner();
        let mut mind = self.mind.lock();
        if mind.refuse_commits > 0 {
            mind.refuse_commits -= 1;
            return Err(Status::unavailable("not now"));
        }
        let block = commit.block_id.unwrap();
        if mind.deleted.contains(&block) {
            return Err(Status::not_found("No file has this block"));
        }
        let Some(blocks) = mind.workers.get_mut(&commit.worker_id.unwrap()) else {
            return Err(Status::not_found("no such worker"));
        };
        blocks.insert(block);
        mind.lengths.insert(block, commit.length.unwrap());
        mind.commits += 1;
        Ok(Response::new(CommitBlockPResponse {}))
    }

    async fn commit_block_in_ufs(
        &self,
        _: Request<CommitBlockInUfsPRequest>,
    ) -> Result<Response<CommitBlockInUfsPResponse>, Status> {
        no()
    }

    async fn notify_worker_id(
        &self,
        _: Request<NotifyWorkerIdPRequest>,
    ) -> Result<Response<NotifyWorkerIdPResponse>, Status> {
        no()
    }

    async fn register_worker(
        &self,
        request: Request<RegisterWorkerPRequest>,
    ) -> Result<Response<RegisterWorkerPResponse>, Status> {
        let all = request.into_inner();
        let blocks: Vec<i64> =
            all.current_blocks.into_iter().flat_map(|entry| entry.value.unwrap().block_id).collect();
        let mut mind = self.mind.lock();
        mind.at_once.push(blocks.len());
        mind.workers.insert(all.worker_id.unwrap(), blocks.into_iter().collect());
        Ok(Response::new(RegisterWorkerPResponse {}))
    }
}

#[async_trait]
impl FileSystemMasterWorkerService for FakeMaster {
    async fn file_system_heartbeat(
        &self,
        request: Request<FileSystemHeartbeatPRequest>,
    ) -> Result<Response<FileSystemHeartbeatPResponse>, Status> {
        self.hang_if_told("file system heartbeat").await;
        let mut mind = self.mind.lock();
        mind.reports.push(request.into_inner());
        let files = mind.persist.clone();
        let options = FileSystemCommandOptions {
            persist_options: Some(PersistCommandOptions { persist_files: files }),
        };
        let command = FileSystemCommand {
            command_type: Some(CommandType::Persist.into()),
            command_options: Some(options),
        };
        Ok(Response::new(FileSystemHeartbeatPResponse { command: Some(command) }))
    }

    async fn get_file_info(
        &self,
        request: Request<GetFileInfoPRequest>,
    ) -> Result<Response<GetFileInfoPResponse>, Status> {
        {
            let mut mind = self.mind.lock();
            if mind.lose_questions > 0 {
                mind.lose_questions -= 1;
                return Err(Status::unavailable("lost"));
            }
            mind.questions += 1;
        }
        if self.mind.lock().hang_questions {
            std::future::pending::<()>().await;
        }
        let found = self.mind.lock().files.get(&request.get_ref().file_id.unwrap()).cloned();
        match found {
            Some(info) => Ok(Response::new(GetFileInfoPResponse { file_info: Some(info) })),
            None => Err(Status::not_found("no such file")),
        }
    }

    async fn get_pinned_file_ids(
        &self,
        _: Request<GetPinnedFileIdsPRequest>,
    ) -> Result<Response<GetPinnedFileIdsPResponse>, Status> {
        self.hang_if_told("pins").await;
        let mind = self.mind.lock();
        if mind.hide_pins {
            return Err(Status::unavailable("no pins now"));
        }
        Ok(Response::new(GetPinnedFileIdsPResponse { pinned_file_ids: mind.pinned.clone() }))
    }

    async fn get_ufs_info(
        &self,
        request: Request<GetUfsInfoPRequest>,
    ) -> Result<Response<GetUfsInfoPResponse>, Status> {
        if request.get_ref().mount_id != Some(1) {
            return Err(Status::not_found("no such mount"));
        }
        let mind = self.mind.lock();
        let options = MountPOptions { read_only: Some(mind.read_only), ..MountPOptions::default() };
        let info = UfsInfo { uri: Some(mind.under.display().to_string()), properties: Some(options) };
        Ok(Response::new(GetUfsInfoPResponse { ufs_info: Some(info) }))
    }
}

#[async_trait]
impl Coordination for FakeMaster {
    async fn may_evict(
        &self,
        request: Request<MayEvictRequest>,
    ) -> Result<Response<MayEvictResponse>, Status> {
        let mut mind = self.mind.lock();
        mind.looks += 1;
        let mut answer = MayEvictResponse { valid_ms: Some(60_000), ..Default::default() };
        for block in &request.get_ref().block_ids {
            if mind.not_persisted.contains(block) {
                answer.not_persisted.push(*block);
            } else if !mind.keep.contains(block) {
                answer.evictable.push(*block);
            } else if mind.is_persisted(*block) {
                answer.pinned.push(*block);
            }
        }
        Ok(Response::new(answer))
    }

    async fn deregister(
        &self,
        request: Request<DeregisterRequest>,
    ) -> Result<Response<DeregisterResponse>, Status> {
        let mut mind = self.mind.lock();
        let id = request.get_ref().worker_id.unwrap();
        mind.workers.remove(&id);
        mind.deregistered.push(id);
        Ok(Response::new(DeregisterResponse {}))
    }
}

#[async_trait]
impl BlockMasterClientService for FakeMaster {
    async fn get_block_info(
        &self,
        request: Request<GetBlockInfoPRequest>,
    ) -> Result<Response<GetBlockInfoPResponse>, Status> {
        let block = request.get_ref().block_id.unwrap();
        let mind = self.mind.lock();
        let (host, container) = match mind.peers_in_containers {
            true => ("node.invalid", "127.0.0.1"),
            false => ("127.0.0.1", ""),
        };
        let locations = mind.peers.get(&block).map(|port| BlockLocation {
            worker_address: Some(WorkerNetAddress {
                host: Some(host.into()),
                container_host: Some(container.into()),
                data_port: Some(i32::from(*port)),
                ..Default::default()
            }),
            ..Default::default()
        });
        let info = BlockInfo {
            block_id: Some(block),
            length: mind.lengths.get(&block).copied(),
            locations: locations.into_iter().collect(),
        };
        Ok(Response::new(GetBlockInfoPResponse { block_info: Some(info) }))
    }

    async fn get_block_master_info(
        &self,
        _: Request<GetBlockMasterInfoPOptions>,
    ) -> Result<Response<GetBlockMasterInfoPResponse>, Status> {
        no()
    }

    async fn get_capacity_bytes(
        &self,
        _: Request<GetCapacityBytesPOptions>,
    ) -> Result<Response<GetCapacityBytesPResponse>, Status> {
        no()
    }

    async fn get_used_bytes(
        &self,
        _: Request<GetUsedBytesPOptions>,
    ) -> Result<Response<GetUsedBytesPResponse>, Status> {
        no()
    }

    async fn get_worker_info_list(
        &self,
        _: Request<GetWorkerInfoListPOptions>,
    ) -> Result<Response<GetWorkerInfoListPResponse>, Status> {
        no()
    }

    async fn remove_disabled_worker(
        &self,
        _: Request<RemoveDisabledWorkerPOptions>,
    ) -> Result<Response<RemoveDisabledWorkerPResponse>, Status> {
        no()
    }

    async fn get_worker_report(
        &self,
        _: Request<GetWorkerReportPOptions>,
    ) -> Result<Response<GetWorkerInfoListPResponse>, Status> {
        no()
    }

    async fn get_worker_lost_storage(
        &self,
        _: Request<GetWorkerLostStoragePOptions>,
    ) -> Result<Response<GetWorkerLostStoragePResponse>, Status> {
        no()
    }

    async fn decommission_worker(
        &self,
        _: Request<DecommissionWorkerPOptions>,
    ) -> Result<Response<DecommissionWorkerPResponse>, Status> {
        no()
    }
}
