//! Alibaba's Object Storage Service.

use alluxio_conf::{KeyName, key};
use opendal::services::Oss;

use super::{Opening, Retries, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "oss",
    schemes: &["oss"],
    retries: true,
    properties: || {
        vec![
            key::FS_OSS_ACCESSKEYID.name(),
            key::FS_OSS_ACCESSKEYSECRET.name(),
            key::FS_OSS_ENDPOINT.name(),
            key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED.name(),
            key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION.name(),
            key::UNDERFS_OSS_CONNECTION_MAX.name(),
            key::UNDERFS_OSS_CONNECTION_TIMEOUT.name(),
            key::UNDERFS_OSS_DEFAULT_MODE.name(),
            key::UNDERFS_OSS_RETRY_MAX.name(),
            key::UNDERFS_OSS_SOCKET_TIMEOUT.name(),
        ]
    },
    open: |uri, conf| {
        let mut opening = Opening::new(uri, DRIVER.ufs_type, conf);
        let mode = key::UNDERFS_OSS_DEFAULT_MODE;
        opening.mode(mode.name(), &conf.get(mode))?;
        opening.connections.connect = conf.get(key::UNDERFS_OSS_CONNECTION_TIMEOUT).duration();
        opening.connections.silence = conf.get(key::UNDERFS_OSS_SOCKET_TIMEOUT).duration();
        opening.connections.idle = usize::try_from(conf.get(key::UNDERFS_OSS_CONNECTION_MAX)).ok();
        let times = usize::try_from(conf.get(key::UNDERFS_OSS_RETRY_MAX)).unwrap_or_default();
        opening.retries = Retries { times, ..Retries::default() };
        let service = service(&opening, conf)?;
        opening.open(service)
    },
};

/// Without keys: by what the environment or the machine's role has.
fn service(opening: &Opening, conf: &MountConf) -> Result<Oss> {
    let endpoint = text(conf, key::FS_OSS_ENDPOINT)
        .ok_or_else(|| opening.invalid(format!("{} is not set", key::FS_OSS_ENDPOINT.name())))?;
    let service = Oss::default().root(&opening.root()?).bucket(opening.bucket()?).endpoint(&endpoint);
    let keys = [key::FS_OSS_ACCESSKEYID, key::FS_OSS_ACCESSKEYSECRET];
    Ok(match opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))? {
        Some((id, secret)) => service.access_key_id(&id).access_key_secret(&secret),
        None => service,
    })
}
