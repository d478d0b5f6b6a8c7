//! From what is seen of the masters to the next step.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{
    Context,
    observed::{MasterSeen, Observed},
};
use crate::{
    crd::{AlluxioCluster, ConditionType, UpgradeStrategy, conditions::ConditionStatus},
    observe::pulse::ClusterKey,
    roll::{Master, MasterRole, Masters, MastersPlan, Strategy},
};

/// A standby that is farther behind would keep clients waiting when it takes over.
const MAX_LAG: Duration = Duration::from_secs(10);

/// `hash`: what pods shall have been started with.
pub fn plan(
    context: &Context,
    key: &ClusterKey,
    cluster: &AlluxioCluster,
    observed: &Observed,
    hash: &str,
    now: Timestamp,
) -> MastersPlan {
    let spec = &cluster.spec;
    let silent = observed.masters.iter().filter(|seen| seen.role() == MasterRole::Unknown);
    let silent = context.silent.since(key, silent.map(|seen| seen.facts.uid.clone()), now);
    let masters = Masters {
        hash: hash.to_owned(),
        count: u32::try_from(spec.masters.count).unwrap_or(1),
        current_count: observed.master_set.as_ref().map_or(0, |set| u32::try_from(set.desired).unwrap_or(0)),
        template_observed: observed.master_set.as_ref().is_some_and(|set| set.makes(hash)),
        pods: observed
            .masters
            .iter()
            .filter_map(|seen| master(seen, silent.get(&seen.facts.uid).copied()))
            .collect(),
        strategy: strategy(spec.upgrade_strategy),
        now,
        progress_deadline: progress_deadline(cluster),
        max_lag: MAX_LAG,
        leaderless_since: leaderless_since(cluster, observed),
        ever_served: observed.leader().is_some()
            || cluster.status.as_ref().is_some_and(|status| status.version.is_some()),
    };
    let plan = masters.plan();
    let waits = context.waits.since(key, plan.step.waits_for(), now);
    masters.in_time(plan, waits.into_values().next())
}

pub fn strategy(strategy: UpgradeStrategy) -> Strategy {
    match strategy {
        UpgradeStrategy::Rolling => Strategy::Rolling,
        UpgradeStrategy::Recreate => Strategy::Recreate,
    }
}

pub fn progress_deadline(cluster: &AlluxioCluster) -> Duration {
    seconds(cluster.spec.progress_deadline_seconds)
}

pub fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn master(seen: &MasterSeen, silent_since: Option<Timestamp>) -> Option<Master> {
    let facts = &seen.facts;
    Some(Master {
        pod: facts.name.clone(),
        ordinal: facts.ordinal()?,
        hash: facts.hash.clone(),
        terminating: facts.terminating(),
        ready: facts.ready,
        ready_changed: facts.ready_changed,
        started: facts.started,
        role: seen.role(),
        silent_since,
        failing: facts.failing.clone(),
    })
}

/// By the condition Available, which remembers it over a change of operators.
pub fn leaderless_since(cluster: &AlluxioCluster, observed: &Observed) -> Option<Timestamp> {
    if observed.leader().is_some() {
        return None;
    }
    let conditions = &cluster.status.as_ref()?.conditions;
    let available = conditions.iter().find(|condition| condition.type_ == ConditionType::Available)?;
    match available.status {
        ConditionStatus::False => available.last_transition_time.parse().ok(),
        ConditionStatus::True | ConditionStatus::Unknown => None,
    }
}
