//! Claims that exist already: a worker's is its own. Two workers would write into one folder; a root would show blocks as files, and a
//! journal's claim has no room for them.

use super::neighbours::{name, namespace};
use super::{Refusals, journal};
use crate::crd::AlluxioCluster;

/// A use of a claim.
struct Use {
    claim: String,
    field: String,
    /// The group's, where workers keep blocks there.
    group: Option<String>,
}

fn uses(cluster: &AlluxioCluster) -> Vec<Use> {
    let spec = &cluster.spec;
    let journal = journal::place(spec, namespace(cluster), name(cluster)).claim(name(cluster));
    let journal = journal.map(|(claim, _)| ("spec.journal", claim));
    let root = spec.under_storage.root.claim.clone().map(|claim| ("spec.underStorage.root.claim", claim));
    let shared = journal.into_iter().chain(root);
    let mut uses: Vec<_> =
        shared.map(|(field, claim)| Use { claim, field: field.to_owned(), group: None }).collect();
    for group in &spec.workers {
        let claims = group.tiers.iter().filter_map(|tier| tier.volume.claim.as_ref());
        uses.extend(claims.map(|claim| Use {
            claim: claim.claim_name.clone(),
            field: format!("spec.workers[{}].tiers[].volume.claim", group.name),
            group: Some(group.name.clone()),
        }));
    }
    uses
}

/// Uses of one cluster. Those within a group are looked at with its tiers.
pub(super) fn within(cluster: &AlluxioCluster, refusals: &mut Refusals) {
    let uses = uses(cluster);
    for (at, second) in uses.iter().enumerate().filter(|(_, second)| second.group.is_some()) {
        let same = |first: &&Use| first.claim == second.claim && first.group != second.group;
        if let Some(first) = uses[..at].iter().find(same) {
            refusals.invalid(
                &second.field,
                format!("names {}, which {} has, too", second.claim, first.field),
                "use another claim, or claimTemplate",
            );
        }
    }
}

/// Uses of an older cluster.
pub(super) fn with_other(
    cluster: &AlluxioCluster,
    other: &AlluxioCluster,
    who: &str,
    conflict: &mut impl FnMut(String, String, &str),
) {
    if namespace(cluster) != namespace(other) {
        return;
    }
    let theirs = uses(other);
    for mine in uses(cluster) {
        let same =
            |theirs: &&Use| theirs.claim == mine.claim && (theirs.group.is_some() || mine.group.is_some());
        if let Some(theirs) = theirs.iter().find(same) {
            conflict(
                mine.field,
                format!("names {}, which {} of {who} has, too", mine.claim, theirs.field),
                "use another claim",
            );
        }
    }
}
