//! `alluxio-operator`: looks after clusters until SIGTERM or SIGINT. `alluxio-operator crd` prints the definition of the resource,
//! `alluxio-operator leave` is run after it was uninstalled: nothing of a cluster waits for an operator any more.

use std::{io::Write as _, process::ExitCode};

use alluxio_operator::{
    crd::{PinnedImage, definition},
    lease::Timing,
    process::Settings,
    start::{self, Start},
};
use alluxio_telemetry::logs::{self, Program};
use anyhow::Context as _;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let ended = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run())),
        ["leave"] => Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(leave())),
        ["crd"] => print_definition(),
        _ => Err(anyhow::anyhow!("usage: alluxio-operator, alluxio-operator leave, or alluxio-operator crd")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alluxio-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_definition() -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(definition::yaml()?.as_bytes())?)
}

async fn leave() -> anyhow::Result<()> {
    let _logs = logs::init(Program::Operator, &alluxio_conf::Configuration::defaults())?;
    let left = start::leave(beginning().await?).await?;
    tracing::info!(clusters = left, "no cluster waits for an operator any more");
    Ok(())
}

async fn run() -> anyhow::Result<()> {
    let _logs = logs::init(Program::Operator, &alluxio_conf::Configuration::defaults())?;
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        tracing::info!("asked to end");
        asked.cancel();
    });
    start::run(beginning().await?, stop).await
}

async fn beginning() -> anyhow::Result<Start> {
    // kube and reqwest are built without a default of their own.
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = Settings::of(|name| std::env::var(name).ok())?;
    let config = kube::Config::infer().await.context("the API server's address is not known")?;
    let release = PinnedImage {
        repository: std::env::var("IMAGE_REPOSITORY").unwrap_or_else(|_| "localhost".to_owned()),
        tag: std::env::var("IMAGE_TAG").unwrap_or_else(|_| env!("CARGO_PKG_VERSION").to_owned()),
    };
    // No unwinding, no waiting: another operator may act from now on.
    let lost = Box::new(|| {
        eprintln!("alluxio-operator: the lease is over: another operator may act now");
        std::process::exit(1);
    });
    Ok(Start { settings, config, release, timing: Timing::default(), lost })
}
