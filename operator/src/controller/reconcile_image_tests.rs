//! Whole reconciles of clusters that get another image.

use super::*;

/// A cluster whose journal has this format, and whose image is to be another one.
async fn with_another_image(format: u32) -> World {
    let world = World::serving("", "old").await;
    let role = json!({
        "role": "PRIMARY", "serving": true, "term": 3, "version": "0.2.0", "clusterId": "id",
        "journalFormat": format, "journalReads": 2,
    });
    *world.role.lock() = role;
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["journal"]["format"], format);
    world.edit(json!({ "tag": "older" }));
    world
}

impl World {
    fn edit(&self, image: Value) {
        let mut cluster = self.api.get(CLUSTER).unwrap();
        cluster["spec"]["image"] = image;
        self.api.put(CLUSTER, cluster);
    }

    /// The Job that asks ended so many seconds ago, its container with this.
    fn says(&self, type_: &str, ago: i64, exit_code: i32, word: &str) {
        self.ended("demo-format-reads", type_, ago, &Value::Null);
        let mut pod = self.api.get(ANSWER).unwrap();
        let state = &mut pod["status"]["containerStatuses"][0]["state"]["terminated"];
        *state = json!({ "exitCode": exit_code, "message": word });
        self.api.put(ANSWER, pod);
    }

    fn image(&self) -> String {
        let set = self.api.get(SET).unwrap();
        let image = set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
        image.rsplit(':').next().unwrap().to_owned()
    }
}

const ANSWER: &str = "/api/v1/namespaces/data/pods/demo-format-reads-1";
const READS: &str = "/apis/batch/v1/namespaces/data/jobs/demo-format-reads";

#[tokio::test]
async fn an_image_that_cannot_read_the_journal_is_refused_before_anything_is_changed() {
    let world = with_another_image(2).await;
    let before = (world.api.get(SET), world.image());
    for _ in 0..2 {
        world.reconcile().await.unwrap();
        assert!(world.api.get(READS).is_some(), "it is asked");
        assert_eq!(world.condition("Progressing").0, "True Rolling");
    }
    let job = world.api.get(READS).unwrap();
    let pod = &job["spec"]["template"]["spec"];
    assert!(pod["containers"][0]["image"].as_str().unwrap().ends_with(":older"), "{pod}");
    let volumes: Vec<_> = pod["volumes"].as_array().unwrap().iter().map(|volume| &volume["name"]).collect();
    assert_eq!(volumes, ["work", "tmp"], "what the spec names may not be there yet");
    world.ended("demo-format-reads", "Complete", 1, &json!({ "outcome": "reads", "readsFormat": 1 }));
    for _ in 0..3 {
        assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
        let (degraded, message) = world.condition("Degraded");
        assert_eq!(degraded, "True DowngradeRefused");
        assert!(
            message.starts_with("spec.image: ")
                && message.contains(":older reads journals up to format 1, and this"),
            "{message}"
        );
        assert!(message.contains(&format!("alluxio-master:{}, which runs now", before.1)), "{message}");
    }
    assert_eq!((world.api.get(SET), world.image()), before);
    assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
    world.edit(json!({}));
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn an_image_that_can_is_rolled_out() {
    let world = with_another_image(2).await;
    world.reconcile().await.unwrap();
    world.ended("demo-format-reads", "Complete", 1, &json!({ "outcome": "reads", "readsFormat": 2 }));
    world.reconcile().await.unwrap();
    assert_eq!(world.image(), "older");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
    let world = with_another_image(1).await;
    world.reconcile().await.unwrap();
    assert_eq!((world.image().as_str(), world.api.get(READS)), ("older", None), "every release reads it");
}

/// As a release from before the question, which knows the first format only.
#[tokio::test]
async fn an_image_that_does_not_know_the_question_is_refused() {
    for (type_, exit_code) in [("Complete", 0), ("Failed", 1), ("Failed", 255)] {
        let world = with_another_image(2).await;
        let before = (world.api.get(SET), world.image());
        world.reconcile().await.unwrap();
        world.says(type_, 1, exit_code, "Unsupported command clusterMarker");
        for _ in 0..2 {
            assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
            let (degraded, message) = world.condition("Degraded");
            assert_eq!(degraded, "True DowngradeRefused", "{type_}");
            assert!(message.contains(":older does not know the question"), "{message}");
            assert!(message.contains("(it said: \"Unsupported command clusterMarker\""), "{message}");
        }
        assert_eq!((world.api.get(SET), world.image()), before);
    }
}

/// The pull took too long, a quota refused the pod, its node went away.
#[tokio::test]
async fn the_only_master_is_not_replaced_before_the_image_has_answered() {
    for exit_code in [None, Some(127), Some(128), Some(137)] {
        let world = with_another_image(2).await;
        let before = (world.api.get(SET), world.image());
        world.reconcile().await.unwrap();
        let fails = |ago| {
            world.says("Failed", ago, exit_code.unwrap_or_default(), "no such file");
            if exit_code.is_none() {
                world.api.take(ANSWER);
            }
        };
        fails(1);
        for look in ["it failed", "it is asked again", "it runs"] {
            assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE), "{look}");
            let (degraded, message) = world.condition("Degraded");
            assert_eq!(degraded, "True DowngradeRefused", "{look}");
            assert!(message.contains(":older has not said which journals it reads"), "{message}");
            assert_eq!(world.condition("Progressing").0, "False Held");
            assert_eq!(world.api.get(READS).is_some(), look != "it is asked again");
            if look == "it failed" {
                fails(61);
            }
        }
        assert_eq!((world.api.get(SET), world.image()), before);
        assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
        world.ended("demo-format-reads", "Complete", 1, &json!({ "outcome": "reads", "readsFormat": 2 }));
        world.reconcile().await.unwrap();
        assert_eq!(world.image(), "older");
        assert_eq!(world.condition("Degraded").0, "False AsExpected");
    }
}

/// Its first standby shows what is wrong, and the roll stops there.
#[tokio::test]
async fn an_image_that_never_answers_is_rolled_out_where_there_are_standbys() {
    let world = with_another_image(2).await;
    let mut cluster = world.api.get(CLUSTER).unwrap();
    cluster["spec"]["masters"]["count"] = json!(3);
    cluster["spec"]["zookeeper"] = json!({ "addresses": ["zk:2181"] });
    cluster["spec"]["journal"] = json!({ "existingClaim": { "claimName": "c" } });
    world.api.put(CLUSTER, cluster);
    world.reconcile().await.unwrap();
    world.says("Failed", 1, 128, "no such file");
    world.reconcile().await.unwrap();
    assert_eq!(world.image(), "older");
}

/// As with a typo in its tag. The Job's deadline is ten minutes away.
#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_told_at_once() {
    let world = with_another_image(2).await;
    let before = (world.api.get(SET), world.image());
    world.reconcile().await.unwrap();
    for _ in 0..2 {
        world.waits("demo-format-reads", &waiting("ImagePullBackOff", "no such tag"));
        assert_eq!(world.reconcile().await.unwrap(), Action::requeue(TROUBLE));
        let (degraded, message) = world.condition("Degraded");
        assert_eq!(degraded, "True DowngradeRefused");
        assert!(message.contains(":older has not said") && message.contains("no such tag"), "{message}");
        assert_eq!((world.api.get(SET), world.image()), before);
        // Kubernetes tries again now and then.
        world.waits("demo-format-reads", &waiting("ErrImagePull", "no such tag"));
        world.reconcile().await.unwrap();
        assert_eq!(world.condition("Degraded").0, "True DowngradeRefused");
    }
    world.ended("demo-format-reads", "Complete", 1, &json!({ "outcome": "reads", "readsFormat": 2 }));
    world.reconcile().await.unwrap();
    assert_eq!(world.image(), "older");
    assert_eq!(world.condition("Degraded").0, "False AsExpected");
}

#[tokio::test]
async fn the_versions_of_masters_that_are_replaced_are_told() {
    let world = World::serving("", "old").await;
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["masters"]["versions"], json!(["0.1.0"]));
    let answer = json!({ "role": "STANDBY", "serving": false, "version": "0.2.0", "clusterId": "id" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/role", get(move || async move { Json(answer) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut newer = world.api.get(POD).unwrap();
    newer["metadata"]["name"] = json!("demo-masters-1");
    newer["metadata"]["uid"] = json!("pod-1");
    newer["spec"]["containers"] =
        json!([{ "name": "master", "ports": [{ "name": "web", "containerPort": port }] }]);
    world.api.put("/api/v1/namespaces/data/pods/demo-masters-1", newer);
    world.reconcile().await.unwrap();
    assert_eq!(world.status()["masters"]["versions"], json!(["0.1.0", "0.2.0"]));
    assert_eq!(world.status()["version"], "0.1.0", "the leader's");
}

/// Its node is drained, or somebody cleans up pods that have ended.
#[tokio::test]
async fn an_answer_that_is_gone_is_asked_for_again() {
    let world = with_another_image(2).await;
    let before = world.api.get(SET);
    world.reconcile().await.unwrap();
    let refuses = || world.ended("demo-format-reads", "Complete", 1, &json!({ "readsFormat": 1 }));
    refuses();
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "True DowngradeRefused");
    // One that failed before stays, and says nothing.
    let mut failed = world.api.get(ANSWER).unwrap();
    let state = &mut failed["status"]["containerStatuses"][0]["state"]["terminated"];
    *state = json!({ "exitCode": 1, "message": "its node was too full" });
    world.api.put(ANSWER, failed);
    world.reconcile().await.unwrap();
    assert!(world.api.get(READS).is_none());
    world.reconcile().await.unwrap();
    assert!(world.api.get(READS).is_some(), "it is asked again");
    refuses();
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Degraded").0, "True DowngradeRefused");
    let pods: Api<Pod> = Api::namespaced(world.api.client(), "data");
    pods.delete("demo-format-reads-1", &DeleteParams::default()).await.unwrap();
    world.reconcile().await.unwrap();
    assert!(world.api.get(READS).is_none());
    assert_eq!(world.api.get(SET), before);
    assert_eq!(world.api.asked(&Method::POST, "/eviction"), Vec::<Value>::new());
}

/// What another image was asked is no answer for this one.
#[tokio::test]
async fn each_image_is_asked_itself() {
    let world = with_another_image(2).await;
    world.reconcile().await.unwrap();
    world.ended("demo-format-reads", "Complete", 1, &json!({ "outcome": "reads", "readsFormat": 2 }));
    world.edit(json!({ "tag": "oldest" }));
    world.reconcile().await.unwrap();
    assert!(world.api.get(READS).is_none());
    world.reconcile().await.unwrap();
    assert!(world.api.get(READS).is_some());
    assert_ne!(world.image(), "oldest");
}
