//! What operators ask of the file system master.

use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{
    CancelSyncMetadataPRequest, CheckConsistencyPOptions, CheckConsistencyPRequest,
    GetStateLockHoldersPOptions, GetStateLockHoldersPRequest, GetSyncPathListPRequest,
    GetSyncProgressPRequest, GetSyncProgressPResponse, NeedsSyncRequest, StartSyncPOptions,
    StartSyncPRequest, StopSyncPOptions, StopSyncPRequest, SyncMetadataAsyncPResponse, SyncMetadataPOptions,
    SyncMetadataPRequest, SyncMetadataPResponse, SyncPointInfo, UfsPMode, UpdateUfsModePOptions,
    UpdateUfsModePRequest,
};

use super::{FileSystem, ask, entry::text};

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl FileSystem {
    /// The paths below that differ from the under storage.
    pub async fn check_consistency(
        &self,
        path: &AlluxioPath,
        options: CheckConsistencyPOptions,
    ) -> FsResult<Vec<String>> {
        let request = CheckConsistencyPRequest { path: text(path), options: Some(options) };
        Ok(ask!(self.check_consistency(request))?.inconsistent_paths)
    }

    pub async fn update_ufs_mode(&self, ufs: &str, mode: UfsPMode) -> FsResult<()> {
        let options = Some(UpdateUfsModePOptions { ufs_mode: Some(mode.into()) });
        ask!(self.update_ufs_mode(UpdateUfsModePRequest { ufs_path: Some(ufs.to_owned()), options }))?;
        Ok(())
    }

    pub async fn get_state_lock_holders(&self) -> FsResult<Vec<String>> {
        let options = Some(GetStateLockHoldersPOptions {});
        Ok(ask!(self.get_state_lock_holders(GetStateLockHoldersPRequest { options }))?.threads)
    }

    pub async fn get_sync_path_list(&self) -> FsResult<Vec<SyncPointInfo>> {
        Ok(ask!(self.get_sync_path_list(GetSyncPathListPRequest {}))?.sync_paths)
    }

    pub async fn start_sync(&self, path: &AlluxioPath) -> FsResult<()> {
        let options = Some(StartSyncPOptions::default());
        ask!(self.start_sync(StartSyncPRequest { path: text(path), options }))?;
        Ok(())
    }

    pub async fn stop_sync(&self, path: &AlluxioPath) -> FsResult<()> {
        let options = Some(StopSyncPOptions::default());
        ask!(self.stop_sync(StopSyncPRequest { path: text(path), options }))?;
        Ok(())
    }

    /// Marks a path so that its next access looks at the under storage.
    pub async fn needs_sync(&self, path: &AlluxioPath) -> FsResult<()> {
        ask!(self.needs_sync(NeedsSyncRequest { path: path.as_str().to_owned() }))?;
        Ok(())
    }

    pub async fn sync_metadata(
        &self,
        path: &AlluxioPath,
        options: SyncMetadataPOptions,
    ) -> FsResult<SyncMetadataPResponse> {
        ask!(
            self.sync_metadata(SyncMetadataPRequest {
                path: path.as_str().to_owned(),
                options: Some(options)
            })
        )
    }

    pub async fn sync_metadata_async(
        &self,
        path: &AlluxioPath,
        options: SyncMetadataPOptions,
    ) -> FsResult<SyncMetadataAsyncPResponse> {
        let request = SyncMetadataPRequest { path: path.as_str().to_owned(), options: Some(options) };
        ask!(self.sync_metadata_async(request))
    }

    pub async fn get_sync_progress(&self, task_group: i64) -> FsResult<GetSyncProgressPResponse> {
        ask!(self.get_sync_progress(GetSyncProgressPRequest { task_group_id: Some(task_group) }))
    }

    /// Whether there was something to cancel.
    pub async fn cancel_sync_metadata(&self, task_group: i64) -> FsResult<bool> {
        let request = CancelSyncMetadataPRequest { task_group_id: Some(task_group) };
        Ok(ask!(self.cancel_sync_metadata(request))?.success())
    }
}
