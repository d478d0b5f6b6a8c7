//! Laws of the catalog under random operations.

use super::{
    DirSpec, Layout, TierSpec,
    access::OrderKind,
    allocate::AllocatorKind,
    catalog::{Catalog, Cursor, DirId, Doomed, Found, Move, Place, Refusal, Removal},
};
use proptest::prelude::*;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

const QUOTA: u64 = 100;
/// Of it, for exchanges.
const RESERVE: u64 = 20;
pub(super) const SESSION: i64 = 7;

fn layout() -> Layout {
    let dir = |name: &str, medium: &str| DirSpec { path: name.into(), medium: medium.into(), quota: QUOTA };
    let tier =
        |alias: &str, dirs| TierSpec { alias: alias.into(), high_watermark: 0.95, low_watermark: 0.7, dirs };
    let tiers =
        vec![tier("MEM", vec![dir("/m", "MEM")]), tier("SSD", vec![dir("/s1", "SSD"), dir("/s2", "SSD")])];
    Layout { swap_reserve: RESERVE, ..Layout::new(tiers) }
}

pub(super) fn catalog() -> Catalog {
    Catalog::new(layout(), OrderKind::Lru, AllocatorKind::MaxFree)
}

/// Writes and confirms a block in one go.
fn put(catalog: &mut Catalog, block: i64, bytes: u64) {
    catalog.reserve(block, SESSION, &Place::anywhere(), bytes).unwrap();
    catalog.finish(block, SESSION, bytes, false).unwrap();
    catalog.confirm(block);
}

#[test]
fn a_block_under_write_is_not_taken_up_from_the_quarantine_too() {
    let mut catalog = catalog();
    catalog.reserve(1, SESSION, &Place::anywhere(), 10).unwrap();
    assert!(!catalog.adopt(DirId(0), 1, 10));
    catalog.finish(1, SESSION, 10, false).unwrap();
    assert_eq!(catalog.usage().used(), 10);
    catalog.check();
}

#[test]
fn a_block_under_way_keeps_its_name_when_its_folder_is_lost() {
    let mut catalog = catalog();
    put(&mut catalog, 1, 10);
    let step = catalog.begin_move(1, &Place::tier(1), 99).unwrap().unwrap();
    assert!(catalog.lose_dir(DirId(0)));
    // The copy would overwrite the new block's file, and delete it when it is given up.
    assert_eq!(catalog.reserve(1, SESSION, &Place::tier(1), 10), Err(Refusal::BeingWritten));
    assert!(!catalog.adopt(step.to_dir, 1, 10));
    assert!(!catalog.switch(&step));
    catalog.abort_move(&step);
    catalog.reserve(1, SESSION, &Place::tier(1), 10).unwrap();
    catalog.check();
}

#[test]
fn a_move_to_a_tier_has_no_target_in_another_one() {
    let mut catalog = catalog();
    assert_eq!(catalog.targets(&Place::tier(0)), [DirId(0)]);
    assert_eq!(catalog.targets(&Place::medium("SSD")), [DirId(1), DirId(2)]);
    assert!(catalog.lose_dir(DirId(0)));
    assert!(catalog.targets(&Place::tier(0)).is_empty());
}

#[test]
fn a_walk_comes_by_every_block_that_stays() {
    let mut catalog = catalog();
    for block in 1..=40 {
        put(&mut catalog, block, 5);
    }
    catalog.reserve(99, SESSION, &Place::anywhere(), 5).unwrap();
    let (mut cursor, mut seen, mut steps) = (Cursor::default(), Vec::new(), 0);
    while catalog.walk(&mut cursor, 3, &mut seen) {
        steps += 1;
        // Read meanwhile: it moves to the end of its folder.
        let found = catalog.acquire(1 + steps % 40).unwrap();
        catalog.release(1 + steps % 40, found.serial);
        assert!(steps < 1_000);
    }
    let seen: HashSet<i64> = seen.into_iter().collect();
    assert_eq!(seen, (1..=40).collect());
    assert_eq!(catalog.shown(1).map(|(_, length)| length), Some(5));
    assert_eq!(catalog.shown(99), None, "it is still written");
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(i64, u64, Option<usize>),
    Grow(i64, u64),
    Finish(i64, u64),
    GiveUp(i64),
    Confirm(i64),
    Discard(i64),
    Acquire(i64),
    Release(i64),
    Evict(i64),
    Remove(i64),
    Pin(i64),
    Unpin,
    Bury,
    BeginMove(i64, usize),
    BeginExchange(i64, u16),
    EndMove,
    LoseDir(u16),
    Report(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let block = 0..6_i64;
    prop_oneof![
        6 => (block.clone(), 0..60_u64, proptest::option::of(0..3_usize)).prop_map(|(b, n, t)| Step::Reserve(b, n, t)),
        2 => (block.clone(), 0..40_u64).prop_map(|(b, n)| Step::Grow(b, n)),
        6 => (block.clone(), 0..60_u64).prop_map(|(b, n)| Step::Finish(b, n)),
        1 => block.clone().prop_map(Step::GiveUp),
        5 => block.clone().prop_map(Step::Confirm),
        1 => block.clone().prop_map(Step::Discard),
        4 => block.clone().prop_map(Step::Acquire),
        4 => block.clone().prop_map(Step::Release),
        3 => block.clone().prop_map(Step::Evict),
        2 => block.clone().prop_map(Step::Remove),
        1 => block.clone().prop_map(Step::Pin),
        1 => Just(Step::Unpin),
        3 => Just(Step::Bury),
        3 => (block.clone(), 0..2_usize).prop_map(|(b, t)| Step::BeginMove(b, t)),
        2 => (block, 0..3_u16).prop_map(|(b, d)| Step::BeginExchange(b, d)),
        3 => Just(Step::EndMove),
        1 => (0..3_u16).prop_map(Step::LoseDir),
        4 => any::<bool>().prop_map(Step::Report),
    ]
}

/// Container 0 holds all blocks of the test, so pins are by block here: container = block.
pub(super) fn id(block: i64) -> i64 {
    alluxio_fs::ids::block_id(block + 1, 0)
}

#[derive(Default)]
struct Model {
    leases: HashMap<i64, Vec<Found>>,
    pinned: HashSet<i64>,
    moves: Vec<Move>,
    /// What a master that gets all reports believes this worker holds.
    master: HashSet<i64>,
}

fn bury(catalog: &mut Catalog, model: &Model) {
    for doomed in catalog.take_doomed(usize::MAX) {
        assert_not_read(&doomed, model);
        catalog.buried(&doomed);
    }
}

fn assert_not_read(doomed: &Doomed, model: &Model) {
    let read = model.leases.values().flatten().any(|found| found.path == doomed.path);
    assert!(!read, "{} is deleted while it is read", doomed.path.display());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 600 } else { 5000 }))]
    #[test]
    fn laws_hold(steps in proptest::collection::vec(step(), 1..120)) {
        let mut catalog = catalog();
        let listener = catalog.changes.listen();
        let mut model = Model::default();
        let mut lost = HashSet::new();
        for step in steps {
            match step {
                Step::Reserve(b, n, tier) => {
                    let place = Place { tier: tier.filter(|t| *t < 2), medium: None };
                    if catalog.reserve(id(b), SESSION, &place, n).is_ok() {
                        prop_assert!(model.moves.iter().all(|step| step.block != id(b)), "its name is in use");
                    }
                }
                Step::Grow(b, n) => { let _ = catalog.grow(id(b), SESSION, n); }
                Step::Finish(b, n) => { let _ = catalog.finish(id(b), SESSION, n, false); }
                Step::GiveUp(b) => catalog.give_up(id(b), SESSION, format!("/tmp/{b}").into()),
                Step::Confirm(b) => catalog.confirm(id(b)),
                Step::Discard(b) => catalog.discard_uncommitted(id(b)),
                Step::Acquire(b) => {
                    if let Some(found) = catalog.acquire(id(b)) {
                        model.leases.entry(b).or_default().push(found);
                    }
                }
                Step::Release(b) => {
                    if let Some(found) = model.leases.get_mut(&b).and_then(Vec::pop) {
                        catalog.release(id(b), found.serial);
                    }
                }
                Step::Evict(b) => {
                    let held = model.leases.get(&b).is_some_and(|leases| {
                        leases.iter().any(|found| !lost.contains(&found.dir))
                    });
                    if catalog.evict(id(b)) {
                        prop_assert!(!held, "evicted while read");
                        prop_assert!(!model.pinned.contains(&b), "evicted while pinned");
                        prop_assert!(catalog.acquire(id(b)).is_none(), "readable after eviction");
                    }
                }
                Step::Remove(b) => {
                    if matches!(catalog.remove(id(b)), Removal::Doomed | Removal::Deferred) {
                        prop_assert!(catalog.acquire(id(b)).is_none(), "readable after removal");
                    }
                }
                Step::Pin(b) => {
                    model.pinned.insert(b);
                    let files = model.pinned.iter().map(|b| alluxio_fs::ids::file_id_of_block(id(*b)));
                    catalog.set_pinned(Arc::new(files.collect()));
                }
                Step::Unpin => {
                    model.pinned.clear();
                    catalog.set_pinned(Arc::default());
                }
                Step::Bury => bury(&mut catalog, &model),
                Step::BeginMove(b, tier) => {
                    if let Ok(Some(step)) = catalog.begin_move(id(b), &Place::tier(tier), 99) {
                        model.moves.push(step);
                    }
                }
                Step::BeginExchange(b, dir) => {
                    if let Ok(Some(step)) = catalog.begin_exchange(id(b), DirId(dir), 99) {
                        model.moves.push(step);
                    }
                }
                Step::EndMove => {
                    if let Some(step) = model.moves.pop() {
                        if catalog.switch(&step) {
                            let read = model.leases.values().flatten().any(|found| found.path == step.from);
                            prop_assert!(!read, "renamed while read");
                            catalog.settle(&step);
                        } else {
                            catalog.abort_move(&step);
                        }
                    }
                }
                Step::LoseDir(dir) => {
                    // Readers of a lost folder keep their open file; they do not bind the id any more.
                    if lost.is_empty() && catalog.lose_dir(DirId(dir)) {
                        lost.insert(DirId(dir));
                        for leases in model.leases.values_mut() {
                            leases.retain(|found| found.dir != DirId(dir));
                        }
                    }
                }
                Step::Report(arrives) => {
                    let delta = catalog.delta(listener, 3).unwrap();
                    if arrives {
                        model.master.extend(delta.added.values().flatten());
                        delta.removed.iter().for_each(|block| { model.master.remove(block); });
                    } else {
                        catalog.changes.put_back(listener, &delta.ids);
                    }
                }
            }
            catalog.check();
        }
        // After all reports arrived the master knows exactly what is held.
        while let Some(delta) = catalog.delta(listener, 3).filter(|delta| !delta.is_empty()) {
            model.master.extend(delta.added.values().flatten());
            delta.removed.iter().for_each(|block| { model.master.remove(block); });
        }
        prop_assert_eq!(&model.master, &catalog.block_ids().into_iter().collect::<HashSet<_>>());

        // And when everything ended, only committed blocks use bytes.
        for step in model.moves.drain(..) { catalog.abort_move(&step); }
        for (b, leases) in model.leases.drain() {
            for found in leases { catalog.release(id(b), found.serial); }
        }
        for b in 0..6 { catalog.give_up(id(b), SESSION, "/tmp/x".into()); }
        bury(&mut catalog, &Model::default());
        let held: u64 = (0..6).filter_map(|b| catalog.peek(id(b))).map(|(_, length)| length).sum();
        prop_assert_eq!(catalog.usage().used(), held);
    }
}

#[test]
fn a_block_under_write_goes_where_asked_then_elsewhere() {
    let mut catalog = catalog();
    let (dir, path) = catalog.reserve(id(1), 0x2a, &Place::tier(0), 60).unwrap();
    assert_eq!(dir, DirId(0));
    assert_eq!(path, std::path::PathBuf::from(format!("/m/alluxioworker/.tmp_blocks/42/2a-{:x}", id(1))));
    assert_eq!(catalog.reserve(id(2), SESSION, &Place::tier(0), 60).unwrap().0, DirId(1));
    assert!(catalog.reserve(id(3), SESSION, &Place::medium("MEM"), 60).is_err());
}

#[test]
fn the_coldest_unpinned_unread_blocks_are_candidates() {
    let mut catalog = catalog();
    for b in 1..=4 {
        catalog.reserve(id(b), SESSION, &Place::tier(0), 10).unwrap();
        catalog.finish(id(b), SESSION, 10, false).unwrap();
    }
    for b in 1..=3 {
        catalog.confirm(id(b));
    }
    let read = catalog.acquire(id(1)).unwrap();
    catalog.set_pinned(Arc::new([alluxio_fs::ids::file_id_of_block(id(2))].into()));
    let candidates =
        |c: &Catalog| c.candidates(DirId(0), None, 10).iter().map(|c| c.block).collect::<Vec<_>>();
    // 1 is read, 2 is pinned, 4 is not committed yet.
    assert_eq!(candidates(&catalog), vec![id(3)]);
    catalog.release(id(1), read.serial);
    assert_eq!(candidates(&catalog), vec![id(3), id(1)]);
}

#[test]
fn an_uncommitted_block_is_not_reported_and_not_freed() {
    let mut catalog = catalog();
    let listener = catalog.changes.listen();
    catalog.reserve(id(1), SESSION, &Place::anywhere(), 10).unwrap();
    catalog.finish(id(1), SESSION, 10, false).unwrap();
    assert!(catalog.list_all(listener).is_empty());
    assert_eq!(catalog.remove(id(1)), Removal::Uncommitted);
    catalog.confirm(id(1));
    // Committed after the registration's list was taken: the first heartbeat brings it.
    assert_eq!(catalog.delta(listener, 10).unwrap().added.values().flatten().count(), 1);
}

#[test]
fn the_watermark_counts_per_folder() {
    let mut catalog = catalog();
    // Of the 80 bytes that exchanges leave: over 95 %, and down to 70 %.
    put(&mut catalog, id(1), 77);
    assert_eq!(catalog.over_watermark(), vec![(DirId(0), 21)]);
}
