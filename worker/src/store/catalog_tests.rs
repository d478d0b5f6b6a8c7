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
const SESSION: i64 = 7;

fn layout() -> Layout {
    let dir = |name: &str, medium: &str| DirSpec { path: name.into(), medium: medium.into(), quota: QUOTA };
    let tier =
        |alias: &str, dirs| TierSpec { alias: alias.into(), high_watermark: 0.95, low_watermark: 0.7, dirs };
    let tiers =
        vec![tier("MEM", vec![dir("/m", "MEM")]), tier("SSD", vec![dir("/s1", "SSD"), dir("/s2", "SSD")])];
    Layout { swap_reserve: RESERVE, ..Layout::new(tiers) }
}

fn catalog() -> Catalog {
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

/// Blocks 1 to 4 fill the fast tier, 5 to 12 the slow one, each of 20 bytes.
fn full() -> Catalog {
    let mut catalog = catalog();
    for block in 1..=12 {
        let place = Place::tier(usize::from(block > 4));
        catalog.reserve(id(block), SESSION, &place, 20).unwrap();
        catalog.finish(id(block), SESSION, 20, false).unwrap();
        catalog.confirm(id(block));
    }
    catalog
}

fn read(catalog: &mut Catalog, block: i64) {
    let found = catalog.acquire(id(block)).unwrap();
    catalog.release(id(block), found.serial);
}

fn pairs(catalog: &Catalog, most: usize) -> Vec<(i64, i64)> {
    catalog.exchanges(0, most).into_iter().map(|pair| (pair.colder, pair.hotter)).collect()
}

#[test]
fn cold_blocks_are_exchanged_for_hotter_ones_of_the_next_tier() {
    let mut catalog = full();
    let ids = |pairs: &[(i64, i64)]| pairs.iter().map(|(a, b)| (id(*a), id(*b))).collect::<Vec<_>>();
    // All of the slow tier was written later than any of the fast one.
    assert_eq!(pairs(&catalog, 100), ids(&[(1, 12), (2, 11), (3, 10), (4, 9)]));
    assert_eq!(pairs(&catalog, 2), ids(&[(1, 12), (2, 11)]));
    for block in [2, 3, 4] {
        read(&mut catalog, block);
    }
    assert_eq!(pairs(&catalog, 100), ids(&[(1, 12)]), "the others are in order");
    let _reader = catalog.acquire(id(12)).unwrap();
    assert_eq!(pairs(&catalog, 100), ids(&[(1, 11)]), "what is read stays");
    catalog.set_pinned(Arc::new([alluxio_fs::ids::file_id_of_block(id(1))].into()));
    assert_eq!(pairs(&catalog, 100), ids(&[(2, 7)])[..0], "what is pinned, too");
}

#[test]
fn an_exchange_of_full_tiers_goes_through_the_room_set_apart() {
    let mut catalog = full();
    let pair = catalog.exchanges(0, 1)[0];
    assert!(catalog.reserve(id(20), SESSION, &Place::tier(0), 90).is_err(), "not for writers");
    for (block, to) in [(pair.colder, pair.hotter_dir), (pair.hotter, pair.colder_dir)] {
        let step = catalog.begin_exchange(block, to, SESSION).unwrap().unwrap();
        assert!(catalog.switch(&step));
        catalog.settle(&step);
        catalog.check();
    }
    assert_eq!(catalog.peek(pair.hotter).unwrap().0, DirId(0));
    assert_eq!(catalog.peek(pair.colder).unwrap().0, pair.hotter_dir);
}

#[test]
fn the_hottest_blocks_of_the_next_tier_fill_a_faster_one_up_to_its_share() {
    let mut catalog = full();
    let chosen = |catalog: &Catalog, most, percent| -> Vec<i64> {
        catalog.promotions(0, most, percent).into_iter().map(|promotion| promotion.block).collect()
    };
    assert!(chosen(&catalog, 100, 100).is_empty(), "it is full");
    for block in [1, 2, 3] {
        assert!(catalog.evict(id(block)));
    }
    for doomed in catalog.take_doomed(10) {
        catalog.buried(&doomed);
    }
    // 20 bytes of 100 are in use, and 20 set apart. A third one would pass the watermark.
    assert_eq!(chosen(&catalog, 100, 100), [id(12), id(11)]);
    assert_eq!(chosen(&catalog, 1, 100), [id(12)]);
    assert_eq!(chosen(&catalog, 100, 60), [id(12)]);
    assert!(chosen(&catalog, 100, 59).is_empty());
}

/// Writes, confirms and, for the order, reads nothing.
fn put_in(catalog: &mut Catalog, block: i64, tier: usize, bytes: u64, guarded: bool) -> bool {
    if catalog.reserve(id(block), SESSION, &Place::tier(tier), bytes).is_err() {
        return false;
    }
    catalog.finish(id(block), SESSION, bytes, guarded).unwrap();
    catalog.confirm(id(block));
    true
}

fn carry_out(catalog: &mut Catalog, step: &Move) {
    assert!(catalog.switch(step));
    catalog.settle(step);
    catalog.check();
}

/// As the keeper does with what no writer fills meanwhile; whether something moved.
fn keep(catalog: &mut Catalog) -> bool {
    let mut moved = false;
    for (dir, excess) in catalog.over_watermark() {
        let (lower, mut done) = (catalog.tier_of(dir) + 1, 0);
        for candidate in catalog.candidates(dir, None, 100) {
            if done >= excess {
                break;
            }
            let Ok(Some(step)) = catalog.begin_move(candidate.block, &Place::tier(lower), 99) else { break };
            carry_out(catalog, &step);
            (done, moved) = (done + candidate.length, true);
        }
    }
    moved
}

/// One round of background moves; whether something moved.
fn manage(catalog: &mut Catalog) -> bool {
    let pairs = catalog.exchanges(0, 100);
    for pair in &pairs {
        assert!(catalog.can_exchange(pair), "{pair:?}");
        for (block, to) in [(pair.colder, pair.hotter_dir), (pair.hotter, pair.colder_dir)] {
            let step = catalog.begin_exchange(block, to, 99).unwrap().unwrap();
            carry_out(catalog, &step);
        }
    }
    if !pairs.is_empty() {
        return true;
    }
    let chosen = catalog.promotions(0, 100, 90);
    for promotion in &chosen {
        let step = catalog.begin_promotion(promotion.block, promotion.to, 99).unwrap().unwrap();
        carry_out(catalog, &step);
    }
    !chosen.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn background_moves_and_watermarks_come_to_rest(
        blocks in proptest::collection::vec((1..60_u64, 0..2_usize), 1..30),
        reads in proptest::collection::vec(0..30_i64, 0..30),
    ) {
        let mut catalog = catalog();
        for (block, (bytes, tier)) in (0..).zip(blocks) {
            put_in(&mut catalog, block, tier, bytes, false);
        }
        for block in reads {
            if let Some(found) = catalog.acquire(id(block)) {
                catalog.release(id(block), found.serial);
            }
        }
        keep(&mut catalog);
        let over = catalog.over_watermark().len();
        let mut rounds = 0;
        while manage(&mut catalog) {
            prop_assert!(catalog.over_watermark().len() <= over, "{:?}", catalog.over_watermark());
            rounds += 1;
            prop_assert!(rounds < 100, "no end of it");
        }
        if over == 0 {
            prop_assert!(!keep(&mut catalog), "moved up, and down again");
        }
    }
}

#[test]
fn a_hot_block_that_fits_nowhere_moves_nothing() {
    let mut catalog = catalog();
    for block in 1..=3 {
        assert!(put_in(&mut catalog, block, 0, 24, false));
    }
    assert!(put_in(&mut catalog, 4, 1, 20, false) && put_in(&mut catalog, 5, 1, 60, false));
    // 72 bytes of 100: 5 would need 60 and is the hottest. 4 takes the place of 1.
    assert_eq!(pairs(&catalog, 100), [(id(1), id(4))]);
    assert!(put_in(&mut catalog, 6, 1, 5, false));
    let pinned = [1, 2, 3].map(|block| alluxio_fs::ids::file_id_of_block(id(block)));
    catalog.set_pinned(Arc::new(pinned.into()));
    assert!(pairs(&catalog, 100).is_empty());
    let chosen: Vec<_> = catalog.promotions(0, 100, 100).into_iter().map(|chosen| chosen.block).collect();
    assert!(chosen.is_empty(), "72 of 76 bytes are in use");
    assert!(put_in(&mut catalog, 7, 1, 3, false) && put_in(&mut catalog, 8, 1, 50, false));
    let chosen: Vec<_> = catalog.promotions(0, 100, 100).into_iter().map(|chosen| chosen.block).collect();
    assert_eq!(chosen, [id(7)], "behind one that does not fit");
}

#[test]
fn an_exchange_is_not_begun_for_a_block_that_is_read() {
    let mut catalog = full();
    let pair = catalog.exchanges(0, 1)[0];
    assert!(catalog.can_exchange(&pair));
    let found = catalog.acquire(pair.hotter).unwrap();
    assert!(!catalog.can_exchange(&pair));
    catalog.release(pair.hotter, found.serial);
    assert!(catalog.can_exchange(&pair));
    assert!(catalog.evict(pair.colder));
    assert!(!catalog.can_exchange(&pair));
}

#[test]
fn what_waits_to_be_persisted_does_not_move_to_memory() {
    let mut catalog = catalog();
    assert!(put_in(&mut catalog, 1, 0, 20, false) && put_in(&mut catalog, 2, 1, 20, true));
    assert!(pairs(&catalog, 100).is_empty() && catalog.promotions(0, 100, 100).is_empty());
    assert_eq!(catalog.begin_move(id(2), &Place::tier(0), 99), Err(Refusal::Guarded));
    assert_eq!(catalog.begin_move(id(2), &Place::medium("MEM"), 99), Err(Refusal::Guarded));
    // Another one does, and one in memory may go down.
    assert!(put_in(&mut catalog, 3, 1, 20, false) && put_in(&mut catalog, 4, 0, 20, true));
    assert_eq!(catalog.promotions(0, 100, 100)[0].block, id(3));
    let step = catalog.begin_move(id(4), &Place::tier(1), 99).unwrap().unwrap();
    carry_out(&mut catalog, &step);
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
fn id(block: i64) -> i64 {
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
