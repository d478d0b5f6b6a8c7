//! Huawei's Object Storage Service.

use alluxio_conf::{KeyName, key};
use opendal::services::Obs;

use super::{Opening, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "obs",
    schemes: &["obs"],
    retries: true,
    properties: || {
        vec![
            key::FS_OBS_ACCESSKEY.name(),
            key::FS_OBS_ENDPOINT.name(),
            key::FS_OBS_SECRETKEY.name(),
            key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED.name(),
            key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION.name(),
        ]
    },
    open: |uri, conf| {
        let opening = Opening::new(uri, DRIVER.ufs_type, conf);
        let service = service(&opening, conf)?;
        opening.open(service)
    },
};

/// Without keys: by what the environment has.
fn service(opening: &Opening, conf: &MountConf) -> Result<Obs> {
    let endpoint = conf.get(key::FS_OBS_ENDPOINT);
    let service = Obs::default().root(&opening.root()?).bucket(opening.bucket()?).endpoint(&endpoint);
    let keys = [key::FS_OBS_ACCESSKEY, key::FS_OBS_SECRETKEY];
    Ok(match opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))? {
        Some((id, secret)) => service.access_key_id(&id).secret_access_key(&secret),
        None => service,
    })
}
