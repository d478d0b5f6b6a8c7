//! Where workers keep blocks.

use super::{Refusals, pod};
use crate::crd::{MediumType, Tier, TierVolume};

/// A folder that holds blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierPlan {
    pub medium: MediumType,
    pub quota: u64,
    pub path: String,
    pub volume: VolumePlan,
}

/// What a folder lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumePlan {
    EmptyDir { size_limit: u64 },
    HostPath { path: String, prepare: bool },
    ClaimTemplate { size: u64, storage_class_name: Option<String> },
    Claim { name: String },
}

/// Folders of the image and of the pod that blocks cannot lie in.
const TAKEN: [&str; 14] = [
    "/bin", "/dev", "/etc", "/journal", "/lib", "/opt", "/proc", "/run", "/sbin", "/sys", "/tmp", "/underfs",
    "/usr", "/var",
];

pub(super) fn plan(tiers: &[Tier], owner: &str, refusals: &mut Refusals) -> Vec<TierPlan> {
    let mut plans: Vec<TierPlan> = Vec::with_capacity(tiers.len());
    for (at, tier) in tiers.iter().enumerate() {
        let field = format!("{owner}.tiers[{at}]");
        let path = tier.path.clone().unwrap_or_else(|| format!("/mnt/alluxio/{at}"));
        check_path(&path, &plans, &field, refusals);
        let Some(quota) = pod::bytes(&tier.quota, &format!("{field}.quota"), refusals) else { continue };
        let Some(volume) = volume(&tier.volume, quota, &field, refusals) else { continue };
        plans.push(TierPlan { medium: tier.medium_type, quota, path, volume });
    }
    plans
}

fn check_path(path: &str, before: &[TierPlan], field: &str, refusals: &mut Refusals) {
    let is_in = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let field = format!("{field}.path");
    if path.split('/').any(|part| part == "." || part == "..") {
        refusals.invalid(field, format!("is {path}"), "write a path without . and ..");
    } else if let Some(taken) = TAKEN.iter().find(|taken| is_in(path, taken)) {
        refusals.invalid(
            field,
            format!("is {path}, and {taken} is the image's"),
            "write a path such as /mnt/ssd0",
        );
    } else if let Some(other) =
        before.iter().find(|other| is_in(path, &other.path) || is_in(&other.path, path))
    {
        let seen = format!("is {path}, and another folder is {}", other.path);
        refusals.invalid(field, seen, "give each its own, none within another");
    }
}

fn volume(volume: &TierVolume, quota: u64, field: &str, refusals: &mut Refusals) -> Option<VolumePlan> {
    let field = format!("{field}.volume");
    let TierVolume { empty_dir, host_path, claim_template, claim } = volume;
    match (empty_dir, host_path, claim_template, claim) {
        (None, Some(host), None, None) => {
            if host.path.split('/').any(|part| part == "." || part == "..") {
                let seen = format!("is {}", host.path);
                refusals.invalid(format!("{field}.hostPath.path"), seen, "write a path without . and ..");
            }
            Some(VolumePlan::HostPath { path: host.path.clone(), prepare: host.prepare })
        }
        (None, None, Some(template), None) => {
            let size = match &template.size {
                None => with_room(quota),
                Some(size) => at_least(size, quota, &format!("{field}.claimTemplate.size"), refusals)?,
            };
            Some(VolumePlan::ClaimTemplate { size, storage_class_name: template.storage_class_name.clone() })
        }
        (None, None, None, Some(claim)) => Some(VolumePlan::Claim { name: claim.claim_name.clone() }),
        (empty_dir, None, None, None) => {
            let size_limit = match empty_dir.as_ref().and_then(|empty| empty.size_limit.as_ref()) {
                None => with_room(quota),
                Some(limit) => at_least(limit, quota, &format!("{field}.emptyDir.sizeLimit"), refusals)?,
            };
            Some(VolumePlan::EmptyDir { size_limit })
        }
        _ => {
            refusals.invalid(
                field,
                "has more than one of emptyDir, hostPath, claimTemplate and claim",
                "set one of them",
            );
            None
        }
    }
}

/// One tenth more, in whole MiB: a file system needs some for itself.
fn with_room(quota: u64) -> u64 {
    (quota.saturating_add(quota / 10)).div_ceil(1 << 20).saturating_mul(1 << 20)
}

fn at_least(size: &crate::crd::Quantity, quota: u64, field: &str, refusals: &mut Refusals) -> Option<u64> {
    let bytes = pod::bytes(size, field, refusals)?;
    if bytes < quota {
        let least = crate::crd::Quantity::of_bytes(quota);
        refusals.invalid(field, format!("is {size}, less than the quota"), format!("write at least {least}"));
        return None;
    }
    Some(bytes)
}
