//! Masters that stand by are told what the leader is told.

use super::{Rig, block, fake_master::FakeMaster, until};
use alluxio_proto::grpc::{Command, CommandType};
use std::{collections::BTreeSet, time::Duration};

async fn knows(what: &str, master: &FakeMaster, containers: impl IntoIterator<Item = i64>) {
    let expected: BTreeSet<i64> = containers.into_iter().map(|container| block(container, 0)).collect();
    until(what, || master.mind.lock().workers.len() == 1 && master.blocks() == expected).await;
}

fn told_all(master: &FakeMaster) -> usize {
    master.mind.lock().told_all
}

/// Long enough for a hundred heartbeats: what does not happen until then does not happen.
async fn for_a_while(master: &FakeMaster) {
    let before = master.mind.lock().heartbeats;
    until("heartbeats go on", || master.mind.lock().heartbeats >= before + 20).await;
}

#[tokio::test]
async fn a_new_leader_that_was_told_all_needs_no_registration() {
    let (rig, standby) = Rig::with_standby(&[]).await;
    for container in 1..=3 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    knows("the standby has all", &standby, 1..=3).await;
    rig.worker.core.store.remove(block(1, 0)).unwrap();
    knows("the standby heard of the removal", &standby, 2..=3).await;
    let registration = rig.worker.registered.current();

    // What happens without a leader, too, is told to the next.
    rig.master.stand_by();
    rig.worker.core.store.remove(block(2, 0)).unwrap();
    standby.lead();
    until("its heartbeats go there", || standby.mind.lock().heartbeats > 3).await;
    rig.client.write_block(block(9, 0), b"x").await.unwrap();
    knows("the new leader has all", &standby, [3, 9]).await;
    assert_eq!(rig.worker.registered.current(), registration);
    let told = {
        let mind = standby.mind.lock();
        assert_eq!((mind.registrations, mind.told_all, mind.commits), (0, 1, 1));
        mind.told
    };
    for_a_while(&standby).await;
    assert_eq!(standby.mind.lock().told, told, "a leader has heartbeats");

    // The former leader is told anew what it has missed, as one that stands by.
    let before = rig.master.mind.lock().heartbeats;
    rig.master.forget_workers();
    knows("the former leader follows", &rig.master, [3, 9]).await;
    let mind = rig.master.mind.lock();
    assert_eq!((mind.registrations, mind.heartbeats), (1, before));
}

#[tokio::test]
async fn a_standby_that_knows_nothing_is_told_all_again() {
    let (rig, standby) = Rig::with_standby(&[("alluxio.worker.register.stream.batch.size", "2")]).await;
    for container in 1..=5 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    knows("it has all", &standby, 1..=5).await;
    standby.forget_workers();
    knows("it has all again", &standby, 1..=5).await;
    assert_eq!(told_all(&standby), 2);
    // It leads before it is told again: then it is a registration like any other.
    standby.mind.lock().hang_reports = true;
    rig.master.stand_by();
    standby.forget_workers();
    standby.lead();
    until("it registers", || standby.mind.lock().registrations == 1).await;
    knows("the new leader has all", &standby, 1..=5).await;
}

#[tokio::test]
async fn a_standby_that_hangs_holds_nobody_up() {
    let (rig, standby) = Rig::with_standby(&[]).await;
    until("it is told all", || told_all(&standby) == 1).await;
    standby.mind.lock().hang_reports = true;
    until("a report hangs", || standby.mind.lock().hung == 1).await;
    for container in 1..=3 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    rig.worker.core.store.remove(block(1, 0)).unwrap();
    let begun = std::time::Instant::now();
    for_a_while(&rig.master).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "less than the standby has for one answer");
    knows("the leader has all", &rig.master, 2..=3).await;
    until("a report with the changes hangs", || standby.mind.lock().hung > 1).await;
    standby.mind.lock().hang_reports = false;
    knows("what it missed comes later", &standby, 2..=3).await;
    assert_eq!(told_all(&standby), 1);
}

/// A master that takes over would believe that it has all.
#[tokio::test]
async fn a_report_of_a_part_does_not_count_as_one_of_all() {
    let (rig, standby) =
        Rig::with_standby(&[("alluxio.worker.block.heartbeat.report.size.threshold", "2")]).await;
    until("it is told all", || told_all(&standby) == 1).await;
    {
        let mut mind = standby.mind.lock();
        (mind.turn, mind.refuse_reports) = (7, true);
    }
    until("a report is refused", || standby.mind.lock().refused > 0).await;
    for container in 1..=5 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    standby.mind.lock().refuse_reports = false;
    knows("the standby has all", &standby, 1..=5).await;
    until("a report knows the turn", || standby.mind.lock().told_turns.last() == Some(&(Some(7), 0))).await;
    let told = standby.mind.lock().told_turns.clone();
    assert!(told.iter().filter(|(_, changes)| *changes == 2).count() >= 2, "{told:?}");
    assert!(told.iter().all(|(turn, changes)| turn.is_none() == (*changes == 2)), "{told:?}");
}

#[tokio::test]
async fn standbys_know_who_is_out_of_service() {
    let (rig, standby) = Rig::with_standby(&[]).await;
    until("it is told all", || told_all(&standby) == 1).await;
    let out = Command { command_type: Some(CommandType::Decommissioned.into()), data: Vec::new() };
    for _ in 0..50 {
        rig.master.order(out.clone());
    }
    until("the standby knows it", || standby.mind.lock().told_decommissioned).await;
    until("it serves again, and the standby knows it", || !standby.mind.lock().told_decommissioned).await;
}

#[tokio::test]
async fn a_worker_that_leaves_tells_the_standbys() {
    let (rig, standby) = Rig::with_standby(&[]).await;
    until("it is told all", || told_all(&standby) == 1).await;
    let id = rig.worker.registered.id().unwrap();
    let (worker, _home) = rig.into_worker();
    worker.shutdown().await;
    assert_eq!(standby.mind.lock().left, [id]);
}

#[tokio::test]
async fn masters_of_the_original_and_where_it_is_not_wanted_are_told_nothing() {
    let off = ("alluxio.worker.register.to.all.masters", "false");
    let (rig, standby) = Rig::with_standby(&[off]).await;
    for_a_while(&rig.master).await;
    assert_eq!(told_all(&standby), 0);
    // A new leader is registered with, as ever.
    rig.master.stand_by();
    standby.lead();
    until("it registers", || standby.mind.lock().registrations == 1).await;

    let standby = FakeMaster::start(Default::default()).await;
    standby.stand_by();
    let original = FakeMaster::start(Default::default()).await;
    [&standby, &original].iter().for_each(|master| master.mind.lock().original = true);
    let addresses = format!("127.0.0.1:{},127.0.0.1:{}", standby.port(), original.port());
    let home = tempfile::tempdir().unwrap();
    let more = [("alluxio.master.rpc.addresses", addresses.as_str())];
    let conf = super::conf(home.path(), 1 << 20, original.port(), &more);
    let worker = crate::worker::Worker::start(conf).await.unwrap();
    tokio::time::timeout(super::PATIENCE, worker.registered()).await.unwrap();
    for_a_while(&original).await;
    let asked = |master: &FakeMaster| master.mind.lock().unknown_questions;
    assert_eq!((asked(&standby), asked(&original)), (0, 1), "the leader is asked, once");
}
