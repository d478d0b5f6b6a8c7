//! The controllers of sets, Jobs, disruption budgets and claims.

use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, StatefulSet},
        batch::v1::Job,
        core::v1::{PersistentVolumeClaim, Pod, PodTemplateSpec},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    kubelet::{is, now},
    play::{Play, gone},
};

/// Of a pod that a Job has made.
pub(super) const OF_JOB: &str = "batch.kubernetes.io/job-name";

impl Play {
    pub(super) async fn stateful(&self, set: &StatefulSet, pods: &[Arc<Pod>]) -> Result<()> {
        let spec = set.spec.as_ref().context("a StatefulSet without spec")?;
        let (name, replicas) = (set.name_any(), spec.replicas.unwrap_or(1));
        if set.status.as_ref().and_then(|status| status.observed_generation) != set.metadata.generation {
            let status = json!({ "observedGeneration": set.metadata.generation, "replicas": replicas });
            self.status::<StatefulSet>(&name, status).await?;
        }
        for ordinal in 0..replicas {
            let pod = format!("{name}-{ordinal}");
            self.ensure(pods, &pod, &spec.template, set.controller_owner_ref(&()), "n1").await?;
        }
        for pod in pods.iter().filter(|pod| owned(pod, set)) {
            let ordinal =
                pod.name_any().rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse::<i32>().ok());
            if ordinal.is_some_and(|ordinal| ordinal >= replicas) {
                self.delete(pod).await?;
            }
        }
        Ok(())
    }

    /// One on each node, whatever the affinity says.
    pub(super) async fn daemon(&self, set: &DaemonSet, pods: &[Arc<Pod>]) -> Result<()> {
        let spec = set.spec.as_ref().context("a DaemonSet without spec")?;
        let nodes = self.state.lock().nodes.clone();
        let seen = set.status.as_ref().and_then(|status| status.observed_generation);
        if seen != set.metadata.generation {
            let status = json!({
                "observedGeneration": set.metadata.generation, "desiredNumberScheduled": nodes.len(),
                "currentNumberScheduled": nodes.len(), "numberMisscheduled": 0, "numberReady": nodes.len(),
            });
            self.status::<DaemonSet>(&set.name_any(), status).await?;
        }
        for node in nodes {
            let pod = format!("{}-{node}", set.name_any());
            self.ensure(pods, &pod, &spec.template, set.controller_owner_ref(&()), &node).await?;
        }
        Ok(())
    }

    /// Ends as the test says.
    pub(super) async fn job(&self, job: &Job, pods: &[Arc<Pod>]) -> Result<()> {
        let (name, uid) = (job.name_any(), job.uid().unwrap_or_default());
        let told = {
            let state = self.state.lock();
            state.job.clone().filter(|_| !state.ended.contains(&uid))
        };
        let Some((complete, word)) = told else { return Ok(()) };
        let mut template = job.spec.as_ref().context("a Job without spec")?.template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(OF_JOB.to_owned(), name.clone());
        // A Job of the same name that follows has another pod.
        let pod = format!("{name}-{}", &uid[..5]);
        self.ensure(pods, &pod, &template, job.controller_owner_ref(&()), "n1").await?;
        let now = now();
        let status = json!({
            "phase": if complete { "Succeeded" } else { "Failed" },
            "containerStatuses": [{
                "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": i32::from(!complete), "message": word, "finishedAt": now } },
            }],
        });
        self.status::<Pod>(&pod, status).await?;
        let condition = |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": now });
        let status = match complete {
            true => json!({
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
                "startTime": now, "completionTime": now, "succeeded": 1, "uncountedTerminatedPods": {},
            }),
            false => json!({
                "conditions": [condition("FailureTarget"), condition("Failed")],
                "startTime": now, "failed": 1, "uncountedTerminatedPods": {},
            }),
        };
        self.status::<Job>(&name, status).await?;
        self.state.lock().ended.insert(uid);
        Ok(())
    }

    async fn ensure(
        &self,
        pods: &[Arc<Pod>],
        name: &str,
        template: &PodTemplateSpec,
        owner: Option<OwnerReference>,
        node: &str,
    ) -> Result<()> {
        if pods.iter().any(|pod| pod.name_any() == name) {
            return Ok(());
        }
        let mut pod = serde_json::to_value(template)?;
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["ownerReferences"] = json!([owner]);
        pod["spec"]["nodeName"] = json!(node);
        let pod: Pod = serde_json::from_value(pod)?;
        match self.api::<Pod>().create(&PostParams::default(), &pod).await {
            Ok(_) => Ok(()),
            // The list was older.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error).with_context(|| format!("making {name}")),
        }
    }

    /// One of the masters may be away, as their budgets say.
    pub(super) async fn budget(
        &self,
        budget: &PodDisruptionBudget,
        sets: &[Arc<StatefulSet>],
        pods: &[Arc<Pod>],
    ) -> Result<()> {
        let name = budget.name_any();
        let Some(set) = sets.iter().find(|set| set.name_any() == name) else { return Ok(()) };
        let expected = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let healthy = pods
            .iter()
            .filter(|pod| owned(pod, set) && is(pod, "Ready") && pod.metadata.deletion_timestamp.is_none());
        let healthy = i32::try_from(healthy.count())?;
        let allowed = i32::from(healthy >= expected);
        let counted = (budget.metadata.generation, allowed, healthy, expected);
        let seen = budget
            .status
            .as_ref()
            .map(|it| (it.observed_generation, it.disruptions_allowed, it.current_healthy, it.expected_pods));
        if seen == Some(counted) {
            return Ok(());
        }
        let status = json!({
            "observedGeneration": counted.0, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": (expected - 1).max(0), "expectedPods": expected, "disruptedPods": null,
        });
        self.status::<PodDisruptionBudget>(&name, status).await
    }

    /// One that is being deleted is held until nobody uses it; here nobody does.
    pub(super) async fn claim(&self, claim: &PersistentVolumeClaim) -> Result<()> {
        if claim.metadata.deletion_timestamp.is_none() {
            return Ok(());
        }
        let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        let freed = self
            .api::<PersistentVolumeClaim>()
            .patch(&claim.name_any(), &PatchParams::default(), &free)
            .await;
        gone(freed).with_context(|| format!("freeing {}", claim.name_any()))
    }
}

fn owned(pod: &Pod, set: &StatefulSet) -> bool {
    pod.owner_references().iter().any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref())
}
