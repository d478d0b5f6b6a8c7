//! A tree of 1,000,000 files: recursive chmod, listing of a directory of 100,000, recursive delete, while 16
//! clients ask for the status of other files. No lock is held for 5 ms, no call fails. (`make test-scale`)

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::{
    Bits, PMode,
    file::{DeletePOptions, SetAttributePOptions},
};
use alluxio_tests::{
    Cluster,
    client::{connect, create_empty},
};
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{task::JoinHandle, task::block_in_place};

const DIRECTORIES: u64 = 900;
const FILES_EACH: u64 = 1_000;
const WIDE: u64 = 100_000;
const ASKERS: u64 = 16;
/// Creates under way at the same time; more makes larger batches in the journal.
const CREATORS: usize = 256;
const LONGEST_HOLD: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make test-scale"]
async fn long_operations_do_not_hold_others_up() -> Result<()> {
    let lone = block_in_place(longest_gap_of_a_lone_thread);
    println!("before all: a thread that does nothing but look at the clock was held up for {lone:?}");
    let mut cluster = block_in_place(|| Cluster::plan().workers(0).start())?;
    let empty = cluster.master()?.resident_bytes()?;
    let fs = connect(&cluster).await?;
    let files = DIRECTORIES * FILES_EACH + WIDE;

    let began = Instant::now();
    let tree = (0..DIRECTORIES * FILES_EACH).map(|n| format!("/tree/{}/file-{n:07}", n / FILES_EACH));
    create_all(&fs, tree).await?;
    create_all(&fs, (0..WIDE).map(|n| format!("/wide/file-{n:07}"))).await?;
    create_all(&fs, (0..1_000).map(|n| format!("/asked/file-{n:07}"))).await?;
    let grown = cluster.master()?.resident_bytes()?.saturating_sub(empty);
    println!(
        "create+complete of {files} files: {:.0} per second",
        files as f64 / began.elapsed().as_secs_f64()
    );
    println!("resident growth of the master: {} bytes per file", grown / files);
    println!("while creating: {}", Holds::of(&cluster)?);

    let askers = Askers::start(&cluster).await?;
    let step = Instant::now();
    fs.set_attribute(&AlluxioPath::parse("/tree")?, recursive_chmod()).await?;
    println!("recursive chmod: {:?}, {}", step.elapsed(), Holds::of(&cluster)?);
    let changed = fs.get_status(&AlluxioPath::parse("/tree/450/file-0450123")?, Default::default()).await?;
    ensure!(changed.mode() == 0o700, "mode {:o} deep in the tree", changed.mode());

    let step = Instant::now();
    let listing = fs.list_status(&AlluxioPath::parse("/wide")?, Default::default()).await?;
    let listed = listing.try_fold(0, |count, _| async move { Ok(count + 1) }).await?;
    ensure!(listed == WIDE, "{listed} of {WIDE} entries listed");
    println!("listing of {WIDE} entries: {:?}, {}", step.elapsed(), Holds::of(&cluster)?);

    let step = Instant::now();
    let options = DeletePOptions { recursive: Some(true), alluxio_only: Some(true), ..Default::default() };
    fs.delete(&AlluxioPath::parse("/tree")?, options).await?;
    println!("recursive delete: answered after {:?}", step.elapsed());
    ensure!(!fs.exists(&AlluxioPath::parse("/tree")?, Default::default()).await?, "the tree is still there");
    wait_for_quiet(&cluster).await?;
    println!("recursive delete: reaped after {:?}, {}", step.elapsed(), Holds::of(&cluster)?);

    let (asked, slowest) = askers.stop().await?;
    println!("{asked} getStatus calls by {ASKERS} clients, none failed; the slowest took {slowest:?}");
    let holds = Holds::of(&cluster)?;
    ensure!(holds.cpu < LONGEST_HOLD, "{holds}");
    let waited = cluster.master()?.waited_for_processors()?;
    println!("of the time in which it wanted a processor, the master had none for {:.0} %", waited * 100.0);

    let (_, hash) = cluster.tree_hash()?;
    drop(fs);
    let restarted = block_in_place(|| {
        cluster.kill_master()?;
        let began = Instant::now();
        cluster.start_master()?;
        anyhow::Ok(began.elapsed())
    })?;
    println!("restart with all of the journal: {restarted:?}");
    ensure!(cluster.tree_hash()?.1 == hash, "the replay gives another tree");
    block_in_place(|| cluster.finish())?;
    // Last, so that a machine that cannot show this still shows the rest.
    ensure!(holds.wall < LONGEST_HOLD, "{holds}; the machine alone holds a thread up for {lone:?}");
    Ok(())
}

/// What the machine adds to any hold, without us: nothing else of this test runs yet.
fn longest_gap_of_a_lone_thread() -> Duration {
    let began = Instant::now();
    let (mut last, mut longest) = (began, Duration::ZERO);
    while last - began < Duration::from_secs(10) {
        let now = Instant::now();
        longest = longest.max(now - last);
        last = now;
    }
    longest
}

async fn create_all(fs: &FileSystem, paths: impl Iterator<Item = String>) -> Result<()> {
    let creates = paths.map(|path| async move { create_empty(fs, &path).await });
    stream::iter(creates).buffer_unordered(CREATORS).try_collect::<()>().await?;
    Ok(())
}

fn recursive_chmod() -> SetAttributePOptions {
    let mode =
        PMode { owner_bits: Bits::All.into(), group_bits: Bits::None.into(), other_bits: Bits::None.into() };
    SetAttributePOptions { mode: Some(mode), recursive: Some(true), ..Default::default() }
}

/// The longest hold of the lock, and the most processor time of one. Where the second is small, the first is
/// a thread that was interrupted while it held the lock: the machine has too much to do.
struct Holds {
    wall: Duration,
    cpu: Duration,
}

impl Holds {
    fn of(cluster: &Cluster) -> Result<Holds> {
        let metrics = cluster.master_metrics()?;
        let gauge = |name: &str| {
            let nanos = &metrics["gauges"][name]["value"];
            anyhow::Ok(Duration::from_nanos(nanos.as_u64().with_context(|| format!("{name}: {nanos}"))?))
        };
        Ok(Holds {
            wall: gauge("Master.LongestLockHoldNanos")?,
            cpu: gauge("Master.LongestLockHoldCpuNanos")?,
        })
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "longest lock hold {:?} (most processor time of one: {:?})", self.wall, self.cpu)
    }
}

/// Until the sequence stands still: the detached tree is reaped in records of its own.
async fn wait_for_quiet(cluster: &Cluster) -> Result<()> {
    let sequence = || {
        let metrics = cluster.master_metrics()?;
        let value = &metrics["gauges"]["Master.JournalSequenceNumber"]["value"];
        value.as_u64().with_context(|| format!("Master.JournalSequenceNumber: {value}"))
    };
    let mut last = sequence()?;
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = sequence()?;
        if now == last {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(300), "the deleted tree is not reaped");
        last = now;
    }
}

/// Clients that ask for the status of files all the time.
struct Askers {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<Duration>>>,
}

impl Askers {
    async fn start(cluster: &Cluster) -> Result<Askers> {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for asker in 0..ASKERS {
            let fs = connect(cluster).await?;
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            tasks.push(tokio::spawn(async move {
                let mut slowest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let n = (asked.fetch_add(1, Ordering::Relaxed) * 7 + asker) % 1_000;
                    let path = AlluxioPath::parse(&format!("/asked/file-{n:07}"))?;
                    let began = Instant::now();
                    fs.get_status(&path, Default::default()).await?;
                    slowest = slowest.max(began.elapsed());
                }
                Ok(slowest)
            }));
        }
        Ok(Askers { stop, asked, tasks })
    }

    /// How many calls there were, and how long the slowest took; fails when one failed.
    async fn stop(self) -> Result<(u64, Duration)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut slowest = Duration::ZERO;
        for task in self.tasks {
            slowest = slowest.max(task.await??);
        }
        Ok((self.asked.load(Ordering::Relaxed), slowest))
    }
}
