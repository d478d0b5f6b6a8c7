//! `FileSystemMasterClientService`: what clients and shells call. Authenticate, parse, call, answer;
//! nothing else happens here.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use alluxio_client::load_request;
use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::grpc::file::{file_system_master_client_service_server::FileSystemMasterClientService, *};
use alluxio_rpc::caller;
use futures::FutureExt;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{FileSystemMaster, Subject, create::operation_id, delete::DeleteOptions};

type Reply<T> = Result<Response<T>, Status>;

/// Messages of a listing that wait for the client to read; each holds up to 10,000 entries.
const LISTING_WINDOW: usize = 2;

#[derive(Clone)]
pub struct FileSystemClientService {
    fs: Arc<FileSystemMaster>,
}

impl FileSystemClientService {
    pub fn new(fs: Arc<FileSystemMaster>) -> Self {
        Self { fs }
    }

    async fn subject<T>(&self, request: &Request<T>) -> Result<Subject, Status> {
        Ok(self.fs.subject(&caller(request)?).await?)
    }

    /// Runs an operation to its end even when the client goes away: one that has touched the under
    /// storage must not stop before the journal knows.
    async fn to_the_end<T: Send + 'static>(
        operation: impl Future<Output = Result<T, FsError>> + Send + 'static,
    ) -> Reply<T> {
        match tokio::spawn(operation).await {
            Ok(result) => Ok(Response::new(result?)),
            Err(error) => {
                tracing::error!(%error, "an operation ended by a panic");
                Err(Status::internal("The master failed to carry out this operation; its log says why."))
            }
        }
    }
}

fn path(text: &str) -> Result<AlluxioPath, FsError> {
    AlluxioPath::parse(text)
}

/// The path of a load job, which is the only kind that there is.
fn load_path(job: &JobDescription) -> Result<AlluxioPath, FsError> {
    if job.r#type != load_request::KIND {
        return Err(FsError::invalid_argument(format!(
            "There are no jobs of the kind '{}', only '{}'.",
            job.r#type,
            load_request::KIND
        )));
    }
    path(job.path())
}

/// An operation that must run to its end; counted when it succeeds, if something counts it.
macro_rules! to_the_end {
    ($self:ident, $request:ident, $counted:ident, |$fs:ident, $subject:ident, $message:ident| $body:expr) => {{
        let reply = to_the_end!($self, $request, |$fs, $subject, $message| $body);
        if reply.is_ok() {
            $self.fs.metrics.$counted.inc();
        }
        reply
    }};
    ($self:ident, $request:ident, |$fs:ident, $subject:ident, $message:ident| $body:expr) => {{
        let $subject = $self.subject(&$request).await?;
        let $message = $request.into_inner();
        let $fs = $self.fs.clone();
        FileSystemClientService::to_the_end(async move { $body }).await
    }};
}

#[tonic::async_trait]
impl FileSystemMasterClientService for FileSystemClientService {
    async fn check_access(&self, request: Request<CheckAccessPRequest>) -> Reply<CheckAccessPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let bits = message.options.as_ref().map_or(Bits::NONE, |options| Bits::from_wire(options.bits()));
        self.fs.check_access(&subject, &path(message.path())?, bits).await?;
        Ok(Response::new(CheckAccessPResponse {}))
    }

    async fn check_consistency(
        &self,
        request: Request<CheckConsistencyPRequest>,
    ) -> Reply<CheckConsistencyPResponse> {
        let subject = self.subject(&request).await?;
        let found = self.fs.inconsistent_paths(&subject, &path(request.get_ref().path())?).await?;
        let inconsistent_paths = found.iter().map(ToString::to_string).collect();
        Ok(Response::new(CheckConsistencyPResponse { inconsistent_paths }))
    }

    async fn exists(&self, request: Request<ExistsPRequest>) -> Reply<ExistsPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let exists = self.fs.exists(&subject, &path(message.path())?, &options).await?;
        Ok(Response::new(ExistsPResponse { exists: Some(exists) }))
    }

    async fn complete_file(&self, request: Request<CompleteFilePRequest>) -> Reply<CompleteFilePResponse> {
        self.fs.metrics.complete_file_ops.inc();
        to_the_end!(self, request, files_completed, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            fs.complete_file(&subject, &path(message.path())?, &options).await?;
            Ok(CompleteFilePResponse {})
        })
    }

    async fn create_directory(
        &self,
        request: Request<CreateDirectoryPRequest>,
    ) -> Reply<CreateDirectoryPResponse> {
        self.fs.metrics.create_directory_ops.inc();
        to_the_end!(self, request, directories_created, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            fs.create_directory(&subject, &path(message.path())?, &options).await?;
            Ok(CreateDirectoryPResponse {})
        })
    }

    async fn create_file(&self, request: Request<CreateFilePRequest>) -> Reply<CreateFilePResponse> {
        self.fs.metrics.create_file_ops.inc();
        to_the_end!(self, request, files_created, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            let info = fs.create_file(&subject, &path(message.path())?, &options).await?;
            Ok(CreateFilePResponse { file_info: Some(info) })
        })
    }

    async fn free(&self, request: Request<FreePRequest>) -> Reply<FreePResponse> {
        self.fs.metrics.free_file_ops.inc();
        to_the_end!(self, request, |fs, subject, message| {
            let options = message.options.unwrap_or_default();
            fs.free(&subject, &path(message.path())?, &options).await?;
            Ok(FreePResponse {})
        })
    }

    async fn get_file_path(&self, request: Request<GetFilePathPRequest>) -> Reply<GetFilePathPResponse> {
        let subject = self.subject(&request).await?;
        let path = self.fs.path_of_id(&subject, request.get_ref().file_id()).await?;
        Ok(Response::new(GetFilePathPResponse { path: Some(path.to_string()) }))
    }

    async fn get_mount_table(
        &self,
        request: Request<GetMountTablePRequest>,
    ) -> Reply<GetMountTablePResponse> {
        self.subject(&request).await?;
        // Absent means yes: 2.9 clients that do not know the field expect the figures.
        let check_ufs = request.get_ref().check_ufs.unwrap_or(true);
        Ok(Response::new(GetMountTablePResponse { mount_points: self.fs.mount_table(check_ufs).await? }))
    }

    async fn get_sync_path_list(
        &self,
        _: Request<GetSyncPathListPRequest>,
    ) -> Reply<GetSyncPathListPResponse> {
        // Active sync is HDFS's; there are no paths under it.
        Ok(Response::new(GetSyncPathListPResponse { sync_paths: Vec::new() }))
    }

    async fn get_new_block_id_for_file(
        &self,
        request: Request<GetNewBlockIdForFilePRequest>,
    ) -> Reply<GetNewBlockIdForFilePResponse> {
        self.fs.metrics.get_new_block_ops.inc();
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let id = self.fs.new_block_id(&subject, &path(message.path())?, &options).await?;
        self.fs.metrics.new_blocks_got.inc();
        Ok(Response::new(GetNewBlockIdForFilePResponse { id: Some(id) }))
    }

    async fn get_status(&self, request: Request<GetStatusPRequest>) -> Reply<GetStatusPResponse> {
        self.fs.metrics.get_file_info_ops.inc();
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let info = self.fs.get_status(&subject, &path(message.path())?, &options).await?;
        self.fs.metrics.file_infos_got.inc();
        Ok(Response::new(GetStatusPResponse { file_info: Some(info) }))
    }

    type ListStatusStream = Pin<Box<dyn Stream<Item = Result<ListStatusPResponse, Status>> + Send>>;

    async fn list_status(&self, request: Request<ListStatusPRequest>) -> Reply<Self::ListStatusStream> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let path = path(message.path())?;
        let options = message.options.unwrap_or_default();
        let (sender, receiver) = mpsc::channel(LISTING_WINDOW);
        let fs = self.fs.clone();
        tokio::spawn(async move {
            let listing = AssertUnwindSafe(fs.list_status(&subject, &path, &options, &sender)).catch_unwind();
            let result = tokio::select! {
                result = listing => result,
                // The client has gone: nobody needs what is still to be loaded.
                () = sender.closed() => return,
            };
            let error = match result {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.into(),
                // Without a word the client would take what it has for the whole listing.
                Err(_) => Status::internal("The master failed to list this path; its log says why."),
            };
            // Fails only when the client has gone: then nobody is left to be told.
            drop(sender.send(Err(error)).await);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_status_partial(
        &self,
        request: Request<ListStatusPartialPRequest>,
    ) -> Reply<ListStatusPartialPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.clone().unwrap_or_default();
        let response = self.fs.list_status_partial(&subject, &path(message.path())?, &options).await?;
        Ok(Response::new(response))
    }

    async fn mount(&self, request: Request<MountPRequest>) -> Reply<MountPResponse> {
        self.fs.metrics.mount_ops.inc();
        to_the_end!(self, request, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            fs.mount(&subject, &path(message.alluxio_path())?, message.ufs_path(), &options).await?;
            Ok(MountPResponse {})
        })
    }

    async fn remove(&self, request: Request<DeletePRequest>) -> Reply<DeletePResponse> {
        self.fs.metrics.delete_path_ops.inc();
        to_the_end!(self, request, paths_deleted, |fs, subject, message| {
            let options = message.options.unwrap_or_default();
            let options = DeleteOptions {
                recursive: options.recursive(),
                alluxio_only: options.alluxio_only(),
                unchecked: options.unchecked(),
                mount_points: options.delete_mount_point(),
                operation: operation_id(options.common_options.as_ref()),
                only: None,
            };
            fs.delete_path(&subject, &path(message.path())?, &options).await?;
            Ok(DeletePResponse {})
        })
    }

    async fn rename(&self, request: Request<RenamePRequest>) -> Reply<RenamePResponse> {
        self.fs.metrics.rename_path_ops.inc();
        to_the_end!(self, request, paths_renamed, |fs, subject, message| {
            let options = message.options.unwrap_or_default();
            fs.rename(&subject, &path(message.path())?, &path(message.dst_path())?, &options).await?;
            Ok(RenamePResponse {})
        })
    }

    async fn reverse_resolve(
        &self,
        request: Request<ReverseResolvePRequest>,
    ) -> Reply<ReverseResolvePResponse> {
        self.subject(&request).await?;
        let path = self.fs.reverse_resolve(request.get_ref().ufs_uri()).await?;
        Ok(Response::new(ReverseResolvePResponse { alluxio_path: Some(path.to_string()) }))
    }

    async fn schedule_async_persistence(
        &self,
        request: Request<ScheduleAsyncPersistencePRequest>,
    ) -> Reply<ScheduleAsyncPersistencePResponse> {
        to_the_end!(self, request, |fs, subject, message| {
            let wait = message.options.as_ref().map_or(0, |options| options.persistence_wait_time());
            fs.schedule_async_persistence(&subject, &path(message.path())?, wait).await?;
            Ok(ScheduleAsyncPersistencePResponse {})
        })
    }

    async fn set_acl(&self, request: Request<SetAclPRequest>) -> Reply<SetAclPResponse> {
        self.fs.metrics.set_acl_ops.inc();
        to_the_end!(self, request, |fs, subject, message| {
            fs.set_acl(&subject, &path(message.path())?, &message).await?;
            Ok(SetAclPResponse {})
        })
    }

    async fn set_attribute(&self, request: Request<SetAttributePRequest>) -> Reply<SetAttributePResponse> {
        self.fs.metrics.set_attribute_ops.inc();
        to_the_end!(self, request, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            fs.set_attribute(&subject, &path(message.path())?, &options).await?;
            Ok(SetAttributePResponse {})
        })
    }

    async fn start_sync(&self, _: Request<StartSyncPRequest>) -> Reply<StartSyncPResponse> {
        Err(FsError::failed_precondition(
            "No path is synced by itself in this version. Have clients look as often as needed \
             (alluxio.user.file.metadata.sync.interval, for some paths by `alluxio fsadmin pathConf add`), or call \
             `alluxio fs loadMetadata -R -F <path>` when files have changed.",
        )
        .into())
    }

    async fn stop_sync(&self, _: Request<StopSyncPRequest>) -> Reply<StopSyncPResponse> {
        Err(FsError::failed_precondition(
            "No path is synced by itself in this version; there is nothing to stop.",
        )
        .into())
    }

    async fn unmount(&self, request: Request<UnmountPRequest>) -> Reply<UnmountPResponse> {
        self.fs.metrics.unmount_ops.inc();
        to_the_end!(self, request, |fs, subject, message| {
            fs.unmount(&subject, &path(message.alluxio_path())?).await?;
            Ok(UnmountPResponse {})
        })
    }

    async fn update_mount(&self, request: Request<UpdateMountPRequest>) -> Reply<UpdateMountPResponse> {
        to_the_end!(self, request, |fs, subject, message| {
            let options = message.options.clone().unwrap_or_default();
            fs.update_mount(&subject, &path(message.alluxio_path())?, &options).await?;
            Ok(UpdateMountPResponse {})
        })
    }

    async fn update_ufs_mode(
        &self,
        request: Request<UpdateUfsModePRequest>,
    ) -> Reply<UpdateUfsModePResponse> {
        to_the_end!(self, request, |fs, subject, message| {
            let mode = message.options.as_ref().map_or(UfsPMode::ReadWrite, |options| options.ufs_mode());
            fs.update_ufs_mode(&subject, message.ufs_path(), mode).await?;
            Ok(UpdateUfsModePResponse {})
        })
    }

    async fn get_state_lock_holders(
        &self,
        request: Request<GetStateLockHoldersPRequest>,
    ) -> Reply<GetStateLockHoldersPResponse> {
        self.subject(&request).await?;
        // Java's state lock does not exist here, so nobody holds it.
        Ok(Response::new(GetStateLockHoldersPResponse { threads: Vec::new() }))
    }

    async fn needs_sync(&self, request: Request<NeedsSyncRequest>) -> Reply<NeedsSyncResponse> {
        let subject = self.subject(&request).await?;
        self.fs.needs_sync(&subject, &path(&request.get_ref().path)?).await?;
        Ok(Response::new(NeedsSyncResponse {}))
    }

    async fn submit_job(&self, request: Request<SubmitJobPRequest>) -> Reply<SubmitJobPResponse> {
        let subject = self.subject(&request).await?;
        let submitted = load_request::decode(request.get_ref().request_body())?;
        let job_id = self.fs.submit_load(&subject, &path(&submitted.path)?, &submitted.options).await?;
        Ok(Response::new(SubmitJobPResponse { job_id }))
    }

    async fn stop_job(&self, request: Request<StopJobPRequest>) -> Reply<StopJobPResponse> {
        let subject = self.subject(&request).await?;
        let stopped = self.fs.stop_load(&subject, &load_path(&request.get_ref().job_description)?).await?;
        Ok(Response::new(StopJobPResponse { job_stopped: Some(stopped) }))
    }

    async fn get_job_progress(
        &self,
        request: Request<GetJobProgressPRequest>,
    ) -> Reply<GetJobProgressPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let (path, format) = (load_path(&message.job_description)?, options.format());
        let report = self.fs.load_progress(&subject, &path, format, options.verbose()).await?;
        Ok(Response::new(GetJobProgressPResponse {
            progress_report: Some(report),
            format: Some(format as i32),
        }))
    }

    async fn sync_metadata(&self, request: Request<SyncMetadataPRequest>) -> Reply<SyncMetadataPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let task = self.fs.submit_sync(&subject, &path(&message.path)?, &options).await?;
        let task = vec![self.fs.sync_ended(task).await?];
        Ok(Response::new(SyncMetadataPResponse { task, debug_info: None }))
    }

    async fn sync_metadata_async(
        &self,
        request: Request<SyncMetadataPRequest>,
    ) -> Reply<SyncMetadataAsyncPResponse> {
        let subject = self.subject(&request).await?;
        let message = request.into_inner();
        let options = message.options.unwrap_or_default();
        let task = self.fs.submit_sync(&subject, &path(&message.path)?, &options).await?;
        // A path is one task here, and each task a group of its own.
        Ok(Response::new(SyncMetadataAsyncPResponse {
            submitted: Some(true),
            task_group_id: Some(task),
            task_ids: vec![task],
        }))
    }

    async fn get_sync_progress(
        &self,
        request: Request<GetSyncProgressPRequest>,
    ) -> Reply<GetSyncProgressPResponse> {
        let subject = self.subject(&request).await?;
        let task = self.fs.sync_progress(&subject, request.get_ref().task_group_id()).await?;
        Ok(Response::new(GetSyncProgressPResponse { task: vec![task], debug_info: None }))
    }

    async fn cancel_sync_metadata(
        &self,
        request: Request<CancelSyncMetadataPRequest>,
    ) -> Reply<CancelSyncMetadataPResponse> {
        let subject = self.subject(&request).await?;
        let stopped = self.fs.cancel_sync(&subject, request.get_ref().task_group_id()).await?;
        Ok(Response::new(CancelSyncMetadataPResponse { success: Some(stopped) }))
    }
}
