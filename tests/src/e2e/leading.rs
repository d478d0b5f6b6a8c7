//! Who leads: by what the masters say themselves, and by what Kubernetes says of it.

use std::{collections::HashMap, time::Duration};

use anyhow::{Result, ensure};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Deployed, patient};
use crate::web;

/// For a master to say who it is: one on a node that is lost must not hold up the others.
const ANSWERS: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(100);

/// A master that says itself that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    pub pod: String,
    pub term: u64,
}

impl Deployed<'_> {
    /// What each master says of itself, by pod; of those that answer.
    pub async fn roles(&self) -> Result<HashMap<String, Value>> {
        let asked: Vec<_> = self
            .pods("master")
            .await?
            .into_iter()
            .filter_map(|pod| Some((pod.name_any(), pod.status?.pod_ip?)))
            .map(|(pod, ip)| {
                tokio::task::spawn_blocking(move || (pod, web::get_json_within(ANSWERS, &ip, 19999, "/role")))
            })
            .collect();
        let mut roles = HashMap::new();
        for answer in asked {
            if let (pod, Ok(role)) = answer.await? {
                roles.insert(pod, role);
            }
        }
        Ok(roles)
    }

    /// The master that serves, of the newest term; `None` when none does.
    pub async fn serving(&self) -> Result<Option<Serving>> {
        let roles = self.roles().await?;
        let serving = roles.into_iter().filter(|(_, role)| role["serving"] == true);
        let serving = serving.map(|(pod, role)| Serving { pod, term: role["term"].as_u64().unwrap_or(0) });
        Ok(serving.max_by_key(|serving| serving.term))
    }

    /// Waits until a master serves of a newer term, and until status and Service name it: how long the second took.
    pub async fn led_after(&self, term: u64, limit: Duration) -> Result<(Serving, Duration)> {
        let began = Instant::now();
        loop {
            if let Some(serving) = self.serving().await?.filter(|serving| serving.term > term) {
                return Ok((serving, self.agrees(limit).await?));
            }
            let waited = began.elapsed();
            ensure!(waited < patient(limit), "no master serves of a term after {term}, for {waited:.0?}");
            sleep(AGAIN).await;
        }
    }

    /// The pods behind the Service that leads to the leader.
    async fn leader_service(&self) -> Result<Vec<String>> {
        let slices: Api<EndpointSlice> = Api::namespaced(self.scenario.client(), self.scenario.namespace());
        let selector = format!("kubernetes.io/service-name={}-leader", self.name);
        let slices = slices.list(&ListParams::default().labels(&selector)).await?;
        let endpoints = slices.items.into_iter().flat_map(|slice| slice.endpoints);
        let named = endpoints.filter_map(|endpoint| endpoint.target_ref?.name);
        Ok(named.collect())
    }

    /// Waits until the status names the master that serves; how long that took from now on.
    pub async fn status_agrees(&self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let serving = self.serving().await?.map(|serving| (serving.pod, Some(serving.term)));
            let told = self.told_leader().await?;
            if serving.is_some() && serving == told {
                return Ok(began.elapsed());
            }
            let late = began.elapsed() >= patient(limit);
            ensure!(
                !late,
                "not within {:.0?}: {serving:?} serves, status.leader says {told:?}",
                patient(limit)
            );
            sleep(AGAIN).await;
        }
    }

    /// The pod and the term of `status.leader`.
    async fn told_leader(&self) -> Result<Option<(String, Option<u64>)>> {
        let leader = &self.seen().await?["status"]["leader"];
        Ok(leader["pod"].as_str().map(|pod| (pod.to_owned(), leader["term"].as_u64())))
    }

    /// Waits until status and Service name the master that serves; how long that took from now on.
    pub async fn agrees(&self, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let serving = self.serving().await?.map(|serving| (serving.pod, Some(serving.term)));
            let told = self.told_leader().await?;
            let behind = self.leader_service().await?;
            let is_behind = serving.as_ref().is_some_and(|(pod, _)| behind == [pod.clone()]);
            if is_behind && serving == told {
                return Ok(began.elapsed());
            }
            ensure!(
                began.elapsed() < patient(limit),
                "not within {:.0?}: {serving:?} serves, status.leader says {told:?}, the Service leads to {behind:?}",
                patient(limit)
            );
            sleep(AGAIN).await;
        }
    }
}
