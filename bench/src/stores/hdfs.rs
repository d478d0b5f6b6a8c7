//! HDFS. Its own client is Hadoop's shell, in a JVM that has done the same before: neither its start nor its first steps
//! count. Beside it, the library that Alluxio's driver is made of.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use alluxio_hdfs::{Create, Hdfs as Client, Settings};
use alluxio_tests::{
    hdfs::Hdfs,
    java::{JavaClient, Kind, Locality, ShellSession},
    links::Link,
    root_mount,
};
use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::Store;
use crate::{original::VERSION, paths};

const ROOT: &str = "/bench";
const AT_ONCE: usize = 32;
/// For one command of the shell.
const LIMIT: Duration = Duration::from_secs(600);
/// Where clients find the DataNode: the link stands there.
const DATANODE: [u8; 4] = [127, 0, 0, 2];

pub struct HdfsStore {
    handle: Handle,
    shell: ShellSession,
    link: Link,
    hdfs: Hdfs,
    /// What lies in the root: what a listing must find.
    files: u64,
    /// Of the shell.
    folder: TempDir,
}

impl HdfsStore {
    pub fn start(handle: Handle) -> Result<HdfsStore> {
        let host = DATANODE.map(|part| part.to_string()).join(".");
        let mut hdfs = Hdfs::plan().datanodes(1).datanodes_behind(&host).start()?;
        hdfs.make_folder(ROOT, "777")?;
        let port = hdfs.datanode_port(0)?;
        let link = Link::open(SocketAddr::from((DATANODE, port)), SocketAddr::from(([127, 0, 0, 1], port)))?;
        let folder = tempfile::Builder::new().prefix("alluxio-bench-hdfs-").tempdir()?;
        // It is not told of any master.
        let client = JavaClient::of_master(VERSION, Locality::Streams, folder.path(), 0)?;
        let shell = ShellSession::start(&client, Kind::Hadoop, LIMIT)?;
        Ok(HdfsStore { handle, shell, link, hdfs, files: 0, folder })
    }

    /// A command of Hadoop's shell; `{}` stands for the root's address.
    fn shell(&mut self, command: &[&str]) -> Result<Duration> {
        let root = format!("{}{ROOT}", self.hdfs.uri());
        let mut words = vec!["-D".to_owned(), "dfs.replication=1".to_owned()];
        for (key, value) in self.hdfs.client_properties() {
            words.extend(["-D".to_owned(), format!("{key}={value}")]);
        }
        words.extend(command.iter().map(|word| word.replace("{}", &root)));
        self.shell.time(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn client(&self) -> Result<Client> {
        let properties = self.hdfs.client_properties().into_iter().collect();
        Ok(Client::new(
            &format!("127.0.0.1:{}", self.hdfs.port()),
            Settings { properties, ..Settings::default() },
        )?)
    }
}

impl Store for HdfsStore {
    fn root(&self) -> Vec<(String, String)> {
        root_mount(&format!("{}{ROOT}", self.hdfs.uri()), self.hdfs.client_properties())
    }

    fn link(&self) -> &Link {
        &self.link
    }

    fn make_tree(&mut self, files: u64) -> Result<()> {
        let client = self.client()?;
        let client = &client;
        // Without a block: a listing asks for none.
        let new = Create { replication: Some(1), block_size: None, permissions: 0o644 };
        self.handle.block_on(async {
            for first in (0..files).step_by(paths::PER_DIRECTORY as usize) {
                let file = paths::file(ROOT, first)?;
                let folder = file.parent().map(|folder| folder.as_str().to_owned()).unwrap_or_default();
                client.make_folders(&folder, 0o755).await?;
            }
            let made = stream::iter(0..files).map(|number| async move {
                client.create(paths::file(ROOT, number)?.as_str(), new).await?.close().await?;
                anyhow::Ok(())
            });
            made.buffer_unordered(AT_ONCE).try_collect::<()>().await
        })?;
        self.files += files;
        Ok(())
    }

    fn put(&mut self, local: &Path, name: &str) -> Result<()> {
        self.shell(&["-put", &local.display().to_string(), &format!("{{}}/{name}")])?;
        self.files += 1;
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<(&'static str, Duration)>> {
        let by_shell = self.shell(&["-ls", "-R", "{}"])?;
        let client = self.client()?;
        let began = Instant::now();
        let files = self.handle.block_on(async {
            let (mut folders, mut files) = (vec![ROOT.to_owned()], 0);
            while let Some(folder) = folders.pop() {
                let mut listing = client.listing(&folder);
                while let Some(entry) = listing.next(&client).await? {
                    if entry.is_folder {
                        folders.push(format!("{folder}/{}", entry.name));
                    } else {
                        files += 1;
                    }
                }
            }
            anyhow::Ok(files)
        })?;
        ensure!(files == self.files, "{files} of {} files were listed", self.files);
        Ok(vec![("FsShell -ls -R", by_shell), ("hdfs-native", began.elapsed())])
    }

    fn read(&mut self, name: &str) -> Result<Duration> {
        self.shell(&["-cat", &format!("{{}}/{name}")])
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let HdfsStore { shell, link, hdfs, folder, .. } = *self;
        drop((shell, link));
        hdfs.finish()?;
        Ok(folder.close()?)
    }
}
