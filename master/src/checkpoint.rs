//! Checkpoints: the tree written out, so that a start need not replay everything and old segments can go: by the
//! leader while it serves, or by a standby between two records.

mod every;
mod still;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use alluxio_fs::FsError;
use alluxio_journal::Position;
use alluxio_proto::{
    meta::Inode,
    own::{CheckpointChunk, CheckpointTables},
};
use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use tokio_util::sync::CancellationToken;

use self::still::StillWalk;
pub use self::{every::Every, still::walk_still};
use crate::{
    meta,
    namespace::Namespace,
    tree::{Kept, Tables, Tree, TreeHash},
    web::TreeHashes,
};

/// Slots per step: copying an inode out takes a few microseconds, and a hold must stay under 5 ms.
const SLOTS_PER_STEP: u32 = 250;

/// A chunk of a checkpoint ends with the inode that goes beyond this: what one inode may have (see
/// `fs::limits`) fits above it.
const CHUNK_BYTES: usize = 1 << 20;
const _: () = assert!(2 * CHUNK_BYTES < alluxio_journal::MAX_CHUNK);

/// How often the number of records since the last checkpoint is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub struct Checkpointer {
    namespace: Arc<Namespace>,
    every: Every,
    last: tokio::sync::Mutex<u64>,
    /// Held by the one who has the whole tree hashed.
    hashing: tokio::sync::Mutex<()>,
}

impl Checkpointer {
    /// `last` is the sequence of the checkpoint the tree was restored from.
    pub fn new(namespace: Arc<Namespace>, every: Every, last: u64) -> Self {
        Self { namespace, every, last: tokio::sync::Mutex::new(last), hashing: tokio::sync::Mutex::default() }
    }

    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let journal = self.namespace.journal();
            if let Err(error) = journal.clean_up().await {
                tracing::debug!(%error, "the checkpoints of standbys were not looked at");
            }
            let by_standbys = journal.stats().checkpoint_sequence.load(Ordering::Relaxed);
            let last = by_standbys.max(*self.last.lock().await);
            let records = journal.durable().saturating_sub(last);
            if self.every.is_due(records, journal.segments_after(last))
                && let Err(error) = self.write().await
            {
                tracing::warn!(%error, "no checkpoint was written; it is tried again");
            }
        }
    }

    /// Writes one now, unless nothing has happened since the last. One at a time.
    pub async fn write(&self) -> Result<(), FsError> {
        let mut last = self.last.lock().await;
        if self.namespace.journal().position().sequence == *last {
            return Ok(());
        }
        let failed =
            |error: alluxio_journal::JournalError| FsError::unknown(format!("No checkpoint: {error}"));
        let (mut walk, position, tables) = Walk::begin(&self.namespace).await?;
        let mut hash = TreeHash::default();
        let mut writer = self.namespace.journal().checkpoint_writer(position).await.map_err(failed)?;
        for tables in tables.messages(CHUNK_BYTES) {
            hash.add_tables(tables.clone());
            let chunk = CheckpointChunk { tables: Some(tables), inodes: Vec::new() };
            writer.write(chunk.encode_to_vec().into()).await.map_err(failed)?;
        }
        while let Some(inodes) = walk.next() {
            for inodes in portions(inodes.into_messages()) {
                inodes.iter().for_each(|inode| hash.add_inode(inode));
                let chunk = CheckpointChunk { tables: None, inodes };
                writer.write(chunk.encode_to_vec().into()).await.map_err(failed)?;
                tokio::task::yield_now().await;
            }
        }
        let info = writer.finish(hash.get(), Bytes::new()).await.map_err(failed)?;
        *last = position.sequence;
        tracing::info!(sequence = position.sequence, ?info, "checkpoint written");
        Ok(())
    }

    /// Begins a walk through the whole tree, as it is now. It waits for a checkpoint that is being written, and
    /// a checkpoint waits for it.
    pub async fn look(&self) -> Result<Look<'_>, FsError> {
        let only = self.last.lock().await;
        let (walk, position, tables) = Walk::begin(&self.namespace).await?;
        Ok(Look { _only: Some(only), steps: Steps::Live(walk), position, tables })
    }

    /// The hash of the tree at one sequence, without writing anything: to compare masters. One at a time, and
    /// nobody queues for it: a checkpoint waits for one walk at most, however many ask.
    async fn hash_now(&self) -> Result<(u64, u64), FsError> {
        let Ok(_hashing) = self.hashing.try_lock() else {
            return Err(FsError::unavailable("The tree is being hashed for somebody else. Try again."));
        };
        let mut look = self.look().await?;
        let mut hash = TreeHash::default();
        look.tables().for_each(|tables| hash.add_tables(tables));
        while let Some(portions) = look.next() {
            for inodes in portions {
                inodes.iter().for_each(|inode| hash.add_inode(inode));
                tokio::task::yield_now().await;
            }
        }
        Ok((look.position.sequence, hash.get()))
    }
}

#[async_trait]
impl meta::Checkpointer for Checkpointer {
    async fn checkpoint(&self) -> Result<(), FsError> {
        self.write().await
    }
}

#[async_trait]
impl TreeHashes for Checkpointer {
    async fn tree_hash(&self) -> Result<(u64, u64), FsError> {
        self.hash_now().await
    }
}

/// The whole tree at one sequence number, for whoever looks at it step by step.
pub struct Look<'a> {
    _only: Option<tokio::sync::MutexGuard<'a, u64>>,
    steps: Steps<'a>,
    position: Position,
    tables: Tables,
}

enum Steps<'a> {
    /// Of a tree that changes meanwhile.
    Live(Walk<'a>),
    Still(StillWalk<'a>),
}

impl<'a> Look<'a> {
    /// At a standby's tree, between two records.
    pub async fn still(tree: &'a mut Tree, position: Position) -> Result<Self, FsError> {
        let (walk, tables) = StillWalk::begin(tree)
            .await
            .ok_or_else(|| FsError::unavailable("Another look at the whole tree is under way. Try again."))?;
        Ok(Self { _only: None, steps: Steps::Still(walk), position, tables })
    }

    /// What is no inode.
    pub fn tables(&self) -> impl Iterator<Item = CheckpointTables> + '_ {
        self.tables.messages(CHUNK_BYTES)
    }

    /// The next inodes, in portions of moderate size; `None` after the last.
    pub fn next(&mut self) -> Option<impl Iterator<Item = Vec<Inode>> + use<>> {
        let kept = match &mut self.steps {
            Steps::Live(walk) => walk.next(),
            Steps::Still(walk) => walk.next(),
        };
        kept.map(|kept| portions(kept.into_messages()))
    }
}

/// What one step brought, in chunks of moderate size: it may be a hundred thousand inodes that have changed
/// since the last, and each may have long attributes. At least one, which may be empty.
fn portions(inodes: impl Iterator<Item = Inode>) -> impl Iterator<Item = Vec<Inode>> {
    let (mut inodes, mut first) = (inodes, true);
    std::iter::from_fn(move || {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        while bytes < CHUNK_BYTES
            && let Some(inode) = inodes.next()
        {
            bytes += inode.encoded_len();
            portion.push(inode);
        }
        (std::mem::take(&mut first) || !portion.is_empty()).then_some(portion)
    })
}

/// A snapshot being walked. Dropped before its end it is given up: that is cheap, and whoever begins the
/// next brings the tree in order first.
struct Walk<'a> {
    namespace: &'a Namespace,
    done: bool,
}

impl<'a> Walk<'a> {
    /// Cuts: the position of the cut, and what is no inode.
    async fn begin(namespace: &'a Namespace) -> Result<(Self, Position, Tables), FsError> {
        while namespace.snapshot_step(|tree, _| tree.clear_given_up(SLOTS_PER_STEP)) {
            tokio::task::yield_now().await;
        }
        let cut = namespace.snapshot_step(|tree, position| Some((position, tree.begin_snapshot()?)));
        let (position, tables) = cut
            .ok_or_else(|| FsError::unavailable("Another look at the whole tree is under way. Try again."))?;
        Ok((Self { namespace, done: false }, position, tables))
    }

    fn next(&mut self) -> Option<Kept> {
        let inodes = self.namespace.snapshot_step(|tree, _| tree.continue_snapshot(SLOTS_PER_STEP));
        self.done = inodes.is_none();
        inodes
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let kept = self.namespace.snapshot_step(|tree, _| tree.give_up_snapshot());
        // Up to the limit of what may wait for the walker: too much to free on a thread that serves.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;
    use alluxio_journal::{
        Existing, Uuid,
        store::{Store, mem::MemStore},
    };
    use alluxio_proto::journal::{InodeFileEntry, JournalEntry, UpdateInodeEntry};

    use super::*;

    const ALWAYS: Every = Every { records: 1, segments: 1 };

    async fn namespace(store: &MemStore) -> Arc<Namespace> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        let conf = Configuration::defaults()
            .with(&[("alluxio.master.mount.table.root.ufs", root.as_str())])
            .unwrap();
        let store: Arc<dyn Store> = Arc::new(store.clone());
        Arc::new(crate::start::open_namespace(&conf, store).await.unwrap())
    }

    /// Adds files whose attributes take 60 KB each.
    async fn add_large(namespace: &Namespace, numbers: std::ops::Range<i64>) -> Result<(), FsError> {
        namespace
            .mutate(&[], None, |_, draft| {
                for n in numbers.clone() {
                    draft.push(JournalEntry {
                        inode_file: Some(InodeFileEntry {
                            id: Some(alluxio_fs::ids::file_id(n)),
                            parent_id: Some(0),
                            name: Some(format!("f{n}")),
                            x_attr: [("x".to_owned(), vec![7; 60 << 10])].into(),
                            ..InodeFileEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await
    }

    async fn touch(namespace: &Namespace, numbers: std::ops::Range<i64>) -> Result<(), FsError> {
        namespace
            .mutate(&[], None, |_, draft| {
                for n in numbers.clone() {
                    draft.push(JournalEntry {
                        update_inode: Some(UpdateInodeEntry {
                            id: Some(alluxio_fs::ids::file_id(n)),
                            last_modification_time_ms: Some(draft.now_ms),
                            ..UpdateInodeEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await
    }

    async fn formatted(store: &MemStore) -> Arc<Namespace> {
        alluxio_journal::format(store, Uuid::from_u128(3), Existing::Keep).await.unwrap();
        namespace(store).await
    }

    /// A step of the walker lets those go on who waited for it; so does giving the walk up, after which the
    /// next one finds the tree as it is.
    #[tokio::test]
    async fn writers_wait_for_a_walker_that_is_far_behind() {
        let namespace = formatted(&MemStore::new()).await;
        for hundreds in 0..12 {
            add_large(&namespace, 100 * hundreds + 1..100 * hundreds + 101).await.unwrap();
        }
        let checkpointer = Checkpointer::new(namespace.clone(), ALWAYS, 0);
        for give_up in [false, true] {
            let (mut walk, ..) = Walk::begin(&namespace).await.unwrap();
            touch(&namespace, 1..601).await.unwrap();
            touch(&namespace, 601..1_201).await.unwrap();
            let backlog = namespace.peek(|tree| tree.snapshot_backlog());
            assert!((64 << 20..80 << 20).contains(&backlog), "{backlog} bytes");
            let mut waiting = std::pin::pin!(touch(&namespace, 1..2));
            let waits = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
            assert!(waits.is_err(), "the writer does not wait");
            if !give_up {
                assert!(walk.next().is_some_and(|kept| kept.bytes() >= backlog));
            }
            drop(walk);
            let released = tokio::time::timeout(Duration::from_secs(10), waiting).await;
            released.expect("the writer goes on").unwrap();
            assert_eq!(namespace.peek(|tree| tree.snapshot_backlog()), 0);
            let (_, hash) = checkpointer.hash_now().await.unwrap();
            assert_eq!(hash, namespace.peek(|tree| tree.hash()));
        }
    }

    /// A client that goes away ends the call; the next one is served all the same.
    #[tokio::test]
    async fn a_checkpoint_that_nobody_waits_for_any_more_is_in_nobodys_way() {
        let store = MemStore::new();
        let namespace = formatted(&store).await;
        add_large(&namespace, 1..41).await.unwrap();
        let checkpointer = Checkpointer::new(namespace.clone(), ALWAYS, 0);
        let hash = namespace.peek(|tree| tree.hash());
        // Cut off after ever more steps, until one comes to its end.
        let mut cut_off = 0;
        for polls in 1.. {
            let mut write = std::pin::pin!(checkpointer.write());
            let mut done = false;
            for _ in 0..polls {
                done = done || futures::poll!(&mut write).is_ready();
                // The journal's writer has its turn.
                tokio::task::yield_now().await;
            }
            if done {
                break;
            }
            cut_off += 1;
        }
        assert!(cut_off > 1, "cut off {cut_off} times");
        assert_eq!(checkpointer.hash_now().await.unwrap().1, hash);
        drop(checkpointer);
        namespace.journal().shutdown().await.unwrap();
        assert_eq!(super::tests::namespace(&store).await.peek(|tree| tree.hash()), hash);
    }

    /// Or many who ask would queue for the whole tree, and checkpoints behind them.
    #[tokio::test]
    async fn only_one_has_the_tree_hashed() {
        let namespace = formatted(&MemStore::new()).await;
        let checkpointer = Checkpointer::new(namespace.clone(), ALWAYS, 0);
        let mut first = std::pin::pin!(checkpointer.hash_now());
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = std::pin::pin!(checkpointer.hash_now());
        let futures::task::Poll::Ready(refused) = futures::poll!(&mut second) else {
            panic!("the second waits");
        };
        assert_eq!(refused.unwrap_err().kind, alluxio_fs::ErrorKind::Unavailable);
        let hash = namespace.peek(|tree| tree.hash());
        assert_eq!(first.await.unwrap().1, hash);
        assert_eq!(checkpointer.hash_now().await.unwrap().1, hash, "then the next may");
    }

    fn resident() -> i64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4096
    }

    /// What a checkpoint takes while it is written goes back to the machine, also where nothing else happens then.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "takes a minute, and nothing else may run in this process"]
    async fn memory_after_a_checkpoint() {
        const FILES: i64 = 200_000;
        let folder = tempfile::tempdir().unwrap();
        let store = alluxio_journal::store::local::LocalStore::new(
            folder.path().join("journal"),
            alluxio_journal::store::local::Sharing::Exclusive,
        );
        alluxio_journal::format(&store, Uuid::from_u128(3), Existing::Keep).await.unwrap();
        let root = folder.path().display().to_string();
        let conf = Configuration::defaults()
            .with(&[("alluxio.master.mount.table.root.ufs", root.as_str())])
            .unwrap();
        let namespace = Arc::new(crate::start::open_namespace(&conf, Arc::new(store)).await.unwrap());
        let add = async |number: i64| {
            let added = namespace.mutate(&[], None, |_, draft| {
                draft.push(JournalEntry {
                    inode_file: Some(InodeFileEntry {
                        id: Some(alluxio_fs::ids::file_id(number)),
                        parent_id: Some(0),
                        name: Some(format!("file-{number:011}")),
                        length: Some(100),
                        block_size_bytes: Some(1 << 26),
                        completed: Some(true),
                        ..InodeFileEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                Ok(())
            });
            added.await.unwrap();
        };
        for first in (0..FILES).step_by(500) {
            futures::future::join_all((first..first + 500).map(&add)).await;
        }
        let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
        let wait = Duration::from_secs(25);
        println!("{} MB at once", resident() >> 20);
        tokio::time::sleep(wait).await;
        let before = resident();
        println!("{} MB with {FILES} files", before >> 20);
        for _ in 0..2 {
            let began = std::time::Instant::now();
            checkpointer.write().await.unwrap();
            add(FILES + 1 + i64::try_from(began.elapsed().as_nanos()).unwrap()).await;
            println!("{} MB right after a checkpoint of {:?}", resident() >> 20, began.elapsed());
            tokio::time::sleep(wait).await;
            let left = (resident() - before) as f64 / FILES as f64;
            println!("{} MB after it: {left:.1} bytes for each file", resident() >> 20);
        }
        let left = (resident() - before) as f64 / FILES as f64;
        assert!(left < 10.0, "{left:.1} bytes for each file are left");
    }

    /// Inodes as large as they may be, all changed before the walker comes to them.
    #[tokio::test]
    async fn a_checkpoint_takes_whatever_the_tree_has() {
        let store = MemStore::new();
        let namespace = formatted(&store).await;
        add_large(&namespace, 1..401).await.unwrap();
        let checkpointer = Checkpointer::new(namespace.clone(), ALWAYS, 0);
        let (sequence, hash) = checkpointer.hash_now().await.unwrap();
        checkpointer.write().await.unwrap();
        assert_eq!(*checkpointer.last.lock().await, sequence);
        checkpointer.write().await.expect("nothing has happened since");
        drop(checkpointer);
        namespace.journal().shutdown().await.unwrap();
        let again = super::tests::namespace(&store).await;
        assert_eq!(again.peek(|tree| tree.hash()), hash);
    }
}
