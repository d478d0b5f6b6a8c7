//! The journal on a real HDFS: what must hold on every store, and which folders are refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the behaviour suite is a test")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alluxio_hdfs::{Address, Create, Hdfs as Client, Settings};
use alluxio_journal::{
    Existing, FileId, Options, Recovery, SegmentId, Uuid, format,
    store::{Claim, Fence, Store, local::Sharing},
};
use alluxio_tests::hdfs::Hdfs;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use tokio::runtime::Handle;

use crate::{
    behaviour::{self, Place},
    on_hdfs::Folder,
};

impl Place for Folder {
    fn store(&self) -> Arc<dyn Store> {
        self.open(Sharing::Shared).unwrap()
    }

    /// Takes the file from its writer, and writes it anew.
    fn damage(&self, file: FileId, change: &mut dyn FnMut(&mut Vec<u8>)) {
        let address = Address::parse(&format!("{}/{file}", self.address)).unwrap();
        let client = Client::new(&address.authority, Settings::default()).unwrap();
        let path = &*address.path;
        let rewritten = async {
            while !client.recover_lease(path).await? {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let mut bytes = client.read(path, 0, usize::MAX).await?.to_vec();
            change(&mut bytes);
            client.remove(path).await?;
            let create = Create { replication: None, block_size: None, permissions: 0o644 };
            let mut file = client.create(path, create).await?;
            file.append(Bytes::from(bytes)).await?;
            file.close().await
        };
        tokio::task::block_in_place(|| Handle::current().block_on(rewritten)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_on_every_store_holds_on_hdfs() -> Result<()> {
    let hdfs = Hdfs::plan().start()?;
    let names =
        ["ends", "overtaken", "torn", "checkpoints", "reader", "follower", "fed", "standby", "format"];
    let [ends, overtaken, torn, checkpoints, reader, follower, fed, standby, formatted] =
        names.map(|name| Folder::new(&hdfs.uri(), name));
    tokio::join!(
        behaviour::records_survive_clean_and_unclean_ends(&ends),
        behaviour::an_overtaken_master_acknowledges_nothing(&overtaken),
        behaviour::a_torn_tail_is_cut_and_damage_is_refused(&torn),
        behaviour::checkpoints_replace_segments(&checkpoints),
        behaviour::a_reader_sees_a_live_journal(&reader),
        behaviour::a_follower_keeps_up_and_takes_over(&follower),
        behaviour::a_follower_that_is_fed_needs_no_closed_segment(&fed),
        behaviour::checkpoints_of_a_standby_replace_segments(&standby),
        behaviour::formatting_again_needs_the_explicit_word(&formatted),
    );
    hdfs.finish()
}

async fn won(store: &dyn Store, term: u64) -> Result<Box<dyn Fence>> {
    match store.claim(term, "test").await? {
        Claim::Won(fence) => Ok(fence),
        Claim::Taken => bail!("term {term} is taken"),
    }
}

/// Below the journal: each step of a take-over, on its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_out_of_the_reach_of_its_writer() -> Result<()> {
    let mut hdfs = Hdfs::plan().set("dfs.replication", 1).start()?;
    let folder = Folder::new(&hdfs.uri(), "sealed");
    let (old, new) = (folder.open(Sharing::Shared)?, folder.open(Sharing::Shared)?);
    old.prepare().await?;
    let mut fence = won(&*old, 1).await?;
    ensure!(matches!(new.claim(1, "test").await?, Claim::Taken), "a term was claimed twice");
    let segment = |index| FileId::Segment(SegmentId { term: 1, index });
    let mut file = old.create(segment(1)).await?;
    ensure!(old.create(segment(1)).await.is_err(), "a file was created twice");
    file.commit(Bytes::from_static(b"synced ")).await?;
    fence.check().await?;
    let copies = hdfs.replication("/sealed/terms/1/00000001.log")?;
    ensure!(copies == 3, "{copies} copies, as HDFS has it where nothing is said");
    file.append(Bytes::from_static(b"not synced")).await?;

    let mut newer = won(&*new, 2).await?;
    ensure!(matches!(old.claim(1, "test").await?, Claim::Taken), "a term below the newest was claimed");
    // Not sealed yet: this may still be answered, and must be there afterwards.
    fence.check().await?;
    let began = Instant::now();
    new.seal(2).await?;
    println!("a term with an open file was sealed after {:?}", began.elapsed());
    ensure!(file.sync().await.is_err(), "a writer synced after the seal");
    for _ in 0..2 {
        let check = fence.check().await;
        ensure!(matches!(&check, Err(error) if error.to_string().contains("term 1 is sealed")), "{check:?}");
    }
    let late = old.create(segment(2)).await.err().context("a file was created in a sealed term")?;
    ensure!(late.to_string().contains("term 1 is sealed"), "{late}");
    let read = new.read(segment(1), 0, 100).await?;
    ensure!(read.starts_with(b"synced "), "{read:?}");
    ensure!(new.shown(segment(1)).ends_with("/sealed/sealed/1/00000001.log"), "{}", new.shown(segment(1)));
    ensure!(new.terms().await? == [1, 2]);
    newer.check().await?;
    new.seal(2).await?;
    newer.check().await?;

    // A request to claim the same term arrives now, after it was sealed: its folder is there again, and the old writer can write
    // into it. It gets nothing confirmed, and what it writes is seen by nobody.
    let address = Address::parse(&folder.address)?;
    let client = Client::new(&address.authority, Settings::default())?;
    client.make_folders(&format!("{}/terms/1", address.path), 0o755).await?;
    let mut lost = old.create(segment(1)).await?;
    lost.commit(Bytes::from_static(b"lost")).await?;
    ensure!(fence.check().await.is_err(), "confirmed in a folder that is not its own");
    let listed: Vec<_> = new.list().await?.into_iter().map(|listed| (listed.file, listed.length)).collect();
    ensure!(listed == [(segment(1), read.len() as u64)], "{listed:?}");
    ensure!(new.read(segment(1), 0, 100).await? == read);
    let mut newest = won(&*new, 3).await?;
    new.seal(3).await?;
    newest.check().await?;
    ensure!(client.list(&format!("{}/terms", address.path)).await?.is_some_and(|terms| terms.len() == 1));

    new.remove(segment(1)).await?;
    new.forget(1).await?;
    ensure!(new.list().await?.is_empty() && new.terms().await? == [2, 3]);
    hdfs.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_election_a_second_master_is_refused_while_the_first_lives() -> Result<()> {
    let hdfs = Hdfs::plan().datanodes(1).start()?;
    let folder = Folder::new(&hdfs.uri(), "exclusive");
    let cluster = Uuid::from_u128(1);
    format(&*folder.open(Sharing::Exclusive)?, cluster, Existing::Keep).await?;
    let options = || Options { owner: "first:19998".to_owned(), ..Options::default() };
    let first = Recovery::start(folder.open(Sharing::Exclusive)?, options()).await?;
    let journal = first.finish().await?;
    let second = Recovery::start(folder.open(Sharing::Exclusive)?, Options::default()).await;
    let refusal = second.err().context("a second master started")?.to_string();
    ensure!(refusal.contains("is in use by first:19998"), "{refusal}");
    let formatting = format(&*folder.open(Sharing::Exclusive)?, cluster, Existing::Remove).await;
    ensure!(
        formatting.is_err_and(|error| error.to_string().contains("is in use by")),
        "a used journal was formatted"
    );
    behaviour::write(&journal, 1..=1).await?;
    // Its process lives on, so only its silence tells that it holds the journal no more.
    journal.shutdown().await?;
    Recovery::start(folder.open(Sharing::Exclusive)?, Options::default()).await?;
    hdfs.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_cannot_hold_a_journal_are_refused() -> Result<()> {
    let mut hdfs = Hdfs::plan().start()?;
    hdfs.make_erasure_coded("/coded")?;
    hdfs.make_folder("/closed", "700")?;
    hdfs.make_folder("/java/BlockMaster/v1", "755")?;
    let refusal = async |name: &str, user: Option<&str>| {
        let mut folder = Folder::new(&hdfs.uri(), name);
        folder.settings.user = user.map(str::to_owned);
        let store = folder.open(Sharing::Exclusive)?;
        let refused = format(&*store, Uuid::from_u128(1), Existing::Keep).await;
        Ok::<_, anyhow::Error>(refused.err().context("it was formatted")?.to_string())
    };
    let coded = refusal("coded/journal", None).await?;
    ensure!(coded.contains("cannot hold a journal") && coded.contains("erasure-coded"), "{coded}");
    let closed = refusal("closed/journal", Some("somebody")).await?;
    ensure!(closed.contains("Permission denied: user=somebody") && !closed.contains('\n'), "{closed}");
    let java = refusal("java", None).await?;
    ensure!(java.contains("BlockMaster/v1"), "{java}");
    hdfs.finish()
}
