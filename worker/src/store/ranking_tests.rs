//! Which blocks change tiers for which, and that this comes to an end.

use super::{
    catalog::{Catalog, DirId, Move, Place, Refusal},
    catalog_tests::{SESSION, catalog, id},
};
use proptest::prelude::*;
use std::sync::Arc;

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
