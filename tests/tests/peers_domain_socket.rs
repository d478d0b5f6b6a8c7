//! The original's client on the worker's domain socket. The worker's counters prove which way the bytes went.

use std::{os::unix::fs::FileTypeExt, time::Duration};

use alluxio_tests::{
    Cluster,
    java::{JavaClient, Locality},
};
use anyhow::{Result, ensure};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn client_2_9_4_on_a_socket_with_a_name_of_its_own() -> Result<()> {
    all_bytes_take_the_socket("2.9.4", true)
}

#[test]
fn client_2_9_6_on_a_socket_with_a_fixed_name() -> Result<()> {
    all_bytes_take_the_socket("2.9.6", false)
}

/// `as_uuid`: the configured path is a folder, in which each worker has a name that no other host has.
fn all_bytes_take_the_socket(version: &str, as_uuid: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let address = folder.path().join("socket");
    let mut cluster = Cluster::plan()
        .set("alluxio.worker.data.server.domain.socket.address", &address.display().to_string())
        .set("alluxio.worker.data.server.domain.socket.as.uuid", &as_uuid.to_string())
        .start()?;
    let socket = match as_uuid {
        true => {
            std::fs::read_dir(&address)?.next().transpose()?.map(|entry| entry.path()).unwrap_or_default()
        }
        false => address,
    };
    ensure!(socket.symlink_metadata()?.file_type().is_socket(), "{} is no socket", socket.display());

    // On the worker's host, where it would open block files itself if there were no socket.
    let client = JavaClient::new(version, Locality::ShortCircuit, &cluster)?;
    client.passes_all_tests(LIMIT)?;

    let count = |name: &str| cluster.worker_counter(0, name);
    ensure!(count("Worker.BytesReadDomain")? > 0, "nothing was read over the socket");
    ensure!(count("Worker.BytesWrittenDomain")? > 0, "nothing was written over the socket");
    for other in ["BytesReadRemote", "BlocksReadLocal", "BytesWrittenRemote", "BytesWrittenDirect"] {
        let counted = count(&format!("Worker.{other}"))?;
        ensure!(counted == 0, "not all took the socket: Worker.{other} is {counted}");
    }

    cluster.stop_worker(0)?;
    ensure!(!socket.exists(), "the socket stayed when its worker ended");
    cluster.finish()
}
