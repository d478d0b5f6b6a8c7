//! One operator with many clusters on many nodes: `make e2e-scale`. API server, controllers, scheduler and ZooKeeper are real; kwok plays the kubelets
//! (`tests/e2e/rig/kwok.yaml`), and this program the web ports of all masters.

mod clusters;
mod figures;
mod nodes;
mod operator;
mod roles;
mod size;

use std::time::{Duration, Instant};

use alluxio_tests::{
    e2e::{ADDRESS, kubectl, patient},
    kube::{
        Scenario,
        audit::{self, Position},
    },
    zookeeper::Ensemble,
};
use anyhow::{Result, ensure};
use tokio::{task::block_in_place, time::sleep};

use crate::{
    clusters::Clusters,
    operator::{Operator, changes},
    roles::Roles,
    size::Size,
};

/// What is promised of an operator with 200 clusters: its memory, and 99 of 100 reconciles.
const RESIDENT: u64 = 150_000_000;
const SLOWEST: Duration = Duration::from_secs(1);

/// When the operator has written nothing for so long, everything is at rest.
const CALM: Duration = Duration::from_secs(30);
const CALM_LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_many_clusters_is_small_and_fast_and_writes_nothing_at_rest() -> Result<()> {
    let size = Size::of_environment()?;
    let scenario = Scenario::without_nodes("kwok_scale").await?;
    let began = Instant::now();
    nodes::make(&scenario.client(), &size).await?;
    println!("figure: {} nodes are ready after {:.0?}", size.nodes, began.elapsed());
    let zookeeper = block_in_place(|| Ensemble::start_at(ADDRESS, 1))?;
    let roles = Roles::serve(&scenario).await?;
    let definition = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
    kubectl("default", &["apply", "--server-side", "--filename", definition])?;
    let mut operator = Operator::start(&scenario).await?;

    let applied = Instant::now();
    let clusters = Clusters::new(&scenario, &size);
    clusters.apply(&zookeeper.address()).await?;
    clusters.available(&mut operator).await?;
    println!(
        "figure: {} clusters are available after {:.0?}; {}",
        size.clusters,
        applied.elapsed(),
        operator.reconciles().await?
    );
    let from = calm(&scenario, &mut operator).await?;

    let (before, asked, resting) = (operator.reconciles().await?, roles.asked(), Instant::now());
    let worked = operator.processor_time()?;
    println!("figure: until then the operator has had a processor for {worked:.1?}");
    loop {
        operator.runs()?;
        let looks = clusters.looks(&operator.requests_since(&scenario, from)?);
        if resting.elapsed() >= size.rest && looks >= size.resyncs() {
            break;
        }
        let limit = patient(size.rest + Duration::from_secs(120));
        ensure!(
            resting.elapsed() < limit,
            "a cluster was looked at {looks} times in {limit:?}, not {}",
            size.resyncs()
        );
        sleep(PAUSE).await;
    }
    let (lasted, asked) = (resting.elapsed(), roles.asked() - asked);
    let requests = operator.requests_since(&scenario, from)?;
    let (all, changes) = (operator.reconciles().await?, changes(&requests));
    let at_rest = all.since(&before);
    let (resident, most) = (operator.resident()?, operator.most_resident()?);

    println!(
        "figure: at rest for {lasted:.0?}, each cluster looked at {} times or more: {at_rest}",
        clusters.looks(&requests)
    );
    let worked = operator.processor_time()? - worked;
    println!(
        "figure: each second the masters were asked {:.0} times, and the operator had a processor for {:.0} ms",
        asked as f64 / lasted.as_secs_f64(),
        worked.as_secs_f64() / lasted.as_secs_f64() * 1000.0
    );
    println!("figure: from the operator's start on: {all}");
    println!("figure: resident memory: {} kB, at most {} kB ever", resident / 1000, most / 1000);
    println!("figure: changes at rest, without the Lease: {}", changes.len());
    ensure!(changes.is_empty(), "it changed at rest: {:#?}", audit::count(changes));
    ensure!(most < RESIDENT, "{most} bytes were resident, and not less than {RESIDENT}");
    for (which, reconciles) in [("of all", &all), ("at rest", &at_rest)] {
        let (slow, limit) = (reconciles.percentile(99), patient(SLOWEST));
        ensure!(
            slow <= limit.as_secs_f64(),
            "99 of 100 reconciles {which} took up to {slow} s, and not {limit:?} at most"
        );
    }
    ensure!(at_rest.failed == 0, "{} reconciles failed at rest", at_rest.failed);
    operator.is_content()?;
    block_in_place(|| zookeeper.finish())?;
    scenario.leave();
    Ok(())
}

/// Waits until everything is at rest; from when on it was.
async fn calm(scenario: &Scenario, operator: &mut Operator) -> Result<Position> {
    let (began, mut from, mut since) = (Instant::now(), scenario.audit().end()?, Instant::now());
    while since.elapsed() < CALM {
        operator.runs()?;
        sleep(PAUSE).await;
        let requests = operator.requests_since(scenario, from)?;
        let changes = changes(&requests);
        if !changes.is_empty() {
            let limit = patient(CALM_LIMIT);
            ensure!(
                began.elapsed() < limit,
                "still written {limit:?} after all are available: {:#?}",
                audit::count(changes)
            );
            (from, since) = (scenario.audit().end()?, Instant::now());
        }
    }
    println!("figure: all is at rest {} s after that", (began.elapsed() - since.elapsed()).as_secs());
    Ok(from)
}
