//! `alluxio-master`: takes `-Dkey=value` arguments, runs until SIGTERM or SIGINT.

use std::process::ExitCode;

use alluxio_conf::{Configuration, Role};
use alluxio_master::Master;
use alluxio_telemetry::logs::{self, Program};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

// glibc's allocator keeps much of what a large delete frees.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let ended = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(run());
        // A call of a journal's or an under storage's file system that hangs does not hold up the end.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alluxio-master: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let loaded = Configuration::load(Role::Master, std::env::args().skip(1))?;
    if let Some(argument) = loaded.rest_args.first() {
        return Err(format!("unknown argument {argument}: only -Dkey=value is taken").into());
    }
    let logs = logs::init(Program::Master, &loaded.conf)?;
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let master = tokio::select! {
        started = Master::start(loaded.conf, Some(logs)) => started?,
        // Replay changes nothing, so it may be cut short anywhere; a cut import is found at the next start.
        _ = term.recv() => return Ok(()),
        _ = int.recv() => return Ok(()),
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        reason = master.failed() => return Err(format!("stopped: {reason}").into()),
    }
    master.shutdown().await;
    Ok(())
}
