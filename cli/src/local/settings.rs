//! The configuration of the embedded cluster. What decides where data lies and who is talked to comes
//! from the command line alone: a site file on this machine may describe a real cluster, whose journal
//! and under storage must not be touched by a try-out.

use std::path::{Path, PathBuf};

use alluxio_conf::{Configuration, Place, key};

use crate::error::CommandError;

/// How much the worker holds, when `-D` does not say.
const WORKER_SPACE: &str = "1GB";

/// Configuration of the three parts of the cluster.
#[derive(Debug)]
pub struct Settings {
    pub base: PathBuf,
    pub master: Configuration,
    pub worker: Configuration,
    pub client: Configuration,
}

impl Settings {
    /// Adapts what was loaded for master, worker and client.
    pub fn new(base: &Path, loaded: [Configuration; 3]) -> Result<Self, CommandError> {
        let fixed = fixed(base);
        let adapt = |conf: Configuration| {
            let open: Vec<_> = fixed
                .iter()
                .filter(|(name, _)| conf.place_of(name) != Place::Argument)
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            conf.with(&open).map_err(|error| CommandError::failed(error.to_string()))
        };
        let [master, worker, client] = loaded;
        Ok(Self {
            base: base.to_owned(),
            master: adapt(master)?,
            worker: adapt(worker)?,
            client: adapt(client)?,
        })
    }

    pub fn logs(&self) -> PathBuf {
        PathBuf::from(self.master.get(key::LOGS_DIR))
    }

    /// The under storage, when it is a folder on this machine.
    pub fn under_storage(&self) -> Option<PathBuf> {
        let uri = self.master.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
        let path = uri.strip_prefix("file://").unwrap_or(&uri);
        path.starts_with('/').then(|| PathBuf::from(path))
    }
}

fn fixed(base: &Path) -> Vec<(&'static str, String)> {
    let below = |name: &str| base.join(name).display().to_string();
    let mut all = vec![
        ("alluxio.work.dir", base.display().to_string()),
        ("alluxio.logs.dir", below("logs")),
        ("alluxio.master.journal.folder", below("journal")),
        ("alluxio.master.mount.table.root.ufs", below("underFSStorage")),
        ("alluxio.worker.tieredstore.level0.dirs.path", below("worker")),
    ];
    let texts = [
        ("alluxio.master.hostname", "localhost"),
        ("alluxio.worker.hostname", "localhost"),
        // A cluster to try things out with is nobody else's business on the network.
        ("alluxio.master.bind.host", "127.0.0.1"),
        ("alluxio.master.web.bind.host", "127.0.0.1"),
        ("alluxio.worker.bind.host", "127.0.0.1"),
        ("alluxio.worker.web.bind.host", "127.0.0.1"),
        ("alluxio.zookeeper.enabled", "false"),
        // Empty means: not set.
        ("alluxio.master.rpc.addresses", ""),
        ("alluxio.master.embedded.journal.addresses", ""),
        ("alluxio.master.journal.type", "UFS"),
        ("alluxio.worker.tieredstore.levels", "1"),
        ("alluxio.worker.tieredstore.level0.alias", "MEM"),
        ("alluxio.worker.tieredstore.level0.dirs.mediumtype", "MEM"),
        ("alluxio.worker.tieredstore.level0.dirs.quota", WORKER_SPACE),
        // The only worker is known at once; the master need not wait for others.
        ("alluxio.master.worker.connect.wait.time", "200ms"),
        // The worker's folder is found again by the next run: nothing is lost when Ctrl-C does not wait.
        ("alluxio.worker.shutdown.persist.timeout", "5s"),
    ];
    all.extend(texts.map(|(name, value)| (name, value.to_owned())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(loaded: Configuration) -> Settings {
        Settings::new(Path::new("/base"), [loaded.clone(), loaded.clone(), loaded]).unwrap()
    }

    #[test]
    fn everything_lies_in_the_base_folder() {
        let settings = settings(Configuration::defaults());
        assert_eq!(settings.master.get(key::MASTER_JOURNAL_FOLDER), "/base/journal");
        assert_eq!(settings.under_storage().unwrap(), Path::new("/base/underFSStorage"));
        assert_eq!(settings.logs(), Path::new("/base/logs"));
        let tiers = settings.worker.tiers().unwrap();
        assert_eq!(tiers.len(), 1);
        assert_eq!(
            (tiers[0].dirs[0].path.as_path(), tiers[0].dirs[0].quota),
            (Path::new("/base/worker"), 1 << 30)
        );
    }

    #[test]
    fn a_real_clusters_site_file_does_not_count_but_arguments_do() {
        let site = Configuration::defaults()
            .with(&[
                ("alluxio.master.hostname", "production"),
                ("alluxio.master.journal.folder", "/mnt/production/journal"),
                ("alluxio.master.rpc.addresses", "production:19998,other:19998"),
                ("alluxio.zookeeper.enabled", "true"),
                ("alluxio.zookeeper.address", "zk:2181"),
            ])
            .unwrap();
        let settings = settings(site);
        assert_eq!(settings.worker.opt(key::MASTER_HOSTNAME).as_deref(), Some("localhost"));
        assert_eq!(settings.master.get(key::MASTER_JOURNAL_FOLDER), "/base/journal");
        assert_eq!(settings.client.opt(key::MASTER_RPC_ADDRESSES).unwrap_or_default(), Vec::<String>::new());
        assert!(!settings.master.get(key::ZOOKEEPER_ENABLED));

        let words =
            ["-Dalluxio.master.rpc.port=20000", "-Dalluxio.master.journal.folder=/mine"].map(str::to_owned);
        let given = Configuration::load(alluxio_conf::Role::Master, words).unwrap().conf;
        let settings = Settings::new(Path::new("/base"), [given.clone(), given.clone(), given]).unwrap();
        assert_eq!(settings.master.get(key::MASTER_JOURNAL_FOLDER), "/mine");
        assert_eq!(settings.master.get(key::MASTER_RPC_PORT), 20000);
    }
}
