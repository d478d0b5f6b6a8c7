use std::time::Duration;

use alluxio_fs::ids;
use alluxio_journal::{Existing, Uuid, store::mem::MemStore};
use alluxio_proto::journal::{ClusterInfoEntry, InodeDirectoryEntry, InodeFileEntry};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::{
    backup::Portion,
    namespace::Namespace,
    start::{loopback, open_namespace, replay, role::Role, serving::Serving, sources::journal_options},
    web::RoleSource,
};

const LIMIT: Duration = Duration::from_secs(30);

struct Rig {
    process: Arc<Process>,
    disk: MemStore,
    store: Arc<dyn Store>,
    leader: Namespace,
    _root: TempDir,
}

impl Rig {
    async fn new(checkpoint_period: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let period = ("alluxio.master.journal.checkpoint.period.entries", checkpoint_period);
        let conf = loopback(root.path()).with(&[period]).unwrap();
        let disk = MemStore::new();
        alluxio_journal::format(&disk, Uuid::from_u128(5), Existing::Keep).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(disk.clone());
        let leader = open_namespace(&conf, store.clone()).await.unwrap();
        let (process, _) = Process::start(conf, None).await.unwrap();
        process.role.stands_by();
        Self { process, disk, store, leader, _root: root }
    }

    async fn add_files(&self, numbers: std::ops::Range<i64>) {
        for number in numbers {
            let file = InodeFileEntry {
                id: Some(ids::file_id(number)),
                parent_id: Some(ids::ROOT_ID),
                name: Some(format!("f{number}")),
                ..InodeFileEntry::default()
            };
            let entry = JournalEntry { inode_file: Some(file), ..JournalEntry::default() };
            let added = self.leader.mutate(&[], None, |_, draft| {
                draft.push(entry.clone());
                Ok(())
            });
            added.await.unwrap();
        }
    }

    fn hash(&self) -> u64 {
        self.leader.peek(|tree| tree.hash())
    }

    /// Follows until all that the leader has written is applied.
    async fn catch_up(&self, standby: &mut Standby) {
        // Of another one.
        self.process.role.follows(None);
        let has_caught_up = || {
            let following = self.process.role.following();
            following.is_some_and(|following| following.progress.has_caught_up())
                && self.process.role.status().applied_sequence >= self.leader.journal().durable()
        };
        let caught_up = async {
            while !has_caught_up() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let following = async {
            tokio::select! {
                never = standby.follow() => match never {},
                () = caught_up => {}
            }
        };
        timeout(LIMIT, following).await.expect("it catches up");
    }
}

/// One who has just begun is not behind by any time, and yet far behind.
#[tokio::test]
async fn a_standby_is_not_ready_before_it_has_read_the_journal() {
    let rig = Rig::new("1000000").await;
    rig.add_files(1..20).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    let watch = async {
        while let Some(reason) = rig.process.role.not_ready() {
            assert!(reason.contains("is reading the journal"), "{reason}");
            sleep(Duration::from_millis(1)).await;
        }
        rig.process.role.status().applied_sequence
    };
    let applied = async {
        tokio::select! {
            never = standby.follow() => match never {},
            applied = watch => applied,
        }
    };
    let applied = timeout(LIMIT, applied).await.unwrap();
    // That the last one is durable may not be known yet.
    assert!(applied + 1 >= rig.leader.journal().durable(), "only {applied} records were read");
}

#[tokio::test]
async fn a_standby_has_the_leaders_tree_and_takes_over_from_there() {
    let rig = Rig::new("1000000").await;
    rig.add_files(1..20).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    assert!(rig.process.role.not_ready().is_some(), "it has nothing in memory yet");
    rig.catch_up(&mut standby).await;
    assert_eq!(rig.process.role.not_ready(), None);
    // What it does may be dropped at any moment, and begun again.
    rig.add_files(20..40).await;
    rig.catch_up(&mut standby).await;
    let asked = async {
        let mut asked = rig.process.pages.standby_hash();
        tokio::select! {
            never = standby.follow() => match never {},
            hash = &mut asked => hash,
        }
    };
    let sequence = rig.leader.journal().durable();
    assert_eq!(timeout(LIMIT, asked).await.unwrap().unwrap(), (sequence, rig.hash()));

    let hash = rig.hash();
    let warm = standby.take().unwrap();
    assert_eq!(warm.position().sequence, sequence);
    rig.add_files(40..45).await;
    assert_ne!(rig.hash(), hash);
    let after = rig.hash();
    let options = journal_options(&rig.process.conf, "next".to_owned(), None);
    let role = Role::default();
    let restored = replay::restore(rig.store.clone(), options, &mut Some(warm), &role).await.unwrap();
    assert_eq!(restored.tree.hash(), after);
    assert_eq!(restored.journal.position().sequence, sequence + 5);
    assert!(standby.take().is_none(), "it has given it away");
}

#[tokio::test]
async fn who_cannot_take_over_keeps_what_it_has() {
    let rig = Rig::new("1000000").await;
    rig.add_files(1..20).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    rig.catch_up(&mut standby).await;
    let mut warm = standby.take();
    let (options, role) = (journal_options(&rig.process.conf, "next".to_owned(), None), Role::default());
    rig.disk.faults(|faults| faults.read_only = true);
    let refused = replay::restore(rig.store.clone(), options.clone(), &mut warm, &role).await;
    assert!(refused.is_err());
    rig.disk.faults(|faults| faults.read_only = false);
    let kept = warm.as_ref().expect("it is dropped").position();
    assert_eq!(kept.sequence, rig.leader.journal().durable());

    standby.give_back(warm);
    rig.add_files(20..30).await;
    rig.catch_up(&mut standby).await;
    let mut warm = standby.take();
    let restored = replay::restore(rig.store.clone(), options, &mut warm, &role).await.unwrap();
    assert_eq!((restored.checkpoint, restored.tree.hash()), (0, rig.hash()));
    assert!(warm.is_none());
}

#[tokio::test]
async fn a_standby_writes_checkpoints_that_the_leader_goes_by() {
    let rig = Rig::new("10").await;
    rig.add_files(1..30).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    rig.catch_up(&mut standby).await;
    let written = standby.take().unwrap().checkpoint;
    assert!(written >= 10, "{written}");
    rig.leader.journal().clean_up().await.unwrap();
    let known = rig.leader.journal().stats().checkpoint_sequence.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(known, written);
    // The next standby begins with it.
    let mut next = Standby::new(rig.process.clone(), rig.store.clone());
    rig.catch_up(&mut next).await;
    let warm = next.take().unwrap();
    assert!(warm.checkpoint >= written);
    assert_eq!(warm.tree.hash(), rig.hash());
}

/// Those that have their names.
async fn checkpoints(rig: &Rig) -> usize {
    let files = rig.store.list().await.unwrap();
    files.iter().filter(|listed| matches!(listed.file, FileId::Checkpoint(_))).count()
}

#[tokio::test]
async fn two_standbys_do_not_write_the_same_checkpoint() {
    let rig = Rig::new("10").await;
    rig.add_files(1..3).await;
    let [mut first, mut second] = [(); 2].map(|()| Standby::new(rig.process.clone(), rig.store.clone()));
    rig.catch_up(&mut first).await;
    rig.catch_up(&mut second).await;
    rig.add_files(3..30).await;
    rig.catch_up(&mut first).await;
    let (written, newest) = (checkpoints(&rig).await, first.take().unwrap().checkpoint);
    assert!(written >= 1 && newest >= 10, "{written} checkpoints, the newest at {newest}");
    rig.catch_up(&mut second).await;
    assert_eq!(second.take().unwrap().checkpoint, newest);
    assert_eq!(checkpoints(&rig).await, written);
}

#[tokio::test]
async fn a_checkpoint_that_another_standby_writes_is_waited_for_until_it_must_have_died() {
    let rig = Rig::new("10").await;
    rig.add_files(1..9).await;
    let [mut dead, mut standby] = [(); 2].map(|()| Standby::new(rig.process.clone(), rig.store.clone()));
    rig.catch_up(&mut dead).await;
    rig.catch_up(&mut standby).await;
    let writer = dead.take().unwrap().follower.checkpoint_writer().await.unwrap();
    let draft = writer.draft();
    drop(writer);
    rig.add_files(9..15).await;
    rig.catch_up(&mut standby).await;
    assert_eq!(checkpoints(&rig).await, 0);
    let state = standby.state.as_mut().unwrap();
    assert!(matches!(state.drafts.waits_for, Some((waits_for, _)) if waits_for == draft));
    state.drafts.waits_for = Some((draft, Instant::now() - DRAFT_LIMIT));
    state.no_checkpoint_before = Instant::now();
    rig.add_files(15..17).await;
    rig.catch_up(&mut standby).await;
    assert_eq!(checkpoints(&rig).await, 1);
}

#[tokio::test]
async fn many_segments_make_a_checkpoint_due() {
    let rig = Rig::new("1000000").await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    standby.every.segments = 4;
    for number in 1..8 {
        rig.add_files(number..number + 1).await;
        rig.leader.journal().roll().await.unwrap();
    }
    let last = rig.leader.journal().durable();
    assert_eq!(rig.leader.journal().segments_after(last - 3), 3);
    rig.catch_up(&mut standby).await;
    assert!(standby.take().unwrap().checkpoint > 0);
}

/// For a backup: not before it has what must be in it.
#[tokio::test]
async fn a_standby_hands_its_tree_over_once_it_has_a_record() {
    let rig = Rig::new("1000000").await;
    rig.add_files(1..20).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    rig.catch_up(&mut standby).await;
    let following = rig.process.role.following().expect("it follows");
    let ((portions, mut handed_over), (begins, mut has_begun)) = (mpsc::channel(100), oneshot::channel());
    let sequence = rig.leader.journal().durable() + 5;
    let asked = async {
        following.walks.send(WantedWalk { sequence, portions, begins }).await.expect("it is there");
        rig.add_files(20..22).await;
        while rig.process.role.status().applied_sequence < rig.leader.journal().durable() {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(has_begun.try_recv().is_err() && handed_over.try_recv().is_err(), "it is not there yet");
        rig.add_files(22..30).await;
        let mut inodes = 0;
        loop {
            match handed_over.recv().await.expect("all of it") {
                Portion::Tables(_) => {}
                Portion::Inodes(some) => inodes += some.len(),
                Portion::End => return inodes,
            }
        }
    };
    let asked_of_one_that_follows = async {
        tokio::select! {
            never = standby.follow() => match never {},
            inodes = asked => inodes,
        }
    };
    let inodes = timeout(LIMIT, asked_of_one_that_follows).await.expect("it hands over");
    assert!((25..=30).contains(&inodes), "{inodes}");
    assert!(has_begun.try_recv().is_ok());
    rig.catch_up(&mut standby).await;
    assert_eq!(standby.take().unwrap().tree.hash(), rig.hash(), "the tree goes on");
}

/// The order was given up: the standby has better things to do, and what the order holds must go.
#[tokio::test]
async fn a_walk_that_nobody_waits_for_is_not_made() {
    let rig = Rig::new("1000000").await;
    rig.add_files(1..20).await;
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    rig.catch_up(&mut standby).await;
    let following = rig.process.role.following().expect("it follows");
    let there = rig.leader.journal().durable();
    for (what, sequence) in [("a record that is there", there), ("one that never comes", there + 1_000)] {
        let ((portions, mut handed_over), (begins, has_begun)) = (mpsc::channel(100), oneshot::channel());
        following.walks.send(WantedWalk { sequence, portions, begins }).await.expect("it is there");
        // At once, or once it is known to be waited for.
        let given_up = async {
            while sequence > there && following.walks.capacity() == 0 {
                sleep(Duration::from_millis(10)).await;
            }
            drop(has_begun);
            handed_over.recv().await
        };
        let handed_over = async {
            tokio::select! {
                biased;
                portion = given_up => portion,
                never = standby.follow() => match never {},
            }
        };
        let portion = timeout(LIMIT, handed_over).await.expect("it is kept");
        assert!(portion.is_none(), "{what}: it is handed over");
    }
}

/// What a leader that was killed leaves, in the middle of taking a backup over.
#[tokio::test]
async fn a_standby_says_that_nobody_can_lead_with_half_a_backup() {
    let root = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    alluxio_journal::format(&*store, Uuid::from_u128(5), Existing::Keep).await.unwrap();
    let (process, _) = Process::start(loopback(root.path()), None).await.unwrap();
    process.role.stands_by();
    let options = journal_options(&process.conf, "first".to_owned(), None);
    let restored = replay::restore(store.clone(), options, &mut None, &Role::default()).await.unwrap();
    let leader = Namespace::new(restored.tree.into_inner(), restored.journal);
    let rig = Rig { process, disk: MemStore::new(), store, leader, _root: root };
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    let directory = InodeDirectoryEntry {
        id: Some(ids::ROOT_ID),
        parent_id: Some(ids::NO_PARENT),
        ..InodeDirectoryEntry::default()
    };
    let root = JournalEntry { inode_directory: Some(directory), ..JournalEntry::default() };
    let id = ClusterInfoEntry { cluster_id: Some("c".to_owned()) };
    let whole = JournalEntry { cluster_info: Some(id), ..JournalEntry::default() };
    for (entry, is_ready) in [(root, false), (whole, true)] {
        let written = rig.leader.mutate(&[], None, |_, draft| {
            draft.push(entry.clone());
            Ok(())
        });
        written.await.unwrap();
        rig.catch_up(&mut standby).await;
        let told = rig.process.role.not_ready();
        assert_eq!(told.is_none(), is_ready, "{told:?}");
        assert!(told.is_none_or(|told| told.contains("part of a backup")));
    }
}

/// The folder was replaced under it. It neither shows what is there nor takes it over.
#[tokio::test]
async fn a_standby_does_not_go_on_with_another_clusters_journal() {
    let rig = Rig::new("1000000").await;
    let gone = Uuid::from_u128(6);
    rig.process.role.is_of(gone);
    let mut standby = Standby::new(rig.process.clone(), rig.store.clone());
    let told = async {
        loop {
            match rig.process.role.not_ready() {
                Some(reason) if reason.contains("cannot follow") => break reason,
                _ => sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let reason = async {
        tokio::select! {
            never = standby.follow() => match never {},
            reason = told => reason,
        }
    };
    let reason = timeout(LIMIT, reason).await.unwrap();
    assert!(
        reason.contains("now, and this master is one of cluster") && reason.contains("bring the folder back"),
        "{reason}"
    );
    assert_eq!(rig.process.role.status().cluster_id, Some(gone.to_string()));
    let mandate = crate::mandate::Mandate::sole();
    let led =
        Serving::open(rig.process.clone(), rig.store.clone(), &mut None, standby.understudy(), mandate).await;
    assert!(matches!(led.err(), Some(StartError::Journal(JournalError::Replaced { .. }))));
    rig.add_files(1..2).await;
}
