//! Tencent's Cloud Object Storage.

use alluxio_conf::{KeyName, key};
use opendal::services::Cos;

use super::{Opening, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "cos",
    schemes: &["cos", "cosn"],
    retries: true,
    properties: || {
        vec![
            key::FS_COS_ACCESS_KEY.name(),
            key::FS_COS_APP_ID.name(),
            key::FS_COS_CONNECTION_MAX.name(),
            key::FS_COS_CONNECTION_TIMEOUT.name(),
            key::FS_COS_REGION.name(),
            key::FS_COS_SECRET_KEY.name(),
            key::FS_COS_SOCKET_TIMEOUT.name(),
            key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED.name(),
            key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION.name(),
        ]
    },
    open: |uri, conf| {
        let mut opening = Opening::new(uri, DRIVER.ufs_type, conf);
        opening.connections.connect = conf.get(key::FS_COS_CONNECTION_TIMEOUT).duration();
        opening.connections.silence = conf.get(key::FS_COS_SOCKET_TIMEOUT).duration();
        opening.connections.idle = usize::try_from(conf.get(key::FS_COS_CONNECTION_MAX)).ok();
        let service = service(&opening, conf)?;
        opening.open(service)
    },
};

/// Without keys: by what the environment has.
fn service(opening: &Opening, conf: &MountConf) -> Result<Cos> {
    let region = text(conf, key::FS_COS_REGION)
        .ok_or_else(|| opening.invalid(format!("{} is not set", key::FS_COS_REGION.name())))?;
    // The account's number is the end of a bucket's full name.
    let bucket = match text(conf, key::FS_COS_APP_ID) {
        Some(account) if !opening.bucket()?.ends_with(&format!("-{account}")) => {
            format!("{}-{account}", opening.bucket()?)
        }
        _ => opening.bucket()?.to_owned(),
    };
    let endpoint = format!("https://cos.{region}.myqcloud.com");
    let service = Cos::default().root(&opening.root()?).bucket(&bucket).endpoint(&endpoint);
    let keys = [key::FS_COS_ACCESS_KEY, key::FS_COS_SECRET_KEY];
    Ok(match opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))? {
        Some((id, secret)) => service.secret_id(&id).secret_key(&secret),
        None => service,
    })
}
