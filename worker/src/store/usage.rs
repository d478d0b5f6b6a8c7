//! How full the store is, as masters, metrics and the web page are told.

use std::{collections::BTreeMap, path::PathBuf};

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirUsage {
    pub path: PathBuf,
    pub tier: String,
    pub medium: String,
    pub quota: u64,
    pub used: u64,
}

/// The whole store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tier aliases, the fastest first.
    pub tiers: Vec<String>,
    pub dirs: Vec<DirUsage>,
    /// Folders that failed, by tier.
    pub lost: BTreeMap<String, Vec<String>>,
    pub blocks: usize,
}

impl Usage {
    pub fn capacity(&self) -> u64 {
        self.dirs.iter().map(|dir| dir.quota).sum()
    }

    pub fn used(&self) -> u64 {
        self.dirs.iter().map(|dir| dir.used).sum()
    }

    /// Capacity by tier, with every tier named even when all its folders are lost.
    pub fn capacity_by_tier(&self) -> BTreeMap<String, i64> {
        self.by_tier(|dir| dir.quota)
    }

    pub fn used_by_tier(&self) -> BTreeMap<String, i64> {
        self.by_tier(|dir| dir.used)
    }

    fn by_tier(&self, value: impl Fn(&DirUsage) -> u64) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = self.tiers.iter().map(|alias| (alias.clone(), 0)).collect();
        for dir in &self.dirs {
            *sums.entry(dir.tier.clone()).or_default() += value(dir) as i64;
        }
        sums
    }
}
