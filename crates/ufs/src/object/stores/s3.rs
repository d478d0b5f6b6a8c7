//! Amazon S3 and what speaks its protocol.

use std::net::IpAddr;

use alluxio_conf::{KeyName, Source, key};
use opendal::services::S3;

use super::{Opening, Retries, text};
use crate::driver::{Driver, MountConf};
use crate::error::Result;

/// What the region of a store is called that has none.
const ANY_REGION: &str = "us-east-1";

/// The service takes no smaller ones but the last.
const SMALLEST_PART: u64 = 5 << 20;

pub(super) static DRIVER: Driver = Driver {
    ufs_type: "s3",
    schemes: &["s3", "s3a"],
    retries: true,
    properties: || {
        vec![
            key::S3A_ACCESSKEYID.name(),
            key::S3A_SECRETKEY.name(),
            key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED.name(),
            key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION.name(),
            key::UNDERFS_S3_BULK_DELETE_ENABLED.name(),
            key::UNDERFS_S3_DEFAULT_MODE.name(),
            key::UNDERFS_S3_DIRECTORY_SUFFIX.name(),
            key::UNDERFS_S3_DISABLE_DNS_BUCKETS.name(),
            key::UNDERFS_S3_ENDPOINT.name(),
            key::UNDERFS_S3_ENDPOINT_REGION.name(),
            key::UNDERFS_S3_LIST_OBJECTS_V1.name(),
            key::UNDERFS_S3_MAX_ERROR_RETRY.name(),
            key::UNDERFS_S3_PROXY_HOST.name(),
            key::UNDERFS_S3_PROXY_PORT.name(),
            key::UNDERFS_S3_REGION.name(),
            key::UNDERFS_S3_SECURE_HTTP_ENABLED.name(),
            key::UNDERFS_S3_SERVER_SIDE_ENCRYPTION_ENABLED.name(),
            key::UNDERFS_S3_SOCKET_TIMEOUT.name(),
            key::UNDERFS_S3_STREAMING_UPLOAD_PARTITION_SIZE.name(),
            key::UNDERFS_S3_THREADS_MAX.name(),
        ]
    },
    open: |uri, conf| {
        let mut opening = Opening::new(uri, DRIVER.ufs_type, conf);
        let service = service(&mut opening, conf)?;
        opening.open(service)
    },
};

fn service(opening: &mut Opening, conf: &MountConf) -> Result<S3> {
    let suffix = key::UNDERFS_S3_DIRECTORY_SUFFIX;
    opening.suffix(suffix.name(), &conf.get(suffix))?;
    let mode = key::UNDERFS_S3_DEFAULT_MODE;
    opening.mode(mode.name(), &conf.get(mode))?;
    opening.rules.bulk_delete = conf.get(key::UNDERFS_S3_BULK_DELETE_ENABLED);
    let part = key::UNDERFS_S3_STREAMING_UPLOAD_PARTITION_SIZE;
    // The original's default is for a few large files; each upload holds four parts in memory.
    if !matches!(conf.properties().source_of(part.name()), Source::Default) {
        opening.rules.part_size = conf.get(part).max(SMALLEST_PART);
    }
    opening.retries = retries(conf);
    opening.connections.silence = conf.get(key::UNDERFS_S3_SOCKET_TIMEOUT).duration();
    opening.connections.idle = usize::try_from(conf.get(key::UNDERFS_S3_THREADS_MAX)).ok();
    let port = conf.properties().opt(key::UNDERFS_S3_PROXY_PORT).and_then(|port| u16::try_from(port).ok());
    opening.connections.proxy = text(conf, key::UNDERFS_S3_PROXY_HOST).map(|host| (host, port.unwrap_or(80)));

    let bucket = opening.bucket()?.to_owned();
    let mut service = S3::default().root(&opening.root()?).bucket(&bucket);
    let endpoint = endpoint(conf);
    let region = text(conf, key::UNDERFS_S3_REGION)
        .or_else(|| text(conf, key::UNDERFS_S3_ENDPOINT_REGION))
        .or_else(|| std::env::var("AWS_REGION").ok())
        .or_else(|| std::env::var("AWS_DEFAULT_REGION").ok());
    service = service.region(region.as_deref().unwrap_or(ANY_REGION));
    let in_path = conf.get(key::UNDERFS_S3_DISABLE_DNS_BUCKETS)
        || bucket.contains('.')
        || endpoint.as_deref().is_some_and(has_no_subdomains);
    if let Some(endpoint) = endpoint {
        service = service.endpoint(&endpoint);
    }
    if !in_path {
        service = service.enable_virtual_host_style();
    }
    let keys = [key::S3A_ACCESSKEYID, key::S3A_SECRETKEY];
    if let Some((id, secret)) = opening.pair(keys.map(|key| key.name()), keys.map(|key| text(conf, key)))? {
        service = service.access_key_id(&id).secret_access_key(&secret);
    }
    if conf.get(key::UNDERFS_S3_LIST_OBJECTS_V1) {
        service = service.disable_list_objects_v2();
    }
    if conf.get(key::UNDERFS_S3_SERVER_SIDE_ENCRYPTION_ENABLED) {
        service = service.server_side_encryption_with_s3_key();
    }
    Ok(service)
}

fn retries(conf: &MountConf) -> Retries {
    let times = conf.properties().opt(key::UNDERFS_S3_MAX_ERROR_RETRY);
    let times = times.and_then(|times| usize::try_from(times).ok());
    Retries { times: times.unwrap_or(Retries::default().times), ..Retries::default() }
}

/// The service's address; none for Amazon's, which is always spoken to by https.
fn endpoint(conf: &MountConf) -> Option<String> {
    let endpoint = text(conf, key::UNDERFS_S3_ENDPOINT)?;
    if endpoint.contains("://") {
        return Some(endpoint);
    }
    let scheme = if conf.get(key::UNDERFS_S3_SECURE_HTTP_ENABLED) { "https" } else { "http" };
    Some(format!("{scheme}://{endpoint}"))
}

/// A bucket cannot stand before a number, or before the name of this host.
fn has_no_subdomains(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// Google's buckets by the protocol of S3, with the keys that Google makes for that.
pub(super) fn of_google(opening: &Opening, id: &str, secret: &str) -> Result<S3> {
    let bucket = opening.bucket()?.to_owned();
    let service = S3::default().root(&opening.root()?).bucket(&bucket).region("auto");
    Ok(service.endpoint("https://storage.googleapis.com").access_key_id(id).secret_access_key(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_before_names_only() {
        for endpoint in ["http://127.0.0.1:7070", "http://[::1]:1/x", "https://localhost", "http://10.0.0.1"]
        {
            assert!(has_no_subdomains(endpoint), "{endpoint}");
        }
        for endpoint in ["https://s3.eu-west-1.amazonaws.com", "http://minio.local:9000/"] {
            assert!(!has_no_subdomains(endpoint), "{endpoint}");
        }
    }
}
