//! What each kind of under storage declares of itself: its addresses, and what it can be told.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluxio_conf::{Configuration, Key, ValueKind, canonical};

use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::under_fs::UnderFs;
use crate::uri::UfsUri;

/// One kind of under storage.
pub(crate) struct Driver {
    /// See [`UnderFs::ufs_type`].
    pub(crate) ufs_type: &'static str,
    /// The schemes of its addresses.
    pub(crate) schemes: &'static [&'static str],
    /// The properties that it reads from its [`MountConf`]. Each may be set for the site, and by a mount for itself.
    pub(crate) properties: fn() -> Vec<&'static str>,
    /// It repeats by itself what failed for the moment.
    pub(crate) retries: bool,
    /// Makes one; does no I/O but reading files of this host.
    pub(crate) open: fn(UfsUri, &MountConf) -> Result<Arc<dyn UnderFs>>,
}

/// What holds for one mount: the site's properties, and over them the mount's options.
#[derive(Clone, Debug)]
pub(crate) struct MountConf {
    conf: Configuration,
    options: BTreeMap<String, String>,
}

impl MountConf {
    /// Options that are no property of the driver's are left as they are: they may be in the store's own words, and a
    /// mount made with the original may have any.
    pub(crate) fn new(
        site: &Configuration,
        driver: &Driver,
        uri: &UfsUri,
        options: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let taken = (driver.properties)();
        let (own, others): (Vec<_>, Vec<_>) = options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .partition(|(name, _)| taken.contains(&canonical(name)));
        for (name, _) in others.iter().filter(|(name, _)| name.starts_with("alluxio.")) {
            tracing::warn!(%uri, option = name, "{} under storage does not use this option", driver.ufs_type);
        }
        let conf = if own.is_empty() {
            site.clone()
        } else {
            site.for_mount(&own).map_err(|error| {
                UfsError::new(UfsErrorKind::InvalidArgument, Operation::Mount, uri.to_string())
                    .because(error.to_string())
                    .caused_by(error)
            })?
        };
        Ok(Self { conf, options: options.clone() })
    }

    /// The properties, with the mount's over the site's.
    pub(crate) fn properties(&self) -> &Configuration {
        &self.conf
    }

    /// The value of a property.
    pub(crate) fn get<K: ValueKind>(&self, key: Key<K>) -> K::Value {
        self.conf.get(key)
    }

    /// The mount's options as they were given: for those that are in the store's own words.
    pub(crate) fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}
