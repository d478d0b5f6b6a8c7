//! The file system as programs use it.
//!
//! Calls take and give the messages of the wire, so that nothing a client may say gets lost on the
//! way. What an option leaves out is left to the master, except where the Java client fills it in
//! from its configuration (see `defaults`).

mod acl;
mod administration;
mod defaults;
mod directory;
mod entry;
mod jobs;
mod listing;
mod operation;

use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{CreateFilePOptions, OpenFilePOptions};

pub use listing::Listing;

use crate::{
    cluster::Cluster,
    file::{FileReader, FileWriter},
};

/// Calls the master with a request that can be sent again.
macro_rules! ask {
    ($self:ident.$method:ident($request:expr)) => {{
        let request = $request;
        $self
            .cluster
            .call(&crate::stubs::FILES, |mut client| {
                let request = request.clone();
                async move { client.$method(request).await }
            })
            .await
    }};
}
use ask;
pub(crate) use defaults::{fill_create_file, read_type as default_read_type};

/// A file system client. Cheap to clone; clones share connections and sessions.
///
/// ```no_run
/// # async fn example(conf: alluxio_conf::Configuration) -> alluxio_fs::FsResult<()> {
/// use alluxio_client::FileSystem;
/// use alluxio_fs::AlluxioPath;
///
/// let fs = FileSystem::connect(&conf).await?;
/// let path = AlluxioPath::parse("/greeting")?;
/// let mut file = fs.create(&path, Default::default()).await?;
/// file.write("hello".into()).await?;
/// file.close().await?;
/// let mut file = fs.open(&path, Default::default()).await?;
/// while let Some(bytes) = file.read().await? {
///     println!("{} bytes", bytes.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FileSystem {
    cluster: Cluster,
}

impl FileSystem {
    /// Connects to the cluster that `conf` names and takes its defaults.
    ///
    /// # Errors
    /// As [`Cluster::connect`].
    pub async fn connect(conf: &Configuration) -> FsResult<Self> {
        Ok(Self::new(Cluster::connect(conf).await?))
    }

    pub fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The configuration in force, cluster defaults included.
    pub fn conf(&self) -> Configuration {
        self.cluster.conf()
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// When it does not exist, is a directory, is not complete, or may not be read.
    pub async fn open(&self, path: &AlluxioPath, options: OpenFilePOptions) -> FsResult<FileReader> {
        FileReader::open(self.clone(), path, options).await
    }

    /// Creates a file and opens it for writing. What `options` leaves out comes from the
    /// configuration: block size, write type, mode, replication, TTL.
    ///
    /// # Errors
    /// When it exists (and `overwrite` is not set) or may not be created.
    pub async fn create(&self, path: &AlluxioPath, options: CreateFilePOptions) -> FsResult<FileWriter> {
        FileWriter::create(self.clone(), path, options).await
    }
}
