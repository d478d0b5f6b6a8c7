//! The keys of a listing in order.
//!
//! A store's page tells first the folders (common prefixes) and then the objects, each in order. All keys of a page are
//! greater than those of the page before. So folders are held until an object behind them shows that nothing can come
//! before them any more, and never more of them than a page can have.

use std::collections::VecDeque;

/// Entries in one page of any store; Azure's are the largest.
const PAGE: usize = 5000;

/// What of one entry matters here.
pub(super) trait Keyed {
    /// With a slash behind folders.
    fn key(&self) -> &str;
}

/// Puts one page's folders and objects into one order.
#[derive(Debug)]
pub(super) struct KeyOrder<T> {
    folders: VecDeque<T>,
    ready: VecDeque<T>,
    /// The entry before was an object: a folder now begins a new page.
    objects_began: bool,
}

impl<T: Keyed> KeyOrder<T> {
    pub(super) fn new() -> Self {
        Self { folders: VecDeque::new(), ready: VecDeque::new(), objects_began: false }
    }

    pub(super) fn push(&mut self, entry: T) {
        if entry.key().ends_with('/') {
            if std::mem::take(&mut self.objects_began) {
                self.ready.append(&mut self.folders);
            }
            self.folders.push_back(entry);
            if self.folders.len() > PAGE {
                self.ready.extend(self.folders.pop_front());
            }
            return;
        }
        self.objects_began = true;
        while self.folders.front().is_some_and(|folder| folder.key() < entry.key()) {
            self.ready.extend(self.folders.pop_front());
        }
        self.ready.push_back(entry);
    }

    /// Nothing comes any more.
    pub(super) fn end(&mut self) {
        self.ready.append(&mut self.folders);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    impl Keyed for String {
        fn key(&self) -> &str {
            self
        }
    }

    proptest! {
        #[test]
        fn pages_become_one_order(keys in prop::collection::btree_set("[a-c.-]{1,3}/?", 0..40), page in 1usize..10) {
            let keys: Vec<String> = keys.into_iter().collect();
            let mut order = KeyOrder::new();
            let mut told = Vec::new();
            for page in keys.chunks(page) {
                let (folders, objects): (Vec<_>, Vec<_>) = page.iter().partition(|key| key.ends_with('/'));
                for key in folders.into_iter().chain(objects) {
                    order.push(key.clone());
                    told.extend(std::iter::from_fn(|| order.pop()));
                }
            }
            order.end();
            told.extend(std::iter::from_fn(|| order.pop()));
            prop_assert_eq!(&told, &keys);
            prop_assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), keys.len());
        }
    }

    #[test]
    fn no_more_than_a_page_of_folders_is_held() {
        let mut order = KeyOrder::new();
        for number in 0..3 * PAGE {
            order.push(format!("{number:06}/"));
        }
        assert_eq!(order.folders.len(), PAGE);
        assert_eq!(order.pop().as_deref(), Some("000000/"));
    }
}
