//! Where inodes lie: a slab in pages, found by id through paged tables. Nothing here grows by copying
//! all it holds, so no insertion takes longer because the tree is large.

use std::collections::BTreeMap;

use alluxio_fs::ids;

use super::inode::{Inode, NO_SLOT, Slot};

const PAGE: usize = 1024;
/// Marks a free slot; its `parent` is the next free one.
const FREE: i64 = i64::MIN;

#[derive(Default)]
pub struct Slab {
    pages: Vec<Vec<Inode>>,
    free: Option<Slot>,
    len: usize,
    files: IdTable,
    directories: IdTable,
}

impl Slab {
    pub fn len(&self) -> usize {
        self.len
    }

    /// One past the highest slot ever used.
    pub fn end(&self) -> Slot {
        let Some((last, full)) = self.pages.split_last() else { return 0 };
        (full.len() * PAGE + last.len()) as Slot
    }

    pub fn get(&self, slot: Slot) -> Option<&Inode> {
        let inode = self.pages.get(slot as usize / PAGE)?.get(slot as usize % PAGE)?;
        (inode.id != FREE).then_some(inode)
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Inode> {
        let inode = self.pages.get_mut(slot as usize / PAGE)?.get_mut(slot as usize % PAGE)?;
        (inode.id != FREE).then_some(inode)
    }

    pub fn find(&self, id: i64) -> Option<Slot> {
        if ids::is_file_id(id) { self.files.get(ids::container_of(id)) } else { self.directories.get(id) }
    }

    /// The id must not be in use: the caller has looked.
    pub fn insert(&mut self, inode: Inode) -> Slot {
        let id = inode.id;
        let slot = match self.free {
            Some(slot) => {
                let place = &mut self.pages[slot as usize / PAGE][slot as usize % PAGE];
                self.free = (place.parent != NO_SLOT).then_some(place.parent);
                *place = inode;
                slot
            }
            None => {
                let slot = self.end();
                match self.pages.last_mut() {
                    Some(page) if page.len() < PAGE => page.push(inode),
                    _ => {
                        let mut page = Vec::with_capacity(PAGE);
                        page.push(inode);
                        self.pages.push(page);
                    }
                }
                slot
            }
        };
        self.len += 1;
        let (table, key) = self.table_of(id);
        table.insert(key, slot);
        slot
    }

    pub fn remove(&mut self, slot: Slot) -> Option<Inode> {
        let mut free = Inode::new(FREE, self.free.unwrap_or(NO_SLOT), "", false);
        let inode = self.get_mut(slot)?;
        std::mem::swap(inode, &mut free);
        self.free = Some(slot);
        self.len -= 1;
        let (table, key) = self.table_of(free.id);
        table.remove(key);
        Some(free)
    }

    /// Files are counted by container, of which a file fills one; directories by their whole id.
    fn table_of(&mut self, id: i64) -> (&mut IdTable, i64) {
        if ids::is_file_id(id) {
            (&mut self.files, ids::container_of(id))
        } else {
            (&mut self.directories, id)
        }
    }
}

/// Number -> slot, dense where numbers are handed out in order: 4 bytes each. Pages come and go with
/// their content, so ids of any size may be restored from a backup.
#[derive(Default)]
struct IdTable {
    pages: BTreeMap<i64, IdPage>,
}

struct IdPage {
    used: u32,
    slots: Box<[Slot; PAGE]>,
}

impl IdTable {
    fn get(&self, key: i64) -> Option<Slot> {
        let slot = self.pages.get(&key.div_euclid(PAGE as i64))?.slots[Self::offset(key)];
        (slot != NO_SLOT).then_some(slot)
    }

    fn insert(&mut self, key: i64, slot: Slot) {
        let page = self
            .pages
            .entry(key.div_euclid(PAGE as i64))
            .or_insert_with(|| IdPage { used: 0, slots: Box::new([NO_SLOT; PAGE]) });
        let place = &mut page.slots[Self::offset(key)];
        page.used += u32::from(*place == NO_SLOT);
        *place = slot;
    }

    fn remove(&mut self, key: i64) {
        let number = key.div_euclid(PAGE as i64);
        let Some(page) = self.pages.get_mut(&number) else { return };
        let place = &mut page.slots[Self::offset(key)];
        page.used -= u32::from(*place != NO_SLOT);
        *place = NO_SLOT;
        if page.used == 0 {
            self.pages.remove(&number);
        }
    }

    fn offset(key: i64) -> usize {
        key.rem_euclid(PAGE as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_was_inserted_and_reuses_slots(ops in prop::collection::vec((0..5000i64, any::<bool>(), any::<bool>()), 0..3000)) {
            let (mut slab, mut model) = (Slab::default(), HashMap::new());
            let mut most = 0;
            for (n, file, add) in ops {
                let id = if file { ids::file_id(n * 37) } else { n };
                match (add, model.contains_key(&id)) {
                    (true, false) => { model.insert(id, slab.insert(Inode::new(id, NO_SLOT, "x", !file))); }
                    (false, true) => {
                        let slot = model.remove(&id).unwrap();
                        prop_assert_eq!(slab.remove(slot).unwrap().id, id);
                        prop_assert!(slab.get(slot).is_none());
                    }
                    _ => {}
                }
                most = most.max(model.len());
                prop_assert_eq!(slab.len(), model.len());
            }
            for (id, slot) in &model {
                prop_assert_eq!(slab.find(*id), Some(*slot));
                prop_assert_eq!(slab.get(*slot).unwrap().id, *id);
            }
            prop_assert_eq!(slab.end() as usize, most);
        }
    }
}
