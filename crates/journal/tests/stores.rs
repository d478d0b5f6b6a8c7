//! What must hold on every store: a folder, memory with tokens, memory with leases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is a test")]

mod behaviour;

use std::sync::Arc;

use alluxio_journal::store::Store;
use alluxio_journal::store::local::{LocalStore, Sharing};
use alluxio_journal::store::mem::{Fencing, MemStore};
use alluxio_journal::{Existing, FileId, Options, Recovery, Uuid, format};

use self::behaviour::*;

struct Folder(tempfile::TempDir);

impl Place for Folder {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(LocalStore::new(self.0.path().join("journal"), Sharing::Shared))
    }

    fn damage(&self, file: FileId, change: &mut dyn FnMut(&mut Vec<u8>)) {
        let path = self.0.path().join("journal").join(file.to_string());
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
    }
}

impl Place for MemStore {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    fn damage(&self, file: FileId, change: &mut dyn FnMut(&mut Vec<u8>)) {
        MemStore::damage(self, file, change);
    }
}

fn folder() -> Folder {
    Folder(tempfile::tempdir().unwrap())
}

macro_rules! on_every_store {
    ($($behaviour:ident),+ $(,)?) => {
        mod in_a_folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(&super::folder()).await;
            })+
        }
        mod in_memory_with_tokens {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::MemStore::with(1, super::Fencing::Token)).await;
            })+
        }
        mod in_memory_with_leases {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::MemStore::with(1, super::Fencing::Lease)).await;
            })+
        }
    };
}

on_every_store!(
    records_survive_clean_and_unclean_ends,
    an_overtaken_master_acknowledges_nothing,
    a_torn_tail_is_cut_and_damage_is_refused,
    checkpoints_replace_segments,
    a_reader_sees_a_live_journal,
    a_follower_keeps_up_and_takes_over,
    a_follower_that_is_fed_needs_no_closed_segment,
    checkpoints_of_a_standby_replace_segments,
    formatting_again_needs_the_explicit_word,
);

#[tokio::test]
async fn two_live_masters_in_one_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = || -> Arc<dyn Store> { Arc::new(LocalStore::new(folder.path(), Sharing::Exclusive)) };
    format(&*store(), Uuid::from_u128(1), Existing::Keep).await.unwrap();
    let first = Recovery::start(store(), Options::default()).await.unwrap();
    let second = Recovery::start(store(), Options::default()).await.err().unwrap().to_string();
    assert!(second.contains("is in use by process") && second.contains("two masters"), "{second}");
    let formatting = format(&*store(), Uuid::from_u128(1), Existing::Remove).await.unwrap_err().to_string();
    assert!(formatting.contains("is in use by process"), "{formatting}");
    let journal = first.finish().await.unwrap();
    write(&journal, 1..=1).await.unwrap();
    journal.shutdown().await.unwrap();
    Recovery::start(store(), Options::default()).await.unwrap();
}

#[tokio::test]
async fn a_java_journal_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("FileSystemMaster/v1/logs")).unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(folder.path(), Sharing::Exclusive));
    for error in [
        Recovery::start(store.clone(), Options::default()).await.err().unwrap(),
        format(&*store, Uuid::from_u128(1), Existing::Remove).await.unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("cannot take over") && text.contains("FileSystemMaster/v1"), "{text}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was added");
}
