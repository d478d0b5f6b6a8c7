//! Files and directories whose time to live is over.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::FileSystemMaster;

impl FileSystemMaster {
    pub async fn run_ttl_checker(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
    }
}
