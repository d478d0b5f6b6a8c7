//! Whole reconciles against an API server that keeps what it is told.

use axum::{Json, Router, routing::get};
use http::Method;
use parking_lot::Mutex;
use serde_json::Value;

use kube::api::DeleteParams;

use super::*;
use crate::{
    build::{COMPONENT, INSTANCE, MANAGED_BY, MANAGER, MASTER},
    controller::next_look::{TROUBLE, UNDER_WAY, WAITING},
    fake_api::FakeApi,
    fixture,
    observe::leader::LEADER_LABEL,
};

#[path = "reconcile_deletion_tests.rs"]
mod of_deletion;
#[path = "reconcile_image_tests.rs"]
mod of_images;
#[path = "reconcile_journal_tests.rs"]
mod of_journals;
#[path = "reconcile_others_tests.rs"]
mod of_others;
#[path = "reconcile_workers_tests.rs"]
mod of_workers;

const CLUSTER: &str = "/apis/alluxio.org/v1alpha1/namespaces/data/alluxioclusters/demo";
const SET: &str = "/apis/apps/v1/namespaces/data/statefulsets/demo-masters";
const JOB: &str = "/apis/batch/v1/namespaces/data/jobs/demo-format";
const POD: &str = "/api/v1/namespaces/data/pods/demo-masters-0";

struct World {
    api: FakeApi,
    context: Arc<Context>,
    /// What the master answers.
    role: Arc<Mutex<Value>>,
}

impl World {
    /// `patch` over the smallest cluster's spec.
    fn new(patch: &str, status: Value) -> Self {
        let api = FakeApi::default();
        let mut cluster = serde_json::to_value(fixture::cluster(patch)).unwrap();
        cluster["status"] = status;
        api.put(CLUSTER, cluster);
        let context = Context::for_test(&api);
        Self { api, context: Arc::new(context), role: Arc::default() }
    }

    fn becomes(&self, role: &str, cluster_id: &str) {
        *self.role.lock() = json!({
            "role": role, "serving": role == "PRIMARY", "term": 3, "version": "0.1.0", "clusterId": cluster_id,
        });
    }

    /// The Job has ended so many seconds ago, with this as its last word.
    fn job_ended(&self, type_: &str, ago: i64, word: &Value) {
        self.ended("demo-format", type_, ago, word);
    }

    fn ended(&self, name: &str, type_: &str, ago: i64, word: &Value) {
        let path = format!("/apis/batch/v1/namespaces/data/jobs/{name}");
        let at = Timestamp::from_second(Timestamp::now().as_second() - ago).unwrap();
        let mut job = self.api.get(&path).unwrap();
        job["status"]["conditions"] =
            json!([{ "type": type_, "status": "True", "lastTransitionTime": at.to_string() }]);
        self.api.put(&path, job);
        self.api.put(
            &format!("/api/v1/namespaces/data/pods/{name}-1"),
            json!({
                "metadata": { "name": format!("{name}-1"), "labels": { "batch.kubernetes.io/job-name": name } },
                "status": { "containerStatuses": [{
                    "name": "format", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                    "state": { "terminated": { "exitCode": 0, "message": word.to_string() } },
                }] },
            }),
        );
    }

    /// The Job's pod is there, and has not run.
    fn waits(&self, name: &str, status: &Value) {
        let labels = json!({ "batch.kubernetes.io/job-name": name });
        self.api.put(
            &format!("/api/v1/namespaces/data/pods/{name}-1"),
            json!({ "metadata": { "name": format!("{name}-1"), "labels": labels }, "status": status }),
        );
    }

    /// One whose journal is known, and whose only master serves. `hash`: what it was started with.
    async fn serving(patch: &str, hash: &str) -> Self {
        let role = Arc::<Mutex<Value>>::default();
        let answer = role.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/role", get(move || async move { Json(answer.lock().clone()) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let patch = format!("{{masters: {{ports: {{web: {port}}}}}, {patch}}}");
        let new = Self::new(&patch, json!({ "journal": { "clusterId": "id", "location": "here" } }));
        let world = Self { role, ..new };
        world.becomes("PRIMARY", "id");
        let labels = json!({ COMPONENT: MASTER, INSTANCE: "demo", MANAGED_BY: MANAGER });
        let owner = json!([{ "apiVersion": "a/v1", "kind": "K", "name": "demo", "uid": "uid-1", "controller": true }]);
        world.api.put(
            SET,
            json!({
                "metadata": { "name": "demo-masters", "generation": 1, "labels": labels, "ownerReferences": owner },
                "status": { "observedGeneration": 1, "replicas": 1 },
            }),
        );
        world.put_master(hash);
        world
    }

    /// `hash`: what it was started with.
    fn put_master(&self, hash: &str) {
        let labels = json!({ COMPONENT: MASTER, INSTANCE: "demo", MANAGED_BY: MANAGER });
        self.api.put(
            POD,
            json!({
                "metadata": { "name": "demo-masters-0", "uid": "pod-0", "labels": labels, "annotations": { "alluxio.org/restart-hash": hash } },
                "status": { "podIP": "127.0.0.1", "conditions": [{ "type": "Ready", "status": "True" }] },
            }),
        );
    }

    /// Edits a field of the spec.
    fn set(&self, field: &str, value: Value) {
        let mut cluster = self.api.get(CLUSTER).unwrap();
        cluster["spec"][field] = value;
        self.api.put(CLUSTER, cluster);
    }

    /// So that the next one finds all objects there, and its master still to be replaced.
    async fn reconcile_first(&self) {
        self.api.refuse(Method::POST, "/eviction", 429);
        self.reconcile().await.unwrap();
        self.api.allow_all();
        self.context.refused.forget(&key());
    }

    async fn reconcile(&self) -> Result<Action, ReconcileError> {
        let cluster = serde_json::from_value(self.api.get(CLUSTER).unwrap()).unwrap();
        reconcile(Arc::new(cluster), self.context.clone()).await
    }

    fn status(&self) -> Value {
        self.api.get(CLUSTER).unwrap()["status"].clone()
    }

    /// Status and reason of a condition, and its message.
    fn condition(&self, type_: &str) -> (String, String) {
        let status = self.status();
        let all = status["conditions"].as_array().unwrap();
        let found = all.iter().find(|condition| condition["type"] == type_).unwrap();
        let word = |name: &str| found[name].as_str().unwrap().to_owned();
        (format!("{} {}", word("status"), word("reason")), word("message"))
    }
}

/// The status of a pod whose container waits.
fn waiting(reason: &str, message: &str) -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{
        "name": "format", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": reason, "message": message } },
    }] })
}

fn key() -> ClusterKey {
    ClusterKey { namespace: "data".to_owned(), name: "demo".to_owned() }
}

#[tokio::test]
async fn a_forbidden_object_is_told_and_does_not_hide_who_leads() {
    let world = World::serving("", "old").await;
    // As a quota, or a claim of a class that cannot grow, is refused.
    world.api.refuse(Method::PATCH, "/services/", 403);
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(message.contains("Service demo-") && message.contains("refused by the test"), "{message}");
    assert_eq!(world.status()["leader"]["pod"], "demo-masters-0");
    world.api.allow_all();
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

/// One that Kubernetes starts anew must not serve what lies in the folder by then.
#[tokio::test]
async fn masters_are_told_whose_journal_it_is() {
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    let template = world.api.get(SET).unwrap()["spec"]["template"].clone();
    let env = template["spec"]["containers"][0]["env"].to_string();
    assert!(env.contains("-Dalluxio.master.journal.cluster.id=id\""), "{env}");
}

#[tokio::test]
async fn nothing_is_as_the_spec_says_while_an_object_is_refused() {
    let world = World::serving("", "old").await;
    let settled = || {
        let conditions = world.status()["conditions"].clone();
        conditions.as_array().unwrap().iter().any(|condition| condition["reason"] == "Settled")
    };
    // Its master is what it shall be: the first reconcile that is let through has nothing to replace.
    world.api.refuse(Method::POST, "/eviction", 429);
    world.reconcile().await.unwrap();
    let hash = world.api.get(SET).unwrap()["spec"]["template"]["metadata"]["annotations"]["alluxio.org/restart-hash"].clone();
    let mut pod = world.api.get(POD).unwrap();
    pod["metadata"]["annotations"]["alluxio.org/restart-hash"] = hash;
    world.api.put(POD, pod);
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["status"]["conditions"] = json!([]);
    cluster["spec"]["masters"]["podTemplate"] = json!({ "metadata": { "labels": { "team": "storage" } } });
    world.api.put(CLUSTER, cluster);
    world.api.refuse(Method::PATCH, "/statefulsets/", 403);
    world.reconcile().await.unwrap();
    assert!(!settled(), "{}", world.status());
    world.api.allow_all();
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert!(settled(), "{}", world.status());
}

#[tokio::test]
async fn what_fails_is_told_before_it_is_tried_again() {
    let service = "/api/v1/namespaces/data/services/demo-masters";
    for (method, part) in [(Method::PATCH, service), (Method::POST, "/eviction"), (Method::PATCH, POD)] {
        let world = World::serving("", "old").await;
        world.api.refuse(Method::POST, "/eviction", 429);
        world.reconcile().await.unwrap();
        world.reconcile().await.unwrap();
        for path in [service, POD] {
            // The service is to be applied again, the leader's label to be given again.
            let mut object = world.api.get(path).unwrap();
            object["metadata"]["annotations"].as_object_mut().unwrap().remove("alluxio.org/applied-hash");
            object["metadata"]["labels"].as_object_mut().unwrap().remove(LEADER_LABEL);
            world.api.put(path, object);
        }
        world.api.allow_all();
        world.context.refused.forget(&key());
        world.api.refuse(method, part, 500);
        let mut done = world.reconcile().await;
        if part == "/eviction" {
            // Nothing is replaced in the reconcile that wrote.
            done = world.reconcile().await;
        }
        let error = done.unwrap_err();
        let (degraded, message) = world.condition("Degraded");
        assert_eq!((degraded.as_str(), message), ("True ApplyFailed", error.to_string()), "{part}");
        assert_eq!(world.status()["leader"]["pod"], "demo-masters-0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_takes_too_long_is_told() {
    let world = World::new("{}", Value::Null);
    world.api.hold("/services/");
    assert!(matches!(world.reconcile().await, Err(ReconcileError::Late)));
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(message.starts_with("the reconcile took longer than 60 s"), "{message}");
    world.api.release();
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_told_and_hides_nothing() {
    let world = World::serving(
        "workers: [{name: default, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]",
        "old",
    )
    .await;
    world.api.refuse(Method::GET, "/secrets/", 403);
    world.reconcile().await.unwrap_err();
    assert_eq!(world.condition("Degraded").0, "True ApplyFailed");
    assert_eq!(world.status()["leader"]["pod"], "demo-masters-0");
    let told = world.status()["conditions"].to_string();
    assert!(!told.contains("ZooKeeperReachable"), "{told}");
}

/// Something before it took long, and another master has failed meanwhile.
#[tokio::test]
async fn a_master_is_not_replaced_by_what_was_seen_long_ago() {
    let replaced = async |fails: bool| {
        let world = World::serving("", "old").await;
        world.reconcile_first().await;
        world.api.hold("/services/");
        let meanwhile = async {
            let asked = || world.api.asked(&Method::GET, "/services/").len();
            let before = asked();
            while asked() == before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_secs(6)).await;
            if fails {
                world.becomes("STANDBY", "id");
            }
            world.api.release();
        };
        let (done, ()) = tokio::join!(world.reconcile(), meanwhile);
        assert_eq!(done.unwrap(), Action::requeue(UNDER_WAY));
        world.api.get(POD).is_none()
    };
    assert_eq!(tokio::join!(replaced(true), replaced(false)), (false, true));
}

#[tokio::test]
async fn recreate_takes_the_set_to_none_and_back() {
    let world = World::serving("upgradeStrategy: Recreate", "old").await;
    let replicas = || world.api.get(SET).unwrap()["spec"]["replicas"].clone();
    for _ in 0..2 {
        world.reconcile().await.unwrap();
        assert_eq!(replicas(), 0);
        assert_eq!(world.condition("Progressing").0, "True Recreating");
    }
    assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
    let pods: Api<Pod> = Api::namespaced(world.api.client(), "data");
    pods.delete("demo-masters-0", &DeleteParams::default()).await.unwrap();
    world.reconcile().await.unwrap();
    assert_eq!(replicas(), 1);
    assert_eq!(world.condition("Progressing").0, "True Recreating", "until they serve");
}

#[tokio::test]
async fn a_job_that_failed_is_told_and_tried_again() {
    let world = World::new("{}", Value::Null);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "False JournalNotFormatted");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    let end = |ago: i64| world.job_ended("Failed", ago, &json!("out of luck"));
    end(10);
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    for look in ["it failed", "it is deleted", "it is made again"] {
        assert_eq!(world.condition("JournalReady").0, "False FormatFailed", "{look}");
        assert_eq!(world.condition("Degraded").0, "True JournalNotReady", "{look}");
        assert_eq!(world.condition("Progressing").0, "False Held", "{look}");
        assert_eq!(world.api.get(JOB).is_some(), look != "it is deleted");
        if look == "it failed" {
            end(61);
        }
        world.reconcile().await.unwrap();
    }
    world.job_ended("Complete", 0, &json!({ "outcome": "formatted", "clusterId": "id" }));
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["journal"]["clusterId"], "id");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn a_job_that_cannot_start_is_told_before_its_deadline() {
    let world = World::new("{}", Value::Null);
    world.reconcile().await.unwrap();
    let scheduled = |why| json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "message": why }] });
    world.waits("demo-format", &scheduled("0/3 nodes are available: unbound claims"));
    world.reconcile().await.unwrap();
    let (ready, message) = world.condition("JournalReady");
    assert_eq!(ready, "False JournalNotFormatted");
    assert!(
        message.contains("its pod is on no node yet: 0/3 nodes are available: unbound claims"),
        "{message}"
    );
    assert_eq!(world.condition("Degraded").0, "False AsExpected", "a claim may be on its way");
    world.waits("demo-format", &waiting("ImagePullBackOff", "no such tag"));
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    let (ready, message) = world.condition("JournalReady");
    assert_eq!(ready, "False FormatFailed");
    assert!(message.contains("format: ImagePullBackOff: no such tag; mend spec.image"), "{message}");
    assert_eq!(world.condition("Degraded").0, "True JournalNotReady");
    world.set("image", json!({ "tag": "one-that-is-there" }));
    world.reconcile().await.unwrap();
    assert!(world.api.get(JOB).is_none(), "it asked for the other image");
    world.api.take("/api/v1/namespaces/data/pods/demo-format-1");
    world.reconcile().await.unwrap();
    let job = world.api.get(JOB).unwrap();
    let image = job["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
    assert!(image.ends_with(":one-that-is-there"), "{image}");
    world.job_ended("Complete", 0, &json!({ "outcome": "formatted", "clusterId": "id" }));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn a_roll_that_is_paused_or_refused_does_not_go_on_by_its_word() {
    let told = |spec: &str| {
        let rolling = json!({ "type": "Progressing", "status": "True", "reason": "Rolling", "message": "m", "lastTransitionTime": "2026-01-02T00:00:00Z" });
        World::new(spec, json!({ "conditions": [rolling] }))
    };
    let paused = told("paused: true");
    paused.reconcile().await.unwrap();
    assert_eq!(
        paused.condition("Progressing"),
        ("False Held".to_owned(), "spec.paused is true: nothing is changed".to_owned())
    );
    let refused = told("{properties: {alluxio.no.such.key: x}}");
    refused.reconcile().await.unwrap();
    assert_eq!(refused.condition("Progressing").0, "False Held");
    assert_eq!(refused.condition("Degraded").0, "True InvalidSpec");
}

#[tokio::test]
async fn masters_are_not_rolled_to_an_ensemble_that_they_do_not_know() {
    const MAP: &str = "/api/v1/namespaces/data/configmaps/zk";
    let servers = |servers: &str| json!({ "metadata": { "name": "zk" }, "data": { "k": servers } });
    let world = World::serving(
        "zookeeper: {addressesFrom: {name: zk, key: k}}, journal: {existingClaim: {claimName: c}}",
        "old",
    )
    .await;
    world.api.put(MAP, servers("a:1,b:1"));
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["spec"]["masters"]["count"] = json!(3);
    world.api.put(CLUSTER, cluster);
    world.reconcile().await.unwrap();
    let template = world.api.get(SET).unwrap()["spec"]["template"].clone();
    assert_eq!(template["metadata"]["annotations"]["alluxio.org/zookeeper"], "a:1,b:1");
    // As the set would have made it.
    let mut pod = world.api.get(POD).unwrap();
    pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
    world.api.put(POD, pod);
    world.api.put(MAP, servers("c:1"));
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True InvalidSpec");
    assert!(message.contains("upgradeStrategy to Recreate"), "{message}");
    assert_eq!(world.api.get(SET).unwrap()["spec"]["template"], template, "nothing is changed");
    assert_eq!(world.status()["leader"]["pod"], "demo-masters-0");
    world.api.put(MAP, servers("c:1,b:1"));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

/// The masters that run listen where they were told to when they started.
#[tokio::test]
async fn who_leads_is_seen_while_other_ports_are_rolled_out() {
    let world = World::serving("", "old").await;
    world.api.refuse(Method::POST, "/eviction", 429);
    let mut pod = world.api.get(POD).unwrap();
    let web = world.api.get(CLUSTER).unwrap()["spec"]["masters"]["ports"]["web"].clone();
    pod["spec"] = json!({ "containers": [{ "name": "alluxio-master", "ports": [
        { "name": "rpc", "containerPort": 19_997 }, { "name": "web", "containerPort": web },
    ] }] });
    world.api.put(POD, pod);
    world.reconcile().await.unwrap();
    let leader = world.status()["leader"].clone();
    assert_eq!(leader["pod"], "demo-masters-0");
    assert!(leader["address"].as_str().unwrap().ends_with(":19997"), "{leader}");
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["spec"]["masters"]["ports"] = json!({ "rpc": 20_998, "web": 1 });
    world.api.put(CLUSTER, cluster);
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["leader"], leader);
    assert_eq!(world.condition("Available").0.split(' ').next(), Some("True"));
}
