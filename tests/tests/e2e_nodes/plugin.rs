//! `kubectl alluxio`, the plugin, as somebody uses it who runs a cluster.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, kubectl_alluxio, patient},
    kube::Scenario,
    web,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{
    fields::settled,
    ha::{Journal, LIMIT},
    operators::uids,
    roll::{ROLL, told},
};

const NODE: &str = "node2";

/// The plugin on one cluster.
struct Plugin<'a> {
    scenario: &'a Scenario,
    cluster: &'a Deployed<'a>,
}

impl Plugin<'_> {
    /// Prints what it was asked and what it said, and how long that took.
    fn says(&self, words: &[&str]) -> Result<String> {
        let began = Instant::now();
        let said = kubectl_alluxio(self.scenario.namespace(), words)?;
        println!("kubectl alluxio {}, {:.0?}:\n{said}", words.join(" "), began.elapsed());
        Ok(said)
    }

    fn settles(&self) -> impl Future<Output = Result<Duration>> {
        self.cluster.until("all is as the spec says", ROLL, settled)
    }

    async fn tells_what_is_so(&self) -> Result<()> {
        let leader = self.cluster.serving().await?.context("no master serves")?.pod;
        ensure!(self.says(&["leader", "shared"])? == format!("{leader}\n"), "{leader} serves");
        // There is one: it need not be named.
        let said = self.says(&["status"])?;
        let uri = self.cluster.seen().await?["status"]["endpoints"]["uri"].clone();
        let pods = uids(self.cluster).await?.into_keys();
        let condition = |name, status, reason| format!("{name:<20} {status:<8} {reason:<20} ");
        let wanted = [
            uri.as_str().context("no URI")?.to_owned(),
            condition("Available", "True", "LeaderServing"),
            condition("Progressing", "False", "Settled"),
        ];
        for words in wanted.into_iter().chain(pods) {
            ensure!(said.contains(&words), "it does not say {words:?}");
        }
        Ok(())
    }

    async fn has_another_lead(&self) -> Result<()> {
        let before = self.cluster.serving().await?.context("no master serves")?;
        let said = self.says(&["failover", "shared"])?;
        let (after, _) = self.cluster.led_after(before.term, LIMIT).await?;
        ensure!(said.contains(&format!("{} hands over.", before.pod)), "{} did", before.pod);
        ensure!(said.contains(&format!("{} leads.", after.pod)), "{} does", after.pod);
        self.settles().await.map(drop)
    }

    async fn restarts_masters(&self) -> Result<()> {
        let before = uids(self.cluster).await?;
        self.says(&["restart", "shared", "masters"])?;
        let took = self.settles().await?;
        println!("all masters were restarted after {took:.0?}");
        let after = uids(self.cluster).await?;
        for (pod, uid) in &before {
            let replaced = after.get(pod) != Some(uid);
            ensure!(replaced == pod.contains("-masters-"), "{pod} was replaced: {replaced}");
        }
        Ok(())
    }

    /// The pod of the worker there, and its address.
    async fn worker(&self) -> Result<(String, String)> {
        let workers = self.cluster.pods("worker").await?;
        let there = workers
            .into_iter()
            .find(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.as_deref() == Some(NODE)));
        let there = there.with_context(|| format!("no worker is on {NODE}"))?;
        let name = there.name_any();
        let ip = there.status.and_then(|status| status.pod_ip).context("a worker without an address")?;
        Ok((name, ip))
    }

    async fn takes_a_worker_out_and_puts_it_back(&self) -> Result<()> {
        let (worker, ip) = self.worker().await?;
        let said = self.says(&["decommission", "shared", NODE])?;
        ensure!(said.contains("successfully decommissioned"), "the worker is in use");
        let role = block_in_place(|| web::get_json_at(&ip, 30000, "/role"))?;
        ensure!(role["decommissioned"] == true, "{worker} says {role}");
        // The operator leaves it so, and tells of it.
        let out = |object: &serde_json::Value| {
            let (_, message) = told(object, "Progressing");
            message.contains(&format!("somebody took out of service: {worker}"))
        };
        self.cluster.until("the operator tells of the worker", LIMIT, out).await?;
        let said = self.says(&["enable", "shared", NODE])?;
        ensure!(said.contains("Re-enabled worker"), "the worker is not enabled");
        let enabled = Instant::now();
        while block_in_place(|| web::get_json_at(&ip, 30000, "/role"))?["serving"] != true {
            ensure!(enabled.elapsed() < patient(LIMIT), "{worker} does not serve again");
            sleep(Duration::from_millis(500)).await;
        }
        println!("{worker} serves {:.0?} after it was enabled", enabled.elapsed());
        self.settles().await?;
        ensure!(self.worker().await?.0 == worker, "{worker} was replaced");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_alluxio_does_what_it_says() -> Result<()> {
    let scenario = Scenario::begin("kubectl_alluxio_does_what_it_says").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let (name, text) = Journal::SharedVolume.example(&scenario, &outside)?;
    // Clients are given so long to hear of a worker that was taken out; by itself it is two minutes.
    let text = format!("{text}  properties:\n    alluxio.user.worker.list.refresh.interval: 2s\n");
    let cluster = Deployed::apply(&scenario, name, &text)?;
    let plugin = Plugin { scenario: &scenario, cluster: &cluster };
    plugin.settles().await?;
    plugin.tells_what_is_so().await?;
    plugin.has_another_lead().await?;
    plugin.restarts_masters().await?;
    plugin.takes_a_worker_out_and_puts_it_back().await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}
