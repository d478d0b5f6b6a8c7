//! kill -9 of a process that writes to a folder: nothing that it acknowledged is lost, and the folder is free at
//! once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is a test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alluxio_journal::store::Store;
use alluxio_journal::store::local::{LocalStore, Sharing};
use alluxio_journal::{
    Existing, FollowOptions, Followed, Follower, Journal, Options, Position, Recovery, Restart, Result, Uuid,
    format,
};
use bytes::Bytes;

/// Set in the child: the folder that it writes to.
const FOLDER: &str = "JOURNAL_KILL_TEST_FOLDER";
/// Set in the child: others may follow.
const SHARED: &str = "JOURNAL_KILL_TEST_SHARED";
const ROUNDS: u64 = 6;

fn payload(sequence: u64) -> Bytes {
    let filler = "x".repeat((sequence as usize * 131) % 1500);
    Bytes::from(format!("{sequence} {filler}"))
}

/// Opens the journal; checks that it holds exactly the payloads that belong to its sequences.
async fn open(folder: &Path, sharing: Sharing) -> Result<(Journal, u64)> {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(folder, sharing));
    let options = Options { roll_bytes: 64 << 10, ..Options::default() };
    let mut recovery = Recovery::start(store, options).await?;
    let mut last = 0;
    if let Some(mut checkpoint) = recovery.checkpoint() {
        while let Some(chunk) = checkpoint.next_chunk().await? {
            last += 1;
            assert_eq!(chunk, payload(last));
        }
    }
    while let Some(record) = recovery.next().await? {
        last += 1;
        assert_eq!((record.sequence(), record.payload), (last, payload(last)));
    }
    Ok((recovery.finish().await?, last))
}

/// The child: many writers at once, a checkpoint now and then, and a line for each acknowledged record.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let sharing = if std::env::var(SHARED).is_ok() { Sharing::Shared } else { Sharing::Exclusive };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (journal, last) = open(folder.as_ref(), sharing).await.unwrap();
        let journal = Arc::new(journal);
        let sequence = Arc::new(std::sync::Mutex::new(last));
        for _ in 0..8 {
            let (journal, sequence) = (journal.clone(), sequence.clone());
            tokio::spawn(async move {
                loop {
                    let permit = journal.reserve().await.unwrap();
                    let ticket = {
                        let mut sequence = sequence.lock().unwrap();
                        *sequence += 1;
                        permit.append(payload(*sequence))
                    };
                    let acknowledged = ticket.sequence();
                    ticket.wait().await.unwrap();
                    println!("\nacknowledged {acknowledged}");
                }
            });
        }
        loop {
            tokio::time::sleep(Duration::from_millis(40)).await;
            let position = {
                let _order = sequence.lock().unwrap();
                journal.position()
            };
            let mut checkpoint = journal.checkpoint_writer(position).await.unwrap();
            for number in 1..=position.sequence {
                checkpoint.write(payload(number)).await.unwrap();
            }
            checkpoint.finish(0, Bytes::new()).await.unwrap();
        }
    });
}

/// Runs the child for a while and kills it. Gives the highest sequence that it acknowledged.
fn run_and_kill(folder: &Path, time: Duration, sharing: Sharing) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, folder)
        .envs((sharing == Sharing::Shared).then_some((SHARED, "")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let number = |line: String| line.strip_prefix("acknowledged ")?.parse::<u64>().ok();
        // The last line may be cut short by the kill: a number cut short is smaller, never larger.
        lines.map_while(|line| line.ok()).filter_map(number).max().unwrap_or(0)
    });
    let until = Instant::now() + time;
    while Instant::now() < until {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[tokio::test]
async fn kill_9_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("journal");
    format(&LocalStore::new(&folder, Sharing::Exclusive), Uuid::from_u128(1), Existing::Keep).await.unwrap();
    let mut acknowledged_in_all = 0;
    for round in 0..ROUNDS {
        let time = Duration::from_millis(150 + round * 67);
        let acknowledged = run_and_kill(&folder, time, Sharing::Exclusive);
        let (journal, last) = open(&folder, Sharing::Exclusive).await.unwrap();
        assert!(last >= acknowledged, "record {acknowledged} was acknowledged, the log ends with {last}");
        acknowledged_in_all = acknowledged_in_all.max(acknowledged);
        journal.shutdown().await.unwrap();
    }
    assert!(acknowledged_in_all > 50, "the child hardly wrote anything: {acknowledged_in_all}");
}

/// Follows until cancelled, with one follower after the other, and shows how far it is.
async fn follow(store: Arc<dyn Store>, at: &Mutex<Position>) {
    loop {
        // A checkpoint may be replaced while it is read.
        if let Ok(mut follower) = Follower::start(store.clone(), FollowOptions::default()).await {
            *at.lock().unwrap() = follower.position();
            while let Followed::Record(record) = follower.next().await.unwrap() {
                assert_eq!(record.payload, payload(record.sequence()));
                let mut at = at.lock().unwrap();
                assert_eq!(record.sequence(), at.sequence + 1);
                *at = record.position;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_followed_a_process_that_is_killed_takes_over_with_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("journal");
    let store = || -> Arc<dyn Store> { Arc::new(LocalStore::new(&folder, Sharing::Shared)) };
    format(&*store(), Uuid::from_u128(1), Existing::Keep).await.unwrap();
    let mut went_on = 0;
    for round in 0..4u64 {
        let at = Mutex::new(Position::START);
        let killed = {
            let folder = folder.clone();
            let time = Duration::from_millis(700 + round * 67);
            tokio::task::spawn_blocking(move || run_and_kill(&folder, time, Sharing::Shared))
        };
        let acknowledged = tokio::select! {
            acknowledged = killed => acknowledged.unwrap(),
            () = follow(store(), &at) => unreachable!("it follows for ever"),
        };
        let base = *at.lock().unwrap();
        let mut recovery = Recovery::take_over(store(), Options::default(), base).await.unwrap();
        let mut last = match recovery.starts_over() {
            None => base.sequence,
            Some(Restart::Behind { .. }) => recovery.checkpoint().unwrap().footer().position.sequence,
            Some(why) => panic!("{why}"),
        };
        went_on += usize::from(recovery.starts_over().is_none() && last > 0);
        while let Some(record) = recovery.next().await.unwrap() {
            last += 1;
            assert_eq!((record.sequence(), record.payload), (last, payload(last)));
        }
        assert!(last >= acknowledged, "record {acknowledged} was acknowledged, the log ends with {last}");
        recovery.finish().await.unwrap().shutdown().await.unwrap();
    }
    assert!(went_on > 0, "no take-over could go on from what the follower had");
}
