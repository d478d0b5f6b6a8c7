//! What names a cluster.

use super::Refusals;
use crate::crd::AlluxioCluster;

/// Names of pods and claims are made of it.
pub const LONGEST_NAME: usize = 40;

/// A cluster among all: made only from an object that the API server stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl Identity {
    /// Reads it from the object's metadata.
    pub(super) fn of(cluster: &AlluxioCluster, refusals: &mut Refusals) -> Self {
        let metadata = &cluster.metadata;
        let name = metadata.name.clone().unwrap_or_default();
        if name.len() > LONGEST_NAME {
            refusals.invalid(
                "metadata.name",
                format!("{name} has {} characters", name.len()),
                format!("choose one of at most {LONGEST_NAME}: names of pods and claims are made of it"),
            );
        }
        if !is_service_name(&name) {
            refusals.invalid(
                "metadata.name",
                format!("{name:?} is no name of a service"),
                "begin with a letter and use small letters, digits and dashes",
            );
        }
        let stored = |value: &Option<String>, what: &str, refusals: &mut Refusals| {
            value.clone().unwrap_or_else(|| {
                refusals.invalid(
                    format!("metadata.{what}"),
                    "is not set",
                    "apply the object to an API server",
                );
                String::new()
            })
        };
        let namespace = stored(&metadata.namespace, "namespace", refusals);
        let uid = stored(&metadata.uid, "uid", refusals);
        Self { namespace, name, uid }
    }

    /// `<namespace>/<name>`, as the journal's marker names its owner.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn is_service_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
