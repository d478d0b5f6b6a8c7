//! The operator from its start to its end: wait for the lease, look after clusters, give the lease back.

use std::time::Duration;

use anyhow::Context as _;
use kube::{Client, Config, client::ClientBuilder};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{self, Parts},
    crd::PinnedImage,
    lease::{Elector, FenceLayer, LeaseError, Timing},
    observe::health::Health,
    process::{Metrics, Readiness, Settings, serve},
};

/// How long reconciles under way may take when the operator is asked to end.
const GRACE: Duration = Duration::from_secs(20);

/// What is needed beside the settings, so that a test can start several in one process.
pub struct Start {
    pub settings: Settings,
    pub config: Config,
    pub release: PinnedImage,
    pub timing: Timing,
    /// Called on a thread of its own when the lease is over and the process must be gone.
    pub lost: Box<dyn FnOnce() + Send>,
}

/// Runs until `stop`.
///
/// # Errors
/// The port is taken, the API server's address is unusable, or the lease is lost: then the process must end at once.
pub async fn run(start: Start, stop: CancellationToken) -> anyhow::Result<()> {
    let Start { settings, mut config, release, timing, lost } = start;
    // What failed is tried again by the next reconcile. A request that waits in the client for its next try would pass the fence
    // long before it is sent.
    config.default_retry = false;
    let metrics = Metrics::new()?;
    let ready = Readiness::default();
    let listener = TcpListener::bind(settings.http)
        .await
        .with_context(|| format!("HTTP_ADDRESS {} cannot be listened on", settings.http))?;
    let web_stop = CancellationToken::new();
    let web = tokio::spawn(serve(listener, metrics.clone(), ready.clone(), web_stop.clone()));

    let of_lease = Client::try_from(config.clone()).context("the API server's address cannot be used")?;
    // Ending would have Kubernetes wait longer and longer before the next start, and nobody would act when the API server is back.
    let reached = answers(&of_lease, timing, &stop).await;
    ready.set(reached);
    let elector =
        Elector::new(of_lease, &settings.own_namespace, &settings.lease, identity(&settings.pod), timing);
    let tenure = elector.tenure();
    tenure.watch(lost);
    let acted = if reached && elector.acquire(&stop).await {
        metrics.leads(true);
        let client =
            ClientBuilder::try_from(config)?.with_layer(&FenceLayer { tenure: tenure.clone() }).build();
        let parts = Parts { client, health: Health::new()?, metrics, pod: settings.pod, release, tenure };
        let acted = act(parts, &elector, &settings.namespaces, stop).await;
        elector.release().await;
        acted
    } else {
        Ok(())
    };
    web_stop.cancel();
    web.await.context("the web port's task")??;
    Ok(acted?)
}

/// What `alluxio-operator leave` does, after the operator of the same lease has ended: how many clusters are without a finalizer now.
///
/// # Errors
/// The API server's address is unusable, it does not answer, or the lease is lost.
pub async fn leave(start: Start) -> anyhow::Result<usize> {
    let Start { settings, mut config, release: _, timing, lost } = start;
    config.default_retry = false;
    let of_lease = Client::try_from(config.clone()).context("the API server's address cannot be used")?;
    let elector =
        Elector::new(of_lease, &settings.own_namespace, &settings.lease, identity(&settings.pod), timing);
    let tenure = elector.tenure();
    tenure.watch(lost);
    let never = CancellationToken::new();
    elector.acquire(&never).await;
    let client = ClientBuilder::try_from(config)?.with_layer(&FenceLayer { tenure }).build();
    // The lease is not given back: an operator that is about to end, too, would put the finalizers on again.
    tokio::select! {
        kept = elector.keep(&never) => Ok(kept.map(|()| 0)?),
        left = controller::leave(&client, &settings.namespaces, &settings.pod) => Ok(left?),
    }
}

/// Waits until the API server answers. `false`: asked to stop before that.
async fn answers(client: &Client, timing: Timing, stop: &CancellationToken) -> bool {
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return false,
            asked = tokio::time::timeout(timing.patience(), client.apiserver_version()) => asked,
        };
        match asked.unwrap_or_else(|late| Err(kube::Error::Service(late.into()))) {
            Ok(_) => return true,
            Err(error) => tracing::warn!(%error, "the API server does not answer; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(timing.retry) => {}
        }
    }
}

/// Looks after clusters as long as the lease is kept; gives it back only when nothing acts any more.
async fn act(
    parts: Parts,
    elector: &Elector,
    namespaces: &crate::process::Namespaces,
    stop: CancellationToken,
) -> Result<(), LeaseError> {
    let (over, ends) = oneshot::channel();
    let controllers = {
        let (namespaces, stop) = (namespaces.clone(), stop.clone());
        let running: JoinHandle<()> = tokio::spawn(async move {
            controller::run(parts, &namespaces, stop).await;
            // Who waits for it may have gone on already.
            let _ = over.send(());
        });
        running
    };
    // The lease is kept while the last reconciles end.
    let keep = CancellationToken::new();
    let kept = elector.keep(&keep);
    tokio::pin!(kept);
    let stopping = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        lost = &mut kept => {
            controllers.abort();
            return lost;
        }
        _ = ends => {}
        () = stopping => tracing::warn!("reconciles did not end in {} s; they are cut off", GRACE.as_secs()),
    }
    controllers.abort();
    keep.cancel();
    kept.await
}

/// Another one after each start: a container that was restarted is not its predecessor.
fn identity(pod: &str) -> String {
    format!("{pod}_{}_{:x}", std::process::id(), k8s_openapi::jiff::Timestamp::now().as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_api::FakeApi;

    #[tokio::test]
    async fn an_api_server_that_is_away_is_waited_for() {
        let is_gone = |api: &FakeApi| api.refuse(http::Method::GET, "/version", 503);
        // Its machine died after it had taken the question.
        let is_silent = |api: &FakeApi| api.hold("/version");
        for away in [is_gone as fn(&FakeApi), is_silent] {
            let (api, stop) = (FakeApi::default(), CancellationToken::new());
            let client = api.client();
            let pause = Duration::from_millis(10);
            let timing = Timing { renew: 30 * pause, retry: pause, ..Timing::default() };
            api.put("/version", serde_json::json!({
                "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "", "buildDate": "",
                "goVersion": "", "compiler": "", "platform": "",
            }));
            away(&api);
            let waits = answers(&client, timing, &stop);
            tokio::pin!(waits);
            let asks = async {
                while api.asked(&http::Method::GET, "/version").len() < 3 {
                    tokio::time::sleep(pause).await;
                }
            };
            tokio::select! {
                done = &mut waits => panic!("does not wait: {done}"),
                asked = tokio::time::timeout(Duration::from_secs(20), asks) => asked.expect("asks again and again"),
            }
            api.allow_all();
            api.release();
            assert!(waits.await);
            away(&api);
            stop.cancel();
            assert!(!answers(&client, timing, &stop).await);
        }
    }
}
