//! Google Cloud Storage.

use alluxio_conf::{KeyName, key};
use opendal::services::Gcs;

use super::{Opening, Retries, s3, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "gcs",
    schemes: &["gs"],
    retries: true,
    properties: || {
        vec![
            key::FS_GCS_ACCESSKEYID.name(),
            key::FS_GCS_CREDENTIAL_PATH.name(),
            key::FS_GCS_SECRETACCESSKEY.name(),
            key::UNDERFS_GCS_DEFAULT_MODE.name(),
            key::UNDERFS_GCS_DIRECTORY_SUFFIX.name(),
            key::UNDERFS_GCS_RETRY_DELAY_MULTIPLIER.name(),
            key::UNDERFS_GCS_RETRY_INITIAL_DELAY.name(),
            key::UNDERFS_GCS_RETRY_MAX.name(),
            key::UNDERFS_GCS_RETRY_MAX_DELAY.name(),
            key::UNDERFS_GCS_RETRY_TOTAL_DURATION.name(),
            key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED.name(),
            key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION.name(),
        ]
    },
    open: |uri, conf| {
        let mut opening = Opening::new(uri, DRIVER.ufs_type, conf);
        let suffix = key::UNDERFS_GCS_DIRECTORY_SUFFIX;
        opening.suffix(suffix.name(), &conf.get(suffix))?;
        let mode = key::UNDERFS_GCS_DEFAULT_MODE;
        opening.mode(mode.name(), &conf.get(mode))?;
        opening.retries = retries(conf);
        let keys = [key::FS_GCS_ACCESSKEYID, key::FS_GCS_SECRETACCESSKEY];
        let pair = opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))?;
        match pair {
            Some((id, secret)) if text(conf, key::FS_GCS_CREDENTIAL_PATH).is_none() => {
                let service = s3::of_google(&opening, &id, &secret)?;
                opening.open(service)
            }
            _ => {
                opening.rules.absent_version = Some("0");
                let service = service(&opening, conf)?;
                opening.open(service)
            }
        }
    },
};

/// With the key of a service account in a file; without one as Google's own tools do: the environment, the user's
/// settings, the machine.
fn service(opening: &Opening, conf: &MountConf) -> Result<Gcs> {
    let service = Gcs::default().root(&opening.root()?).bucket(opening.bucket()?);
    Ok(match text(conf, key::FS_GCS_CREDENTIAL_PATH) {
        Some(path) => service.credential_path(&path),
        None => service,
    })
}

fn retries(conf: &MountConf) -> Retries {
    let default = Retries::default();
    let retries = Retries {
        times: usize::try_from(conf.get(key::UNDERFS_GCS_RETRY_MAX)).unwrap_or_default(),
        first: conf.get(key::UNDERFS_GCS_RETRY_INITIAL_DELAY).duration().unwrap_or(default.first),
        longest: conf.get(key::UNDERFS_GCS_RETRY_MAX_DELAY).duration().unwrap_or(default.longest),
        // Below 1 the waits would shrink.
        factor: conf.get(key::UNDERFS_GCS_RETRY_DELAY_MULTIPLIER).clamp(1, 100) as f32,
    };
    match conf.get(key::UNDERFS_GCS_RETRY_TOTAL_DURATION).duration() {
        Some(total) => retries.within(total),
        None => retries,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_waits_of_the_defaults_are_within_five_minutes() {
        let second = Duration::from_secs(1);
        let retries = Retries { times: 60, first: second, longest: 60 * second, factor: 2.0 };
        // 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60
        assert_eq!(retries.clone().within(300 * second).times, 9);
        assert_eq!(retries.clone().within(second / 2).times, 0);
        assert_eq!(Retries { times: 3, ..retries }.within(300 * second).times, 3);
    }
}
