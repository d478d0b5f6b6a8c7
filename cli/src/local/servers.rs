//! Starting and stopping the master and the worker of the embedded cluster.

use std::{io, net::TcpListener, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_journal::{Existing, JournalError};
use alluxio_master::Master;
use alluxio_telemetry::logs::LogHandle;
use alluxio_worker::Worker;
use tokio::time::timeout;
use uuid::Uuid;

use super::settings::Settings;
use crate::{error::CommandError, journal_folder, output::Output};

/// How long the worker may take to register with a master in the same process.
const REGISTRATION: Duration = Duration::from_secs(30);

/// The running servers.
pub struct Servers {
    master: Master,
    worker: Worker,
    client: Configuration,
}

impl Servers {
    /// Makes what is missing, and starts the master and then the worker.
    pub async fn start(settings: &Settings, logs: &LogHandle, out: &Output) -> Result<Self, CommandError> {
        make_folders(settings)?;
        if format_on_first_use(&settings.master).await? {
            out.line(format_args!("Formatted a new cluster in {}", settings.base.display()))?;
        }
        let master = Master::start(settings.master.clone(), Some(logs.clone()))
            .await
            .map_err(|error| CommandError::failed(format!("The master does not start: {error}")))?;
        // A port that was chosen by the system is known only now.
        let port = master.rpc_addr().port().to_string();
        let with_port = |conf: &Configuration| {
            conf.with(&[("alluxio.master.rpc.port", &port)])
                .map_err(|error| CommandError::failed(error.to_string()))
        };
        let worker = match Worker::start_with_logs(with_port(&settings.worker)?, Some(logs.clone())).await {
            Ok(worker) => worker,
            Err(error) => {
                master.shutdown().await;
                return Err(CommandError::failed(format!("The worker does not start: {error}")));
            }
        };
        Ok(Self { master, worker, client: with_port(&settings.client)? })
    }

    /// Waits until the worker has registered with the master.
    pub async fn ready(&self) -> Result<(), CommandError> {
        match timeout(REGISTRATION, self.worker.registered()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(CommandError::failed(format!(
                "The worker has not registered with the master within {REGISTRATION:?}; the log says why"
            ))),
        }
    }

    /// Ends when the master cannot go on.
    pub async fn failed(&self) -> CommandError {
        CommandError::failed(format!("The master has stopped: {}", self.master.failed().await))
    }

    pub fn client_conf(&self) -> &Configuration {
        &self.client
    }

    pub fn ports(&self) -> [(&'static str, u16, u16); 2] {
        [
            ("master", self.master.rpc_addr().port(), self.master.web_addr().port()),
            ("worker", self.worker.rpc_addr().port(), self.worker.web_addr().port()),
        ]
    }

    /// The worker first: it tells the master what it still has to tell.
    pub async fn stop(self) {
        self.worker.shutdown().await;
        self.master.shutdown().await;
    }
}

/// Refuses before anything is started when a port is taken, and says which property chooses another.
pub fn check_ports(settings: &Settings) -> Result<(), CommandError> {
    let (master, worker) = (&settings.master, &settings.worker);
    let ports = [
        ("alluxio.master.rpc.port", master.get(key::MASTER_BIND_HOST), master.get(key::MASTER_RPC_PORT)),
        ("alluxio.master.web.port", master.get(key::MASTER_WEB_BIND_HOST), master.get(key::MASTER_WEB_PORT)),
        ("alluxio.worker.rpc.port", worker.get(key::WORKER_BIND_HOST), worker.get(key::WORKER_RPC_PORT)),
        ("alluxio.worker.web.port", worker.get(key::WORKER_WEB_BIND_HOST), worker.get(key::WORKER_WEB_PORT)),
    ];
    for (property, host, port) in ports {
        check_port(property, &host, port)?;
    }
    Ok(())
}

fn check_port(property: &str, host: &str, port: i64) -> Result<(), CommandError> {
    let number = u16::try_from(port)
        .map_err(|_| CommandError::failed(format!("{property}={port} is not a port number (0 to 65535)")))?;
    match TcpListener::bind((host, number)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(CommandError::failed(format!(
            "Port {port} is in use. Stop what uses it (perhaps another Alluxio), or choose another port with \
             -D{property}=<port>."
        ))),
        Err(error) => {
            Err(CommandError::failed(format!("Cannot listen on {host}:{port} ({property}): {error}")))
        }
    }
}

fn make_folders(settings: &Settings) -> Result<(), CommandError> {
    let mut folders = vec![settings.base.clone(), settings.logs()];
    folders.extend(settings.under_storage());
    let tiers = settings.worker.tiers().map_err(|error| CommandError::failed(error.to_string()))?;
    folders.extend(tiers.iter().flat_map(|tier| &tier.dirs).map(|dir| dir.path.clone()));
    for folder in folders {
        std::fs::create_dir_all(&folder).map_err(|error| CommandError::local(&folder, error))?;
    }
    Ok(())
}

/// Makes a journal where there is none; one that is there is left as it is.
async fn format_on_first_use(conf: &Configuration) -> Result<bool, CommandError> {
    let store = journal_folder::open(conf)?;
    match alluxio_journal::is_formatted(store.as_ref()).await {
        Ok(true) => Ok(false),
        Ok(false) => {
            let formatted = alluxio_journal::format(store.as_ref(), Uuid::new_v4(), Existing::Keep).await;
            formatted.map(|()| true).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: JournalError) -> CommandError {
    CommandError::failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_property() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = i64::from(taken.local_addr().unwrap().port());
        let error = check_port("alluxio.master.web.port", "127.0.0.1", port).unwrap_err().to_string();
        assert!(error.contains(&format!("Port {port} is in use")), "{error}");
        assert!(error.contains("-Dalluxio.master.web.port="), "{error}");
        drop(taken);
        check_port("alluxio.master.web.port", "127.0.0.1", port).unwrap();
    }

    #[test]
    fn an_address_that_is_not_ours_is_named() {
        let error = check_port("alluxio.worker.rpc.port", "192.0.2.1", 1).unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:1 (alluxio.worker.rpc.port)"), "{error}");
        assert!(check_port("alluxio.worker.rpc.port", "127.0.0.1", 70_000).is_err());
    }

    #[tokio::test]
    async fn only_the_first_use_formats() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("journal");
        let conf = Configuration::defaults()
            .with(&[("alluxio.master.journal.folder", folder.to_str().unwrap())])
            .unwrap();
        assert!(format_on_first_use(&conf).await.unwrap());
        assert!(!format_on_first_use(&conf).await.unwrap());
    }
}
