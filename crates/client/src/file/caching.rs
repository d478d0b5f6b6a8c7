//! Bringing what was read nearer: after a read from elsewhere, the worker on this host is asked to
//! cache the block.

use alluxio_conf::key;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::CacheRequest,
    file::{FileInfo, ReadPType},
};

use super::{
    block_in::ReadOptions,
    source::{Candidate, Spot, is_same_worker, signed, ufs_options},
};
use crate::{
    cluster::Cluster,
    worker::{WorkerClient, worker_host},
};

/// Asks, without waiting for it and without a failure if it cannot: caching is a favour.
pub(super) fn request(
    cluster: &Cluster,
    info: &FileInfo,
    spot: Spot,
    source: &Candidate,
    options: &ReadOptions,
) {
    if options.read_type == ReadPType::NoCache || is_over_replicated(info, &spot) {
        return;
    }
    let request = CacheRequest {
        block_id: Some(spot.block_id),
        length: Some(signed(spot.length)),
        open_ufs_block_options: Some(ufs_options(info, &spot, options.read_type, options.concurrency)),
        source_host: Some(worker_host(&source.address).to_owned()),
        source_port: Some(source.address.data_port()),
        r#async: Some(true),
    };
    let (cluster, source) = (cluster.clone(), source.clone());
    tokio::spawn(async move {
        if let Err(error) = ask(&cluster, &source, request).await {
            tracing::debug!(%error, block = spot.block_id, "the block is not cached nearer");
        }
    });
}

async fn ask(cluster: &Cluster, source: &Candidate, request: CacheRequest) -> FsResult<()> {
    match cacher(cluster, source).await? {
        Some(worker) => {
            WorkerClient::new(&cluster.conf(), cluster.connector(), &worker)?.cache(request).await
        }
        None => Ok(()),
    }
}

/// The worker that should cache: the one on this host, else the one that read the under storage. None
/// when that one has the block already.
async fn cacher(cluster: &Cluster, source: &Candidate) -> FsResult<Option<WorkerNetAddress>> {
    let nearer = if cluster.conf().get(key::USER_FILE_PASSIVE_CACHE_ENABLED) {
        cluster.local_worker().await?
    } else {
        None
    };
    let cacher = nearer.unwrap_or_else(|| source.address.clone());
    Ok((!source.has_block || !is_same_worker(&cacher, &source.address)).then_some(cacher))
}

/// The file wants no more copies than there are.
fn is_over_replicated(info: &FileInfo, spot: &Spot) -> bool {
    let block = info.file_block_infos.get(spot.index).and_then(|block| block.block_info.as_ref());
    let copies = block.map_or(0, |block| block.locations.len());
    usize::try_from(info.replication_max()).is_ok_and(|max| max > 0 && copies >= max)
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{BlockInfo, BlockLocation, file::FileBlockInfo};

    use super::*;

    #[test]
    fn copies_are_counted_against_the_maximum() {
        let block = BlockInfo { locations: vec![BlockLocation::default(); 2], ..BlockInfo::default() };
        let blocks = vec![FileBlockInfo { block_info: Some(block), ..FileBlockInfo::default() }];
        let info = |max| FileInfo {
            replication_max: Some(max),
            file_block_infos: blocks.clone(),
            ..FileInfo::default()
        };
        let spot = Spot { index: 0, block_id: 1, start: 0, length: 1 };
        assert!(is_over_replicated(&info(2), &spot));
        assert!(!is_over_replicated(&info(3), &spot));
        assert!(!is_over_replicated(&info(-1), &spot), "no maximum");
    }
}
