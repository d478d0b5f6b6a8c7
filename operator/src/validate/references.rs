//! Whether everything that the spec names is there.

use super::{Facts, Refusals, facts};
use crate::crd::{AlluxioClusterSpec, Reason};

pub(super) fn check(spec: &AlluxioClusterSpec, facts: &Facts, refusals: &mut Refusals) {
    for used in facts::references(spec) {
        let shown = used.reference.shown();
        let Some(found) = facts.found.get(&used.reference) else {
            refusals.add(
                Reason::MissingReference,
                used.field,
                format!("names {shown}, which is not there"),
                "make it in the cluster's namespace, or correct the name",
            );
            continue;
        };
        let missing = match &used.keys {
            facts::Keys::One(key) => (!found.digests.contains_key(key)).then(|| key.clone()),
            facts::Keys::SomeOf(keys) => {
                let none = !keys.iter().any(|key| found.digests.contains_key(*key));
                none.then(|| keys.join(" or "))
            }
        };
        if let Some(key) = missing {
            refusals.add(
                Reason::MissingReference,
                used.field,
                format!("names {shown}, which has no key {key}"),
                "add the key, or correct the name",
            );
        }
    }
}
