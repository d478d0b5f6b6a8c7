//! Where a block of a file can be read from.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::{
    dataserver::OpenUfsBlockOptions,
    grpc::{
        WorkerNetAddress,
        file::{FileInfo, ReadPType},
    },
};

use crate::cluster::{Cluster, local_first};

/// A block of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub index: usize,
    pub block_id: i64,
    /// Where the block begins in the file.
    pub start: u64,
    pub length: u64,
}

impl Spot {
    /// The block that holds this position of the file; none behind its end.
    pub(super) fn at(info: &FileInfo, position: u64) -> FsResult<Option<Self>> {
        let length = unsigned(info.length());
        if position >= length {
            return Ok(None);
        }
        let block_size = unsigned(info.block_size_bytes());
        let path = info.path();
        if block_size == 0 {
            return Err(FsError::internal(format!("The master gave {path} a block size of 0.")));
        }
        let index = usize::try_from(position / block_size).unwrap_or(usize::MAX);
        let block_id = *info.block_ids.get(index).ok_or_else(|| {
            FsError::internal(format!("The master gave {path} no block for position {position}."))
        })?;
        let start = position - position % block_size;
        Ok(Some(Self { index, block_id, start, length: block_size.min(length - start) }))
    }

    pub(super) fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// A worker to read a block from.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub address: WorkerNetAddress,
    /// Whether the master says that the worker has the block; else it reads the under storage.
    pub has_block: bool,
}

/// The workers to try, in order: those that have the block, the local one first; then, when the under
/// storage has it too, the others, `preferred` first.
pub(super) async fn candidates(
    cluster: &Cluster,
    info: &FileInfo,
    spot: &Spot,
    preferred: Option<&WorkerNetAddress>,
) -> FsResult<Vec<Candidate>> {
    let mut holders = holders(info, spot);
    local_first(&mut holders, cluster.host());
    let mut found: Vec<Candidate> =
        holders.into_iter().map(|address| Candidate { address, has_block: true }).collect();
    if !info.persisted() {
        if found.is_empty() {
            return Err(no_source(info, spot));
        }
        return Ok(found);
    }
    let others = match cluster.workers_for(0).await {
        Ok(others) => others,
        // Those that have the block may do.
        Err(error) if !found.is_empty() => {
            tracing::debug!(%error, "no other workers to read from");
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    for address in preferred.cloned().into_iter().chain(others) {
        if !found.iter().any(|candidate| is_same_worker(&candidate.address, &address)) {
            found.push(Candidate { address, has_block: false });
        }
    }
    Ok(found)
}

/// The state of a file of which the master knows for sure that nobody has the data. It says so only when no
/// worker may still be on its way back.
const LOST: &str = "LOST";

/// Why a block that is only in Alluxio cannot be read while no worker has it.
fn no_source(info: &FileInfo, spot: &Spot) -> FsError {
    let (block, path) = (spot.block_id, info.path());
    if info.persistence_state() == LOST {
        return FsError::failed_precondition(format!(
            "The data of {path} is lost: no worker has block {block}, and the file is not in the under storage. If \
             a worker that had it is stopped, start it again; otherwise delete the file and write it anew."
        ));
    }
    FsError::unavailable(format!(
        "Block {block} of {path} is on no worker and not in the under storage: wait for its worker to come back."
    ))
}

fn holders(info: &FileInfo, spot: &Spot) -> Vec<WorkerNetAddress> {
    let block = info.file_block_infos.get(spot.index).and_then(|block| block.block_info.as_ref());
    let locations = block.map_or(&[][..], |block| &block.locations);
    locations.iter().filter_map(|location| location.worker_address.clone()).collect()
}

pub(super) fn is_same_worker(a: &WorkerNetAddress, b: &WorkerNetAddress) -> bool {
    (a.host(), a.rpc_port(), a.data_port()) == (b.host(), b.rpc_port(), b.data_port())
}

/// How a worker that does not have the block gets it, as the Java client says it.
pub(super) fn ufs_options(
    info: &FileInfo,
    spot: &Spot,
    read_type: ReadPType,
    concurrency: i32,
) -> OpenUfsBlockOptions {
    if info.persisted() {
        return OpenUfsBlockOptions {
            ufs_path: Some(info.ufs_path().to_owned()),
            offset_in_file: Some(signed(spot.start)),
            block_size: Some(signed(spot.length)),
            max_ufs_read_concurrency: Some(concurrency),
            mount_id: Some(info.mount_id()),
            no_cache: Some(read_type == ReadPType::NoCache),
            ..OpenUfsBlockOptions::default()
        };
    }
    if info.persistence_state() == "TO_BE_PERSISTED" {
        return OpenUfsBlockOptions {
            block_in_ufs_tier: Some(true),
            offset_in_file: Some(0),
            block_size: Some(signed(spot.length)),
            max_ufs_read_concurrency: Some(concurrency),
            mount_id: Some(info.mount_id()),
            no_cache: Some(read_type == ReadPType::NoCache),
            ..OpenUfsBlockOptions::default()
        };
    }
    OpenUfsBlockOptions::default()
}

/// Sizes are never negative on the wire; one that is counts as nothing.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use alluxio_fs::ErrorKind;

    use super::*;

    fn file(length: i64, block_size: i64, blocks: &[i64]) -> FileInfo {
        FileInfo {
            length: Some(length),
            block_size_bytes: Some(block_size),
            block_ids: blocks.to_vec(),
            ..FileInfo::default()
        }
    }

    #[test]
    fn positions_find_their_blocks() {
        let info = file(25, 10, &[7, 8, 9]);
        let spot = |position| Spot::at(&info, position).unwrap();
        assert_eq!(spot(0), Some(Spot { index: 0, block_id: 7, start: 0, length: 10 }));
        assert_eq!(spot(9).map(|spot| spot.block_id), Some(7));
        assert_eq!(spot(10).map(|spot| spot.block_id), Some(8));
        assert_eq!(spot(24), Some(Spot { index: 2, block_id: 9, start: 20, length: 5 }));
        assert_eq!(spot(25), None);
    }

    #[test]
    fn a_file_that_does_not_add_up_is_an_error() {
        assert!(Spot::at(&file(25, 0, &[7]), 0).is_err());
        assert!(Spot::at(&file(25, 10, &[7]), 10).is_err());
    }

    #[test]
    fn only_what_the_master_calls_lost_is_given_up() {
        for (state, kind) in
            [("LOST", ErrorKind::FailedPrecondition), ("NOT_PERSISTED", ErrorKind::Unavailable)]
        {
            let info = FileInfo {
                path: Some("/d/f".into()),
                persistence_state: Some(state.into()),
                ..file(25, 10, &[7, 8, 9])
            };
            let error = no_source(&info, &Spot::at(&info, 12).unwrap().unwrap());
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains("lock 8 ") || error.message.contains("block 8,"), "{error}");
            assert!(error.message.contains("/d/f"), "{error}");
        }
    }

    #[test]
    fn a_file_only_in_alluxio_has_no_under_storage() {
        let info = file(25, 10, &[7, 8, 9]);
        let spot = Spot::at(&info, 0).unwrap().unwrap();
        assert_eq!(ufs_options(&info, &spot, ReadPType::Cache, 1), OpenUfsBlockOptions::default());
    }

    #[test]
    fn a_persisted_file_is_read_from_its_block_on() {
        let info =
            FileInfo { persisted: Some(true), ufs_path: Some("/u/f".into()), ..file(25, 10, &[7, 8, 9]) };
        let spot = Spot::at(&info, 21).unwrap().unwrap();
        let options = ufs_options(&info, &spot, ReadPType::NoCache, 3);
        assert_eq!((options.offset_in_file(), options.block_size(), options.no_cache()), (20, 5, true));
    }
}
