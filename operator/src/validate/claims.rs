//! Who may use a claim. A worker's is its own: two workers would write into one folder; a root would show blocks as files, and a journal's claim has no
//! room for them. A journal is no part of the files: `alluxio fs rm` would reach it. And what the operator made for a cluster goes with that.

use super::neighbours::{name, namespace};
use super::{JournalPlan, Refusals, journal};
use crate::crd::AlluxioCluster;

/// A use of a claim.
struct Use {
    claim: String,
    field: String,
    by: User,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum User {
    /// `made`: the operator made the claim for it.
    Journal {
        made: bool,
    },
    Root,
    /// Workers of this group keep blocks there.
    Group(String),
}

impl User {
    /// Whether a claim that somebody made has both files and a journal then. Clusters that began so cannot be changed, and go on.
    fn mixes_with(&self, other: &Self) -> bool {
        let journal = Self::Journal { made: false };
        (*self == Self::Root && *other == journal) || (*self == journal && *other == Self::Root)
    }

    /// Whether two clusters may share the claim: they have the same files, or journals in folders of their own.
    fn goes_with(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Root, Self::Root) | (Self::Journal { made: false }, Self::Journal { made: false })
        )
    }
}

fn uses(cluster: &AlluxioCluster) -> Vec<Use> {
    let spec = &cluster.spec;
    let place = journal::place(spec, namespace(cluster), name(cluster));
    let by = User::Journal { made: matches!(place, JournalPlan::Claim(_)) };
    let journal =
        place.claim(name(cluster)).map(|(claim, _)| Use { claim, field: "spec.journal".to_owned(), by });
    let root = spec.under_storage.root.claim.clone().map(|claim| Use {
        claim,
        field: "spec.underStorage.root.claim".to_owned(),
        by: User::Root,
    });
    let mut uses: Vec<_> = journal.into_iter().chain(root).collect();
    for group in &spec.workers {
        let claims = group.tiers.iter().filter_map(|tier| tier.volume.claim.as_ref());
        uses.extend(claims.map(|claim| Use {
            claim: claim.claim_name.clone(),
            field: format!("spec.workers[{}].tiers[].volume.claim", group.name),
            by: User::Group(group.name.clone()),
        }));
    }
    uses
}

/// Uses of one cluster. Those within a group are looked at with its tiers.
pub(super) fn within(cluster: &AlluxioCluster, refusals: &mut Refusals) {
    let uses = uses(cluster);
    for (at, second) in uses.iter().enumerate() {
        let same = |first: &&Use| {
            let may = first.by == second.by || (began(cluster) && first.by.mixes_with(&second.by));
            first.claim == second.claim && !may
        };
        if let Some(first) = uses[..at].iter().find(same) {
            refusals.invalid(
                &second.field,
                format!("names {}, which {} has, too", second.claim, first.field),
                match second.by {
                    User::Group(_) => "use another claim, or claimTemplate",
                    User::Journal { .. } | User::Root => "use another claim",
                },
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
    let advice = match began(cluster) {
        true => "move into a new cluster with another claim (docs/moving-in.md)",
        false => "use another claim",
    };
    for mine in uses(cluster) {
        let same = |theirs: &&Use| {
            let may = mine.by.goes_with(&theirs.by) || (began(cluster) && mine.by.mixes_with(&theirs.by));
            theirs.claim == mine.claim && !may
        };
        if let Some(theirs) = theirs.iter().find(same) {
            conflict(
                mine.field,
                format!("names {}, which {} of {who} has, too", mine.claim, theirs.field),
                advice,
            );
        }
    }
}

fn began(cluster: &AlluxioCluster) -> bool {
    cluster.status.as_ref().is_some_and(|status| status.journal.is_some())
}
