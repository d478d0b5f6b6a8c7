//! Several clients that change and read a few directories at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alluxio_conf::Configuration;
use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    cached::keep_cached,
    call::{Call, Change, Outcome, Request, Slot},
    check::check,
    client::Client,
};

/// Directories at the same time: few, so that the clients meet.
const AT_ONCE: usize = 4;
/// A directory with that many calls, or with that many whose outcome nobody knows, is used no more: the search for
/// an order grows with both.
const MOST_CALLS: usize = 400;
const MOST_UNKNOWN: usize = 6;
/// Between two calls of a client, at most.
const THINKING: Duration = Duration::from_millis(20);
/// For one search; it takes milliseconds as a rule.
const SEARCH: Duration = Duration::from_secs(60);

/// Who asks.
pub struct Clients<'a> {
    /// How to reach the cluster, as clients do who follow the leader.
    pub conf: &'a Configuration,
    pub count: usize,
    /// How to reach one master each, whoever leads: from these, clients only read, all the time.
    pub of_masters: &'a [Configuration],
    /// Whether there are workers, and so one more client, whose files are only cached.
    pub cached: bool,
    /// How long a call is tried again before its outcome is unknown.
    pub patience: Duration,
}

/// Clients at work.
pub struct Workload {
    shared: Arc<Shared>,
    clients: JoinSet<Result<()>>,
    /// Who reads everything in the end.
    last: usize,
    conf: Configuration,
    cached: bool,
    patience: Duration,
}

pub(super) struct Shared {
    pub root: String,
    began: Instant,
    pub stopping: AtomicBool,
    pub cached_reads: AtomicUsize,
    answered: AtomicUsize,
    directories: Mutex<Vec<Directory>>,
}

#[derive(Default)]
struct Directory {
    /// It is there: who only reads may look into it.
    made: bool,
    calls: Vec<Call>,
    /// Taken by clients, also when not answered yet.
    taken: usize,
    unknown: usize,
}

impl Directory {
    fn is_full(&self) -> bool {
        self.taken >= MOST_CALLS || self.unknown >= MOST_UNKNOWN
    }
}

impl Workload {
    /// Starts the clients; what they ask for follows from `seed`. They work below `root`, which no other workload may
    /// have used.
    pub fn start(root: &str, seed: u64, clients: Clients<'_>) -> Result<Workload> {
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            began: Instant::now(),
            stopping: AtomicBool::new(false),
            cached_reads: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            directories: Mutex::default(),
        });
        let mut running = JoinSet::new();
        let random =
            |number: usize| StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number as u64));
        for number in 0..clients.count {
            let client = Client::new(clients.conf)?;
            running.spawn(work(Arc::clone(&shared), client, number, random(number), clients.patience));
        }
        for (number, conf) in (clients.count..).zip(clients.of_masters) {
            running.spawn(watch(Arc::clone(&shared), Client::new(conf)?, number, random(number)));
        }
        let last = clients.count + clients.of_masters.len();
        if clients.cached {
            let conf = clients.conf.clone();
            running.spawn(keep_cached(Arc::clone(&shared), conf, random(last), clients.patience));
        }
        let (conf, patience) = (clients.conf.clone(), clients.patience);
        Ok(Workload { shared, clients: running, last, conf, cached: clients.cached, patience })
    }

    /// Changes and reads that were answered up to now, refusals included.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Waits until there are `more` answers than now. The error of a client ends it.
    pub async fn goes_on(&mut self, more: usize, limit: Duration) -> Result<()> {
        let (until, began) = (self.answered() + more, Instant::now());
        while self.answered() < until {
            if let Some(ended) = self.clients.try_join_next() {
                ended??;
            }
            let missing = until.saturating_sub(self.answered());
            ensure!(began.elapsed() < limit, "{missing} of {more} answers are missing after {limit:?}");
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits until files that are only cached were read so often. Without workers there are none.
    pub async fn reads_cached(&mut self, more: usize, limit: Duration) -> Result<()> {
        let began = Instant::now();
        let reads = || self.shared.cached_reads.load(Ordering::Relaxed);
        let until = reads() + more;
        while self.cached && reads() < until {
            if let Some(ended) = self.clients.try_join_next() {
                ended??;
            }
            ensure!(
                began.elapsed() < limit,
                "only {} of {until} reads of cached files after {limit:?}",
                reads()
            );
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Ends the clients, reads everything once more, and checks all that was answered.
    pub async fn finish(mut self) -> Result<Summary> {
        self.shared.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        let mut reader = Client::new(&self.conf)?;
        // Some were only thought of.
        let made: Vec<bool> = self.shared.directories.lock().iter().map(|directory| directory.made).collect();
        for directory in (0..made.len()).filter(|directory| made[*directory]) {
            let requests = Slot::all().map(Request::Status).chain([Request::List]);
            for request in requests {
                let outcome =
                    self.shared.ask(&mut reader, self.last, directory, request, self.patience).await?;
                ensure!(
                    matches!(outcome, Outcome::Replied(_)),
                    "{request:?} in {} has no answer after {:?}",
                    self.shared.path(directory),
                    self.patience
                );
            }
        }
        let directories = std::mem::take(&mut *self.shared.directories.lock());
        let mut summary =
            Summary { directories: made.iter().filter(|made| **made).count(), ..Summary::default() };
        summary.cached_reads = self.shared.cached_reads.load(Ordering::Relaxed);
        for (number, directory) in directories.iter().enumerate() {
            summary.calls += directory.calls.len();
            summary.unknown += directory.unknown;
            tokio::task::block_in_place(|| check(&directory.calls, SEARCH))
                .with_context(|| format!("the calls in {}", self.shared.path(number)))?;
        }
        Ok(summary)
    }
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub directories: usize,
    pub calls: usize,
    pub unknown: usize,
    pub cached_reads: usize,
}

impl Shared {
    fn path(&self, directory: usize) -> String {
        format!("{}/{directory}", self.root)
    }

    /// One of the newest directories that are not full.
    fn choose(&self, random: &mut StdRng) -> usize {
        let mut directories = self.directories.lock();
        let mut open: Vec<usize> = (0..directories.len()).filter(|at| !directories[*at].is_full()).collect();
        while open.len() < AT_ONCE {
            open.push(directories.len());
            directories.push(Directory::default());
        }
        let chosen = open[random.random_range(0..open.len())];
        directories[chosen].taken += 1;
        chosen
    }

    /// The same for who only reads: what others have made already.
    fn look(&self, random: &mut StdRng) -> Option<usize> {
        let mut directories = self.directories.lock();
        let open = |at: &usize| directories[*at].made && !directories[*at].is_full();
        let open: Vec<usize> = (0..directories.len()).filter(open).collect();
        let chosen = *open.get(random.random_range(0..open.len().max(1)))?;
        directories[chosen].taken += 1;
        Some(chosen)
    }

    async fn ask(
        &self,
        client: &mut Client,
        number: usize,
        directory: usize,
        request: Request,
        patience: Duration,
    ) -> Result<Outcome> {
        let path = self.path(directory);
        let begin = self.began.elapsed();
        let outcome = client.ask(&path, request, patience).await?;
        self.record(
            directory,
            Call { client: number, request, begin, end: self.began.elapsed(), outcome: outcome.clone() },
        );
        Ok(outcome)
    }

    fn record(&self, directory: usize, call: Call) {
        let mut directories = self.directories.lock();
        let directory = &mut directories[directory];
        directory.unknown += usize::from(call.outcome == Outcome::Unknown);
        if matches!(call.outcome, Outcome::Replied(_)) {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        directory.calls.push(call);
    }
}

async fn work(
    shared: Arc<Shared>,
    mut client: Client,
    number: usize,
    mut random: StdRng,
    patience: Duration,
) -> Result<()> {
    let mut made = 0;
    while !shared.stopping.load(Ordering::Relaxed) {
        let directory = shared.choose(&mut random);
        // Each client makes those it has not used yet: whoever is first does.
        while made <= directory {
            client.make(&shared.path(made), patience).await?;
            shared.directories.lock()[made].made = true;
            made += 1;
        }
        let request = request(&mut random);
        shared.ask(&mut client, number, directory, request, patience).await?;
        sleep(THINKING.mul_f64(random.random())).await;
    }
    Ok(())
}

/// Reads from one master, whatever it is, all the time. What it does not answer says nothing.
async fn watch(shared: Arc<Shared>, client: Client, number: usize, mut random: StdRng) -> Result<()> {
    while !shared.stopping.load(Ordering::Relaxed) {
        sleep(THINKING * 2).await;
        let Some(directory) = shared.look(&mut random) else { continue };
        let request = read(&mut random);
        let begin = shared.began.elapsed();
        if let Some(reply) = client.look(&shared.path(directory), request).await {
            let (end, outcome) = (shared.began.elapsed(), Outcome::Replied(reply));
            shared.record(directory, Call { client: number, request, begin, end, outcome });
        }
    }
    Ok(())
}

fn request(random: &mut StdRng) -> Request {
    let top = |random: &mut StdRng| Slot::top(random.random());
    let below = |random: &mut StdRng| Slot::below(random.random(), random.random());
    let any = |random: &mut StdRng| if random.random_bool(0.5) { top(random) } else { below(random) };
    let change = match random.random_range(0..10) {
        0 => Change::MakeDirectory(top(random)),
        1 | 2 => Change::CreateFile(any(random)),
        3 => Change::CompleteFile(any(random)),
        4 => Change::Delete { slot: any(random), recursive: random.random() },
        5 => {
            let from = random.random_range(0..Slot::TOP);
            Change::Rename { from: Slot::top(from), to: Slot::top(from + 1) }
        }
        6 => {
            let (parent, to) = (random.random(), random.random_bool(0.5));
            let from = Slot::below(parent, random.random());
            // A file leaves its directory for another one, or for the top.
            let to = if to { Slot::below(parent.wrapping_add(1) % Slot::TOP, 0) } else { top(random) };
            if from == to { Change::CompleteFile(from) } else { Change::Rename { from, to } }
        }
        _ => return read(random),
    };
    Request::Change(change)
}

fn read(random: &mut StdRng) -> Request {
    match random.random_range(0..3) {
        0 => Request::List,
        1 => Request::Status(Slot::top(random.random())),
        _ => Request::Status(Slot::below(random.random(), random.random())),
    }
}
