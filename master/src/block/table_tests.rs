use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::location::Storages;
use super::*;

fn location(slot: usize) -> Location {
    Location::new(Slot::new(slot), Storages::default().intern("MEM", "MEM").unwrap())
}

#[derive(Clone, Debug)]
enum Step {
    Put(i64, usize),
    Remove(i64, usize),
    Free(i64),
    Retire(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (id, slot) = (0..12i64, 0..6usize);
    prop_oneof![
        4 => (id.clone(), slot.clone()).prop_map(|(id, slot)| Step::Put(id, slot)),
        2 => (id.clone(), slot.clone()).prop_map(|(id, slot)| Step::Remove(id, slot)),
        1 => id.prop_map(Step::Free),
        1 => slot.prop_map(Step::Retire),
    ]
}

/// Block -> slot -> whether it is to be dropped.
type Model = BTreeMap<i64, BTreeMap<usize, bool>>;

fn run(table: &LocationTable, model: &mut Model, step: Step) {
    match step {
        Step::Put(id, slot) => {
            let new = model.entry(id).or_default().insert(slot, false).is_none();
            assert_eq!(table.put(id, location(slot)), new);
        }
        Step::Remove(id, slot) => {
            let there = model.get_mut(&id).is_some_and(|slots| slots.remove(&slot).is_some());
            assert_eq!(table.remove(id, Slot::new(slot)), there);
        }
        Step::Free(id) => {
            table.mark_freeing(id);
            model.entry(id).or_default().values_mut().for_each(|freeing| *freeing = true);
        }
        Step::Retire(slot) => {
            let held = model.values_mut().filter_map(|slots| slots.remove(&slot)).count();
            let sweep = |shard| table.sweep(shard, |swept| swept.index() == slot, false).dropped;
            assert_eq!((0..table.shard_count()).map(sweep).sum::<usize>(), held);
        }
    }
    model.retain(|_, slots| !slots.is_empty());
}

proptest! {
    /// The table is a map from block to slots, however its entries lie.
    #[test]
    fn the_table_is_what_a_map_would_be(steps in prop::collection::vec(step(), 1..200)) {
        let table = LocationTable::with_shards(3);
        let mut model = Model::new();
        for step in steps {
            run(&table, &mut model, step);
            prop_assert_eq!(table.block_count(), model.len() as i64);
            let copies: usize = model.values().map(BTreeMap::len).sum();
            prop_assert_eq!(table.copy_count(), copies as i64);
            let freeing = model.values().flat_map(BTreeMap::values).filter(|freeing| **freeing).count();
            prop_assert_eq!(table.freeing_count(), freeing as i64);
        }
        for id in 0..12 {
            let copies = table.copies(id).into_iter();
            let found: BTreeMap<usize, bool> =
                copies.map(|copy| (copy.slot().index(), copy.is_freeing())).collect();
            prop_assert_eq!(found, model.get(&id).cloned().unwrap_or_default());
        }
        let mut swept: BTreeSet<i64> = BTreeSet::new();
        for shard in 0..table.shard_count() {
            swept.extend(table.sweep(shard, |_| false, true).ids);
        }
        let wanted = model.iter().filter(|(_, slots)| slots.values().any(|freeing| !freeing));
        prop_assert_eq!(swept, wanted.map(|(id, _)| *id).collect::<BTreeSet<i64>>());
    }
}

/// The byte budget, at sizes between two doublings too.
#[test]
fn a_block_takes_less_than_forty_bytes() {
    let table = LocationTable::with_shards(1_024);
    let fixed = table.allocated_bytes();
    let mut next = 0;
    for blocks in [300_000, 400_000, 500_000, 600_000] {
        while next < blocks {
            // Ids as the tree gives them: a container per file.
            table.put(next << 24, location(0));
            next += 1;
        }
        // What the allocator rounds up to: four size classes per doubling.
        let rounded = (table.allocated_bytes() - fixed) as f64 * 20.0 / 17.0;
        let bytes = rounded / blocks as f64;
        assert!((20.0..40.0).contains(&bytes), "{bytes} bytes per block at {blocks} blocks");
    }
}

#[test]
fn shards_differ_in_size_by_a_factor_of_two_at_most() {
    let table = LocationTable::with_shards(64);
    for id in 0..640_000 {
        table.put(id << 24, location(0));
    }
    let sizes: Vec<usize> = table.shards.iter().map(|shard| shard.lock().len()).collect();
    // 640,000 / 64 * ln 2 and twice that, with six standard deviations for chance.
    assert!((6_430..7_430).contains(&sizes[0]), "first {}", sizes[0]);
    assert!((13_150..14_570).contains(&sizes[63]), "last {}", sizes[63]);
}

#[test]
fn memory_goes_back_after_a_mass_removal() {
    let table = LocationTable::with_shards(16);
    for id in 0..50_000 {
        table.put(id, location(usize::from(id >= 100)));
    }
    let full = table.allocated_bytes();
    for shard in 0..table.shard_count() {
        table.sweep(shard, |slot| slot.index() == 1, false);
    }
    assert_eq!(table.block_count(), 100);
    assert!(table.allocated_bytes() < full / 20);
}
