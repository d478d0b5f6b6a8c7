//! The children of one directory: slots ordered by name, in chunks, like the leaves of a B-tree under
//! one flat root. About 5 bytes per child; an insertion into a directory of a million entries moves
//! at most one chunk and, when that splits, the flat root of some thousand chunks.

use super::inode::Slot;

const CHUNK: usize = 512;

#[derive(Clone, Debug, Default)]
pub struct Children {
    /// No chunk is empty.
    chunks: Vec<Vec<Slot>>,
    len: usize,
}

/// Where a name is, or where it would go.
struct Place {
    chunk: usize,
    at: usize,
    found: bool,
}

impl Children {
    pub fn len(&self) -> usize {
        self.len
    }

    fn place<'a>(&self, name: &str, name_of: impl Fn(Slot) -> &'a str) -> Place {
        // The last chunk that begins at or before the name.
        let chunk = self.chunks.partition_point(|chunk| name_of(chunk[0]) <= name).saturating_sub(1);
        match self.chunks.get(chunk).map(|slots| slots.binary_search_by(|slot| name_of(*slot).cmp(name))) {
            Some(Ok(at)) => Place { chunk, at, found: true },
            Some(Err(at)) => Place { chunk, at, found: false },
            None => Place { chunk: 0, at: 0, found: false },
        }
    }

    pub fn find<'a>(&self, name: &str, name_of: impl Fn(Slot) -> &'a str) -> Option<Slot> {
        let place = self.place(name, name_of);
        place.found.then(|| self.chunks[place.chunk][place.at])
    }

    /// Adds a child whose name is not there yet; false when it is.
    pub fn insert<'a>(&mut self, slot: Slot, name: &str, name_of: impl Fn(Slot) -> &'a str) -> bool {
        let Place { chunk, at, found } = self.place(name, name_of);
        if found {
            return false;
        }
        self.len += 1;
        let count = self.chunks.len();
        let Some(slots) = self.chunks.get_mut(chunk) else {
            self.chunks.push(vec![slot]);
            return true;
        };
        if slots.len() < CHUNK {
            slots.insert(at, slot);
        } else if chunk + 1 == count && at == slots.len() {
            // Names that arrive in order fill their chunks.
            self.chunks.push(vec![slot]);
        } else {
            let mut upper = slots.split_off(CHUNK / 2);
            match at.checked_sub(CHUNK / 2) {
                Some(at) => upper.insert(at, slot),
                None => slots.insert(at, slot),
            }
            self.chunks.insert(chunk + 1, upper);
        }
        true
    }

    pub fn remove<'a>(&mut self, name: &str, name_of: impl Fn(Slot) -> &'a str) -> Option<Slot> {
        let Place { chunk, at, found } = self.place(name, name_of);
        if !found {
            return None;
        }
        self.len -= 1;
        let slot = self.chunks[chunk].remove(at);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
        Some(slot)
    }

    /// Takes the last child; for the reaper, which has no use for order.
    pub fn pop(&mut self) -> Option<Slot> {
        let slots = self.chunks.last_mut()?;
        let slot = slots.pop();
        if slots.is_empty() {
            self.chunks.pop();
        }
        self.len -= usize::from(slot.is_some());
        slot
    }

    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.chunks.iter().flatten().copied()
    }

    /// The children after `name`, in order.
    pub fn iter_after<'a, 'c>(
        &'c self,
        name: &str,
        name_of: impl Fn(Slot) -> &'a str,
    ) -> impl Iterator<Item = Slot> + 'c {
        let place = self.place(name, name_of);
        let (first, rest) = match self.chunks.get(place.chunk) {
            Some(slots) => (&slots[place.at + usize::from(place.found)..], &self.chunks[place.chunk + 1..]),
            None => (&[][..], &[][..]),
        };
        first.iter().chain(rest.iter().flatten()).copied()
    }

    /// The children from position `index` on, in order; whole chunks are passed over.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = Slot> + '_ {
        let mut skip = index;
        let passed = self.chunks.iter().take_while(|slots| {
            let whole = skip >= slots.len();
            if whole {
                skip -= slots.len();
            }
            whole
        });
        let first = passed.count();
        self.chunks[first..].iter().flatten().skip(skip).copied()
    }

    /// How many children come before `name`.
    pub fn rank<'a>(&self, name: &str, name_of: impl Fn(Slot) -> &'a str) -> usize {
        let place = self.place(name, name_of);
        self.chunks.iter().take(place.chunk).map(Vec::len).sum::<usize>() + place.at
    }

    /// Builds a directory at once from its slots in the order of their names.
    pub fn from_sorted(slots: &[Slot]) -> Self {
        Self { chunks: slots.chunks(CHUNK).map(<[Slot]>::to_vec).collect(), len: slots.len() }
    }
}

/// The children of all directories, in pages, so that it grows without copying.
#[derive(Default)]
pub struct Directories {
    pages: Vec<Vec<Children>>,
    free: Vec<u32>,
}

impl Directories {
    const PAGE: usize = 1024;

    pub fn add(&mut self, children: Children) -> u32 {
        if let Some(index) = self.free.pop() {
            self.pages[index as usize / Self::PAGE][index as usize % Self::PAGE] = children;
            return index;
        }
        match self.pages.last_mut() {
            Some(page) if page.len() < Self::PAGE => page.push(children),
            _ => {
                let mut page = Vec::with_capacity(Self::PAGE);
                page.push(children);
                self.pages.push(page);
            }
        }
        ((self.pages.len() - 1) * Self::PAGE + self.pages.last().map_or(0, Vec::len) - 1) as u32
    }

    pub fn get(&self, index: i64) -> Option<&Children> {
        self.pages.get(index as usize / Self::PAGE)?.get(index as usize % Self::PAGE)
    }

    pub fn get_mut(&mut self, index: i64) -> Option<&mut Children> {
        self.pages.get_mut(index as usize / Self::PAGE)?.get_mut(index as usize % Self::PAGE)
    }

    pub fn remove(&mut self, index: i64) {
        if let Some(children) = self.get_mut(index) {
            *children = Children::default();
            self.free.push(index as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the ordered map of the standard library, across many splits.
        #[test]
        fn behaves_like_an_ordered_map(ops in prop::collection::vec((0..3000u32, any::<bool>()), 0..4000), from in 0..3000u32) {
            let names: Vec<String> = (0..3000).map(|n| format!("f{n:05}")).collect();
            let name_of = |slot: Slot| names[slot as usize].as_str();
            let (mut children, mut model) = (Children::default(), BTreeMap::new());
            for (slot, add) in ops {
                let name = name_of(slot);
                if add {
                    prop_assert_eq!(children.insert(slot, name, name_of), model.insert(name, slot).is_none());
                } else {
                    prop_assert_eq!(children.remove(name, name_of), model.remove(name));
                }
            }
            prop_assert_eq!(children.len(), model.len());
            prop_assert!(children.iter().eq(model.values().copied()));
            let from = name_of(from);
            prop_assert_eq!(children.find(from, name_of), model.get(from).copied());
            let after = model.range::<str, _>((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded));
            prop_assert!(children.iter_after(from, name_of).eq(after.map(|(_, slot)| *slot)));
            let rank = model.range(..from).count();
            prop_assert_eq!(children.rank(from, name_of), rank);
            for index in [0, rank, rank + 1, model.len(), model.len() + 9] {
                prop_assert!(children.iter_from(index).eq(model.values().copied().skip(index)));
            }
            let sorted: Vec<Slot> = model.values().copied().collect();
            prop_assert!(Children::from_sorted(&sorted).iter().eq(sorted.iter().copied()));
        }
    }

    #[test]
    fn a_large_directory_stays_in_order_and_pops_to_nothing() {
        let names: Vec<String> = (0..20_000).map(|n| format!("{:05}", (n * 7919) % 20_000)).collect();
        let name_of = |slot: Slot| names[slot as usize].as_str();
        let mut children = Children::default();
        for slot in 0..20_000 {
            assert!(children.insert(slot, name_of(slot), name_of));
        }
        assert!(children.iter().map(name_of).is_sorted());
        assert_eq!(std::iter::from_fn(|| children.pop()).count(), 20_000);
        assert_eq!(children.len(), 0);
    }
}
