//! Whole reconciles where others refuse what is to be done, or change what was done.

use super::*;

#[tokio::test]
async fn a_budget_that_never_lets_go_is_told_and_is_not_asked_without_end() {
    let world = World::serving("", "old").await;
    world.api.refuse(Method::POST, "/eviction", 429);
    let asked = || world.api.asked(&Method::POST, "/eviction").len();
    let started = Instant::now();
    for _ in 0..8 {
        world.reconcile().await.unwrap();
    }
    let in_a_row = asked();
    // At 0 s, 1 s, 3 s, 7 s, 15 s, however slow the machine is.
    assert!(in_a_row >= 1 && in_a_row as u64 <= 2 + started.elapsed().as_secs(), "{in_a_row}");
    let (progressing, message) = world.condition("Progressing");
    assert_eq!(progressing, "True Rolling");
    assert_eq!(message, "demo-masters-0 is to be replaced, and may not go: refused by the test");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    world.set("progressDeadlineSeconds", json!(0));
    assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
    assert_eq!(world.condition("Progressing").0, "False StepFailed");
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True MastersNotReady");
    assert!(message.contains("for more than 0 s: refused by the test; `kubectl get pdb`"), "{message}");
    // It is tried all the same: the budget may be changed.
    world.context.refused.forget(&key());
    world.reconcile().await.unwrap();
    assert!(asked() > in_a_row);
    world.api.allow_all();
    let limit = Instant::now() + Duration::from_secs(60);
    while world.api.get(POD).is_some() {
        assert!(Instant::now() < limit, "it is not tried again");
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.reconcile().await.unwrap();
    }
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

/// The operator's own, and one of somebody else. The API server calls it a mistake of its own.
#[tokio::test]
async fn a_pod_of_two_budgets_is_told_and_is_not_asked_for_without_end() {
    let world = World::serving("", "old").await;
    let two =
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    world.api.refuse_saying(Method::POST, "/eviction", 500, two);
    for _ in 0..2 {
        world.reconcile().await.unwrap();
    }
    let (progressing, message) = world.condition("Progressing");
    assert_eq!(progressing, "True Rolling");
    assert!(message.contains("may not go: more than one disruption budget selects it"), "{message}");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    assert!(!world.context.refused.may_try(&key(), "pod-0", Timestamp::UNIX_EPOCH));
    world.set("progressDeadlineSeconds", json!(0));
    world.reconcile().await.unwrap();
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True MastersNotReady");
    assert!(message.contains("`kubectl get pdb`") && message.contains("not the operator's"), "{message}");
}

/// As where all images are to come from a mirror.
#[tokio::test]
async fn an_admission_rule_that_changes_what_is_set_is_told_and_holds_up_no_roll() {
    const IMAGE: &str = "/spec/template/spec/containers/0/image";
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    world.api.rewrite("/statefulsets/demo-masters", IMAGE, json!("mirror/alluxio-master:1"));
    world.set("properties", json!({ "alluxio.master.worker.timeout": "7min" }));
    world.reconcile().await.unwrap();
    assert!(world.api.get(POD).is_some(), "its controller has not seen the new template");
    world.reconcile().await.unwrap();
    assert!(world.api.get(POD).is_none());
    let applied = || world.api.asked(&Method::PATCH, "/statefulsets/demo-masters").len();
    let before = applied();
    for _ in 0..5 {
        world.reconcile().await.unwrap();
    }
    assert_eq!(applied(), before, "once a minute is enough");
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(
        message
            .starts_with("StatefulSet demo-masters: spec.template.spec.containers.alluxio-master.image does"),
        "{message}"
    );
    assert!(message.contains("an admission rule changes it"), "{message}");
    assert_eq!(world.api.get(SET).unwrap().pointer(IMAGE).unwrap(), "mirror/alluxio-master:1");
    // An edit is no fight.
    world.api.rewrite_nothing();
    world.set("properties", json!({ "alluxio.master.worker.timeout": "8min" }));
    world.reconcile().await.unwrap();
    assert_ne!(world.api.get(SET).unwrap().pointer(IMAGE).unwrap(), "mirror/alluxio-master:1");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn another_controller_that_sets_a_field_back_is_named() {
    const SERVICE: &str = "/api/v1/namespaces/data/services/demo-masters";
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    let applied = || world.api.asked(&Method::PATCH, SERVICE).len();
    let before = applied();
    for _ in 0..6 {
        let mut service = world.api.get(SERVICE).unwrap();
        service["spec"]["ports"][0]["port"] = json!(1);
        service["metadata"]["managedFields"] = json!([{
            "manager": "meddler", "operation": "Update", "time": "2026-01-02T00:00:00Z",
            "fieldsV1": { "f:spec": { "f:ports": {} } },
        }]);
        world.api.put(SERVICE, service);
        world.reconcile().await.unwrap();
    }
    assert_eq!(applied(), before + 3);
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(
        message.starts_with("Service demo-masters: spec.ports.")
            && message.contains(": meddler sets it otherwise;"),
        "{message}"
    );
    assert_eq!(world.status()["leader"], Value::Null, "all else goes on");
}

/// As one who restores objects from a backup, or a second operator: the pods would come back as they were, without end.
#[tokio::test]
async fn no_pod_is_replaced_where_its_set_would_make_it_as_it_was() {
    const HASH: &str = "/spec/template/metadata/annotations/alluxio.org~1restart-hash";
    let world = World::serving("", "old").await;
    let evicted = || world.api.asked(&Method::POST, "/eviction").len();
    for look in 0..8 {
        world.reconcile().await.unwrap();
        assert_eq!(evicted(), 0, "at the look {look}");
        let mut set = world.api.get(SET).unwrap();
        *set.pointer_mut(HASH).unwrap() = json!("old");
        world.api.put(SET, set);
    }
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(message.contains("StatefulSet demo-masters: spec.template.metadata.annotations"), "{message}");
    // Nobody sets it back any more.
    world.context.contests.forget(&key());
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert_eq!(evicted(), 1);
}

/// As a tool that restores metadata does, or a rule that allows only annotations that it knows.
#[tokio::test]
async fn annotations_that_are_taken_off_again_and_again_are_told() {
    const SERVICE: &str = "/api/v1/namespaces/data/services/demo-masters";
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    let applied = || world.api.asked(&Method::PATCH, SERVICE).len();
    let before = applied();
    for _ in 0..6 {
        let mut service = world.api.get(SERVICE).unwrap();
        service["metadata"]["annotations"].as_object_mut().unwrap().remove("alluxio.org/applied-hash");
        world.api.put(SERVICE, service);
        world.reconcile().await.unwrap();
    }
    assert_eq!(applied(), before + 3);
    let (degraded, message) = world.condition("Degraded");
    assert_eq!(degraded, "True ApplyFailed");
    assert!(
        message.contains("Service demo-masters: metadata.annotations.alluxio.org/applied-hash"),
        "{message}"
    );
}
