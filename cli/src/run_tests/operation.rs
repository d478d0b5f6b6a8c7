//! What a test writes, and what it must read back.

use alluxio_client::FileSystem;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    file::{CreateFilePOptions, DeletePOptions, ExistsPOptions, OpenFilePOptions},
};
use bytes::{BufMut, Bytes, BytesMut};

use super::case::{Case, Operation};
use crate::error::CommandError;

/// How many numbers a file holds.
const NUMBERS: i32 = 20;

/// Runs one test; whether the file held what was written.
pub async fn run(fs: &FileSystem, case: &Case) -> Result<bool, CommandError> {
    let worker = worker(fs, case).await?;
    // The second kind of test may find a file and replaces it; the first expects none.
    if case.operation == Operation::BasicNonByteBuffer
        && fs.exists(&case.path, ExistsPOptions::default()).await?
    {
        fs.delete(&case.path, DeletePOptions::default()).await?;
    }
    let mut writer = fs.create(&case.path, create_options(case, worker.clone())).await?;
    for piece in pieces(case.operation) {
        if let Err(error) = writer.write(piece).await {
            writer.cancel();
            return Err(error.into());
        }
    }
    writer.close().await?;

    let mut reader = fs.open(&case.path, open_options(case, worker)).await?;
    let mut content = BytesMut::new();
    while let Some(chunk) = reader.read().await? {
        content.extend_from_slice(&chunk);
    }
    Ok(content == pieces(case.operation).concat())
}

fn create_options(case: &Case, worker: Option<WorkerNetAddress>) -> CreateFilePOptions {
    let mut options = CreateFilePOptions {
        write_type: Some(case.write as i32),
        recursive: Some(true),
        ..CreateFilePOptions::default()
    };
    if worker.is_some() {
        options.worker_location = worker;
        options.replication_max = Some(1);
        options.replication_min = Some(1);
    }
    options
}

fn open_options(case: &Case, worker: Option<WorkerNetAddress>) -> OpenFilePOptions {
    OpenFilePOptions {
        read_type: Some(case.read as i32),
        ufs_read_worker_location: worker,
        ..OpenFilePOptions::default()
    }
}

/// The address of the worker that the test is for, as the cluster knows it.
async fn worker(fs: &FileSystem, case: &Case) -> Result<Option<WorkerNetAddress>, CommandError> {
    let Some(wanted) = &case.worker else { return Ok(None) };
    let workers = fs.cluster().workers().await?;
    let addresses: Vec<_> = workers.iter().filter_map(|worker| worker.address.as_ref()).collect();
    if let Some(found) = addresses.iter().find(|address| wanted.is_at(address)) {
        return Ok(Some((*found).clone()));
    }
    let known: Vec<_> =
        addresses.iter().map(|address| format!("{}:{}", address.host(), address.rpc_port())).collect();
    Err(CommandError::failed(format!("there is no worker {wanted}; the cluster has {}", known.join(", "))))
}

/// What is written, in as many pieces: the numbers in the machine's own byte order at once, or their
/// count and each of them in network order.
fn pieces(operation: Operation) -> Vec<Bytes> {
    match operation {
        Operation::Basic => {
            let mut all = BytesMut::new();
            (0..NUMBERS).for_each(|number| all.put_i32_ne(number));
            vec![all.freeze()]
        }
        Operation::BasicNonByteBuffer => std::iter::once(NUMBERS)
            .chain(0..NUMBERS)
            .map(|number| Bytes::copy_from_slice(&number.to_be_bytes()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_sizes_of_the_original() {
        assert_eq!(pieces(Operation::Basic).concat().len(), 80);
        let other = pieces(Operation::BasicNonByteBuffer).concat();
        assert_eq!(other.len(), 84);
        assert_eq!(other[..8], [0, 0, 0, 20, 0, 0, 0, 0]);
    }
}
