//! Reaching a master: a person who waits is told what for, and one who waited in vain what to check.

use std::{future::Future, time::Duration};

use alluxio_client::{Authority, Cluster, FileSystem, MasterAddress, MetaMasterClient};
use alluxio_conf::{Configuration, key};
use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::{ConfigProperty, WorkerNetAddress, meta::GetConfigurationPOptions};
use tokio::time::timeout;

use crate::{error::CommandError, output::Output};

/// When waiting becomes worth a line.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects to the file system.
pub async fn file_system(conf: &Configuration, out: &Output) -> Result<FileSystem, CommandError> {
    announced(conf, out, FileSystem::connect(conf)).await
}

/// Waits for an answer of a master; says so once when it takes long.
pub async fn announced<T>(
    conf: &Configuration,
    out: &Output,
    answer: impl Future<Output = Result<T, FsError>>,
) -> Result<T, CommandError> {
    let patience = conf.get(key::USER_RPC_RETRY_MAX_DURATION).duration();
    if patience.is_some_and(|patience| patience <= PATIENCE) {
        // It will be over before the line is worth reading.
        return answer.await.map_err(|error| explained(conf, error));
    }
    let mut answer = std::pin::pin!(answer);
    let result = match timeout(PATIENCE, &mut answer).await {
        Ok(result) => result,
        Err(_) => {
            out.note(format_args!("Waiting for the Alluxio master at {} ...", Authority::configured(conf)));
            answer.await
        }
    };
    result.map_err(|error| explained(conf, error))
}

/// What the leading master uses.
pub async fn master_configuration(
    conf: &Configuration,
    out: &Output,
) -> Result<Vec<ConfigProperty>, CommandError> {
    let client = MetaMasterClient::new(&Cluster::without_defaults(conf)?);
    let options =
        GetConfigurationPOptions { ignore_path_conf: Some(true), ..GetConfigurationPOptions::default() };
    Ok(announced(conf, out, client.get_configuration(options)).await?.cluster_configs)
}

/// Host and RPC port of the leading master.
pub async fn leader(conf: &Configuration, out: &Output) -> Result<MasterAddress, CommandError> {
    announced(conf, out, Cluster::without_defaults(conf)?.leader()).await
}

/// The addresses of all live workers.
pub async fn workers(conf: &Configuration, out: &Output) -> Result<Vec<WorkerNetAddress>, CommandError> {
    let cluster = Cluster::without_defaults(conf)?;
    let workers = announced(conf, out, cluster.workers()).await?;
    Ok(workers.iter().filter_map(|worker| worker.address.clone()).collect())
}

/// What went wrong on the way to a master, with what to check.
fn explained(conf: &Configuration, error: FsError) -> CommandError {
    let check = if conf.get(key::ZOOKEEPER_ENABLED) {
        "Check that the masters and ZooKeeper run, and that alluxio.zookeeper.address names it."
    } else {
        "Check that it runs there, and that alluxio.master.hostname and alluxio.master.rpc.port name it."
    };
    let masters = Authority::configured(conf);
    // The client's text begins with the address, too.
    let reason = error.message.strip_prefix(&format!("Cannot reach {masters}: ")).unwrap_or(&error.message);
    let reason = reason.trim_end_matches('.');
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::DeadlineExceeded => {
            CommandError::failed(format!("Cannot reach the Alluxio master at {masters}: {reason}. {check}"))
        }
        ErrorKind::Internal | ErrorKind::Unknown | ErrorKind::Cancelled => CommandError::failed(format!(
            "What answers at {masters} does not seem to be an Alluxio master: {reason}. {check}"
        )),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_master_is_named_with_what_to_check() {
        let conf = Configuration::defaults().with(&[("alluxio.master.hostname", "m1")]).unwrap();
        let text = explained(&conf, FsError::unavailable("Cannot reach m1:19998: refused")).to_string();
        assert!(text.starts_with("Cannot reach the Alluxio master at m1:19998: refused. Check "), "{text}");
        assert!(text.contains("alluxio.master.hostname"), "{text}");
        let text = explained(&conf, FsError::internal("HTTP status 404")).to_string();
        assert!(text.starts_with("What answers at m1:19998 does not seem to be an Alluxio master"), "{text}");
        assert_eq!(explained(&conf, FsError::unauthenticated("no")).to_string(), "no");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_announced_once() {
        let seen = crate::output::Captured::default();
        let out = seen.output();
        let conf = Configuration::defaults();
        announced(&conf, &out, async { Ok(1) }).await.unwrap();
        assert_eq!(seen.errors(), "");
        let slow = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(2)
        };
        assert_eq!(announced(&conf, &out, slow).await.unwrap(), 2);
        assert_eq!(seen.errors(), "Waiting for the Alluxio master at localhost:19998 ...\n");
    }
}
