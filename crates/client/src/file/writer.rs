//! Writing a file: into blocks, into the under storage, or both.

use alluxio_conf::{Configuration, key};
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    file::{
        CompleteFilePOptions, CreateFilePOptions, FileInfo, ScheduleAsyncPersistencePOptions, WritePType,
    },
};
use bytes::Bytes;

use super::{
    block_out::{BlockOptions, BlockOut},
    source::{signed, unsigned},
    ufs_out,
};
use crate::{
    file_system::{FileSystem, fill_create_file},
    worker::BlockWriter,
};

/// A file that is being written. Only [`close`](Self::close) makes it a complete file; dropping it
/// throws away what was not committed yet and leaves the file incomplete.
pub struct FileWriter {
    fs: FileSystem,
    path: AlluxioPath,
    info: FileInfo,
    options: BlockOptions,
    write_type: WritePType,
    worker: Option<WorkerNetAddress>,
    persist: ScheduleAsyncPersistencePOptions,
    /// False when blocks are not wanted, or were given up.
    caching: bool,
    block: Option<BlockOut>,
    ufs: Option<BlockWriter>,
    written: u64,
    /// False while a write runs, and for ever when one failed or was dropped halfway: nobody knows then
    /// what was written, and the file must not become complete.
    intact: bool,
}

impl FileWriter {
    pub(crate) async fn create(
        fs: FileSystem,
        path: &AlluxioPath,
        mut options: CreateFilePOptions,
    ) -> FsResult<Self> {
        fill_create_file(&mut options, &fs.conf());
        let write_type = options.write_type();
        if write_type == WritePType::None {
            return Err(FsError::invalid_argument(format!("Cannot write {path} with write type NONE.")));
        }
        let worker = options.worker_location.clone();
        let persist = ScheduleAsyncPersistencePOptions {
            common_options: options.common_options,
            persistence_wait_time: options.persistence_wait_time,
        };
        let blocks = block_options(&options, &fs.conf(), write_type);
        let info = fs.create_file(path, options).await?;
        let mut writer = Self {
            path: path.clone(),
            info,
            // The master has the last word on the block size.
            options: blocks,
            write_type,
            worker,
            persist,
            caching: write_type != WritePType::Through,
            block: None,
            ufs: None,
            written: 0,
            intact: true,
            fs,
        };
        writer.options.block_size = match unsigned(writer.info.block_size_bytes()) {
            0 => return Err(FsError::internal(format!("The master gave {path} a block size of 0."))),
            size => size,
        };
        if matches!(write_type, WritePType::Through | WritePType::CacheThrough) {
            // Now and not with the first bytes: an empty file has none.
            let workers = writer.workers(0).await?;
            writer.ufs =
                Some(ufs_out::open(writer.fs.cluster(), &writer.info, &workers, &writer.options).await?);
        }
        Ok(writer)
    }

    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// How much was written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes data; waits when the workers are slower.
    ///
    /// # Errors
    /// When it cannot be written where the write type wants it. The file can then not be completed.
    pub async fn write(&mut self, data: Bytes) -> FsResult<()> {
        self.check_intact()?;
        self.intact = false;
        if self.caching
            && let Err(error) = self.write_blocks(data.clone()).await
        {
            self.give_up_caching(error)?;
        }
        let length = data.len() as u64;
        if let Some(ufs) = &mut self.ufs {
            ufs.write(data).await?;
        }
        self.written += length;
        self.intact = true;
        Ok(())
    }

    /// Waits until the workers have all that was written.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn flush(&mut self) -> FsResult<()> {
        if let Some(block) = &mut self.block
            && let Err(error) = block.flush().await
        {
            self.give_up_caching(error)?;
        }
        match &mut self.ufs {
            Some(ufs) => ufs.flush().await,
            None => Ok(()),
        }
    }

    /// Commits everything and completes the file.
    ///
    /// # Errors
    /// What the workers or the master answer; the file is then not complete.
    pub async fn close(mut self) -> FsResult<()> {
        self.check_intact()?;
        if let Err(error) = self.close_block().await {
            self.give_up_caching(error)?;
        }
        let mut complete = CompleteFilePOptions::default();
        if let Some(ufs) = self.ufs.take() {
            complete.content_hash = ufs.close().await?;
            complete.ufs_length = Some(signed(self.written));
        }
        if self.write_type == WritePType::AsyncThrough {
            complete.async_persist_options = Some(self.persist);
        }
        self.fs.complete_file(&self.path, complete).await
    }

    /// Throws away what was not committed yet. The file stays, incomplete: delete it. (Dropping does the
    /// same.)
    pub fn cancel(self) {
        drop(self);
    }

    fn check_intact(&self) -> FsResult<()> {
        if self.intact {
            return Ok(());
        }
        Err(FsError::failed_precondition(format!(
            "An earlier write to {} failed: delete the file and write it again.",
            self.path
        )))
    }

    async fn write_blocks(&mut self, mut data: Bytes) -> FsResult<()> {
        while !data.is_empty() {
            let block_size = self.options.block_size;
            let block = match &mut self.block {
                Some(block) => block,
                None => {
                    let opened = self.open_block().await?;
                    self.block.insert(opened)
                }
            };
            let room = usize::try_from(block_size - block.position()).unwrap_or(usize::MAX);
            block.write(data.split_to(data.len().min(room))).await?;
            if block.position() == block_size {
                self.close_block().await?;
            }
        }
        Ok(())
    }

    async fn open_block(&self) -> FsResult<BlockOut> {
        let block_id = self.fs.get_new_block_id(&self.path).await?;
        let workers = self.workers(self.options.block_size).await?;
        BlockOut::open(self.fs.cluster(), block_id, &workers, &self.options).await
    }

    async fn close_block(&mut self) -> FsResult<()> {
        match self.block.take() {
            Some(block) => block.close().await,
            None => Ok(()),
        }
    }

    async fn workers(&self, block_size: u64) -> FsResult<Vec<WorkerNetAddress>> {
        match &self.worker {
            Some(worker) => Ok(vec![worker.clone()]),
            None => self.fs.cluster().workers_for(block_size).await,
        }
    }

    /// Without blocks the file is still whole when it is in the under storage; else this is the end.
    fn give_up_caching(&mut self, error: FsError) -> FsResult<()> {
        if self.ufs.is_none() {
            return Err(error);
        }
        tracing::warn!(%error, path = %self.path, "the file is not cached; it is written to the under storage only");
        self.caching = false;
        self.block = None;
        Ok(())
    }
}

fn block_options(options: &CreateFilePOptions, conf: &Configuration, write_type: WritePType) -> BlockOptions {
    let block_size = unsigned(options.block_size_bytes());
    BlockOptions {
        block_size,
        tier: options.write_tier(),
        medium: conf.opt(key::USER_FILE_TARGET_MEDIA).unwrap_or_default(),
        pin: write_type == WritePType::AsyncThrough,
        reserve: block_size.min(conf.get(key::USER_FILE_RESERVED_BYTES)),
    }
}
