//! A journal that is being written while parts of its HDFS fail: what was acknowledged stays, and writing goes on.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_hdfs::Limits;
use alluxio_journal::{
    Existing, Journal, JournalError, Options, Recovery, State, Uuid, format, store::local::Sharing,
};
use alluxio_tests::{
    hdfs::Hdfs,
    links::{Link, Traffic},
    ports::free_port,
};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use tokio::{task::JoinHandle, time::sleep};

use crate::on_hdfs::Folder;

/// From a fault, or its end, to the next acknowledged record.
const LIMIT: Duration = Duration::from_secs(60);

async fn opened(folder: &Folder) -> Result<(Journal, Vec<u64>)> {
    let mut recovery = Recovery::start(folder.open(Sharing::Shared)?, Options::default()).await?;
    let mut state = Vec::new();
    while let Some(record) = recovery.next().await? {
        state.push(std::str::from_utf8(&record.payload)?.parse()?);
    }
    Ok((recovery.finish().await?, state))
}

async fn formatted(folder: &Folder) -> Result<Journal> {
    format(&*folder.open(Sharing::Shared)?, Uuid::from_u128(1), Existing::Keep).await?;
    Ok(opened(folder).await?.0)
}

/// Somebody who writes one number after the other.
struct Writing {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    task: JoinHandle<Result<Written>>,
}

/// What became of the numbers.
struct Written {
    journal: Journal,
    acknowledged: Vec<u64>,
    unknown: BTreeSet<u64>,
}

impl Writing {
    fn begin(journal: Journal) -> Writing {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(write(journal, stop.clone(), count.clone()));
        Writing { stop, count, task }
    }

    /// Waits for some more acknowledged records; gives the time that the first of them took.
    async fn goes_on(&self, what: &str) -> Result<Duration> {
        let (before, began) = (self.count.load(Ordering::SeqCst), Instant::now());
        let mut first = None;
        loop {
            let more = self.count.load(Ordering::SeqCst) - before;
            // The first may have been on its way before the fault.
            if more >= 2 && first.is_none() {
                first = Some(began.elapsed());
            }
            if more >= 10 {
                let first = first.unwrap_or_default();
                println!("{what}: written again after {first:?}");
                return Ok(first);
            }
            ensure!(!self.task.is_finished(), "{what}: the writer has ended");
            ensure!(began.elapsed() < LIMIT, "{what}: nothing is acknowledged within {LIMIT:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn end(self) -> Result<Written> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await?
    }
}

async fn write(journal: Journal, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) -> Result<Written> {
    let mut written = Written { journal, acknowledged: Vec::new(), unknown: BTreeSet::new() };
    for number in 1.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let outcome = async {
            let permit = written.journal.reserve().await?;
            permit.append(Bytes::from(number.to_string())).wait().await
        };
        match outcome.await {
            Ok(_) => {
                written.acknowledged.push(number);
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(error @ JournalError::Deposed { .. }) => bail!("{error}"),
            Err(error) if error.is_unavailable() => {
                written.unknown.insert(number);
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

impl Written {
    /// Another master takes over while this one lives: it must find all that was acknowledged, in order, and nothing that was not
    /// written.
    async fn is_found_in(&self, folder: &Folder) -> Result<()> {
        let began = Instant::now();
        let (_, state) = opened(folder).await?;
        println!("taken over {} records after {:?}", state.len(), began.elapsed());
        let found: BTreeSet<u64> = state.iter().copied().collect();
        ensure!(state.is_sorted() && found.len() == state.len(), "out of order: {state:?}");
        let lost: Vec<_> = self.acknowledged.iter().filter(|number| !found.contains(number)).collect();
        ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let known =
            |number: &u64| self.unknown.contains(number) || self.acknowledged.binary_search(number).is_ok();
        ensure!(found.iter().all(known), "found what nobody wrote");
        let late = self.journal.reserve().await;
        let late = match late {
            Ok(permit) => permit.append(Bytes::from_static(b"0")).wait().await.map(drop),
            Err(error) => Err(error),
        };
        ensure!(late.is_err(), "a deposed master acknowledged a record");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datanodes_and_the_namenode_come_and_go() -> Result<()> {
    let mut hdfs = Hdfs::plan().start()?;
    let folder = Folder::new(&hdfs.uri(), "parts");
    let writing = Writing::begin(formatted(&folder).await?);
    writing.goes_on("nothing has happened").await?;
    for index in 0..2 {
        hdfs.stop_datanode(index)?;
        writing.goes_on("one DataNode of three stopped").await?;
        hdfs.start_datanode(index)?;
        writing.goes_on("the DataNode started again").await?;
    }
    hdfs.stop_namenode()?;
    sleep(Duration::from_secs(2)).await;
    hdfs.start_namenode()?;
    writing.goes_on("the NameNode started again").await?;
    let written = writing.end().await?;
    // Nobody writes, and the fence is asked: a NameNode that is away deposes nobody.
    hdfs.stop_namenode()?;
    let asked = written.journal.confirm().await;
    ensure!(matches!(asked, Err(JournalError::Unavailable { .. })), "{asked:?}");
    hdfs.start_namenode()?;
    written.journal.confirm().await?;
    ensure!(written.journal.status().state == State::Writable);
    written.is_found_in(&folder).await?;
    hdfs.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_datanode_takes_the_place_of_one_that_stopped() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(4).start()?;
    let folder = Folder::new(&hdfs.uri(), "replaced");
    let writing = Writing::begin(formatted(&folder).await?);
    writing.goes_on("nothing has happened").await?;
    for index in 0..4 {
        hdfs.stop_datanode(index)?;
        writing.goes_on("one DataNode of four stopped").await?;
        hdfs.start_datanode(index)?;
    }
    writing.end().await?.is_found_in(&folder).await?;
    hdfs.finish()
}

/// Cut off from the NameNode, then from all of HDFS: waiting has an end, and so has the cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_hdfs_that_does_not_answer_is_waited_for_within_limits() -> Result<()> {
    let hdfs = Hdfs::plan().start()?;
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let port = free_port()?;
    let namenode = Link::open(local(port), local(hdfs.port()))?;
    let mut folder = Folder::new(&format!("hdfs://127.0.0.1:{port}"), "silent");
    let limit = Duration::from_secs(2);
    folder.settings.limits = Limits { call: limit, transfer: limit };
    let journal = formatted(&folder).await?;
    let writing = Writing::begin(journal);
    for what in ["the NameNode answers again", "HDFS answers again"] {
        writing.goes_on("all is well").await?;
        let whole = what.starts_with("HDFS");
        if whole {
            hdfs.pause()?
        } else {
            namenode.set(Traffic::Silent)
        }
        // Long enough for calls to be given up, and for what comes after them.
        sleep(limit * 3).await;
        let stuck = writing.count.load(Ordering::SeqCst);
        sleep(limit).await;
        ensure!(writing.count.load(Ordering::SeqCst) == stuck, "acknowledged without the NameNode");
        if whole {
            hdfs.resume()?
        } else {
            namenode.heal()
        }
        writing.goes_on(what).await?;
    }
    writing.end().await?.is_found_in(&folder).await?;
    let cut = folder.open(Sharing::Shared)?;
    namenode.set(Traffic::Silent);
    let began = Instant::now();
    let late = cut.list().await.err().context("it answered through a cut")?;
    ensure!(late.to_string().contains("no answer from HDFS") && began.elapsed() < limit * 3, "{late}");
    hdfs.finish()
}
