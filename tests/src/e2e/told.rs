//! All that the conditions of a cluster have said, also what they said for a moment only.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, ensure};
use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{Deployed, patient};

const AGAIN: Duration = Duration::from_millis(100);

/// Watches from its beginning on until it is dropped.
pub struct Told {
    said: Arc<Mutex<BTreeSet<String>>>,
    watching: JoinHandle<()>,
}

impl Deployed<'_> {
    pub fn told(&self) -> Told {
        let said = Arc::new(Mutex::new(BTreeSet::new()));
        let of_this = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        let changes = watcher(self.clusters.clone(), of_this).default_backoff().applied_objects();
        let into = said.clone();
        let watching = tokio::spawn(async move {
            // It goes on by itself after an error.
            let mut changes = pin!(changes.filter_map(async |change| change.ok()));
            while let Some(object) = changes.next().await {
                let conditions = object.data["status"]["conditions"].as_array().cloned();
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let words = conditions.into_iter().flatten().map(|one| {
                    format!("{}={}/{}", text(&one["type"]), text(&one["status"]), text(&one["reason"]))
                });
                if let Ok(mut said) = into.lock() {
                    said.extend(words);
                }
            }
        });
        Told { said, watching }
    }
}

impl Told {
    /// Waits until all of these have been said: `Progressing=True/Rolling`.
    pub async fn has_said(&self, wanted: &[&str], limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let said = self.said.lock().map(|said| said.clone()).unwrap_or_default();
            let missing: Vec<_> = wanted.iter().filter(|word| !said.contains(**word)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            ensure!(began.elapsed() < patient(limit), "{missing:?} was never said, but {said:?}");
            sleep(AGAIN).await;
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
