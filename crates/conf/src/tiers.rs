//! The worker's storage tiers, put together from the `alluxio.worker.tieredstore.level<n>.*` properties.

use std::path::PathBuf;

use crate::configuration::Configuration;
use crate::error::ConfError;
use crate::{key, parse};

/// One storage tier; level 0 is the fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// Its position, from 0.
    pub level: usize,
    /// Its name.
    pub alias: String,
    /// Its folders, at least one.
    pub dirs: Vec<TierDir>,
    /// Fullness (0 to 1) at which space is freed.
    pub high_watermark: f64,
    /// Fullness down to which it is freed.
    pub low_watermark: f64,
}

/// One folder of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierDir {
    /// The folder.
    pub path: PathBuf,
    /// What it lies on: MEM, SSD, HDD.
    pub medium: String,
    /// The bytes of blocks that it may hold.
    pub quota: u64,
}

impl Configuration {
    /// The tiers. Checked at load for a worker, so that it fails there only for other processes.
    pub fn tiers(&self) -> Result<Vec<Tier>, ConfError> {
        let levels = usize::try_from(self.get(key::WORKER_TIEREDSTORE_LEVELS)).unwrap_or_default();
        if levels > MAX_LEVELS {
            let name = "alluxio.worker.tieredstore.levels";
            return Err(ConfError::Conflict(format!(
                "{name}={levels}: at most {MAX_LEVELS} tiers are possible"
            )));
        }
        (0..levels).map(|level| self.tier(level)).collect()
    }

    fn tier(&self, level: usize) -> Result<Tier, ConfError> {
        let paths = parse::list(&self.of_tier(level, "dirs.path")?);
        let media = parse::list(&self.of_tier(level, "dirs.mediumtype")?);
        let quotas = parse::list(&self.of_tier(level, "dirs.quota")?);
        let mut dirs = Vec::with_capacity(paths.len());
        for (at, path) in paths.into_iter().enumerate() {
            // As in Java, the last one stands for the folders that are left.
            let medium = media.get(at).or(media.last()).ok_or_else(|| missing(level, "dirs.mediumtype"))?;
            let quota = quotas.get(at).or(quotas.last()).ok_or_else(|| missing(level, "dirs.quota"))?;
            let quota =
                parse::size(quota).map_err(|expected| self.bad(level, "dirs.quota", quota, expected))?;
            dirs.push(TierDir { path: path.into(), medium: medium.clone(), quota });
        }
        if dirs.is_empty() {
            return Err(missing(level, "dirs.path"));
        }
        let (high_watermark, low_watermark) = self.watermarks(level)?;
        Ok(Tier { level, alias: self.of_tier(level, "alias")?, dirs, high_watermark, low_watermark })
    }

    fn watermarks(&self, level: usize) -> Result<(f64, f64), ConfError> {
        let ratio = |which| {
            let text = self.of_tier(level, which)?;
            parse::double(&text).map_err(|expected| self.bad(level, which, &text, expected))
        };
        let (high, low) = (ratio("watermark.high.ratio")?, ratio("watermark.low.ratio")?);
        if low >= high {
            let expected = format!("must be less than {} ({high})", name(level, "watermark.high.ratio"));
            return Err(self.bad(level, "watermark.low.ratio", &low.to_string(), expected));
        }
        Ok((high, low))
    }

    fn of_tier(&self, level: usize, which: &str) -> Result<String, ConfError> {
        self.by_name(&name(level, which)).ok_or_else(|| missing(level, which))
    }

    fn bad(&self, level: usize, which: &str, value: &str, expected: String) -> ConfError {
        let key = name(level, which);
        ConfError::BadValue { place: self.place_of(&key), key, value: value.to_owned(), expected }
    }
}

/// More would be a slip of the keyboard; Java's example files end at 3.
const MAX_LEVELS: usize = 16;

fn name(level: usize, which: &str) -> String {
    format!("alluxio.worker.tieredstore.level{level}.{which}")
}

fn missing(level: usize, which: &str) -> ConfError {
    ConfError::Conflict(format!(
        "{} has no value, but alluxio.worker.tieredstore.levels is {} or more: set it",
        name(level, which),
        level + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers(properties: &[(&str, &str)]) -> Result<Vec<Tier>, String> {
        let conf = Configuration::defaults().with(properties).expect("each value is right");
        conf.tiers().map_err(|error| error.to_string())
    }

    #[test]
    fn one_memory_tier_is_the_default() {
        let tiers = tiers(&[("alluxio.worker.ramdisk.size", "2GB")]).expect("right");
        let dir = TierDir { path: "/mnt/ramdisk".into(), medium: "MEM".to_owned(), quota: 2 << 30 };
        let tier = Tier {
            level: 0,
            alias: "MEM".to_owned(),
            dirs: vec![dir],
            high_watermark: 0.95,
            low_watermark: 0.7,
        };
        assert_eq!(tiers, [tier]);
    }

    #[test]
    fn the_last_quota_and_medium_stand_for_the_rest() {
        let tiers = tiers(&[
            ("alluxio.worker.tieredstore.levels", "2"),
            ("alluxio.worker.tieredstore.level1.dirs.path", "/a,/b,/c"),
            ("alluxio.worker.tieredstore.level1.dirs.quota", "1GB,3GB"),
        ]);
        let tier = tiers.expect("right").remove(1);
        assert_eq!(tier.alias, "SSD");
        assert_eq!(tier.dirs.iter().map(|dir| dir.quota >> 30).collect::<Vec<_>>(), [1, 3, 3]);
        assert!(tier.dirs.iter().all(|dir| dir.medium == "SSD"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let two = ("alluxio.worker.tieredstore.levels", "2");
        let path = ("alluxio.worker.tieredstore.level1.dirs.path", "/a");
        assert!(
            tiers(&[two])
                .is_err_and(|e| e.starts_with("alluxio.worker.tieredstore.level1.dirs.path has no value"))
        );
        assert!(
            tiers(&[two, path])
                .is_err_and(|e| e.starts_with("alluxio.worker.tieredstore.level1.dirs.quota has"))
        );
        let quota = ("alluxio.worker.tieredstore.level1.dirs.quota", "1GB,much");
        let wrong = tiers(&[two, ("alluxio.worker.tieredstore.level1.dirs.path", "/a,/b"), quota]);
        assert!(wrong.is_err_and(|e| e.contains("level1.dirs.quota=much (set at run time): must be a size")));
        let low = ("alluxio.worker.tieredstore.level0.watermark.low.ratio", "0.96");
        assert!(tiers(&[low]).is_err_and(|e| e.contains("must be less than") && e.contains("(0.95)")));
        assert!(
            tiers(&[("alluxio.worker.tieredstore.levels", "99")]).is_err_and(|e| e.contains("at most 16"))
        );
    }
}
