//! The same with an unmodified client of the original that stays open.

use std::{path::Path, thread::sleep, time::Duration};

use alluxio_conf::Configuration;
use anyhow::{Result, bail};
use tempfile::TempDir;
use tokio::task::{block_in_place, spawn_blocking};

use super::{
    patient,
    writer::{Desk, PAUSE, Writer},
};
use crate::java::{JavaClient, Kind, Locality, ShellSession};

const VERSION: &str = "2.9.6";
/// A client that has found no master for so long is an error that its user sees.
const TRIES: Duration = Duration::from_secs(60);

/// An open shell of the original's whose `settings` lead to a cluster; what it writes stays in workers. Its own files are in that folder.
pub fn java_shell(settings: &[(String, String)], files: &Path) -> Result<ShellSession> {
    let mut client = JavaClient::of_master(VERSION, Locality::Streams, files, 19998)?;
    for (name, value) in settings {
        client.set(name, value);
    }
    client.set("alluxio.user.file.writetype.default", "MUST_CACHE");
    client.set("alluxio.user.rpc.retry.max.duration", &format!("{}s", patient(TRIES).as_secs()));
    block_in_place(|| ShellSession::start(&client, Kind::Alluxio, 2 * patient(TRIES)))
}

impl Writer {
    /// Starts it; `settings` lead to the cluster.
    pub fn start_java(settings: &[(String, String)], conf: &Configuration, folder: &str) -> Result<Writer> {
        let files = tempfile::Builder::new().prefix("alluxio-test-java-").tempdir()?;
        let mut shell = java_shell(settings, files.path())?;
        block_in_place(|| shell.run(&["mkdir", folder]))?;
        let (who, process) = (format!("Java {VERSION}"), Some(shell.process()));
        let run = |desk| spawn_blocking(move || write(&mut shell, &desk, files));
        let mut writer = Writer::over(&who, conf, folder, run);
        writer.process = process;
        Ok(writer)
    }
}

fn write(shell: &mut ShellSession, desk: &Desk, files: TempDir) -> Result<()> {
    while !desk.is_stopped() {
        let path = desk.next();
        let told = shell.try_run(&["touch", &path])?;
        // It asks again by itself when an answer was lost; what it asked for is done then.
        if told.code != 0 && !told.errors.contains("already exists") {
            let folder = files.keep();
            bail!("touch {path}: {}{}; its log is in {}", told.text()?, told.errors, folder.display());
        }
        desk.written();
        sleep(PAUSE);
    }
    Ok(())
}
