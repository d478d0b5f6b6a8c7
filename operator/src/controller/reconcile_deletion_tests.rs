//! Whole reconciles of clusters that are deleted with the policy Delete.

use kube::api::ListParams;

use super::*;

const DELETION: &str = "/apis/batch/v1/namespaces/data/jobs/demo-delete";

/// A cluster with a journal, and the policy Delete, that was deleted so many seconds ago; the operator has looked at it half the time.
fn deleted(patch: &str, ago: i64) -> World {
    let journal = json!({ "journal": { "clusterId": "id", "location": "here" } });
    let world = World::new(&format!("{{deletionPolicy: Delete, {patch}}}"), journal);
    let mut cluster = world.api.get(CLUSTER).unwrap();
    let since = |ago: i64| Timestamp::from_second(Timestamp::now().as_second() - ago).unwrap().to_string();
    cluster["metadata"]["finalizers"] = json!([deletion::FINALIZER]);
    cluster["metadata"]["deletionTimestamp"] = json!(since(ago));
    cluster["metadata"]["annotations"] = json!({ "alluxio.org/deletion-began": since(ago / 2) });
    world.api.put(CLUSTER, cluster);
    world.api.put("/api/v1/namespaces/data", json!({ "metadata": { "name": "data" } }));
    world
}

impl World {
    fn finalizers(&self) -> Value {
        self.api.get(CLUSTER).unwrap()["metadata"]["finalizers"].clone()
    }

    fn assert_that_the_job_can_start(&self) {
        let job = self.api.get(DELETION).unwrap();
        let pod = &job["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap();
        let mut volumes = pod["volumes"].as_array().unwrap().iter();
        let settings = volumes.find_map(|volume| volume["configMap"]["name"].as_str()).unwrap();
        for needed in [format!("serviceaccounts/{account}"), format!("configmaps/{settings}")] {
            let path = format!("/api/v1/namespaces/data/{needed}");
            assert!(self.api.get(&path).is_some(), "the Job's pod could not start without {needed}");
        }
    }

    fn put_server(&self, name: &str, component: &str) {
        let labels = json!({ INSTANCE: "demo", MANAGED_BY: MANAGER, COMPONENT: component });
        let pod = json!({ "metadata": { "name": name, "uid": "u", "labels": labels } });
        self.api.put(&format!("/api/v1/namespaces/data/pods/{name}"), pod);
    }
}

/// Such as by a quota, or by an admission rule.
#[tokio::test]
async fn a_call_that_is_refused_holds_no_finalizer_for_ever() {
    for (method, part) in [(Method::PATCH, "/jobs/"), (Method::GET, "/statefulsets")] {
        let young = deleted("", 100);
        young.api.refuse(method.clone(), part, 403);
        young.reconcile().await.unwrap_err();
        assert_eq!(young.finalizers(), json!([deletion::FINALIZER]), "{part}");
        let old = deleted("", 130);
        old.api.refuse(method, part, 403);
        old.reconcile().await.unwrap();
        assert_eq!(old.finalizers(), json!([]), "{part}");
        let events = old.api.asked(&Method::POST, "/events");
        let note = events[0]["note"].as_str().unwrap();
        assert!(events[0]["reason"] == "JournalLeft" && note.contains("refused by the test"), "{note}");
    }
}

/// An operator that was away when the cluster was deleted.
#[tokio::test]
async fn the_first_look_is_not_the_last_one() {
    let world = deleted("", 1000);
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["metadata"]["annotations"] = json!({});
    world.api.put(CLUSTER, cluster);
    for _ in 0..2 {
        world.reconcile().await.unwrap();
        assert_eq!(world.finalizers(), json!([deletion::FINALIZER]));
    }
    assert!(world.api.get(DELETION).is_some());
}

/// As when a folder of manifests is deleted: the Secret goes first.
#[tokio::test]
async fn what_the_job_does_not_need_does_not_keep_the_journal() {
    let root =
        "underStorage: {root: {credentials: [{option: s3a.secretKey, secretKey: {name: gone, key: k}}]}}";
    for patch in [root, "properties: {alluxio.no.such.key: x}"] {
        let world = deleted(patch, 1);
        world.reconcile().await.unwrap();
        assert!(world.api.get(DELETION).is_some(), "{patch}");
        world.assert_that_the_job_can_start();
    }
    let world = deleted("masters: {env: [{name: A, valueFrom: {secretKeyRef: {name: gone, key: k}}}]}", 1);
    world.reconcile().await.unwrap();
    assert!(world.api.get(DELETION).is_none(), "its pod could not start");
}

/// Kubernetes deletes all that holds the deletion up, at once and again for as long as any of it is there.
#[tokio::test]
async fn a_deletion_in_the_foreground_does_not_take_from_the_job_what_it_needs() {
    let world = deleted("", 1);
    for _ in 0..2 {
        world.reconcile().await.unwrap();
        world.assert_that_the_job_can_start();
        let (client, all) = (|| world.api.client(), ListParams::default());
        let accounts: Api<ServiceAccount> = Api::namespaced(client(), "data");
        for account in accounts.list(&all).await.unwrap() {
            accounts.delete(&account.name_any(), &DeleteParams::default()).await.unwrap();
        }
        let maps: Api<ConfigMap> = Api::namespaced(client(), "data");
        for map in maps.list(&all).await.unwrap() {
            maps.delete(&map.name_any(), &DeleteParams::default()).await.unwrap();
        }
    }
    let owner = &world.api.get(DELETION).unwrap()["metadata"]["ownerReferences"][0];
    assert_eq!(owner["blockOwnerDeletion"], false, "it would be deleted in the middle of its work");
}

#[tokio::test]
async fn only_masters_are_waited_for_before_the_journal_goes() {
    let world = deleted("", 1);
    world.put_server("demo-worker-default-x", "worker");
    world.put_server("demo-masters-0", MASTER);
    world.reconcile().await.unwrap();
    assert!(world.api.get(DELETION).is_none(), "a master may write");
    let pods: Api<Pod> = Api::namespaced(world.api.client(), "data");
    pods.delete("demo-masters-0", &DeleteParams::default()).await.unwrap();
    world.reconcile().await.unwrap();
    assert!(world.api.get(DELETION).is_some());
    world.ended("demo-delete", "Complete", 1, &json!({}));
    world.reconcile().await.unwrap();
    assert_eq!(world.api.asked(&Method::POST, "/pods/demo-worker-default-x/eviction"), Vec::<Value>::new());
}

/// The journal's claim, and the pod of the Job that has removed the journal.
#[tokio::test]
async fn a_pod_that_has_ended_does_not_keep_the_claim() {
    let (claim, pod) = (
        "/api/v1/namespaces/data/persistentvolumeclaims/demo-journal",
        "/api/v1/namespaces/data/pods/demo-delete-x",
    );
    let world = deleted("", 1);
    let labels = json!({ INSTANCE: "demo", MANAGED_BY: MANAGER });
    world.api.put(claim, json!({ "metadata": { "name": "demo-journal", "labels": labels } }));
    world.api.put(pod, json!({ "metadata": { "name": "demo-delete-x", "uid": "u", "labels": labels } }));
    world.reconcile().await.unwrap();
    assert!(world.api.get(claim).is_some(), "the journal in it is not removed yet");
    let job = "/apis/batch/v1/namespaces/data/jobs/demo-delete";
    let mut done = world.api.get(job).unwrap();
    done["status"] = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
    world.api.put(job, done);
    world.reconcile().await.unwrap();
    assert!(world.api.get(pod).is_none(), "the API server would keep the claim until it is gone");
    assert!(world.api.get(claim).is_none());
}

/// A cluster that is deleted before its status knows the journal; the Job that makes it is there.
async fn deleted_early(journal: &str) -> World {
    let world = World::new(&format!("{{deletionPolicy: Delete, journal: {journal}}}"), Value::Null);
    world.api.put("/api/v1/namespaces/data", json!({ "metadata": { "name": "data" } }));
    world.reconcile().await.unwrap();
    assert!(world.api.get(JOB).is_some() && world.status()["journal"].is_null());
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["metadata"]["deletionTimestamp"] = json!(Timestamp::now().to_string());
    world.api.put(CLUSTER, cluster);
    world
}

impl World {
    /// What was told in the end, and what of it.
    fn told_at_the_end(&self) -> (String, String) {
        assert_eq!(self.finalizers(), json!([]));
        let events = self.api.asked(&Method::POST, "/events");
        let word = |name: &str| events.last().unwrap()[name].as_str().unwrap().to_owned();
        (word("reason"), word("note"))
    }

    fn is_suspended(&self) -> bool {
        self.api.get(JOB).unwrap()["spec"]["suspend"] == true
    }
}

const HDFS: &str = "{uri: 'hdfs://n/j'}";

#[tokio::test]
async fn a_journal_that_was_made_a_moment_ago_is_removed() {
    let world = deleted_early(HDFS).await;
    let owner = &world.api.get(JOB).unwrap()["metadata"]["ownerReferences"][0];
    assert_eq!(
        owner["blockOwnerDeletion"], false,
        "what it says would be lost in a deletion in the foreground"
    );
    for status in [
        json!({}),
        waiting("ContainerCreating", ""),
        json!({ "containerStatuses": [{
            "name": "format", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": { "running": {} },
        }] }),
    ] {
        world.waits("demo-format", &status);
        let mut pod = world.api.get("/api/v1/namespaces/data/pods/demo-format-1").unwrap();
        pod["spec"] = json!({ "nodeName": "n", "containers": [] });
        world.api.put("/api/v1/namespaces/data/pods/demo-format-1", pod);
        world.reconcile().await.unwrap();
        assert!(world.finalizers() == json!([deletion::FINALIZER]) && !world.is_suspended(), "{status}");
    }
    world.job_ended("Complete", 0, &json!({ "outcome": "formatted", "clusterId": "new" }));
    world.reconcile().await.unwrap();
    let words =
        world.api.get(DELETION).unwrap()["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(words.contains(r#""--cluster","new""#), "{words}");
    world.ended("demo-delete", "Complete", 0, &json!({}));
    world.api.take("/api/v1/namespaces/data/pods/demo-format-1");
    world.reconcile().await.unwrap();
    assert_eq!(world.told_at_the_end().0, "JournalDeleted");
}

#[tokio::test]
async fn a_job_that_has_not_begun_makes_no_journal_after_its_cluster() {
    for journal in [HDFS, "{existingClaim: {claimName: c}}", "{claim: {size: 1Gi}}"] {
        let world = deleted_early(journal).await;
        world.waits("demo-format", &waiting("ImagePullBackOff", "no such tag"));
        world.reconcile().await.unwrap();
        assert!(world.is_suspended(), "{journal}");
        assert_eq!(world.finalizers(), json!([deletion::FINALIZER]), "the pod, or the claim, still ends");
        world.api.take("/api/v1/namespaces/data/pods/demo-format-1");
        world.reconcile().await.unwrap();
        assert_eq!(world.told_at_the_end().0, "JournalDeleted", "{journal}");
        assert!(world.api.get(DELETION).is_none());
    }
}

#[tokio::test]
async fn a_journal_of_which_nobody_knows_the_id_is_told() {
    let world = deleted_early(HDFS).await;
    world.job_ended("Complete", 0, &json!({ "outcome": "formatted", "clusterId": "new" }));
    world.api.take("/api/v1/namespaces/data/pods/demo-format-1");
    world.reconcile().await.unwrap();
    let (reason, note) = world.told_at_the_end();
    assert!(reason == "JournalLeft" && note.contains("the journal at hdfs://n/j"), "{reason}: {note}");

    let world = deleted_early(HDFS).await;
    world.job_ended("Failed", 0, &json!({ "outcome": "foreign", "clusterId": "other" }));
    world.reconcile().await.unwrap();
    assert_eq!(world.told_at_the_end().0, "JournalDeleted", "there is none of this cluster's");
    assert!(world.api.get(DELETION).is_none());
}

/// As `kubectl delete --cascade=orphan` leaves one, and as one is whose collection is late.
#[tokio::test]
async fn the_job_of_an_earlier_object_removes_no_journal_of_this_one() {
    for owners in [
        json!([]),
        json!([{ "apiVersion": "a/v1", "kind": "K", "name": "demo", "uid": "earlier", "controller": true }]),
    ] {
        let world = deleted("", 1);
        world.reconcile().await.unwrap();
        world.ended("demo-delete", "Complete", 100, &json!({}));
        let mut job = world.api.get(DELETION).unwrap();
        job["metadata"]["ownerReferences"] = owners;
        world.api.put(DELETION, job);
        world.reconcile().await.unwrap();
        assert_eq!(world.finalizers(), json!([deletion::FINALIZER]));
        assert!(world.api.get(DELETION).is_none(), "it makes room");
        world.reconcile().await.unwrap();
        assert_eq!(world.api.get(DELETION).unwrap()["metadata"]["ownerReferences"][0]["uid"], "uid-1");
        world.ended("demo-delete", "Complete", 0, &json!({}));
        world.reconcile().await.unwrap();
        assert_eq!(world.told_at_the_end().0, "JournalDeleted");
    }
}
