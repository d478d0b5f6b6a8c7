//! The one call of the file system's client service that a worker makes.

use super::fake_master::FakeMaster;
use alluxio_proto::grpc::file::{file_system_master_client_service_server::FileSystemMasterClientService, *};
use std::pin::Pin;
use tonic::{Request, Response, Status, async_trait};

macro_rules! service {
    ($($name:ident: $request:ty => $response:ty,)*) => {
        #[async_trait]
        impl FileSystemMasterClientService for FakeMaster {
            type ListStatusStream =
                Pin<Box<dyn futures::Stream<Item = Result<ListStatusPResponse, Status>> + Send>>;

            async fn list_status(
                &self,
                _: Request<ListStatusPRequest>,
            ) -> Result<Response<Self::ListStatusStream>, Status> {
                Err(Status::internal("not part of the fake master"))
            }

            async fn schedule_async_persistence(
                &self,
                request: Request<ScheduleAsyncPersistencePRequest>,
            ) -> Result<Response<ScheduleAsyncPersistencePResponse>, Status> {
                let path = request.into_inner().path.unwrap();
                if self.mind.lock().not_schedulable.contains(&path) {
                    return Err(Status::permission_denied(path));
                }
                self.schedule(path);
                Ok(Response::new(ScheduleAsyncPersistencePResponse {}))
            }

            $(async fn $name(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Status::internal("not part of the fake master"))
            })*
        }
    };
}

service! {
    check_access: CheckAccessPRequest => CheckAccessPResponse,
    check_consistency: CheckConsistencyPRequest => CheckConsistencyPResponse,
    exists: ExistsPRequest => ExistsPResponse,
    complete_file: CompleteFilePRequest => CompleteFilePResponse,
    create_directory: CreateDirectoryPRequest => CreateDirectoryPResponse,
    create_file: CreateFilePRequest => CreateFilePResponse,
    free: FreePRequest => FreePResponse,
    get_file_path: GetFilePathPRequest => GetFilePathPResponse,
    get_mount_table: GetMountTablePRequest => GetMountTablePResponse,
    get_sync_path_list: GetSyncPathListPRequest => GetSyncPathListPResponse,
    get_new_block_id_for_file: GetNewBlockIdForFilePRequest => GetNewBlockIdForFilePResponse,
    get_status: GetStatusPRequest => GetStatusPResponse,
    list_status_partial: ListStatusPartialPRequest => ListStatusPartialPResponse,
    mount: MountPRequest => MountPResponse,
    remove: DeletePRequest => DeletePResponse,
    rename: RenamePRequest => RenamePResponse,
    reverse_resolve: ReverseResolvePRequest => ReverseResolvePResponse,
    set_acl: SetAclPRequest => SetAclPResponse,
    set_attribute: SetAttributePRequest => SetAttributePResponse,
    start_sync: StartSyncPRequest => StartSyncPResponse,
    stop_sync: StopSyncPRequest => StopSyncPResponse,
    unmount: UnmountPRequest => UnmountPResponse,
    update_mount: UpdateMountPRequest => UpdateMountPResponse,
    update_ufs_mode: UpdateUfsModePRequest => UpdateUfsModePResponse,
    get_state_lock_holders: GetStateLockHoldersPRequest => GetStateLockHoldersPResponse,
    needs_sync: NeedsSyncRequest => NeedsSyncResponse,
    submit_job: SubmitJobPRequest => SubmitJobPResponse,
    stop_job: StopJobPRequest => StopJobPResponse,
    get_job_progress: GetJobProgressPRequest => GetJobProgressPResponse,
    sync_metadata: SyncMetadataPRequest => SyncMetadataPResponse,
    sync_metadata_async: SyncMetadataPRequest => SyncMetadataAsyncPResponse,
    get_sync_progress: GetSyncProgressPRequest => GetSyncProgressPResponse,
    cancel_sync_metadata: CancelSyncMetadataPRequest => CancelSyncMetadataPResponse,
}
