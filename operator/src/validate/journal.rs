//! Where the journal lies.

use super::{Facts, HadoopPlan, Identity, Refusals, hadoop, pod};
use crate::crd::{AlluxioClusterSpec, JournalClaim};

/// Where the journal lies.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalPlan {
    Hdfs { uri: String, configuration: Option<HadoopPlan>, user: Option<String> },
    Claim(JournalClaim),
    Existing { claim: String, path: String },
}

/// The folder in a claim that the operator makes: at its top a file system keeps things of its own.
pub const FOLDER_IN_CLAIM: &str = "journal";

impl JournalPlan {
    /// The claim's name and the folder in it, where the journal lies on one.
    #[must_use]
    pub fn claim(&self, cluster: &str) -> Option<(String, String)> {
        match self {
            Self::Hdfs { .. } => None,
            Self::Claim(_) => Some((format!("{cluster}-journal"), FOLDER_IN_CLAIM.to_owned())),
            Self::Existing { claim, path } => Some((claim.clone(), path.clone())),
        }
    }

    /// The place, for people and for the status.
    #[must_use]
    pub fn location(&self, cluster: &str) -> String {
        match self {
            Self::Hdfs { uri, .. } => uri.trim_end_matches('/').to_owned(),
            Self::Claim(_) | Self::Existing { .. } => self
                .claim(cluster)
                .map(|(claim, path)| format!("claim {claim}, folder {path}"))
                .unwrap_or_default(),
        }
    }
}

/// The plan as far as the spec alone tells it; also for comparing with other clusters.
pub(super) fn place(spec: &AlluxioClusterSpec, namespace: &str, name: &str) -> JournalPlan {
    let journal = &spec.journal;
    if let Some(uri) = &journal.uri {
        return JournalPlan::Hdfs { uri: uri.clone(), configuration: None, user: journal.user.clone() };
    }
    if let Some(existing) = &journal.existing_claim {
        let path = existing.path.clone().unwrap_or_else(|| format!("{namespace}/{name}"));
        return JournalPlan::Existing { claim: existing.claim_name.clone(), path };
    }
    JournalPlan::Claim(journal.claim.clone().unwrap_or_default())
}

pub(super) fn plan(
    spec: &AlluxioClusterSpec,
    identity: &Identity,
    facts: &Facts,
    refusals: &mut Refusals,
) -> JournalPlan {
    let mut plan = place(spec, &identity.namespace, &identity.name);
    match &mut plan {
        JournalPlan::Hdfs { uri, configuration, .. } => {
            *configuration = hadoop::plan(spec.journal.configuration.as_ref(), facts);
            if uri.contains("/../") || uri.ends_with("/..") || uri.contains(['?', '#']) {
                refusals.invalid("spec.journal.uri", format!("is {uri}"), "write hdfs://host:port/folder");
            }
        }
        JournalPlan::Claim(claim) => {
            pod::bytes(&claim.size, "spec.journal.claim.size", refusals);
        }
        JournalPlan::Existing { path, .. } => {
            if path.split('/').any(|part| part == "." || part == "..") {
                refusals.invalid(
                    "spec.journal.existingClaim.path",
                    format!("is {path:?}"),
                    "write a path without . and ..",
                );
            }
        }
    }
    plan
}
