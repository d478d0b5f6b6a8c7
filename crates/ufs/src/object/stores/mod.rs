//! The kinds of stores: their addresses, their properties, what is special about each.

mod azure;
mod cos;
mod gcs;
mod lake;
mod obs;
mod oss;
mod s3;

use std::sync::Arc;
use std::time::Duration;

use alluxio_conf::{KeyName, key};
use opendal::layers::RetryLayer;
use opendal::{Builder, Operator};

use super::ObjectUfs;
use super::gate::Gate;
use super::http::Connections;
use super::store::{Rules, Store};
use crate::driver::{Driver, MountConf};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::under_fs::UnderFs;
use crate::uri::UfsUri;

/// All of them.
pub(crate) static DRIVERS: &[&Driver] =
    &[&s3::DRIVER, &gcs::DRIVER, &azure::DRIVER, &lake::DRIVER, &oss::DRIVER, &cos::DRIVER, &obs::DRIVER];

/// Bytes of the first parts of an upload.
const PART_SIZE: u64 = 8 << 20;
/// What all stores here copy with one request.
const COPY_LIMIT: u64 = 5 << 30;
const COPIED_WITHIN: Duration = Duration::from_secs(60);

/// How often and how patiently a request that failed for a moment is sent again.
#[derive(Clone, Debug)]
struct Retries {
    times: usize,
    first: Duration,
    longest: Duration,
    factor: f32,
}

impl Default for Retries {
    /// About 10 seconds in all.
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(3));
        Self { times: 6, first, longest, factor: 2.0 }
    }
}

impl Retries {
    /// As many as their waits fit into `total`.
    fn within(mut self, total: Duration) -> Self {
        let (mut wait, mut all, mut times) = (self.first.min(self.longest), Duration::ZERO, 0);
        while times < self.times && all + wait <= total {
            all += wait;
            times += 1;
            wait = wait.mul_f32(self.factor).min(self.longest);
        }
        self.times = times;
        self
    }
}

/// A store about to be opened.
struct Opening {
    uri: UfsUri,
    ufs_type: &'static str,
    connections: Connections,
    retries: Retries,
    rules: Rules,
}

impl Opening {
    fn new(uri: UfsUri, ufs_type: &'static str, conf: &MountConf) -> Self {
        let rules = Rules {
            mode: 0o700,
            bulk_delete: true,
            keep_folders: conf.get(key::UNDERFS_OBJECT_STORE_BREADCRUMBS_ENABLED),
            skip_parents: conf.get(key::UNDERFS_OBJECT_STORE_SKIP_PARENT_DIRECTORY_CREATION),
            part_size: PART_SIZE,
            real_folders: false,
            copy_limit: COPY_LIMIT,
            copied_within: COPIED_WITHIN,
            absent_version: None,
        };
        Self { uri, ufs_type, connections: Connections::default(), retries: Retries::default(), rules }
    }

    fn invalid(&self, reason: impl Into<String>) -> UfsError {
        UfsError::new(UfsErrorKind::InvalidArgument, Operation::Mount, self.uri.to_string()).because(reason)
    }

    /// The bucket that the address names.
    fn bucket(&self) -> Result<&str> {
        match self.uri.authority() {
            "" => {
                Err(self
                    .invalid(format!("the address names no bucket; write {}://bucket/", self.uri.scheme())))
            }
            bucket => Ok(bucket),
        }
    }

    /// The prefix of all keys of the mount.
    fn root(&self) -> Result<String> {
        let path = self.uri.path().as_str();
        if path.trim() != path {
            return Err(self.invalid("the path of an address cannot begin or end with a blank"));
        }
        Ok(format!("/{path}"))
    }

    /// Permission bits in octal digits.
    fn mode(&mut self, name: &str, text: &str) -> Result<()> {
        match u16::from_str_radix(text.trim(), 8) {
            Ok(mode) if mode <= 0o777 => self.rules.mode = mode,
            _ => return Err(self.invalid(format!("{name} is '{text}'; set it to octal digits such as 0700"))),
        }
        Ok(())
    }

    /// The only suffix of markers that stores and other programs know, too.
    fn suffix(&self, name: &str, text: &str) -> Result<()> {
        match text {
            "/" => Ok(()),
            _ => Err(self.invalid(format!("{name} is '{text}'; only '/' is supported"))),
        }
    }

    /// Both or none of two properties that belong together.
    fn pair(&self, names: [&str; 2], values: [Option<String>; 2]) -> Result<Option<(String, String)>> {
        match values.map(|value| value.filter(|value| !value.is_empty())) {
            [Some(first), Some(second)] => Ok(Some((first, second))),
            [None, None] => Ok(None),
            _ => Err(self.invalid(format!("{} and {} must be set together", names[0], names[1]))),
        }
    }

    fn open(self, service: impl Builder) -> Result<Arc<dyn UnderFs>> {
        Ok(Arc::new(ObjectUfs { store: Arc::new(self.store(service)?) }))
    }

    fn store(self, service: impl Builder) -> Result<Store> {
        let objects = Operator::new(service).map_err(|error| self.invalid(error.message().to_owned()))?;
        let transport = self
            .connections
            .open()
            .map_err(|error| self.invalid(format!("no connections can be made: {}", error.without_url())))?;
        let context = objects.context().with_http_transport(transport);
        let retries = RetryLayer::new()
            .with_max_times(self.retries.times)
            .with_min_delay(self.retries.first)
            .with_max_delay(self.retries.longest)
            .with_factor(self.retries.factor)
            .with_jitter()
            .with_notify(|event: opendal::layers::RetryEvent<'_>| {
                tracing::debug!(operation = %event.op, after = ?event.retry_after, "a request to an object store is sent again");
            });
        let objects = objects.with_context(context).layer(retries);
        let Self { uri, ufs_type, rules, .. } = self;
        Ok(Store { uri, ufs_type, objects, rules, gate: Gate::default() })
    }
}

/// The value of a property that may have none; an empty one is none.
fn text(conf: &MountConf, key: impl KeyName<alluxio_conf::Str>) -> Option<String> {
    let value = conf.properties().opt(key)?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alluxio_conf::Configuration;

    use crate::{open_ufs, ufs_type};

    const SECRET: &str = "c2VjcmV0LXdvcmQ=";

    fn opened(uri: &str, options: &[(&str, &str)]) -> crate::Result<String> {
        let options: BTreeMap<String, String> =
            options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        open_ufs(&Configuration::defaults(), uri, &options).map(|ufs| format!("{} {ufs:?}", ufs.uri()))
    }

    #[tokio::test]
    async fn each_kind_opens_and_shows_no_secret() {
        for (uri, kind, options) in [
            ("s3://b/p", "s3", &[("aws.accessKeyId", "id"), ("aws.secretKey", SECRET)][..]),
            ("s3a://b", "s3", &[("s3a.accessKeyId", "id"), ("s3a.secretKey", SECRET)]),
            ("gs://b/p", "gcs", &[("fs.gcs.accessKeyId", "id"), ("fs.gcs.secretAccessKey", SECRET)]),
            ("gs://b/p", "gcs", &[("fs.gcs.credential.path", "/nowhere")]),
            (
                "wasbs://c@account.blob.core.windows.net/p",
                "wasb",
                &[("fs.azure.account.key.account.blob.core.windows.net", SECRET)],
            ),
            (
                "abfss://c@account.dfs.core.windows.net/p",
                "abfs",
                &[("fs.azure.account.key.account.dfs.core.windows.net", SECRET)],
            ),
            (
                "abfs://c@account.dfs.core.windows.net/p",
                "abfs",
                &[
                    (
                        "fs.azure.account.oauth2.client.endpoint",
                        "https://login.example.com/the-tenant/oauth2/token",
                    ),
                    ("fs.azure.account.oauth2.client.id", "id"),
                    ("fs.azure.account.oauth2.client.secret", SECRET),
                ],
            ),
            (
                "oss://b/p",
                "oss",
                &[
                    ("fs.oss.endpoint", "http://oss-cn-beijing.aliyuncs.com"),
                    ("fs.oss.accessKeyId", "id"),
                    ("fs.oss.accessKeySecret", SECRET),
                ],
            ),
            (
                "cosn://b/p",
                "cos",
                &[("fs.cos.region", "r"), ("fs.cos.access.key", "id"), ("fs.cos.secret.key", SECRET)],
            ),
            ("obs://b/p", "obs", &[("fs.obs.accessKey", "id"), ("fs.obs.secretKey", SECRET)]),
        ] {
            assert_eq!(ufs_type(uri), Some(kind));
            let shown = opened(uri, options).unwrap();
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        for (uri, missing) in [
            ("s3:///p", "the address names no bucket; write s3://bucket/"),
            ("wasb://account.blob.core.windows.net/", "the address names no container"),
            ("abfs://account.dfs.core.windows.net/", "the address names no file system"),
            ("oss://b/", "fs.oss.endpoint is not set"),
            ("cos://b/", "fs.cos.region is not set"),
        ] {
            let error = opened(uri, &[]).unwrap_err();
            assert!(error.to_string().contains(missing), "{error}");
        }
    }
}
