//! `alluxio-worker`: loads the configuration, starts a worker, ends it on SIGTERM or SIGINT.

use alluxio_conf::{Configuration, Role};
use alluxio_rpc::raise_open_file_limit;
use alluxio_telemetry::logs::{self, Program};
use alluxio_worker::Worker;
use std::{
    error::Error,
    process::{ExitCode, Termination},
};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alluxio-worker: {error}");
            ExitCode::FAILURE.report()
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let loaded = Configuration::load(Role::Worker, std::env::args().skip(1))?;
    if let Some(unknown) = loaded.rest_args.first() {
        return Err(format!("unknown argument {unknown}: only -Dkey=value is taken").into());
    }
    let logs = logs::init(Program::Worker, &loaded.conf)?;
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    raise_open_file_limit()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let worker = Worker::start_with_logs(loaded.conf, Some(logs.clone())).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::select! {
            () = worker.shutdown() => {}
            // A second signal: whoever sends it does not want to wait.
            _ = terminate.recv() => tracing::warn!("ended by a second signal"),
            _ = interrupt.recv() => tracing::warn!("ended by a second signal"),
        }
        Ok(())
    })
}
