//! Which images the pods run.

use super::{Facts, Refusals};
use crate::crd::{AlluxioCluster, ImagePolicy, PinnedImage};

/// The images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImagePlan {
    pub master: String,
    pub worker: String,
    pub pull_policy: Option<&'static str>,
    pub pull_secrets: Vec<String>,
    /// What stands in for what the spec leaves out; it goes into `status.image`.
    pub pinned: Option<PinnedImage>,
}

pub(super) fn plan(cluster: &AlluxioCluster, facts: &Facts, refusals: &mut Refusals) -> ImagePlan {
    let image = &cluster.spec.image;
    let kept = cluster.status.as_ref().and_then(|status| status.image.clone());
    let pinned = match cluster.spec.image_policy {
        ImagePolicy::Pinned => kept.or_else(|| facts.release.clone()),
        ImagePolicy::FollowOperator => facts.release.clone().or(kept),
    };
    let part = |own: &Option<String>, of: fn(&PinnedImage) -> &String| {
        own.clone().or_else(|| pinned.as_ref().map(|pinned| of(pinned).clone()))
    };
    let repository = part(&image.repository, |pinned| &pinned.repository);
    let tag = part(&image.tag, |pinned| &pinned.tag);
    let mut of = |whole: &Option<String>, name: &str| match (whole, &repository, &tag) {
        (Some(whole), _, _) => whole.clone(),
        (None, Some(repository), Some(tag)) => format!("{repository}/alluxio-{name}:{tag}"),
        (None, ..) => {
            refusals.invalid(
                format!("spec.image.{name}"),
                "is not set, and this operator does not know its own release",
                "set spec.image.repository and spec.image.tag",
            );
            String::new()
        }
    };
    ImagePlan {
        master: of(&image.master, "master"),
        worker: of(&image.worker, "worker"),
        pull_policy: image.pull_policy.map(crate::crd::image::PullPolicy::name),
        pull_secrets: image.pull_secrets.iter().map(|secret| secret.name.clone()).collect(),
        pinned,
    }
}
