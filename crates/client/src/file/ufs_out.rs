//! The file in the under storage, written through a worker.

use alluxio_fs::{AccessControlList, FsError, FsResult};
use alluxio_proto::{
    dataserver::CreateUfsFileOptions,
    grpc::{
        WorkerNetAddress,
        block::{RequestType, WriteRequestCommand},
        file::FileInfo,
    },
};

use super::block_out::BlockOptions;
use crate::{
    cluster::Cluster,
    worker::{BlockWriter, WorkerClient},
};

/// Opens the stream at the first of these workers that is there.
pub(super) async fn open(
    cluster: &Cluster,
    info: &FileInfo,
    workers: &[WorkerNetAddress],
    options: &BlockOptions,
) -> FsResult<BlockWriter> {
    let mut last = None;
    for address in workers {
        let worker = WorkerClient::new(&cluster.conf(), cluster.connector(), address)?;
        match worker.write_block(command(info, options)).await {
            Ok(writer) => return Ok(writer),
            Err(error) => {
                tracing::debug!(%error, worker = address.host(), "cannot write to the under storage here");
                last = Some(error);
            }
        }
    }
    cluster.forget_workers();
    Err(last.unwrap_or_else(|| FsError::unavailable("There is no worker to write to.")))
}

fn command(info: &FileInfo, options: &BlockOptions) -> WriteRequestCommand {
    let acl = info
        .acl
        .as_ref()
        .map(|acl| AccessControlList::from_wire(acl).to_stored(info.owner(), info.group(), false));
    WriteRequestCommand {
        r#type: Some(RequestType::UfsFile.into()),
        // A file of the under storage has no block id.
        id: Some(-1),
        tier: Some(options.tier),
        create_ufs_file_options: Some(CreateUfsFileOptions {
            ufs_path: Some(info.ufs_path().to_owned()),
            owner: Some(info.owner().to_owned()),
            group: Some(info.group().to_owned()),
            mode: Some(info.mode()),
            mount_id: Some(info.mount_id()),
            acl,
        }),
        medium_type: Some(options.medium.clone()),
        pin_on_create: Some(options.pin),
        space_to_reserve: Some(0),
        ..WriteRequestCommand::default()
    }
}
