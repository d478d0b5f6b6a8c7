//! What others do to the objects of a cluster.

use alluxio_operator::crd::Reason;
use anyhow::{Context, Result};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    objects::{available, has_reason, leader, masters, settled, single},
    world::World,
};

const NAME: &str = "app.kubernetes.io/name";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_repaired_and_what_is_theirs_stays() -> Result<()> {
    let world = World::new("drift").await?;
    world.settled(single(&world, "a")).await?;
    world
        .edit::<Service>(
            "a-leader",
            json!({
                "metadata": { "labels": { "theirs": "x", NAME: "wrong" } },
                "spec": { "selector": { "alluxio.org/leader": null }, "sessionAffinity": "ClientIP" },
            }),
        )
        .await?;
    let repaired = world
        .eventually("the Service is repaired", || async {
            let service = world.api::<Service>().get("a-leader").await?;
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            Ok(selector.is_some_and(|it| it.contains_key("alluxio.org/leader")).then_some(service))
        })
        .await?;
    let label = |name: &str| repaired.labels().get(name).map(String::as_str);
    assert_eq!((label("theirs"), label(NAME)), (Some("x"), Some("alluxio")));
    assert_eq!(repaired.spec.as_ref().and_then(|spec| spec.session_affinity.as_deref()), Some("ClientIP"));
    world.check()
}

/// Nobody wins such a fight.
#[tokio::test(flavor = "multi_thread")]
async fn who_sets_a_field_again_and_again_is_named_and_not_fought_without_end() -> Result<()> {
    let world = World::new("contest").await?;
    world.settled(single(&world, "a")).await?;
    let meddler = PatchParams { field_manager: Some("meddler".to_owned()), ..PatchParams::default() };
    let wrong = Patch::Merge(json!({ "metadata": { "labels": { NAME: "wrong" } } }));
    let services = world.api::<Service>();
    let is = async |name: &str| {
        let service = services.get("a-masters").await?;
        anyhow::Ok((service.labels().get(NAME).map(String::as_str) == Some(name)).then_some(()))
    };
    for _ in 0..3 {
        services.patch("a-masters", &meddler, &wrong).await?;
        world.eventually("it is set back", || is("alluxio")).await?;
    }
    let told = world.until("a", "it is told", |cluster| has_reason(cluster, Reason::ApplyFailed)).await?;
    let message = crate::objects::told(&told, Reason::ApplyFailed);
    assert!(
        message.starts_with("Service a-masters: metadata.labels.app.kubernetes.io/name does not stay"),
        "{message}"
    );
    assert!(message.contains(": meddler sets it otherwise;"), "{message}");
    assert_eq!(leader(&told), Some("a-masters-0"));
    services.patch("a-masters", &meddler, &wrong).await?;
    world.looked_again("a").await?;
    assert_eq!(is("wrong").await?, Some(()), "once a minute is enough");
    world.check()
}

/// By its labels the operator watches its objects: one that loses them comes back all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_lost_its_labels_gets_them_back() -> Result<()> {
    let world = World::new("labels").await?;
    world.settled(single(&world, "a")).await?;
    let bare = json!({ "metadata": { "labels": { NAME: null, MANAGED_BY: null, "app.kubernetes.io/instance": null } } });
    world.edit::<Service>("a-masters", bare).await?;
    world
        .eventually("the labels are back", || async {
            let service = world.api::<Service>().get("a-masters").await?;
            Ok((service.labels().contains_key(MANAGED_BY) && service.labels().contains_key(NAME))
                .then_some(()))
        })
        .await?;
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_returns() -> Result<()> {
    let world = World::new("returns").await?;
    world.settled(single(&world, "a")).await?;
    let before = world.api::<Service>().get("a-masters").await?.uid();
    let maps = world.names::<ConfigMap>().await?;
    world.delete::<Service>("a-masters").await?;
    world.delete::<PodDisruptionBudget>("a-masters").await?;
    for map in &maps {
        world.delete::<ConfigMap>(map).await?;
    }
    world
        .eventually("all are back", || async {
            let service = world.api::<Service>().get_opt("a-masters").await?;
            let budget = world.api::<PodDisruptionBudget>().get_opt("a-masters").await?;
            let back = service.is_some_and(|it| it.uid() != before) && budget.is_some();
            Ok((back && world.names::<ConfigMap>().await? == maps).then_some(()))
        })
        .await?;
    world.check()
}

/// The journal is looked for before masters start again: it may be gone, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_masters_that_is_deleted_starts_only_with_its_journal() -> Result<()> {
    let world = World::new("set").await?;
    let cluster = world.settled(available(&world, "a")).await?;
    let id = cluster.status.and_then(|status| status.journal).context("no journal")?.cluster_id;
    world.fake.job(Some((false, json!({ "outcome": "missing" }))));
    world.delete::<StatefulSet>("a-masters").await?;
    world
        .until("a", "it says what is missing", |cluster| has_reason(cluster, Reason::JournalMissing))
        .await?;
    world.looked_again("a").await?;
    assert!(world.api::<StatefulSet>().get_opt("a-masters").await?.is_none(), "nothing is started");
    let job = world.api::<Job>().get("a-format").await?;
    let args =
        job.spec.and_then(|spec| spec.template.spec?.containers.first()?.args.clone()).unwrap_or_default();
    assert!(args.windows(2).any(|pair| pair == ["--known", &*id]), "{args:?}");
    // Its storage is back; whoever mended it takes the Job away.
    world.fake.job(Some((true, json!({ "outcome": "adopted", "clusterId": id }))));
    world.delete::<Job>("a-format").await?;
    let cluster = world.until("a", "it settles", settled).await?;
    assert_eq!(masters(&cluster), "3/3");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_another_manager_took_over_is_taken_back() -> Result<()> {
    let world = World::new("conflict").await?;
    world.settled(single(&world, "a")).await?;
    let replicas = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.replicas);
    let one_again = || async {
        let set = world.api::<StatefulSet>().get("a-masters").await?;
        anyhow::Ok((replicas(&set) == Some(1)).then_some(()))
    };
    let mut set = world.api::<StatefulSet>().get("a-masters").await?;
    set.spec.get_or_insert_default().replicas = Some(0);
    world.api::<StatefulSet>().replace("a-masters", &PostParams::default(), &set).await?;
    world.eventually("one master again", one_again).await?;
    let applied = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "spec": { "replicas": 2 } });
    let force = PatchParams::apply("another").force();
    world.api::<StatefulSet>().patch("a-masters", &force, &Patch::Apply(applied.clone())).await?;
    world.eventually("one master again", one_again).await?;
    // Without force it is told that the field is ours.
    let refused = world
        .api::<StatefulSet>()
        .patch("a-masters", &PatchParams::apply("another"), &Patch::Apply(applied))
        .await;
    let message = refused.err().context("no conflict")?.to_string();
    assert!(message.contains("conflict with \"alluxio-operator\""), "{message}");
    world.check()
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_it_changes_nothing_and_tells_the_truth() -> Result<()> {
    let world = World::new("paused").await?;
    world.settled(available(&world, "a")).await?;
    let pause = json!({ "spec": { "paused": true, "masters": { "count": 5 } } });
    world.edit_cluster("a", pause).await?;
    world.until("a", "it is paused", |cluster| has_reason(cluster, Reason::PausedByUser)).await?;
    world.fake.elect("a-masters-2");
    world.until("a", "the leader is told", |cluster| leader(cluster) == Some("a-masters-2")).await?;
    world.edit::<Service>("a-leader", json!({ "metadata": { "labels": { NAME: "wrong" } } })).await?;
    world.looked_again("a").await?;
    let replicas = world.api::<StatefulSet>().get("a-masters").await?.spec.and_then(|spec| spec.replicas);
    assert_eq!(replicas, Some(3));
    let label = world.api::<Service>().get("a-leader").await?.labels().get(NAME).cloned();
    assert_eq!(label.as_deref(), Some("wrong"));
    world.edit_cluster("a", json!({ "spec": { "paused": false } })).await?;
    world.until("a", "five masters", |cluster| settled(cluster) && masters(cluster) == "5/5").await?;
    let label = world.api::<Service>().get("a-leader").await?.labels().get(NAME).cloned();
    assert_eq!(label.as_deref(), Some("alluxio"));
    world.check()
}
