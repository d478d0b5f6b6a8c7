//! The options of mounts, and how a changed mount is told.

use std::collections::BTreeMap;

use serde_json::json;

use super::{hash, volumes};
use crate::validate::{HadoopPlan, MountPlan, Reference, ValidatedCluster};

const HADOOP_FILES: &str = "alluxio.underfs.hdfs.configuration";

/// The options that a mount is made with, apart from its credentials, whose values only Secrets hold.
#[must_use]
pub fn mount_options(mount: &MountPlan) -> BTreeMap<String, String> {
    options(&mount.settings.options, &volumes::mount_id(mount), mount.settings.configuration.as_ref())
}

/// Tells whether a mount is as the plan says. Of credentials it has the digests.
#[must_use]
pub fn mount_digest(cluster: &ValidatedCluster, mount: &MountPlan) -> String {
    let credentials: BTreeMap<_, _> = mount
        .settings
        .credentials
        .iter()
        .map(|credential| {
            let place =
                (Reference::Secret(credential.secret_key.name.clone()), credential.secret_key.key.clone());
            (&credential.option, cluster.digests.get(&place))
        })
        .collect();
    let made_of = json!([mount.uri, mount.settings.read_only, mount_options(mount), credentials]);
    hash::digest(made_of.to_string().as_bytes())
}

pub(super) fn options(
    options: &BTreeMap<String, String>,
    id: &str,
    configuration: Option<&HadoopPlan>,
) -> BTreeMap<String, String> {
    let mut options = options.clone();
    if let Some(configuration) = configuration {
        options.insert(HADOOP_FILES.to_owned(), volumes::hadoop_files(id, configuration));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{cluster, facts, valid},
        validate::validate,
    };

    const MOUNT: &str = "path: /m, uri: 's3://b/f', credentials: [{option: s3a.secretKey, secretKey: {name: s3, key: secret}}]";

    fn digest(mount: &str) -> String {
        let cluster = valid(&format!("underStorage: {{mounts: [{{{mount}}}]}}"));
        mount_digest(&cluster, &cluster.mounts[0])
    }

    #[test]
    fn whatever_is_edited_changes_the_digest() {
        assert_eq!(digest(MOUNT), digest(MOUNT));
        for edit in ["readOnly: true", "options: {alluxio.underfs.s3.region: r}"] {
            assert_ne!(digest(MOUNT), digest(&format!("{MOUNT}, {edit}")), "{edit}");
        }
        assert_ne!(digest(MOUNT), digest(&MOUNT.replace("key: secret", "key: access")));
        assert_ne!(digest(MOUNT), digest(&MOUNT.replace("s3://b/f", "s3://b/g")));
    }

    #[test]
    fn so_does_another_value_in_the_secret() {
        let mut facts = facts();
        let found = facts.found.get_mut(&Reference::Secret("s3".to_owned())).expect("is there");
        found.digests.insert("secret".to_owned(), "rotated".to_owned());
        let cluster = cluster(&format!("underStorage: {{mounts: [{{{MOUNT}}}]}}"));
        let rotated = validate(&cluster, &facts).expect("is valid");
        assert_ne!(mount_digest(&rotated, &rotated.mounts[0]), digest(MOUNT));
    }
}
