//! A folder for a journal on the rig's HDFS.

use std::sync::Arc;

use alluxio_hdfs::Settings;
use alluxio_journal::store::{Store, hdfs::HdfsStore, local::Sharing};
use anyhow::Result;

pub struct Folder {
    pub address: String,
    pub settings: Settings,
}

impl Folder {
    /// A folder of the HDFS at `uri`.
    pub fn new(uri: &str, name: &str) -> Folder {
        Folder { address: format!("{uri}/{name}"), settings: Settings::default() }
    }

    /// As another process would open it.
    pub fn open(&self, sharing: Sharing) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(HdfsStore::new(&self.address, self.settings.clone(), sharing)?))
    }
}
