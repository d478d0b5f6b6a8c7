//! Measures what a batch of the journal costs at a place: write, sync and the fence's rename.
//!
//! `cargo run --release -p alluxio-journal --example batch_cost -- <an empty or missing folder, or hdfs://host:port/path>`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use alluxio_hdfs::{Address, Settings};
use alluxio_journal::store::Store;
use alluxio_journal::store::hdfs::HdfsStore;
use alluxio_journal::store::local::{LocalStore, Sharing};
use alluxio_journal::{Existing, Options, Recovery, Uuid, format};
use bytes::Bytes;

/// About what a compound record of one new file takes.
const RECORD: usize = 300;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give a folder on the disk to measure")?;
    let store: Arc<dyn Store> = if Address::is_hdfs(&folder) {
        Arc::new(HdfsStore::new(&folder, Settings::default(), Sharing::Shared)?)
    } else {
        Arc::new(LocalStore::new(folder, Sharing::Exclusive))
    };
    format(&*store, Uuid::new_v4(), Existing::Keep).await?;
    println!("writers  records/s  batches/s  records/batch  us/batch  of these us in the fence");
    for writers in [1, 4, 16, 64, 256, 1024] {
        measure(store.clone(), writers).await?;
    }
    Ok(())
}

/// Writers that each wait for their record before the next, as clients do.
async fn measure(store: Arc<dyn Store>, writers: usize) -> Result<(), Box<dyn Error>> {
    let mut recovery = Recovery::start(store, Options::default()).await?;
    while recovery.next().await?.is_some() {}
    let journal = Arc::new(recovery.finish().await?);
    let each = (20_000 / writers).clamp(100, 2000);
    let payload = Bytes::from(vec![7; RECORD]);
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (journal, payload) = (journal.clone(), payload.clone());
            tokio::spawn(async move {
                for _ in 0..each {
                    journal.reserve().await?.append(payload.clone()).wait().await?;
                }
                Ok::<_, alluxio_journal::JournalError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let stats = journal.stats();
    let (batches, records) = (stats.flushes.load(Relaxed), stats.records.load(Relaxed));
    let per_batch = |nanos: u64| nanos as f64 / 1000.0 / batches as f64;
    println!(
        "{writers:7}  {:9.0}  {:9.0}  {:13.1}  {:8.0}  {:24.0}",
        records as f64 / seconds,
        batches as f64 / seconds,
        records as f64 / batches as f64,
        per_batch(stats.flush_nanos.load(Relaxed)),
        per_batch(stats.fence_nanos.load(Relaxed)),
    );
    journal.shutdown().await?;
    Ok(())
}
