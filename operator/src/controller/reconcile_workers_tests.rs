//! Whole reconciles of clusters with workers.

use k8s_openapi::api::core::v1::Node;
use kube::runtime::{reflector, watcher};

use super::*;
use crate::build::WORKER_GROUP;

const WORKERS: &str = "/apis/apps/v1/namespaces/data/daemonsets/demo-worker-default";
const WORKER: &str = "/api/v1/namespaces/data/pods/demo-worker-default-x";

/// A cluster whose master is as it shall be, and a set of one worker.
async fn with_workers(patch: &str) -> World {
    let world = World::serving(patch, "old").await;
    world.reconcile().await.unwrap();
    let mut pod = world.api.get(POD).unwrap();
    pod["metadata"]["annotations"] =
        world.api.get(SET).unwrap()["spec"]["template"]["metadata"]["annotations"].clone();
    world.api.put(POD, pod);
    let mut set = world.api.get(WORKERS).unwrap();
    set["status"] = json!({
        "observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1,
    });
    world.api.put(WORKERS, set);
    world
}

impl World {
    /// As the set makes it. `hash`: instead of that of the set.
    fn put_worker(&self, ready: bool, since: &str, hash: Option<&str>) {
        let template = self.api.get(WORKERS).unwrap()["spec"]["template"]["metadata"].clone();
        let mut annotations = template["annotations"].clone();
        if let Some(hash) = hash {
            annotations["alluxio.org/restart-hash"] = json!(hash);
        }
        let ready = if ready { "True" } else { "False" };
        self.api.put(
            WORKER,
            json!({
                "metadata": { "name": "demo-worker-default-x", "uid": "w", "labels": template["labels"], "annotations": annotations },
                "spec": { "nodeName": "n", "containers": [] },
                "status": {
                    "podIP": "127.0.0.1", "hostIP": "10.0.0.1",
                    "conditions": [{ "type": "Ready", "status": ready, "lastTransitionTime": since }],
                    "containerStatuses": [{ "name": "alluxio-worker", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": { "running": {} } }],
                },
            }),
        );
    }
}

#[tokio::test]
async fn a_worker_that_is_not_ready_is_named() {
    let world = with_workers("").await;
    for ready in [false, true] {
        world.put_worker(ready, &Timestamp::now().to_string(), None);
        world.reconcile().await.unwrap();
        let (progressing, message) = world.condition("Progressing");
        assert_eq!(progressing, "False Settled");
        let named = message.contains("but for workers that are not ready: demo-worker-default-x");
        assert_eq!(named, !ready, "{message}");
    }
}

#[tokio::test]
async fn a_roll_of_workers_is_over_when_the_last_one_is_ready() {
    let world = with_workers("").await;
    let (long_ago, now) = ("2026-01-02T00:00:00Z", Timestamp::now().to_string());
    let finished = || {
        let events = world.api.asked(&Method::POST, "/events");
        events.iter().filter(|event| event["reason"] == "RollFinished").count()
    };
    world.put_worker(false, long_ago, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "False Settled", "one that is away by itself is no roll");
    let group = || world.status()["workers"]["groups"][0].clone();
    let numbers = |desired: u32, ready: u32, updated: u32| json!({ "name": "default", "desired": desired, "ready": ready, "updated": updated });
    assert_eq!(group(), numbers(1, 0, 1));
    let before = finished();
    world.put_worker(true, long_ago, Some("old"));
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none());
    assert_eq!((&group()["ready"], &group()["updated"]), (&json!(1), &json!(0)));
    assert_eq!(group()["rolling"], true);
    for look in ["it is not made yet", "it is not ready yet"] {
        world.reconcile().await.unwrap();
        assert_eq!(world.condition("Progressing").0, "True Rolling", "{look}");
        world.put_worker(false, &now, None);
    }
    world.put_worker(false, long_ago, None);
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    assert_eq!(world.condition("Degraded").0, "True WorkersNotReady");
    world.put_worker(true, &now, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "False Settled");
    assert_eq!(group(), numbers(1, 1, 1));
    assert_eq!(finished(), before + 1);
}

#[tokio::test]
async fn a_worker_that_a_budget_does_not_let_go_is_told() {
    let world = with_workers("").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    world.api.refuse(Method::POST, "/eviction", 429);
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    let (progressing, message) = world.condition("Progressing");
    assert_eq!(progressing, "True Rolling");
    assert!(message.contains("but demo-worker-default-x may not go: refused by the test"), "{message}");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    world.set("progressDeadlineSeconds", json!(0));
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True WorkersNotReady");
    assert!(message.contains("refused by the test; `kubectl get pdb`"), "{message}");
    world.api.allow_all();
    world.context.refused.forget(&key());
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none());
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    let events = world.api.asked(&Method::POST, "/events");
    let step = events.iter().find(|event| event["reason"] == "RollStep").unwrap();
    assert_eq!(step["note"], "workers of the group default are replaced: demo-worker-default-x");
}

/// The set's controller is faster than any operator: it ends the pod of a node that does not fit when it sees it.
#[tokio::test]
async fn a_node_whose_label_is_taken_off_keeps_its_worker_until_it_may_go() {
    let mut world = with_workers("workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]").await;
    let (nodes, mut writer) = reflector::store::<Node>();
    let mut node = |name: &str, disk: &str| {
        let node = json!({ "metadata": { "name": name, "labels": { "disk": disk } } });
        writer.apply_watcher_event(&watcher::Event::Apply(serde_json::from_value(node).unwrap()));
    };
    node("n", "ssd");
    node("without", "ssd");
    Arc::get_mut(&mut world.context).unwrap().nodes = Some(nodes);
    world.put_worker(true, "2026-01-02T00:00:00Z", None);
    let mut worker = world.api.get(WORKER).unwrap();
    worker["spec"]["containers"] =
        json!([{ "name": "alluxio-worker", "ports": [{ "name": "web", "containerPort": 1 }] }]);
    world.api.put(WORKER, worker);
    let named = || {
        let set = world.api.get(WORKERS).unwrap();
        let pod = serde_json::from_value(set["spec"]["template"]["spec"].clone()).unwrap();
        crate::build::kept_nodes(&pod).into_iter().collect::<Vec<_>>()
    };
    let applied = || world.api.asked(&Method::PATCH, "/daemonsets/").len();
    assert_eq!(named(), Vec::<String>::new());
    let before = applied();
    world.reconcile().await.unwrap();
    assert_eq!((named(), applied()), (vec!["n".to_owned()], before + 1));
    let worker = world.api.get(WORKER).unwrap();
    for look in ["at rest", "its pod is replaced"] {
        world.reconcile().await.unwrap();
        assert_eq!((named(), applied()), (vec!["n".to_owned()], before + 1), "{look}");
        world.api.take(WORKER);
    }
    world.api.put(WORKER, worker.clone());
    node("n", "hdd");
    world.reconcile().await.unwrap();
    assert_eq!((named(), applied()), (vec!["n".to_owned()], before + 1));
    assert_eq!(world.status()["workers"]["groups"][0]["leaving"], json!(["n"]));
    let mut worker = world.api.get(WORKER).unwrap();
    assert!(worker["metadata"]["annotations"]["alluxio.org/taken-out"].is_string(), "it is taken out first");
    worker["metadata"]["annotations"]["alluxio.org/taken-out"] = json!("2026-01-02T00:00:00Z");
    world.api.put(WORKER, worker);
    world.reconcile().await.unwrap();
    assert_eq!((named(), applied()), (vec![], before + 2), "it has had its time");
}

#[tokio::test]
async fn a_group_of_very_many_nodes_names_only_those_that_leave() {
    let world = with_workers("workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]").await;
    let (nodes, _writer) = reflector::store::<Node>();
    world.put_worker(true, "2026-01-02T00:00:00Z", None);
    let seen = Observed::look(&world.context, &fixture::cluster("{}")).await.unwrap();
    let worker = workers::seen(&seen.workers["default"][0]);
    let many = |count: usize| -> Vec<_> {
        (0..count)
            .map(|number| crate::roll::Worker { node: format!("n{number}"), ..worker.clone() })
            .collect()
    };
    let plan = crate::roll::WorkersPlan { leaving_nodes: ["old".to_owned()].into(), ..Default::default() };
    for (count, kept) in [(99, 100), (100, 1)] {
        let terms = Default::default();
        let all = crate::controller::keeping::kept_nodes(
            Some(&nodes),
            &terms,
            &many(count),
            &plan,
            &Default::default(),
        );
        assert_eq!(all.len(), kept);
        assert!(all.contains("old"));
    }
}

/// As where Pod Security or a quota refuses its pods: only an event at the set tells of it.
#[tokio::test]
async fn workers_that_are_never_made_are_told() {
    let world = with_workers("").await;
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert_eq!(
        world.condition("Progressing"),
        ("True Scaling".to_owned(), "1 of 1 workers of the group default do not exist yet".to_owned())
    );
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["spec"]["progressDeadlineSeconds"] = json!(0);
    world.api.put(CLUSTER, cluster);
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True WorkersNotReady");
    assert!(
        message.contains("1 of 1 do not exist") && message.contains("kubectl describe daemonset"),
        "{message}"
    );
    world.put_worker(true, "2026-01-02T00:00:00Z", None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    assert_eq!(world.condition("Progressing").0, "False Settled");
}

/// Its node lost power: the eviction was granted, and nobody there carries it out.
#[tokio::test]
async fn a_worker_that_does_not_end_is_told_and_not_looked_at_each_second() {
    let world = with_workers("").await;
    let ending = |by: &str| {
        world.put_worker(false, by, Some("old"));
        let mut pod = world.api.get(WORKER).unwrap();
        pod["metadata"]["deletionTimestamp"] = json!(by);
        world.api.put(WORKER, pod);
    };
    ending(&Timestamp::now().to_string());
    world.reconcile().await.unwrap();
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(WAITING));
    assert_eq!(world.condition("Progressing").0, "True Rolling");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    ending("2026-01-02T00:00:00Z");
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True WorkersNotReady");
    assert!(message.contains("does not end on the node n,"), "{message}");
    world.put_worker(true, "2026-01-02T00:00:00Z", None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    assert_eq!(world.condition("Progressing").0, "False Settled");
}

#[tokio::test]
async fn a_roll_that_was_given_up_keeps_nothing_that_is_not_wanted() {
    const OLD: &str = "/apis/apps/v1/namespaces/data/daemonsets/demo-worker-old";
    let world = with_workers("").await;
    let (long_ago, now) = ("2026-01-02T00:00:00Z", Timestamp::now().to_string());
    world.put_worker(true, long_ago, None);
    world.reconcile().await.unwrap();
    world.put_worker(true, long_ago, Some("old"));
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none(), "it is replaced");
    let mut old = world.api.get(WORKERS).unwrap();
    old["metadata"]["name"] = json!("demo-worker-old");
    old["metadata"]["labels"][WORKER_GROUP] = json!("old");
    old["status"]["desiredNumberScheduled"] = json!(0);
    world.api.put(OLD, old);
    world.put_worker(false, &now, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "True Rolling");
    assert!(world.api.get(OLD).is_some(), "the roll may have to go back");
    world.put_worker(false, long_ago, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    assert!(world.api.get(OLD).is_none());
    assert!(world.api.get(WORKERS).is_some());
}

#[tokio::test]
async fn what_a_worker_said_before_a_pause_does_not_hold_after_it() {
    let world = with_workers("").await;
    let key = key();
    let silent = |second| {
        let now = Timestamp::from_second(second).unwrap();
        world.context.by_hand.said(&key, "w", None, now).silent_since.unwrap().as_second()
    };
    world.put_worker(false, "2026-01-02T00:00:00Z", None);
    assert_eq!(silent(1), 1);
    world.reconcile().await.unwrap();
    assert_eq!(silent(2), 1, "it was asked, and is silent");
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["spec"]["paused"] = json!(true);
    world.api.put(CLUSTER, cluster);
    world.reconcile().await.unwrap();
    assert_eq!(silent(3), 3);
}

#[tokio::test]
async fn no_worker_is_replaced_where_its_set_would_make_it_as_it_was() {
    const HASH: &str = "/spec/template/metadata/annotations/alluxio.org~1restart-hash";
    let world = with_workers("").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    for look in 0..8 {
        let mut set = world.api.get(WORKERS).unwrap();
        *set.pointer_mut(HASH).unwrap() = json!("old");
        world.api.put(WORKERS, set);
        world.reconcile().await.unwrap();
        assert!(world.api.get(WORKER).is_some(), "at the look {look}");
    }
    world.context.contests.forget(&key());
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none());
}

impl World {
    /// One more worker that is to be replaced.
    fn put_other(&self, name: &str) -> String {
        let path = format!("/api/v1/namespaces/data/pods/{name}");
        let mut other = self.api.get(WORKER).unwrap();
        (other["metadata"]["name"], other["metadata"]["uid"]) = (json!(name), json!(name));
        self.api.put(&path, other);
        path
    }
}

#[tokio::test]
async fn a_worker_that_may_not_go_does_not_hold_up_the_others() {
    let world = with_workers("").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    let other = world.put_other("demo-worker-default-y");
    world.api.refuse(Method::POST, "worker-default-x/eviction", 429);
    world.reconcile().await.unwrap();
    assert!(world.api.get(&other).is_some(), "one after the other");
    let since = world.context.refused.of(&key(), "w").unwrap().since;
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_some() && world.api.get(&other).is_none());
    let (progressing, message) = world.condition("Progressing");
    assert_eq!(progressing, "True Rolling");
    assert!(message.contains("but demo-worker-default-x may not go: refused by the test"), "{message}");
    assert_eq!(world.context.refused.of(&key(), "w").unwrap().since, since, "it is not forgotten");
}

#[tokio::test]
async fn an_eviction_that_fails_holds_up_nothing_else() {
    let world = with_workers("workers: [{name: default, maxUnavailable: 2}]").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    let other = world.put_other("demo-worker-default-y");
    world.api.refuse_saying(Method::POST, "worker-default-x/eviction", 429, "Too many requests");
    let error = world.reconcile().await.unwrap_err();
    assert_eq!(world.condition("Degraded"), ("True ApplyFailed".to_owned(), error.to_string()));
    assert!(error.to_string().contains("Too many requests"), "{error}");
    assert!(world.api.get(WORKER).is_some() && world.api.get(&other).is_none());
    assert_eq!(world.context.refused.of(&key(), "w"), None, "it is no budget that refuses");
}

/// Taken out and added again with the other kind: pods of the former set would be evicted without end.
#[tokio::test]
async fn a_group_of_another_kind_waits_for_its_former_set() {
    const FORMER: &str = "/apis/apps/v1/namespaces/data/statefulsets/demo-worker-default";
    let world = with_workers("").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    let mut former = world.api.get(WORKERS).unwrap();
    former["kind"] = json!("StatefulSet");
    former["status"] = json!({ "observedGeneration": 1, "replicas": 1 });
    world.api.put(FORMER, former);
    for _ in 0..2 {
        assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    }
    assert_eq!(
        world.condition("Degraded"),
        (
            "True InvalidSpec".to_owned(),
            "spec.workers[default].kind: the StatefulSet demo-worker-default, which the group had before, is still there; take the group out \
             until that is gone (its workers leave first), or give the new one another name"
                .to_owned()
        )
    );
    assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
    world.api.take(FORMER);
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none(), "the roll goes on");
}

#[tokio::test]
async fn a_set_whose_controller_does_not_see_the_change_is_told() {
    let world = with_workers("").await;
    world.put_worker(true, "2026-01-02T00:00:00Z", Some("old"));
    let mut set = world.api.get(WORKERS).unwrap();
    set["status"]["observedGeneration"] = json!(0);
    world.api.put(WORKERS, set);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "True Rolling");
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(WAITING), "its watch tells when it does");
    world.set("progressDeadlineSeconds", json!(0));
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True WorkersNotReady");
    assert!(
        message.contains("or its controller has not seen it") && message.contains("daemonset"),
        "{message}"
    );
    assert!(world.api.get(WORKER).is_some());
}

/// Its node is gone, and may be for days.
#[tokio::test]
async fn a_standby_that_is_not_well_does_not_hold_up_workers() {
    const OLD: &str = "/apis/apps/v1/namespaces/data/daemonsets/demo-worker-old";
    let (long_ago, now) = ("2026-01-02T00:00:00Z", Timestamp::now().to_string());
    let election = "zookeeper: {addresses: ['z:1']}, journal: {existingClaim: {claimName: c}}";
    let world = with_workers(election).await;
    world.put_worker(true, long_ago, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "False Settled");
    let leader = world.api.get(POD).unwrap();
    let mut masters = world.api.get(CLUSTER).unwrap()["spec"]["masters"].clone();
    masters["count"] = json!(2);
    world.set("masters", masters);
    let mut standby = leader;
    standby["metadata"]["name"] = json!("demo-masters-1");
    standby["metadata"]["uid"] = json!("pod-1");
    standby["metadata"]["labels"].as_object_mut().unwrap().remove(LEADER_LABEL);
    standby["status"] =
        json!({ "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": long_ago }] });
    world.api.put("/api/v1/namespaces/data/pods/demo-masters-1", standby);
    let mut old = world.api.get(WORKERS).unwrap();
    old["metadata"]["name"] = json!("demo-worker-old");
    old["metadata"]["labels"][WORKER_GROUP] = json!("old");
    old["status"]["desiredNumberScheduled"] = json!(0);
    world.api.put(OLD, old);

    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "True MastersNotReady");
    assert!(world.api.get(OLD).is_none(), "what is not wanted goes");
    let (progressing, message) = world.condition("Progressing");
    assert_eq!(progressing, "False Settled");
    assert!(message.contains("but for masters, as the condition Degraded says"), "{message}");

    world.put_worker(true, long_ago, Some("old"));
    world.reconcile().await.unwrap();
    assert!(world.api.get(WORKER).is_none(), "the edit may be what mends it");
    world.put_worker(false, &now, None);
    for action in [UNDER_WAY, WAITING] {
        assert_eq!(world.reconcile().await.unwrap(), Action::requeue(action));
        assert_eq!(world.condition("Progressing").0, "True Rolling");
    }
    world.put_worker(true, &now, None);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Progressing").0, "False Settled", "it was the workers' roll");
    assert_eq!(world.condition("Degraded").0, "True MastersNotReady");
}

/// The former leader is replaced last, and does not come back: the roll has failed, and workers keep what they have.
#[tokio::test]
async fn workers_do_not_follow_a_roll_that_ended_with_a_broken_master() {
    let long_ago = "2026-01-02T00:00:00Z";
    let election = "zookeeper: {addresses: ['z:1']}, journal: {existingClaim: {claimName: c}}";
    let world = with_workers(election).await;
    world.put_worker(true, long_ago, None);
    let mut masters = world.api.get(CLUSTER).unwrap()["spec"]["masters"].clone();
    masters["count"] = json!(2);
    world.set("masters", masters);
    let mut broken = world.api.get(POD).unwrap();
    broken["metadata"]["name"] = json!("demo-masters-1");
    broken["metadata"]["uid"] = json!("pod-1");
    broken["metadata"]["labels"].as_object_mut().unwrap().remove(LEADER_LABEL);
    broken["metadata"]["annotations"]["alluxio.org/restart-hash"] = json!("old");
    world.api.put("/api/v1/namespaces/data/pods/demo-masters-1", broken.clone());
    world.api.refuse(Method::POST, "/eviction", 429);
    world.reconcile().await.unwrap();
    world.api.allow_all();
    world.context.refused.forget(&key());
    assert_eq!(world.condition("Progressing").0, "True Rolling");

    broken["metadata"]["annotations"] = world.api.get(POD).unwrap()["metadata"]["annotations"].clone();
    broken["status"] = json!({
        "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": Timestamp::now().to_string() }],
        "containerStatuses": [{
            "name": "alluxio-master", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ImagePullBackOff", "message": "no such tag" } },
        }],
    });
    world.api.put("/api/v1/namespaces/data/pods/demo-masters-1", broken);
    world.put_worker(true, long_ago, Some("old"));
    for _ in 0..2 {
        world.reconcile().await.unwrap();
        assert_eq!(world.condition("Progressing").0, "False StepFailed");
        assert_eq!(world.condition("Degraded").0, "True MastersNotReady");
        assert!(world.api.get(WORKER).is_some(), "the rest is left as it is");
    }
}
