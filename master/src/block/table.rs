//! The location table: block id -> the copies there are. It is the largest thing the block master
//! holds, so it is packed and split in many small shards.
//!
//! # Byte budget
//! An [`Entry`] is 16 bytes: the id and two [`Location`]s of 4. Nothing is allocated per block. With its
//! control byte an entry takes 17 bytes of a hash table whose load lies between 7/16 (just doubled) and
//! 7/8 (just before). An allocator with four size classes per doubling rounds 17 * 2^k up to 20 * 2^k.
//!
//! | | bytes per block with one or two locations |
//! |---|---|
//! | a shard just before it doubles | 22.9 |
//! | a shard just after | 45.7 |
//! | the table | 33 (mean over shards: 20 / ln 2 * (16/7 - 8/7)) |
//! | each two further locations | one more entry |
//!
//! The mean holds at any size, because shards are unequal on purpose: a shard's share of the blocks
//! grows from the first to the last by a factor of two, so the shards double one after the other and
//! never all at once. 65,536 empty shards cost 2.6 MB.
//!
//! # Locks
//! One lock per shard, held for one block or for one shard's sweep. The largest shard holds 1.39 of
//! the mean, 1,000 blocks, at 47 million blocks in the table. A shard's lock is the innermost lock.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicI64, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::location::{Location, Slot};

/// The copies of one block.
pub(super) type Copies = SmallVec<[Location; 4]>;

/// Up to two copies of a block; a block with more has several entries under the same id.
#[derive(Clone, Copy)]
struct Entry {
    id: i64,
    copies: [Location; 2],
}

type Shard = HashTable<Entry>;

/// See the module.
pub(super) struct LocationTable {
    shards: Box<[Mutex<Shard>]>,
    /// Seeded anew in every process. The order it gives is never visible.
    hasher: DefaultHashBuilder,
    blocks: AtomicI64,
    copies: AtomicI64,
    freeing: AtomicI64,
}

/// What a sweep finds in a shard.
#[derive(Default, Debug)]
pub(super) struct Swept {
    /// Copies dropped because their slot was retired.
    pub dropped: usize,
    /// Copies that their worker is still to drop.
    pub freeing: Vec<(i64, Slot)>,
    /// The other blocks of the shard, when asked for.
    pub ids: Vec<i64>,
}

impl LocationTable {
    const SHARDS: usize = 65_536;

    pub fn new() -> Self {
        Self::with_shards(Self::SHARDS)
    }

    pub fn with_shards(count: usize) -> Self {
        Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            blocks: AtomicI64::new(0),
            copies: AtomicI64::new(0),
            freeing: AtomicI64::new(0),
        }
    }

    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Blocks with at least one copy, stale ones included.
    pub fn block_count(&self) -> i64 {
        self.blocks.load(Ordering::Relaxed)
    }

    pub fn copy_count(&self) -> i64 {
        self.copies.load(Ordering::Relaxed)
    }

    /// Copies that their worker is still to drop.
    pub fn freeing_count(&self) -> i64 {
        self.freeing.load(Ordering::Relaxed)
    }

    fn hash(&self, id: i64) -> u64 {
        self.hasher.hash_one(id)
    }

    /// The shard's index grows with the logarithm of the hash: that makes the shares unequal (see the
    /// module). It takes bits from the middle, as a shard's hash table uses both ends.
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        let fraction = ((hash >> 16) & 0xffff_ffff) as f64 / 4_294_967_296.0;
        let index = ((1.0 + fraction).log2() * self.shards.len() as f64) as usize;
        &self.shards[index.min(self.shards.len() - 1)]
    }

    /// Adds a copy, or moves the slot's copy to another storage; it is no longer to be dropped.
    /// Returns whether the slot had no copy of this block.
    pub fn put(&self, id: i64, location: Location) -> bool {
        let hash = self.hash(id);
        let mut shard = self.shard(hash).lock();
        let mut vacant = None;
        let mut known = false;
        for entry in shard.iter_hash_mut(hash).filter(|entry| entry.id == id) {
            known = true;
            for place in &mut entry.copies {
                if place.is_vacant() {
                    vacant = Some(place);
                } else if place.slot() == location.slot() {
                    self.freeing.fetch_sub(i64::from(place.is_freeing()), Ordering::Relaxed);
                    *place = location;
                    return false;
                }
            }
        }
        match vacant {
            Some(place) => *place = location,
            None => {
                let entry = Entry { id, copies: [location, Location::VACANT] };
                shard.insert_unique(hash, entry, |entry| self.hash(entry.id));
            }
        }
        self.blocks.fetch_add(i64::from(!known), Ordering::Relaxed);
        self.copies.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Takes the slot's copy away. Returns whether there was one.
    pub fn remove(&self, id: i64, slot: Slot) -> bool {
        let hash = self.hash(id);
        let mut shard = self.shard(hash).lock();
        self.remove_from(&mut shard, hash, id, slot)
    }

    fn remove_from(&self, shard: &mut Shard, hash: u64, id: i64, slot: Slot) -> bool {
        let held = |place: &Location| !place.is_vacant() && place.slot() == slot;
        let Ok(mut found) = shard.find_entry(hash, |entry| entry.id == id && entry.copies.iter().any(held))
        else {
            return false;
        };
        for place in found.get_mut().copies.iter_mut().filter(|place| held(place)) {
            self.freeing.fetch_sub(i64::from(place.is_freeing()), Ordering::Relaxed);
            *place = Location::VACANT;
        }
        self.copies.fetch_sub(1, Ordering::Relaxed);
        if found.get().copies.iter().all(|place| place.is_vacant()) {
            found.remove();
            let last = shard.find(hash, |entry| entry.id == id).is_none();
            self.blocks.fetch_sub(i64::from(last), Ordering::Relaxed);
        }
        true
    }

    /// All copies, also those that are stale or to be dropped.
    pub fn copies(&self, id: i64) -> Copies {
        let hash = self.hash(id);
        let shard = self.shard(hash).lock();
        shard.iter_hash(hash).filter(|entry| entry.id == id).flat_map(held_by).collect()
    }

    /// Marks all copies as to be dropped and returns them.
    pub fn mark_freeing(&self, id: i64) -> Copies {
        let hash = self.hash(id);
        let mut shard = self.shard(hash).lock();
        let mut marked = Copies::new();
        for entry in shard.iter_hash_mut(hash).filter(|entry| entry.id == id) {
            for place in entry.copies.iter_mut().filter(|place| !place.is_vacant()) {
                self.freeing.fetch_add(i64::from(!place.is_freeing()), Ordering::Relaxed);
                *place = place.freeing();
                marked.push(*place);
            }
        }
        marked
    }

    pub fn is_freeing(&self, id: i64, slot: Slot) -> bool {
        self.copies(id).iter().any(|copy| copy.slot() == slot && copy.is_freeing())
    }

    /// Drops the copies in retired slots from one shard and reports the rest. `with_ids` asks for the
    /// ids of blocks that are not to be dropped anyway.
    pub fn sweep(&self, index: usize, is_retired: impl Fn(Slot) -> bool, with_ids: bool) -> Swept {
        let mut swept = Swept::default();
        let Some(shard) = self.shards.get(index) else { return swept };
        let mut shard = shard.lock();
        let mut stale: Vec<(i64, Slot)> = Vec::new();
        for entry in shard.iter() {
            let mut wanted = false;
            for copy in held_by(entry) {
                if is_retired(copy.slot()) {
                    stale.push((entry.id, copy.slot()));
                } else if copy.is_freeing() {
                    swept.freeing.push((entry.id, copy.slot()));
                } else {
                    wanted = true;
                }
            }
            if with_ids && wanted {
                swept.ids.push(entry.id);
            }
        }
        swept.dropped = stale.len();
        for (id, slot) in stale {
            self.remove_from(&mut shard, self.hash(id), id, slot);
        }
        // After a lost worker or a large delete the memory goes back.
        if shard.len() * 4 < shard.capacity() {
            let room = shard.len() + shard.len() / 4;
            shard.shrink_to(room, |entry| self.hash(entry.id));
        }
        swept
    }

    #[cfg(test)]
    fn allocated_bytes(&self) -> usize {
        let heap: usize = self.shards.iter().map(|shard| shard.lock().allocation_size()).sum();
        heap + size_of_val(&*self.shards)
    }
}

fn held_by(entry: &Entry) -> impl Iterator<Item = Location> + use<> {
    entry.copies.into_iter().filter(|place| !place.is_vacant())
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
