//! One copy of a block, in four bytes: which worker incarnation holds it, and on what.

use std::fmt;

use alluxio_fs::FsError;
use parking_lot::RwLock;

/// One incarnation of a worker: every registration gets a slot of its own, so that the locations of
/// an earlier one turn stale all at once, without being touched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct Slot(u32);

impl Slot {
    const BITS: u32 = 20;
    /// The highest number is never given out: it marks a vacant place.
    pub const COUNT: usize = (1 << Self::BITS) - 1;

    /// `index` is below [`Slot::COUNT`].
    pub fn new(index: usize) -> Self {
        debug_assert!(index < Self::COUNT);
        Self(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a (tier, medium) pair in [`Storages`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct StorageIndex(u16);

impl StorageIndex {
    const BITS: u32 = 11;
    const COUNT: usize = 1 << Self::BITS;
}

/// From the low bit: slot (20), storage (11), freeing (1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Location(u32);

const FREEING: u32 = 1 << 31;

impl Location {
    /// No copy: what fills the unused places of a table entry.
    pub const VACANT: Self = Self(u32::MAX);

    pub fn new(slot: Slot, storage: StorageIndex) -> Self {
        Self(slot.0 | u32::from(storage.0) << Slot::BITS)
    }

    pub fn is_vacant(self) -> bool {
        self == Self::VACANT
    }

    pub fn slot(self) -> Slot {
        Slot(self.0 & ((1 << Slot::BITS) - 1))
    }

    pub fn storage(self) -> StorageIndex {
        StorageIndex(((self.0 & !FREEING) >> Slot::BITS) as u16)
    }

    /// Whether the worker is to drop this copy. It is there until the worker says that it is not.
    pub fn is_freeing(self) -> bool {
        self.0 & FREEING != 0
    }

    pub fn freeing(self) -> Self {
        Self(self.0 | FREEING)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_vacant() {
            return f.write_str("vacant");
        }
        write!(f, "{:?} {:?}", self.slot(), self.storage())?;
        if self.is_freeing() { f.write_str(" freeing") } else { Ok(()) }
    }
}

/// A tier alias and a medium, as workers name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub tier: Box<str>,
    pub medium: Box<str>,
}

/// Longest tier or medium name taken, so that the table of names stays small.
const MAX_NAME: usize = 128;

/// The (tier, medium) pairs seen so far. A cluster has a handful; they are never forgotten.
#[derive(Default)]
pub(super) struct Storages {
    seen: RwLock<Vec<Storage>>,
}

impl Storages {
    pub fn intern(&self, tier: &str, medium: &str) -> Result<StorageIndex, FsError> {
        if let Some(index) = find(&self.seen.read(), tier, medium) {
            return Ok(index);
        }
        let mut seen = self.seen.write();
        if let Some(index) = find(&seen, tier, medium) {
            return Ok(index);
        }
        if tier.is_empty() || tier.len() > MAX_NAME || medium.len() > MAX_NAME {
            return Err(FsError::invalid_argument(format!(
                "Tier alias \"{tier:.40}\" with medium \"{medium:.40}\" is invalid: a tier alias has 1 to {MAX_NAME} bytes, a medium at most {MAX_NAME}."
            )));
        }
        if seen.len() == StorageIndex::COUNT {
            return Err(FsError::resource_exhausted(format!(
                "Workers named more than {} pairs of tier and medium. Use the same names on all workers and restart the master.",
                StorageIndex::COUNT
            )));
        }
        seen.push(Storage { tier: tier.into(), medium: medium.into() });
        Ok(StorageIndex((seen.len() - 1) as u16))
    }

    /// Both names are empty for an index that was never given out.
    pub fn names(&self, index: StorageIndex) -> (String, String) {
        match self.seen.read().get(usize::from(index.0)) {
            Some(storage) => (storage.tier.to_string(), storage.medium.to_string()),
            None => (String::new(), String::new()),
        }
    }

    /// Whether `index` lies on the tier called `alias`.
    pub fn is_on(&self, index: StorageIndex, alias: &str) -> bool {
        self.seen.read().get(usize::from(index.0)).is_some_and(|storage| &*storage.tier == alias)
    }
}

fn find(seen: &[Storage], tier: &str, medium: &str) -> Option<StorageIndex> {
    let at = seen.iter().position(|storage| &*storage.tier == tier && &*storage.medium == medium)?;
    Some(StorageIndex(at as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_keeps_its_parts() {
        for slot in [0, 1, 77, Slot::COUNT - 1] {
            for storage in [0, 1, (StorageIndex::COUNT - 1) as u16] {
                let location = Location::new(Slot::new(slot), StorageIndex(storage));
                for location in [location, location.freeing()] {
                    assert_eq!(location.slot().index(), slot);
                    assert_eq!(location.storage(), StorageIndex(storage));
                    assert!(!location.is_vacant());
                }
                assert!(!location.is_freeing() && location.freeing().is_freeing());
            }
        }
        assert_eq!(size_of::<Location>(), 4);
    }

    #[test]
    fn names_are_shared_and_bounded() {
        let storages = Storages::default();
        let mem = storages.intern("MEM", "MEM").unwrap();
        assert_eq!(storages.intern("MEM", "MEM").unwrap(), mem);
        let ssd = storages.intern("SSD", "").unwrap();
        assert_eq!(storages.names(ssd), ("SSD".to_owned(), String::new()));
        assert!(storages.is_on(mem, "MEM") && !storages.is_on(ssd, "MEM"));
        assert!(storages.intern("", "MEM").is_err());
        assert!(storages.intern(&"x".repeat(129), "MEM").is_err());
        for index in 2..StorageIndex::COUNT {
            storages.intern(&format!("T{index}"), "MEM").unwrap();
        }
        let error = storages.intern("ONE-TOO-MANY", "MEM").unwrap_err();
        assert_eq!(error.kind, alluxio_fs::ErrorKind::ResourceExhausted);
        assert_eq!(storages.intern("MEM", "MEM").unwrap(), mem);
    }
}
