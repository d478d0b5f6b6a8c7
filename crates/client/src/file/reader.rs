//! Reading a file.

use std::sync::Arc;

use alluxio_conf::key;
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::{
    Bits,
    file::{FileInfo, GetStatusPOptions, OpenFilePOptions},
};
use bytes::{Bytes, BytesMut};

use super::{
    block_in::{BlockIn, Range, ReadOptions},
    caching,
    recovery::{Recovery, same_file},
    source::{Candidate, Spot, candidates, unsigned},
};
use crate::{cluster::RetryPolicy, file_system::FileSystem};

/// Positioned reads below this are read at once by the worker, as the Java client has it.
const SHORT: u64 = 2 * 1024 * 1024;

/// An open file: read in order with [`read`](Self::read), or anywhere with [`read_at`](Self::read_at).
pub struct FileReader {
    fs: FileSystem,
    path: AlluxioPath,
    info: Arc<FileInfo>,
    options: ReadOptions,
    retry: RetryPolicy,
    position: u64,
    current: Option<Current>,
    recovery: Recovery,
}

/// The block that is being read in order.
struct Current {
    block: BlockIn,
    spot: Spot,
    candidate: Candidate,
}

impl FileReader {
    pub(crate) async fn open(
        fs: FileSystem,
        path: &AlluxioPath,
        options: OpenFilePOptions,
    ) -> FsResult<Self> {
        let info = status(&fs, path, &options).await?;
        if info.folder() {
            return Err(FsError::invalid_argument(format!("Path \"{path}\" must be a file.")));
        }
        if !info.completed() {
            return Err(FsError::failed_precondition(format!(
                "Cannot read {path}: it is still being written."
            )));
        }
        let conf = fs.conf();
        let concurrency = conf.get(key::USER_UFS_BLOCK_READ_CONCURRENCY_MAX);
        let read_options = ReadOptions {
            read_type: match options.read_type {
                Some(_) => options.read_type(),
                None => crate::file_system::default_read_type(&conf),
            },
            concurrency: options
                .max_ufs_read_concurrency
                .unwrap_or_else(|| i32::try_from(concurrency).unwrap_or(i32::MAX)),
            preferred: options.ufs_read_worker_location,
        };
        Ok(Self {
            retry: RetryPolicy::of_reads(&conf),
            path: path.clone(),
            info: Arc::new(info),
            options: read_options,
            position: 0,
            current: None,
            recovery: Recovery::default(),
            fs,
        })
    }

    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    pub fn len(&self) -> u64 {
        unsigned(self.info.length())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on from another position; behind the end there is nothing to read.
    pub fn seek(&mut self, position: u64) {
        if position != self.position {
            self.position = position;
            self.current = None;
        }
    }

    /// The next bytes, as many as came at once; none at the end. A worker that fails is replaced by
    /// another one, for `alluxio.user.block.read.retry.max.duration` at most.
    ///
    /// # Errors
    /// When no worker can give the bytes.
    pub async fn read(&mut self) -> FsResult<Option<Bytes>> {
        loop {
            if self.current.is_none() {
                let Some(spot) = Spot::at(&self.info, self.position)? else { return Ok(None) };
                self.current = Some(self.open_block(spot).await?);
            }
            let Some(current) = &mut self.current else { continue };
            match current.block.next().await {
                Ok(Some(data)) => {
                    if data.is_empty() {
                        continue;
                    }
                    self.position += data.len() as u64;
                    self.recovery.succeeded();
                    if self.position >= current.spot.end() {
                        self.block_done();
                    }
                    return Ok(Some(data));
                }
                Ok(None) => {
                    let error = short(&self.path, &current.spot, self.position);
                    self.recovery.failed(&current.candidate.address, error);
                    self.current = None;
                }
                Err(error) => {
                    self.recovery.failed(&current.candidate.address, error);
                    self.current = None;
                }
            }
        }
    }

    /// All that is left, for files that fit in memory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_to_end(&mut self) -> FsResult<Bytes> {
        let mut all = BytesMut::new();
        while let Some(data) = self.read().await? {
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }

    /// Reads `length` bytes from `offset`, fewer at the end of the file, without moving the position.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_at(&self, offset: u64, length: usize) -> FsResult<Bytes> {
        let end = offset.saturating_add(length as u64).min(self.len());
        let mut info = Arc::clone(&self.info);
        let mut data = BytesMut::new();
        let mut recovery = Recovery::default();
        while offset + (data.len() as u64) < end {
            let position = offset + data.len() as u64;
            let Some(spot) = Spot::at(&info, position)? else { break };
            let wanted = end.min(spot.end()) - position;
            let range = Range {
                offset: position - spot.start,
                length: wanted,
                position_short: (length as u64) < SHORT,
            };
            let (mut block, candidate) = self.open_at(&mut info, &mut recovery, spot, range).await?;
            match fill(&mut block, &mut data, wanted).await {
                Ok(0) => recovery.succeeded(),
                Ok(_) => {
                    recovery.failed(&candidate.address, short(&self.path, &spot, offset + data.len() as u64))
                }
                Err(error) => recovery.failed(&candidate.address, error),
            }
        }
        Ok(data.freeze())
    }

    async fn open_block(&mut self, spot: Spot) -> FsResult<Current> {
        let offset = self.position - spot.start;
        let range = Range { offset, length: spot.length - offset, position_short: false };
        let mut info = Arc::clone(&self.info);
        let mut recovery = std::mem::take(&mut self.recovery);
        let opened = self.open_at(&mut info, &mut recovery, spot, range).await;
        self.info = info;
        self.recovery = recovery;
        opened.map(|(block, candidate)| Current { block, spot, candidate })
    }

    /// Opens a range of a block at the first worker that takes it.
    async fn open_at(
        &self,
        info: &mut Arc<FileInfo>,
        recovery: &mut Recovery,
        spot: Spot,
        range: Range,
    ) -> FsResult<(BlockIn, Candidate)> {
        let cluster = self.fs.cluster();
        loop {
            let found = candidates(cluster, info, &spot, self.options.preferred.as_ref()).await;
            let (found, why) = match found {
                Ok(found) => (found, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            if let Some(candidate) = recovery.choose(&found) {
                match BlockIn::open(cluster, info, &spot, range, candidate, &self.options).await {
                    Ok(block) => return Ok((block, candidate.clone())),
                    Err(error) => recovery.failed(&candidate.address, error),
                }
                continue;
            }
            recovery.round_over(self.retry, why, !info.persisted()).await?;
            cluster.forget_workers();
            *info = same_file(info, status(&self.fs, &self.path, &recovery.refresh()).await?)?;
        }
    }

    /// A whole block was read, or its rest.
    fn block_done(&mut self) {
        if let Some(Current { spot, candidate, .. }) = self.current.take() {
            caching::request(self.fs.cluster(), &self.info, spot, &candidate, &self.options);
        }
    }
}

/// Reads until `wanted` bytes have come or the stream ends; how many are missing.
async fn fill(block: &mut BlockIn, data: &mut BytesMut, mut wanted: u64) -> FsResult<u64> {
    while wanted > 0 {
        let Some(chunk) = block.next().await? else { break };
        data.extend_from_slice(&chunk);
        wanted = wanted.saturating_sub(chunk.len() as u64);
    }
    Ok(wanted)
}

async fn status(fs: &FileSystem, path: &AlluxioPath, options: &OpenFilePOptions) -> FsResult<FileInfo> {
    let update =
        options.update_last_access_time() && !fs.conf().get(key::USER_UPDATE_FILE_ACCESSTIME_DISABLED);
    let status = GetStatusPOptions {
        access_mode: Some(Bits::Read.into()),
        update_timestamps: Some(update),
        common_options: options.common_options,
        ..GetStatusPOptions::default()
    };
    fs.get_status(path, status).await
}

fn short(path: &AlluxioPath, spot: &Spot, position: u64) -> FsError {
    FsError::out_of_range(format!(
        "Block {} of {path} ended at {} of {} bytes.",
        spot.block_id,
        position - spot.start,
        spot.length
    ))
}
