//! What a ReadBlock request asks for, checked. Pure.

use alluxio_fs::FsError;
use alluxio_proto::{dataserver::OpenUfsBlockOptions, grpc::block::ReadRequest};

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPlan {
    pub block: i64,
    pub offset: u64,
    pub length: u64,
    pub chunk: usize,
    pub promote: bool,
    /// Where the block lies in the under storage, if it does.
    pub under: Option<UnderBlock>,
    /// Whether it may be on other workers only: see [`super::peer_source`].
    pub elsewhere: bool,
}

/// A block as a range of a file in an under storage.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderBlock {
    pub mount: i64,
    pub path: String,
    pub offset_in_file: u64,
    pub length: u64,
    pub no_cache: bool,
}

impl UnderBlock {
    /// `None` when the options do not name a file: the block exists only in Alluxio.
    pub fn parse(options: &OpenUfsBlockOptions) -> Result<Option<UnderBlock>, FsError> {
        let Some(path) = options.ufs_path.clone().filter(|path| !path.is_empty()) else { return Ok(None) };
        let natural = |name: &str, value: Option<i64>| {
            let value = value.unwrap_or(0);
            u64::try_from(value)
                .map_err(|_| FsError::invalid_argument(format!("{name} is negative: {value}")))
        };
        Ok(Some(UnderBlock {
            // Without an id the root mount is meant, as for the original.
            mount: options.mount_id.unwrap_or(alluxio_fs::ids::ROOT_MOUNT_ID),
            path,
            offset_in_file: natural("offset_in_file", options.offset_in_file)?,
            length: natural("block_size", options.block_size)?,
            no_cache: options.no_cache.unwrap_or(false),
        }))
    }
}

impl ReadPlan {
    /// `chunk_limit`: `alluxio.worker.network.reader.max.chunk.size.bytes`.
    pub fn parse(request: &ReadRequest, chunk_limit: usize) -> Result<ReadPlan, FsError> {
        let positive = |name: &str, value: Option<i64>| match value.unwrap_or(0) {
            value if value > 0 => Ok(value as u64),
            value => Err(FsError::invalid_argument(format!("{name} must be positive but is {value}."))),
        };
        let block = super::block_id(request.block_id)?;
        let offset = request.offset.unwrap_or(0);
        let offset = u64::try_from(offset).map_err(|_| {
            FsError::invalid_argument(format!("offset must not be negative but is {offset}."))
        })?;
        let chunk = positive("chunk_size", request.chunk_size)?.min(chunk_limit as u64) as usize;
        let under = match &request.open_ufs_block_options {
            Some(options) => UnderBlock::parse(options)?,
            None => None,
        };
        Ok(ReadPlan {
            block,
            offset,
            length: positive("length", request.length)?,
            chunk,
            promote: request.promote.unwrap_or(false),
            elsewhere: under.is_none()
                && request
                    .open_ufs_block_options
                    .as_ref()
                    .is_some_and(OpenUfsBlockOptions::block_in_ufs_tier),
            under,
        })
    }

    /// How many bytes to send of a block of `block_length`: what lies beyond its end is left out.
    pub fn clamp(&self, block_length: u64) -> Result<u64, FsError> {
        match block_length.checked_sub(self.offset) {
            Some(rest) => Ok(self.length.min(rest)),
            None => Err(FsError::out_of_range(format!(
                "offset {} is beyond the end of block {}, which has {block_length} bytes.",
                self.offset, self.block
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(offset: i64, length: i64, chunk: i64) -> ReadRequest {
        ReadRequest {
            block_id: Some(7),
            offset: Some(offset),
            length: Some(length),
            chunk_size: Some(chunk),
            ..Default::default()
        }
    }

    #[test]
    fn bad_numbers_are_named() {
        for (bad, name) in [
            (request(0, 0, 10), "length"),
            (request(0, -1, 10), "length"),
            (request(0, 10, 0), "chunk_size"),
            (request(-1, 10, 10), "offset"),
        ] {
            let error = ReadPlan::parse(&bad, 100).unwrap_err();
            assert_eq!(error.kind, alluxio_fs::ErrorKind::InvalidArgument);
            assert!(error.message.contains(name), "{error}");
        }
        for block_id in [None, Some(-7)] {
            assert!(ReadPlan::parse(&ReadRequest { block_id, ..request(0, 1, 1) }, 100).is_err());
        }
    }

    #[test]
    fn chunks_are_capped_and_lengths_clamped() {
        let plan = ReadPlan::parse(&request(4, 100, 1000), 100).unwrap();
        assert_eq!(plan.chunk, 100);
        assert_eq!(plan.clamp(10), Ok(6));
        assert_eq!(plan.clamp(4), Ok(0));
        assert!(plan.clamp(3).is_err());
    }

    #[test]
    fn options_without_a_path_mean_alluxio_only() {
        let mut asked = request(0, 1, 1);
        asked.open_ufs_block_options = Some(OpenUfsBlockOptions::default());
        let plan = ReadPlan::parse(&asked, 1).unwrap();
        assert!(plan.under.is_none() && !plan.elsewhere);
        let options = OpenUfsBlockOptions {
            block_in_ufs_tier: Some(true),
            offset_in_file: Some(0),
            ..Default::default()
        };
        asked.open_ufs_block_options = Some(options);
        let plan = ReadPlan::parse(&asked, 1).unwrap();
        assert!(plan.under.is_none() && plan.elsewhere);
    }
}
