//! Azure Data Lake Storage Gen2: `abfs://filesystem@account.dfs.core.windows.net/path`.

use std::sync::Arc;

use alluxio_conf::{KeyName, key};
use opendal::services::Azdls;

use super::super::lake::LakeUfs;
use super::{Opening, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

/// Hadoop's own name for it: `abfs://` goes by https, too, unless this says false.
const ALWAYS_HTTPS: &str = "fs.azure.always.use.https";

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "abfs",
    schemes: &["abfs", "abfss"],
    retries: true,
    properties: || {
        vec![
            key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_ENDPOINT.name(),
            key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_ID.name(),
            key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_SECRET.name(),
        ]
    },
    open: |uri, conf| {
        let mut opening = Opening::new(uri, DRIVER.ufs_type, conf);
        opening.rules.real_folders = true;
        let service = service(&opening, conf)?;
        Ok(Arc::new(LakeUfs { store: Arc::new(opening.store(service)?) }))
    },
};

/// By the account's key, else as an application of the directory that the endpoint names, else by what the machine has.
fn service(opening: &Opening, conf: &MountConf) -> Result<Azdls> {
    let (filesystem, host) = opening
        .uri
        .authority()
        .split_once('@')
        .filter(|(filesystem, host)| !filesystem.is_empty() && !host.is_empty())
        .ok_or_else(|| {
            opening.invalid(
                "the address names no file system; write abfs://filesystem@account.dfs.core.windows.net/",
            )
        })?;
    let account = host.split('.').next().unwrap_or(host);
    let plain = opening.uri.scheme() == "abfs"
        && conf.options().get(ALWAYS_HTTPS).is_some_and(|always| always.trim() == "false");
    let scheme = if plain { "http" } else { "https" };
    let service = Azdls::default()
        .root(&opening.root()?)
        .filesystem(filesystem)
        .endpoint(&format!("{scheme}://{host}"))
        .account_name(account);
    // The property's name has the account in it.
    let name = format!("fs.azure.account.key.{account}.dfs.core.windows.net");
    let secret = conf.options().get(&name).cloned().or_else(|| conf.properties().by_name(&name));
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        return Ok(service.account_key(&secret));
    }
    let keys = [key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_ID, key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_SECRET];
    let pair = opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))?;
    let Some((id, secret)) = pair else { return Ok(service) };
    let endpoint = text(conf, key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_ENDPOINT).unwrap_or_default();
    let Some((authority, tenant)) = tenant_of(&endpoint) else {
        return Err(opening.invalid(format!(
            "{} is '{endpoint}'; set it to https://login.microsoftonline.com/<tenant>/oauth2/token",
            key::FS_AZURE_ACCOUNT_OAUTH2_CLIENT_ENDPOINT.name()
        )));
    };
    Ok(service.client_id(&id).client_secret(&secret).authority_host(authority).tenant_id(tenant))
}

/// Whom to ask for a token, and for which directory.
fn tenant_of(endpoint: &str) -> Option<(&str, &str)> {
    let after_scheme = endpoint.find("://")? + 3;
    let host_ends = after_scheme + endpoint[after_scheme..].find('/')?;
    let tenant = endpoint[host_ends + 1..].split('/').next().filter(|tenant| !tenant.is_empty())?;
    Some((&endpoint[..host_ends], tenant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_names_the_directory() {
        let told = tenant_of("https://login.microsoftonline.com/aa-bb/oauth2/token");
        assert_eq!(told, Some(("https://login.microsoftonline.com", "aa-bb")));
        for bad in ["", "login.microsoftonline.com/aa", "https://login", "https://login/"] {
            assert_eq!(tenant_of(bad), None, "{bad}");
        }
    }
}
