use std::sync::{Arc, atomic::Ordering::Relaxed};

use alluxio_fs::ErrorKind;
use alluxio_proto::{
    grpc::file::{JobProgressReportFormat, LoadJobPOptions},
    journal::LoadJobEntry,
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{fake_workers::FakeWorkers, journaled::running},
    Settings,
};
use crate::fs::fixture::{BLOCK, Rig, path};

struct Jobs {
    rig: Rig,
    stop: CancellationToken,
}

impl Jobs {
    async fn start(rig: Rig) -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(rig.fs.clone().run_load_jobs(stop.clone()));
        Self { rig, stop }
    }

    async fn submit(&self, at: &str, options: LoadJobPOptions) -> Option<String> {
        self.rig.fs.submit_load(&self.rig.root().await, &path(at), &options).await.unwrap()
    }

    async fn progress(&self, at: &str) -> String {
        let root = self.rig.root().await;
        self.rig.fs.load_progress(&root, &path(at), JobProgressReportFormat::Text, true).await.unwrap()
    }

    /// The progress once the job has come to this.
    async fn when(&self, at: &str, state: &str) -> String {
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let progress = self.progress(at).await;
            if progress.contains(&format!("Job State: {state}")) {
                return progress;
            }
            assert!(tokio::time::Instant::now() < until, "{progress}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn percentage(&self, at: &str) -> i32 {
        self.rig.status(at).await.unwrap().in_alluxio_percentage()
    }
}

async fn wait_for(condition: impl Fn() -> bool) {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !condition() {
        assert!(tokio::time::Instant::now() < until, "it does not come");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn files(rig: &Rig, count: usize) {
    for number in 0..count {
        rig.ufs_write(&format!("/d/sub{}/f{number}", number % 3), &"x".repeat(BLOCK as usize + 1));
    }
}

#[tokio::test]
async fn a_tree_is_loaded_onto_all_workers_once() {
    let rig = Rig::new().await;
    files(&rig, 60).await;
    let workers = FakeWorkers::start(&rig, &["a", "b", "c"]).await;
    let jobs = Jobs::start(rig).await;
    assert!(jobs.submit("/d", LoadJobPOptions::default()).await.is_some());
    let progress = jobs.when("/d", "SUCCEEDED").await;
    let bytes = 60 * (BLOCK + 1);
    assert!(progress.contains("Files Processed: 60\n"), "{progress}");
    let total = format!("Bytes Loaded: {:.2}KB out of {:.2}KB", bytes as f64 / 1024.0, bytes as f64 / 1024.0);
    assert!(progress.contains(&total), "{progress}");
    assert_eq!(jobs.percentage("/d/sub1/f1").await, 100);
    let log = workers.log.lock().clone();
    let blocks = |host: &str| -> u32 {
        let of = log.iter().filter_map(|line| line.strip_prefix(&format!("{host} ")));
        of.map(|count| count.parse::<u32>().unwrap()).sum()
    };
    assert_eq!(blocks("a") + blocks("b") + blocks("c"), 120, "{log:?}");
    assert!(["a", "b", "c"].iter().all(|host| blocks(host) > 0), "{log:?}");

    // What is there is not loaded again.
    workers.log.lock().clear();
    assert!(jobs.submit("/d", LoadJobPOptions::default()).await.is_some());
    assert!(jobs.when("/d", "SUCCEEDED").await.contains("Bytes Loaded: 0B out of 0B"));
    assert!(workers.log.lock().is_empty());
}

#[tokio::test]
async fn what_fails_is_tried_elsewhere_and_told_in_the_end() {
    let rig = Rig::new().await;
    files(&rig, 9).await;
    let workers = FakeWorkers::start(&rig, &["a", "b"]).await;
    workers.away.lock().push("a".to_owned());
    *workers.faults.lock() =
        vec![("f1".to_owned(), true, 2), ("f2".to_owned(), false, 1), ("f3".to_owned(), true, 9)];
    let jobs = Jobs::start(rig).await;
    jobs.submit("/d", LoadJobPOptions { partial_listing: Some(true), ..Default::default() }).await;
    let progress = jobs.when("/d", "FAILED (2 files could not be loaded)").await;
    assert!(
        progress.contains("Files Failed: 2\n\t\t/d/sub0/f3: broken\n\t\t/d/sub2/f2: broken\n"),
        "{progress}"
    );
    assert!(!progress.contains("out of"), "it began before all was listed: {progress}");
    for (at, percentage) in [("/d/sub1/f1", 100), ("/d/sub0/f0", 100), ("/d/sub0/f3", 0)] {
        assert_eq!(jobs.percentage(at).await, percentage, "{at}");
    }
}

#[tokio::test]
async fn a_job_is_stopped_changed_and_not_found() {
    let rig = Rig::new().await;
    files(&rig, 30).await;
    // So slow that it cannot end by itself.
    let slow = LoadJobPOptions { bandwidth: Some(1), ..Default::default() };
    FakeWorkers::start(&rig, &["a"]).await;
    let jobs = Jobs::start(rig).await;
    let fs: &Arc<_> = &jobs.rig.fs;
    let root = jobs.rig.root().await;
    let format = JobProgressReportFormat::Json;
    let none = fs.load_progress(&root, &path("/d"), format, false).await.unwrap_err();
    assert_eq!(none.kind, ErrorKind::NotFound);
    jobs.submit("/d", slow).await.unwrap();
    let again = LoadJobPOptions { verify: Some(true), ..slow };
    assert_eq!(jobs.submit("/d", again).await, None, "it runs already");
    assert!(jobs.progress("/d").await.contains("bandwidth: 1\tverify: true"));
    assert!(fs.stop_load(&root, &path("/d")).await.unwrap());
    jobs.when("/d", "STOPPED").await;
    assert!(!fs.stop_load(&root, &path("/d")).await.unwrap());
    let eve = jobs.rig.subject("eve").await;
    let missing = fs.submit_load(&eve, &path("/no"), &LoadJobPOptions::default()).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
    let wrong = LoadJobPOptions { bandwidth: Some(0), ..Default::default() };
    let wrong = fs.submit_load(&root, &path("/d"), &wrong).await.unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn verification_loads_what_was_added_meanwhile() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/first", "1");
    let workers = FakeWorkers::start(&rig, &["a"]).await;
    let jobs = Jobs::start(rig).await;
    let held = workers.gate.acquire().await.unwrap();
    jobs.submit("/d", LoadJobPOptions { verify: Some(true), ..Default::default() }).await;
    // All is listed by now, and the only load waits.
    wait_for(|| !workers.log.lock().is_empty()).await;
    jobs.rig.write_through("/d/second", "22").await.unwrap();
    drop(held);
    let progress = jobs.when("/d", "SUCCEEDED").await;
    assert!(progress.contains("Files Processed: 2\n"), "{progress}");
    assert_eq!(jobs.percentage("/d/second").await, 100);
    assert_eq!(*workers.log.lock(), ["a 1", "a 1"]);
}

/// It answers at once, and so would be asked for each block before another worker has loaded any.
#[tokio::test]
async fn a_worker_that_refuses_quickly_does_not_fail_a_job() {
    let rig = Rig::new().await;
    files(&rig, 60).await;
    let workers = FakeWorkers::start(&rig, &["a", "b"]).await;
    workers.leaving.lock().push("a".to_owned());
    let jobs = Jobs::start(rig).await;
    let held = workers.gate.acquire().await.unwrap();
    jobs.submit("/d", LoadJobPOptions::default()).await;
    let asked = |host: &str| workers.log.lock().iter().filter(|line| line.starts_with(host)).count();
    wait_for(|| asked("a") >= 4 && asked("b") >= 2).await;
    drop(held);
    let progress = jobs.when("/d", "SUCCEEDED").await;
    assert!(progress.contains("Files Processed: 60\n"), "{progress}");
    assert!(asked("a") < 12, "{} requests", asked("a"));
}

/// The paths of the jobs that the journal says run.
fn recorded(rig: &Rig) -> Vec<String> {
    rig.fs.namespace.peek(|tree| tree.load_jobs().map(|job| job.load_path.clone()).collect())
}

#[tokio::test]
async fn a_job_that_is_ending_is_not_joined() {
    let rig = Rig::new().await;
    files(&rig, 3).await;
    let workers = FakeWorkers::start(&rig, &["a"]).await;
    let jobs = Jobs::start(rig).await;
    let held = workers.gate.acquire().await.unwrap();
    let first = jobs.submit("/d", LoadJobPOptions::default()).await.unwrap();
    // As it is until its end is durable.
    jobs.rig.fs.caching.jobs.find(&path("/d")).unwrap().ending.store(true, Relaxed);
    assert!(jobs.progress("/d").await.contains("RUNNING"));
    let second = jobs.submit("/d", LoadJobPOptions::default()).await.expect("it was told that it goes on");
    assert_ne!(second, first);
    drop(held);
    jobs.when("/d", "SUCCEEDED").await;
    wait_for(|| recorded(&jobs.rig).is_empty()).await;
}

#[tokio::test]
async fn what_cannot_go_on_is_recorded_as_over() {
    let rig = Rig::new().await;
    files(&rig, 3).await;
    let settings = Settings { bandwidth: None, verify: false, partial_listing: false };
    for at in ["/d", "/d/sub0"] {
        rig.fs.record_load(running(&path(at), at, settings, "ann"), || true).await.unwrap();
    }
    let unreadable =
        LoadJobEntry { load_path: "no/path".to_owned(), ..running(&path("/d"), "3", settings, "ann") };
    rig.fs.record_load(unreadable, || true).await.unwrap();
    let jobs = Jobs::start(rig.crash().await).await;
    // Before anything else has run: whoever submits one of them finds it.
    assert!(jobs.rig.fs.caching.jobs.find(&path("/d")).is_some());
    wait_for(|| recorded(&jobs.rig) == ["/d", "/d/sub0"]).await;
}

#[tokio::test]
async fn who_leads_next_goes_on_with_what_ran_and_with_nothing_else() {
    let rig = Rig::new().await;
    files(&rig, 3).await;
    // Without workers: they wait.
    let stop = CancellationToken::new();
    let runs = tokio::spawn(rig.fs.clone().run_load_jobs(stop.clone()));
    let root = rig.root().await;
    let submit = async |at: &str, options| rig.fs.submit_load(&root, &path(at), &options).await.unwrap();
    let first = submit("/d", LoadJobPOptions::default()).await.unwrap();
    submit("/d/sub0", LoadJobPOptions::default()).await;
    let changed = LoadJobPOptions { bandwidth: Some(77), verify: Some(true), ..Default::default() };
    assert_eq!(submit("/d", changed).await, None, "the first one goes on");
    assert!(rig.fs.stop_load(&root, &path("/d/sub0")).await.unwrap());
    assert_eq!(recorded(&rig).len(), 1, "that it is stopped was answered before it was recorded");
    assert!(!rig.fs.stop_load(&root, &path("/d/sub0")).await.unwrap());
    stop.cancel();
    runs.await.unwrap();
    // What ran may have recorded something until now, and was not waited for when it was stopped.
    rig.fs.namespace.settled().await.unwrap();
    let hash = rig.hash();

    let rig = rig.crash().await;
    assert_eq!(rig.hash(), hash);
    let jobs = Jobs::start(rig).await;
    let progress = jobs.when("/d", "RUNNING").await;
    assert!(progress.contains("bandwidth: 77\tverify: true"), "{progress}");
    assert_eq!(jobs.rig.fs.caching.jobs.find(&path("/d")).unwrap().id, first);
    let root = jobs.rig.root().await;
    let over = jobs.rig.fs.load_progress(&root, &path("/d/sub0"), JobProgressReportFormat::Text, false).await;
    assert_eq!(over.unwrap_err().kind, ErrorKind::NotFound);
}
