use axum::{Json, Router, routing::get};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;
use crate::{fake_api::FakeApi, fixture};

const SETS: &str = "/apis/apps/v1/namespaces/data/daemonsets";
const PODS: &str = "/api/v1/namespaces/data/pods";

fn labels(group: &str) -> Value {
    json!({
        "app.kubernetes.io/managed-by": "alluxio-operator", "app.kubernetes.io/instance": "demo",
        "app.kubernetes.io/component": "worker", "alluxio.org/worker-group": group,
    })
}

/// The set of a group, and a pod of it on a node of its own.
fn put(api: &FakeApi, group: &str, web_port: u16, taken_out: Option<&str>) {
    let name = format!("demo-worker-{group}");
    let set = json!({
        "metadata": {
            "name": name, "labels": labels(group), "generation": 1,
            "annotations": { "alluxio.org/decommission-timeout-seconds": "7" },
        },
        "spec": { "template": { "metadata": { "annotations": { "alluxio.org/restart-hash": "h" } } } },
        "status": { "observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1 },
    });
    api.put(&format!("{SETS}/{name}"), set);
    let pod = json!({
        "metadata": {
            "name": format!("{name}-x"), "uid": group, "labels": labels(group),
            "annotations": taken_out.map(|at| json!({ "alluxio.org/taken-out": at })),
        },
        "spec": { "nodeName": format!("node-{group}"), "containers": [
            { "name": "alluxio-worker", "ports": [{ "name": "web", "containerPort": web_port }] },
        ] },
        "status": {
            "podIP": "127.0.0.1", "hostIP": "10.0.0.1",
            "containerStatuses": [{ "name": "alluxio-worker", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": { "running": {} } }],
        },
    });
    api.put(&format!("{PODS}/{name}-x"), pod);
}

/// A worker that answers so.
async fn answering(unpersisted: Value) -> u16 {
    let idle = json!({ "operationCount": 0, "rpcQueueLength": 0 });
    let role = json!({ "role": "worker", "decommissioned": true, "unpersistedFiles": unpersisted });
    let pages = Router::new()
        .route("/api/v1/worker/operations", get(move || async { Json(idle) }))
        .route("/role", get(move || async { Json(role) }));
    served(pages).await
}

async fn served(pages: Router) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, pages).await });
    port
}

async fn plans(context: &Context, second: i64) -> Vec<GroupPlan> {
    let cluster = fixture::cluster("{}");
    let observed = Observed::look(context, &cluster).await.unwrap();
    let hashes = [("default".to_owned(), "h".to_owned())].into();
    let key = ClusterKey { namespace: "data".to_owned(), name: "demo".to_owned() };
    plan(context, &key, &cluster, &observed, &hashes, Timestamp::from_second(second).unwrap()).await
}

#[tokio::test]
async fn the_workers_of_a_group_that_was_taken_out_leave_as_those_of_nodes_do() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    let web_port = answering(json!(0)).await;
    put(&api, "default", web_port, None);
    put(&api, "old", web_port, None);
    let both = plans(&context, 10).await;
    let [of_the_spec, gone] = &both[..] else { panic!("{both:?}") };
    assert_eq!((of_the_spec.name.as_str(), &of_the_spec.plan.take_out), ("default", &vec![]));
    assert_eq!(gone.name, "old");
    assert_eq!(
        (&gone.plan.take_out, &gone.plan.leaving_nodes),
        (&vec!["demo-worker-old-x".to_owned()], &["node-old".to_owned()].into())
    );
    assert!(!gone.plan.rolling && gone.plan.replace.is_empty());
    assert_eq!((&gone.web_ports, &of_the_spec.web_ports), (&[web_port].into(), &BTreeSet::new()));

    // Its own time limit counts: the spec has none for it any more.
    put(&api, "old", web_port, Some("1970-01-01T00:00:10Z"));
    assert_eq!(plans(&context, 16).await[1].plan.leaving_nodes.len(), 1);
    assert!(plans(&context, 17).await[1].plan.leaving_nodes.is_empty());
}

#[tokio::test]
async fn a_worker_is_asked_what_is_only_there_by_the_port_of_its_pod() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    let web_port = answering(json!(3)).await;
    put(&api, "old", web_port, None);
    let pod: Pod = serde_json::from_value(api.get(&format!("{PODS}/demo-worker-old-x")).unwrap()).unwrap();
    let facts = PodFacts::of(&pod, "h");
    let cluster = fixture::cluster("{}");
    let observed = Observed::default();
    let mut asked = Asked {
        context: &context,
        key: &ClusterKey { namespace: "data".to_owned(), name: "demo".to_owned() },
        cluster: &cluster,
        observed: &observed,
        now: Timestamp::now(),
        offered: Some(Some(Vec::new())),
        leaving: BTreeSet::new(),
        unready: BTreeSet::new(),
    };
    let mut worker = seen(&facts);
    for look in 1..=10 {
        asked.ask(&facts, &mut worker, soon()).await;
        assert_eq!(
            (worker.unpersisted, worker.offered, worker.idle),
            (Some(3), Some(false), Some(look == 10))
        );
    }
    asked.offered = Some(Some(vec![WorkerName { host: "10.0.0.1".to_owned(), web_port }]));
    asked.ask(&facts, &mut worker, soon()).await;
    assert_eq!(worker.offered, Some(true));
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// It answers its probe with no, which is none of the operator's business.
#[tokio::test]
async fn a_worker_that_somebody_took_out_is_known() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    put(&api, "default", answering(json!(0)).await, None);
    let plan = plans(&context, 5_000_000_000).await.remove(0).plan;
    assert_eq!(plan.by_hand, ["demo-worker-default-x"]);
    assert_eq!((plan.stopped, plan.replace, plan.rolling), (None, vec![], false));
    assert!(plan.take_out.is_empty() && plan.put_back.is_empty());
}

/// Its node is slow, which may be why somebody took it out.
#[tokio::test]
async fn a_worker_that_misses_a_question_is_what_it_was() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    let pod = vec!["demo-worker-default-x".to_owned()];
    put(&api, "default", answering(json!(0)).await, None);
    assert_eq!(plans(&context, 5_000_000_000).await[0].plan.by_hand, pod);
    put(&api, "default", served(Router::new()).await, None);
    let plan = plans(&context, 5_000_000_001).await.remove(0).plan;
    assert_eq!((&plan.by_hand, plan.stopped, plan.replace, plan.rolling), (&pod, None, vec![], false));

    // Another operator, to which it never said anything.
    let context = Context::for_test(&api);
    for (second, replaced) in [(0, vec![]), (599, vec![]), (600, pod)] {
        let plan = plans(&context, 5_000_000_000 + second).await.remove(0).plan;
        assert_eq!((plan.by_hand, plan.replace, plan.rolling), (vec![], replaced, true), "after {second} s");
    }
}

/// A whole rack leaves, and the leader accepts connections and says nothing.
#[tokio::test]
async fn a_leader_that_hangs_does_not_hold_up_all_else() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let path = format!("{PODS}/demo-worker-old-x");
    put(&api, "old", answering(json!(0)).await, None);
    let pod = api.take(&path).unwrap();
    for number in 0..10 {
        let (mut pod, name) = (pod.clone(), format!("demo-worker-old-{number}"));
        (pod["metadata"]["name"], pod["metadata"]["uid"]) = (json!(name), json!(name));
        api.put(&format!("{PODS}/{name}"), pod);
    }
    let (mut observed, cluster) = (leader_at(port).await, fixture::cluster("{}"));
    observed.workers = Observed::look(&context, &cluster).await.unwrap().workers;
    let plan = WorkersPlan {
        take_out: observed.workers["old"].iter().map(|facts| facts.name.clone()).collect(),
        ..WorkersPlan::default()
    };
    let plans = [GroupPlan { name: "old".to_owned(), plan, ..GroupPlan::default() }];
    let pods = Api::namespaced(api.client(), "data");
    let serve = serve(&cluster, &observed, &plans, &pods);
    let told = crate::act::while_it_lasts(crate::lease::Tenure::endless(), serve).await;
    assert!(told.failure.unwrap().contains("cannot be taken out of service"));
    assert_eq!(
        api.asked(&http::Method::PATCH, "/pods/demo-worker-old-").len(),
        1,
        "the others at the next look"
    );
}

/// What is seen of a cluster whose leader has this port.
async fn leader_at(port: u16) -> Observed {
    let api = FakeApi::default();
    let role = json!({ "role": "PRIMARY", "serving": true, "term": 3 });
    let web = served(Router::new().route("/role", get(move || async { Json(role) }))).await;
    let labels = json!({
        "app.kubernetes.io/managed-by": "alluxio-operator", "app.kubernetes.io/instance": "demo",
        "app.kubernetes.io/component": "master",
    });
    let pod = json!({
        "metadata": { "name": "demo-masters-0", "uid": "m", "labels": labels },
        "spec": { "containers": [{ "name": "alluxio-master", "ports": [
            { "name": "rpc", "containerPort": port }, { "name": "web", "containerPort": web },
        ] }] },
        "status": { "podIP": "127.0.0.1", "conditions": [{ "type": "Ready", "status": "True" }] },
    });
    api.put(&format!("{PODS}/demo-masters-0"), pod);
    Observed::look(&Context::for_test(&api), &fixture::cluster("{}")).await.unwrap()
}

/// Their nodes lost power: they do not even refuse.
#[tokio::test]
async fn workers_that_do_not_answer_are_waited_for_together() {
    let api = FakeApi::default();
    let context = Context::for_test(&api);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    put(&api, "old", listener.local_addr().unwrap().port(), Some("1970-01-01T00:00:10Z"));
    let path = format!("{PODS}/demo-worker-old-x");
    for number in 0..30 {
        let mut pod = api.get(&path).unwrap();
        pod["metadata"]["uid"] = json!(format!("u-{number}"));
        api.put(&format!("{path}-{number}"), pod);
    }
    let before = std::time::Instant::now();
    assert_eq!(plans(&context, 11).await[1].plan.leaving_nodes.len(), 1);
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}
