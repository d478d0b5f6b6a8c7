//! Whole reconciles where the journal is gone or another cluster's, or nobody can tell.

use super::*;

/// A cluster whose master is as it shall be, and serves nobody for half a minute.
async fn leaderless() -> World {
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    let template = world.api.get(SET).unwrap()["spec"]["template"]["metadata"]["annotations"].clone();
    let mut pod = world.api.get(POD).unwrap();
    pod["metadata"]["annotations"] = template;
    world.api.put(POD, pod);
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
    world.becomes("STANDBY", "id");
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Available").0, "False NoLeader");
    assert!(world.api.get(JOB).is_none(), "a change of leaders takes a moment");
    let mut cluster = world.api.get(CLUSTER).unwrap();
    for condition in cluster["status"]["conditions"].as_array_mut().unwrap() {
        condition["lastTransitionTime"] = json!("2026-01-02T00:00:00Z");
    }
    world.api.put(CLUSTER, cluster);
    world.reconcile().await.unwrap();
    assert!(world.api.get(JOB).is_some(), "somebody has to look");
    assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
    world
}

#[tokio::test]
async fn a_journal_that_vanishes_under_its_masters_is_told_and_nothing_is_replaced() {
    for (word, reason) in [
        (json!({ "outcome": "missing", "clusterId": "id" }), "JournalMissing"),
        (json!({ "outcome": "foreign", "clusterId": "other" }), "JournalForeign"),
    ] {
        let world = leaderless().await;
        world.job_ended("Failed", 1, &word);
        world.reconcile().await.unwrap();
        // Neither an edit nor an outdated pod is acted upon.
        let mut cluster = world.api.get(CLUSTER).unwrap();
        cluster["spec"]["properties"] = json!({ "alluxio.master.worker.timeout": "7min" });
        world.api.put(CLUSTER, cluster);
        let set = world.api.get(SET);
        for look in 0..3 {
            assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE), "{look}");
            let (ready, message) = world.condition("JournalReady");
            assert_eq!(ready, format!("False {reason}"));
            assert!(message.contains("bring") && message.contains("every minute"), "{message}");
            assert_eq!(world.condition("Degraded").0, "True JournalNotReady");
            assert!(world.condition("Progressing").0.starts_with("False "));
        }
        assert_eq!(world.api.get(SET), set);
        assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
        // It is looked for again, and found.
        world.job_ended("Failed", 61, &word);
        world.reconcile().await.unwrap();
        assert!(world.api.get(JOB).is_none());
        world.reconcile().await.unwrap();
        assert_eq!(world.condition("JournalReady").0, format!("False {reason}"), "until it is found");
        world.job_ended("Complete", 1, &json!({ "outcome": "adopted", "clusterId": "id" }));
        world.reconcile().await.unwrap();
        assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
        assert_ne!(world.api.get(SET), set, "the edit is carried out");
    }
}

#[tokio::test]
async fn that_nobody_can_look_for_a_journal_says_nothing_of_it() {
    let world = leaderless().await;
    world.job_ended("Failed", 1, &json!("the NameNode does not answer"));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
    // One who serves has it, whatever a Job said before.
    world.job_ended("Failed", 1, &json!({ "outcome": "missing", "clusterId": "id" }));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "False JournalMissing");
    world.becomes("PRIMARY", "id");
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn a_master_with_another_clusters_journal_is_no_leader() {
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    assert_eq!(world.api.get(POD).unwrap()["metadata"]["labels"][LEADER_LABEL], "true");
    world.api.refuse(Method::POST, "/eviction", 429);
    world.becomes("PRIMARY", "other");
    for _ in 0..3 {
        world.reconcile().await.unwrap();
    }
    let (ready, message) = world.condition("JournalReady");
    assert_eq!(ready, "False JournalForeign");
    assert!(message.contains("demo-masters-0 has taken") && message.contains("--replicas=0"), "{message}");
    assert_eq!(world.status()["leader"], Value::Null);
    assert_eq!(world.api.get(POD).unwrap()["metadata"]["labels"].get(LEADER_LABEL), None);
    assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
    world.becomes("PRIMARY", "id");
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "True JournalFormatted");
    assert_eq!(world.status()["leader"]["pod"], "demo-masters-0");
}

/// The masters that are there would refuse to start over what was handed over.
#[tokio::test]
async fn no_journal_is_adopted_while_the_masters_set_is_there() {
    let world = leaderless().await;
    let annotated = |world: &World| {
        let mut cluster = world.api.get(CLUSTER).unwrap();
        cluster["metadata"]["annotations"]["alluxio.org/adopt-journal"] = json!("other");
        world.api.put(CLUSTER, cluster);
    };
    annotated(&world);
    let words =
        || world.api.get(JOB).unwrap()["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    world.reconcile().await.unwrap();
    assert!(!words().contains("--adopt"), "{}", words());
    world.job_ended("Failed", 1, &json!({ "outcome": "foreign", "clusterId": "other" }));
    world.reconcile().await.unwrap();
    let (ready, message) = world.condition("JournalReady");
    assert_eq!(ready, "False JournalForeign");
    assert!(message.contains("`kubectl -n data delete statefulset/demo-masters`"), "{message}");
    world.api.take(SET);
    world.api.take(POD);
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert!(words().contains(r#""--known","id","--adopt","other""#), "{}", words());
    world.job_ended("Complete", 0, &json!({ "outcome": "adopted", "clusterId": "other" }));
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["journal"]["clusterId"], "other");
    world.reconcile().await.unwrap();
    assert!(world.api.get(SET).is_some());
}

/// Kubernetes tries it three times more, which takes a minute.
#[tokio::test]
async fn what_lies_in_the_folder_is_told_before_the_job_gives_up() {
    let world = World::new("{}", Value::Null);
    world.reconcile().await.unwrap();
    let failed = |word: &Value| {
        json!({ "phase": "Failed", "containerStatuses": [{
            "name": "format", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 1, "message": word.to_string() } },
        }] })
    };
    world.waits("demo-format", &failed(&json!("out of luck")));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "False JournalNotFormatted", "it may go well yet");
    world.waits("demo-format", &failed(&json!({ "outcome": "foreign", "clusterId": "other" })));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("JournalReady").0, "False JournalForeign");
    assert!(world.api.get(JOB).is_some(), "it is not made anew before its end");
}
