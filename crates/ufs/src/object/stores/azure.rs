//! Azure Blob Storage: `wasb://container@account.blob.core.windows.net/path`.

use alluxio_conf::{KeyName, key};
use opendal::services::Azblob;

use super::Opening;
use crate::driver::{Driver, MountConf};
use crate::error::Result;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "wasb",
    schemes: &["wasb", "wasbs"],
    retries: true,
    properties: || {
        vec![
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

/// Without an account's key: by what the environment, the workload or the machine has.
fn service(opening: &Opening, conf: &MountConf) -> Result<Azblob> {
    let (container, host) = opening
        .uri
        .authority()
        .split_once('@')
        .filter(|(container, host)| !container.is_empty() && !host.is_empty())
        .ok_or_else(|| {
            opening.invalid(
                "the address names no container; write wasb://container@account.blob.core.windows.net/",
            )
        })?;
    let account = host.split('.').next().unwrap_or(host);
    let scheme = if opening.uri.scheme() == "wasbs" { "https" } else { "http" };
    let service = Azblob::default()
        .root(&opening.root()?)
        .container(container)
        .endpoint(&format!("{scheme}://{host}"))
        .account_name(account);
    // The property's name has the account in it.
    let name = format!("fs.azure.account.key.{account}.blob.core.windows.net");
    let secret = conf.options().get(&name).cloned().or_else(|| conf.properties().by_name(&name));
    Ok(match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => service.account_key(&secret),
        None => service,
    })
}
