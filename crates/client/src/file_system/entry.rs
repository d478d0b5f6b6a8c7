//! Calls about one file or directory.

use alluxio_conf::key;
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::file::{
    CheckAccessPOptions, CheckAccessPRequest, CompleteFilePOptions, CompleteFilePRequest, CreateFilePOptions,
    CreateFilePRequest, DeletePOptions, DeletePRequest, ExistsPOptions, ExistsPRequest, FileInfo,
    FreePOptions, FreePRequest, GetFilePathPRequest, GetNewBlockIdForFilePOptions,
    GetNewBlockIdForFilePRequest, GetStatusPOptions, GetStatusPRequest, RenamePOptions, RenamePRequest,
    ScheduleAsyncPersistencePOptions, ScheduleAsyncPersistencePRequest, SetAttributePOptions,
    SetAttributePRequest,
};

use super::{FileSystem, ask, defaults};

/// All methods fail with what the master answers; see the operation's own error texts there.
#[allow(clippy::missing_errors_doc)]
impl FileSystem {
    pub async fn get_status(&self, path: &AlluxioPath, mut options: GetStatusPOptions) -> FsResult<FileInfo> {
        options.load_metadata_type.get_or_insert_with(|| defaults::load_metadata(&self.conf()).into());
        options.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        let reply = ask!(self.get_status(GetStatusPRequest { path: text(path), options: Some(options) }))?;
        reply.file_info.ok_or_else(no_file_info)
    }

    pub async fn exists(&self, path: &AlluxioPath, mut options: ExistsPOptions) -> FsResult<bool> {
        options.load_metadata_type.get_or_insert_with(|| defaults::load_metadata(&self.conf()).into());
        options.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        let reply = ask!(self.exists(ExistsPRequest { path: text(path), options: Some(options) }))?;
        Ok(reply.exists())
    }

    /// The bare call; [`create`](Self::create) is what writes a file.
    pub async fn create_file(
        &self,
        path: &AlluxioPath,
        mut options: CreateFilePOptions,
    ) -> FsResult<FileInfo> {
        defaults::fill_create_file(&mut options, &self.conf());
        self.identify(&mut options.common_options);
        let reply = ask!(self.create_file(CreateFilePRequest { path: text(path), options: Some(options) }))?;
        reply.file_info.ok_or_else(no_file_info)
    }

    pub async fn complete_file(&self, path: &AlluxioPath, mut options: CompleteFilePOptions) -> FsResult<()> {
        self.identify(&mut options.common_options);
        ask!(self.complete_file(CompleteFilePRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    /// A new block at the end of a file that is being written. It carries an operation id, which the
    /// Java client leaves out: without one, a retry after a lost answer takes a second block, and the
    /// file can never be completed.
    pub async fn get_new_block_id(&self, path: &AlluxioPath) -> FsResult<i64> {
        let mut options = GetNewBlockIdForFilePOptions::default();
        self.identify(&mut options.common_options);
        let request = GetNewBlockIdForFilePRequest { path: text(path), options: Some(options) };
        Ok(ask!(self.get_new_block_id_for_file(request))?.id())
    }

    pub async fn delete(&self, path: &AlluxioPath, mut options: DeletePOptions) -> FsResult<()> {
        options.unchecked.get_or_insert_with(|| self.conf().get(key::USER_FILE_DELETE_UNCHECKED));
        options.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        self.identify(&mut options.common_options);
        ask!(self.remove(DeletePRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    pub async fn rename(
        &self,
        from: &AlluxioPath,
        to: &AlluxioPath,
        mut options: RenamePOptions,
    ) -> FsResult<()> {
        options.persist.get_or_insert_with(|| self.conf().get(key::USER_FILE_PERSIST_ON_RENAME));
        options.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        self.identify(&mut options.common_options);
        ask!(self.rename(RenamePRequest { path: text(from), dst_path: text(to), options: Some(options) }))?;
        Ok(())
    }

    /// Only what `options` holds changes. (No operation id: setting twice is setting once.)
    pub async fn set_attribute(&self, path: &AlluxioPath, options: SetAttributePOptions) -> FsResult<()> {
        ask!(self.set_attribute(SetAttributePRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    pub async fn free(&self, path: &AlluxioPath, options: FreePOptions) -> FsResult<()> {
        ask!(self.free(FreePRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    pub async fn check_access(&self, path: &AlluxioPath, options: CheckAccessPOptions) -> FsResult<()> {
        ask!(self.check_access(CheckAccessPRequest { path: text(path), options: Some(options) }))?;
        Ok(())
    }

    /// The path of a file by its id.
    pub async fn get_file_path(&self, file_id: i64) -> FsResult<AlluxioPath> {
        let reply = ask!(self.get_file_path(GetFilePathPRequest { file_id: Some(file_id) }))?;
        AlluxioPath::parse(reply.path())
    }

    pub async fn schedule_async_persistence(
        &self,
        path: &AlluxioPath,
        options: ScheduleAsyncPersistencePOptions,
    ) -> FsResult<()> {
        let request = ScheduleAsyncPersistencePRequest { path: text(path), options: Some(options) };
        ask!(self.schedule_async_persistence(request))?;
        Ok(())
    }
}

pub(super) fn text(path: &AlluxioPath) -> Option<String> {
    Some(path.as_str().to_owned())
}

fn no_file_info() -> FsError {
    FsError::internal("The master answered without a FileInfo.")
}
