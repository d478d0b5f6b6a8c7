//! The client: calls with a time limit, on connections that are given up when nobody answers on them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hdfs_native::{Client, ClientBuilder, WriteOptions};
use parking_lot::Mutex;

use crate::error::{ConnectError, HdfsError, convert};
use crate::listing::Listing;
use crate::reader::Reader;
use crate::settings::Settings;
use crate::writer::Writer;

/// Where a NameNode listens that is named without a port.
const DEFAULT_PORT: u16 = 8020;
/// A folder that does not exist, so that the library reads no files and no environment on its own.
const NO_FOLDER: &str = "/dev/null/none";

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last part of its path.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Bytes, as the NameNode knows them: of a file that is written, more may be there, and less can be read.
    pub length: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified: u64,
    /// To whom it belongs.
    pub owner: String,
    /// To which group.
    pub group: String,
    /// Permission bits, with the sticky one.
    pub permissions: u16,
    /// How many copies a file is to have.
    pub replication: Option<u32>,
}

/// How a file is created.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// Copies wanted; None: what HDFS is set to.
    pub replication: Option<u32>,
    /// Bytes per block; None: what HDFS is set to.
    pub block_size: Option<u64>,
    /// Permission bits.
    pub permissions: u32,
}

/// A client of one HDFS. Calls may run side by side.
#[derive(Debug)]
pub struct Hdfs {
    authority: String,
    url: String,
    settings: Settings,
    client: Mutex<Arc<Client>>,
}

impl Hdfs {
    /// A client for `authority`, as in [`crate::Address`]. Connects only when it is used.
    pub fn new(authority: &str, mut settings: Settings) -> Result<Self, ConnectError> {
        let named = authority.is_empty()
            || has_port(authority)
            || settings.properties.contains_key(&format!("dfs.ha.namenodes.{authority}"));
        let url =
            if named { format!("hdfs://{authority}") } else { format!("hdfs://{authority}:{DEFAULT_PORT}") };
        adjust(&mut settings);
        let client = build(&url, &settings).map_err(|e| ConnectError::Client {
            authority: authority.to_owned(),
            reason: convert(e).to_string(),
        })?;
        Ok(Self { authority: authority.to_owned(), url, settings, client: Mutex::new(Arc::new(client)) })
    }

    /// The address of a path, as a user knows it.
    pub fn address(&self, path: &str) -> String {
        format!("hdfs://{}{path}", self.authority)
    }

    /// The settings as they are used.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        self.client.lock().clone()
    }

    /// Runs a call within a limit. When nobody answers, later calls get connections of their own: the present one may be dead
    /// without the kernel knowing, and it would send again what was lost on it only after minutes.
    pub(crate) async fn within<T, F>(
        &self,
        limit: Duration,
        call: impl FnOnce(Arc<Client>) -> F,
    ) -> io::Result<T>
    where
        F: Future<Output = hdfs_native::Result<T>>,
    {
        let client = self.client();
        match tokio::time::timeout(limit, call(client.clone())).await {
            Ok(result) => result.map_err(convert),
            Err(_) => {
                self.renew(&client);
                Err(HdfsError::late(limit))
            }
        }
    }

    fn renew(&self, stuck: &Arc<Client>) {
        let mut current = self.client.lock();
        if Arc::ptr_eq(&current, stuck)
            && let Ok(client) = build(&self.url, &self.settings)
        {
            *current = Arc::new(client);
        }
    }

    /// A file or folder; None when it is not there.
    pub async fn status(&self, path: &str) -> io::Result<Option<Entry>> {
        let found = self.within(self.settings.limits.call, async |c| c.get_file_info(path).await).await;
        absent(found.map(|status| entry(&status)))
    }

    /// What is in a folder; None when it is not there.
    pub async fn list(&self, path: &str) -> io::Result<Option<Vec<Entry>>> {
        let found =
            self.within(self.settings.limits.transfer, async |c| c.list_status(path, false).await).await;
        absent(found.map(|list| list.iter().map(entry).collect()))
    }

    /// What is in a folder, piece by piece.
    pub fn listing(&self, path: &str) -> Listing {
        Listing::new(self, path)
    }

    /// Makes one folder; those above it must be there. That it is there itself is no error.
    pub async fn make_folder(&self, path: &str, permissions: u32) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.mkdirs(path, permissions, false).await).await
    }

    /// Sets owner and group.
    pub async fn set_owner(&self, path: &str, owner: Option<&str>, group: Option<&str>) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.set_owner(path, owner, group).await).await
    }

    /// Sets the permission bits.
    pub async fn set_permissions(&self, path: &str, permissions: u32) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.set_permission(path, permissions).await).await
    }

    /// Makes a folder, and those above it.
    pub async fn make_folders(&self, path: &str, permissions: u32) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.mkdirs(path, permissions, true).await).await
    }

    /// Renames; an existing file is replaced only if that is wanted, an existing folder never.
    pub async fn rename(&self, from: &str, to: &str, replace: bool) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.rename(from, to, replace).await).await
    }

    /// Removes a file, or a folder with all that is in it. False when it was not there.
    pub async fn remove(&self, path: &str) -> io::Result<bool> {
        self.within(self.settings.limits.transfer, async |c| c.delete(path, true).await).await
    }

    /// Removes a file or an empty folder. False when it was not there.
    pub async fn remove_one(&self, path: &str) -> io::Result<bool> {
        self.within(self.settings.limits.call, async |c| c.delete(path, false).await).await
    }

    /// Takes a file that is being written away from its writer. True when it is closed; until then, ask again.
    pub async fn recover_lease(&self, path: &str) -> io::Result<bool> {
        self.within(self.settings.limits.call, async |c| c.recover_lease(path).await).await
    }

    /// Sets when a file was last changed and read, in milliseconds since 1970.
    pub async fn set_times(&self, path: &str, millis: u64) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.set_times(path, millis, millis).await).await
    }

    /// Sets how many copies a file is to have; missing ones are made in the background.
    pub async fn set_replication(&self, path: &str, copies: u32) -> io::Result<()> {
        self.within(self.settings.limits.call, async |c| c.set_replication(path, copies).await)
            .await
            .map(drop)
    }

    /// Creates a file that must not be there, in a folder that must.
    pub async fn create(&self, path: &str, create: Create) -> io::Result<Writer> {
        let options = WriteOptions {
            block_size: create.block_size,
            replication: create.replication,
            permission: create.permissions,
            overwrite: false,
            create_parent: false,
        };
        let file = self.within(self.settings.limits.call, async |c| c.create(path, &options).await).await?;
        Ok(Writer::new(file, self.settings.limits.transfer))
    }

    /// The length of what can be read: of a file that is written, the blocks that are full.
    pub async fn readable_length(&self, path: &str) -> io::Result<u64> {
        let file = self.within(self.settings.limits.call, async |c| c.read(path).await).await?;
        Ok(file.file_length() as u64)
    }

    /// Opens a file to read `length` bytes from `offset` on, or to its end; a range beyond the end is cut there.
    pub async fn open(&self, path: &str, offset: u64, length: Option<u64>) -> io::Result<Reader> {
        let file = self.within(self.settings.limits.call, async |c| c.read(path).await).await?;
        Ok(Reader::new(&file, offset, length, self.settings.limits.transfer))
    }

    /// Reads up to `length` bytes from `offset`; fewer only at the end of what can be read.
    pub async fn read(&self, path: &str, offset: u64, length: usize) -> io::Result<Bytes> {
        self.within(self.settings.limits.transfer, async |c| {
            let file = c.read(path).await?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.file_length());
            let length = length.min(file.file_length() - start);
            // The library panics when it is asked for more than there is.
            if length == 0 { Ok(Bytes::new()) } else { file.read_range(start, length).await }
        })
        .await
    }
}

fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn entry(status: &hdfs_native::client::FileStatus) -> Entry {
    Entry {
        name: status.path.rsplit('/').next().unwrap_or_default().to_owned(),
        is_folder: status.isdir,
        length: status.length as u64,
        modified: status.modification_time,
        owner: status.owner.clone(),
        group: status.group.clone(),
        permissions: status.permission,
        replication: status.replication,
    }
}

fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

fn build(url: &str, settings: &Settings) -> hdfs_native::Result<Client> {
    let mut builder = ClientBuilder::new()
        .with_url(url)
        .with_config_dir(NO_FOLDER)
        .with_config(settings.properties.iter().map(|(name, value)| (name.clone(), value.clone())));
    if let Some(user) = &settings.user {
        builder = builder.with_user(user);
    }
    if let Some(kerberos) = &settings.kerberos {
        builder = builder.with_kerberos_principal(&kerberos.principal).with_kerberos_keytab(&kerberos.keytab);
    }
    builder.build()
}

/// What must be otherwise than Hadoop's files may say.
fn adjust(settings: &mut Settings) {
    let Settings { properties, limits, .. } = settings;
    // A DataNode that does not answer is given up early enough for another one to be tried within our limit.
    let patience = limits.transfer.as_millis() / 4;
    for (name, value) in [
        ("dfs.client.socket-timeout", &*patience.to_string()),
        // A NameNode that refuses connections is tried again for some 10 s, in short steps: it may be starting.
        ("dfs.client.failover.sleep.base.millis", "100"),
        ("dfs.client.failover.sleep.max.millis", "1000"),
    ] {
        properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    for (name, provider) in properties.iter_mut() {
        // An observer may be behind: what was just written would not be there.
        if name.starts_with("dfs.client.failover.proxy.provider.") && provider.contains("Observer") {
            *provider =
                "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider".to_owned();
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
