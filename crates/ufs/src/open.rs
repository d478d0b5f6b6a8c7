//! From an address to the implementation that serves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluxio_conf::Configuration;
use alluxio_telemetry::metrics::Metrics;

use crate::driver::{Driver, MountConf};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::hdfs;
use crate::layers;
use crate::local;
use crate::object;
use crate::under_fs::UnderFs;
use crate::uri::UfsUri;

/// The under storage at `uri`, by the site's properties and the mount's options. Reads no more than the address and
/// files of this host: whether the store answers shows with the first call.
pub fn open_ufs(
    site: &Configuration,
    uri: &str,
    options: &BTreeMap<String, String>,
) -> Result<Arc<dyn UnderFs>> {
    opened(site, uri, options).map(|(_, ufs)| ufs)
}

/// The same for whoever serves a mount: with the layers around it, which count in `metrics`.
pub fn open_mount(
    site: &Configuration,
    metrics: &Metrics,
    uri: &str,
    options: &BTreeMap<String, String>,
) -> Result<Arc<dyn UnderFs>> {
    let (driver, ufs) = opened(site, uri, options)?;
    Ok(layers::around(ufs, driver.retries, site, metrics))
}

fn opened(
    site: &Configuration,
    uri: &str,
    options: &BTreeMap<String, String>,
) -> Result<(&'static Driver, Arc<dyn UnderFs>)> {
    let uri = UfsUri::parse(uri)?;
    let driver = driver_of(&uri)?;
    let conf = MountConf::new(site, driver, &uri, options)?;
    Ok((driver, (driver.open)(uri, &conf)?))
}

/// The type of the under storage at an address, as [`UnderFs::ufs_type`] tells it; none when no driver serves it.
pub fn ufs_type(uri: &str) -> Option<&'static str> {
    driver_of(&UfsUri::parse(uri).ok()?).ok().map(|driver| driver.ufs_type)
}

fn drivers() -> impl Iterator<Item = &'static Driver> {
    [&local::DRIVER, &hdfs::DRIVER].into_iter().chain(object::DRIVERS.iter().copied())
}

fn driver_of(uri: &UfsUri) -> Result<&'static Driver> {
    drivers().find(|driver| driver.schemes.contains(&uri.scheme())).ok_or_else(|| {
        let known: Vec<_> = drivers().flat_map(|driver| driver.schemes).copied().collect();
        let reason = format!(
            "no under storage for the scheme '{}'; known: a local path, {}",
            uri.scheme(),
            known.join(", ")
        );
        UfsError::new(UfsErrorKind::Unsupported, Operation::Mount, uri.to_string()).because(reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        let (site, none) = (Configuration::defaults(), BTreeMap::new());
        assert_eq!(open_ufs(&site, "/data", &none).unwrap().ufs_type(), "local");
        assert_eq!(open_ufs(&site, "file:///data", &none).unwrap().uri().to_string(), "file:///data");
        let error = open_ufs(&site, "gopher://x/y", &none).unwrap_err();
        assert_eq!(error.kind(), UfsErrorKind::Unsupported);
        let text = error.to_string();
        let beginning = "cannot use the under storage gopher://x/y: \
                         no under storage for the scheme 'gopher'; known: a local path, file";
        assert!(text.starts_with(beginning), "{text}");
        assert_eq!((ufs_type("/data"), ufs_type("gopher://x/y")), (Some("local"), None));
    }

    #[test]
    fn a_mount_says_otherwise_than_the_site_and_is_checked() {
        const NAME: &str = "alluxio.underfs.local.skip.broken.symlinks";
        let skips = |site: Option<&str>, mount: Option<&str>| {
            let set = site.map(|value| (NAME, value));
            let site = Configuration::defaults().with(set.as_slice()).unwrap();
            let options = mount.map(|value| (NAME.to_owned(), value.to_owned())).into_iter().collect();
            let uri = UfsUri::parse("/data").unwrap();
            MountConf::new(&site, &local::DRIVER, &uri, &options)
                .map(|conf| conf.get(alluxio_conf::key::UNDERFS_LOCAL_SKIP_BROKEN_SYMLINKS))
        };
        assert!(!skips(None, None).unwrap());
        assert!(skips(Some("true"), None).unwrap());
        assert!(skips(None, Some("true")).unwrap());
        assert!(!skips(Some("true"), Some("false")).unwrap());
        let error = skips(None, Some("maybe")).unwrap_err();
        assert_eq!(error.kind(), UfsErrorKind::InvalidArgument);
        assert!(error.to_string().contains("skip.broken.symlinks=maybe (option of the mount)"), "{error}");
    }
}
