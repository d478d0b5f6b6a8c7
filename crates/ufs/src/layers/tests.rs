use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::layered::Layer;
use super::*;
use crate::error::{Operation, UfsErrorKind};
use crate::faults::{Fault, FaultyUfs};
use crate::listing::ListOptions;
use crate::open::open_ufs;
use crate::options::CreateOptions;
use crate::path::UfsPath;

fn local() -> (TempDir, Arc<dyn UnderFs>) {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().to_str().unwrap();
    let ufs = open_ufs(&Configuration::defaults(), address, &Default::default()).unwrap();
    (folder, ufs)
}

fn faulty() -> (TempDir, FaultyUfs) {
    let (folder, ufs) = local();
    (folder, FaultyUfs::new(ufs))
}

fn path(text: &str) -> UfsPath {
    UfsPath::parse(text).unwrap()
}

#[tokio::test]
async fn a_store_behaves_the_same_in_each_layer_and_in_all() {
    let (_folder, ufs) = local();
    let metrics = Metrics::master();
    let stacks: [Arc<dyn UnderFs>; 4] = [
        Arc::new(Layered::new(ufs.clone(), TimeLimit::default())),
        Arc::new(Layered::new(ufs.clone(), Limit::new(1))),
        Arc::new(Layered::new(ufs.clone(), Repetition)),
        around(ufs, false, &Configuration::defaults(), &metrics),
    ];
    for (number, stack) in stacks.into_iter().enumerate() {
        let done = crate::behaviour::run(stack, &path(&number.to_string())).await;
        assert!(done.len() > 25, "{done:?}");
    }
}

#[tokio::test]
async fn a_look_is_repeated_and_a_change_is_not() {
    let (folder, faulty) = faulty();
    std::fs::write(folder.path().join("f"), "x").unwrap();
    let ufs = Layered::new(Arc::new(faulty.clone()), Repetition);
    let fail_twice = |operation| {
        faulty.heal();
        faulty.inject(Fault::fail(operation, UfsErrorKind::Unavailable).times(2));
    };
    fail_twice(Operation::Status);
    assert!(ufs.status(&path("f")).await.unwrap().is_some());
    fail_twice(Operation::Open);
    assert!(ufs.open(&path("f"), 0, None).await.is_ok());
    fail_twice(Operation::SetMode);
    assert!(ufs.set_mode(&path("f"), 0o600).await.unwrap());
    fail_twice(Operation::Space);
    assert!(ufs.space().await.unwrap().is_some());
    fail_twice(Operation::Rename);
    assert!(ufs.rename_file(&path("f"), &path("g")).await.is_err());
    fail_twice(Operation::Delete);
    assert!(ufs.delete_file(&path("f")).await.is_err());
    fail_twice(Operation::Create);
    assert!(ufs.create(&path("h"), CreateOptions::default()).await.is_err());
    // Bounded, and only where it may help.
    faulty.heal();
    faulty.inject(Fault::fail(Operation::Status, UfsErrorKind::Unavailable));
    assert_eq!(ufs.status(&path("f")).await.unwrap_err().kind(), UfsErrorKind::Unavailable);
    faulty.heal();
    faulty.inject(Fault::fail(Operation::Status, UfsErrorKind::PermissionDenied).times(1));
    assert_eq!(ufs.status(&path("f")).await.unwrap_err().kind(), UfsErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_listing_goes_on_behind_the_page_before_the_one_that_failed() {
    let (folder, faulty) = faulty();
    for name in ["a", "b", "c", "d", "e"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let ufs = Layered::new(Arc::new(faulty.clone()), Repetition);
    for failing in 0..4 {
        faulty.heal();
        faulty.inject(Fault::fail(Operation::List, UfsErrorKind::Unavailable).after(failing).times(2));
        let options = ListOptions { limit: 2, ..ListOptions::default() };
        let mut lister = ufs.list(&UfsPath::root(), options).await.unwrap();
        let mut names = Vec::new();
        while let Some(page) = lister.next().await.unwrap() {
            names.extend(page.entries.into_iter().map(|entry| entry.path.to_string()));
        }
        assert_eq!(names, ["a", "b", "c", "d", "e"], "after {failing} pages");
    }
}

#[tokio::test]
async fn only_looks_are_given_up() {
    let (folder, faulty) = faulty();
    std::fs::write(folder.path().join("f"), "x").unwrap();
    let ufs = Layered::new(Arc::new(faulty.clone()), TimeLimit::of(Duration::from_millis(50)));
    faulty.inject(Fault::delay(Operation::Status, Duration::from_secs(60)));
    faulty.inject(Fault::delay(Operation::Delete, Duration::from_millis(200)));
    let late = ufs.status(&path("f")).await.unwrap_err();
    assert_eq!(late.kind(), UfsErrorKind::Unavailable);
    assert!(late.to_string().ends_with("/f: the under storage has not answered for 50ms"), "{late}");
    assert!(ufs.delete_file(&path("f")).await.unwrap());
}

#[tokio::test]
async fn no_more_calls_than_allowed_are_under_way() {
    let (_folder, faulty) = faulty();
    faulty.inject(Fault::delay(Operation::Status, Duration::from_millis(20)));
    let counted = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let counter = Counting { now: counted, most: most.clone() };
    let inner = Arc::new(Layered::new(Arc::new(faulty), counter));
    let ufs = Layered::new(inner, Limit::new(3));
    let (ufs, a) = (&ufs, &path("a"));
    futures::future::try_join_all((0..10).map(async |_| ufs.status(a).await)).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

/// Remembers how many calls were under way at a time.
#[derive(Clone, Debug)]
struct Counting {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Layer for Counting {
    async fn once<T: Send>(
        &self,
        _: Call<'_>,
        made: impl Future<Output = crate::Result<T>> + Send,
    ) -> crate::Result<T> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let done = made.await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        done
    }
}

#[tokio::test]
async fn calls_are_counted_once_however_often_they_are_tried() {
    let (folder, faulty) = faulty();
    std::fs::write(folder.path().join("f"), "x").unwrap();
    let metrics = Metrics::master();
    let ufs = around(Arc::new(faulty.clone()), false, &Configuration::defaults(), &metrics);
    faulty.inject(Fault::fail(Operation::Status, UfsErrorKind::Unavailable).times(1));
    ufs.status(&path("f")).await.unwrap();
    faulty.inject(Fault::fail(Operation::Status, UfsErrorKind::Io).times(1));
    ufs.status(&path("f")).await.unwrap_err();
    let address = alluxio_telemetry::metrics::escape_tag(&ufs.uri().to_string());
    let tags = [("UFS", address.as_str()), ("UFS_TYPE", "local")];
    assert_eq!(metrics.own_tagged_timer("Master.GetStatus", &tags).count(), 2);
    assert_eq!(metrics.own_tagged_counter("Master.GetStatusFailures", &tags).get(), 1);
}

#[tokio::test]
async fn whoever_uses_a_store_is_counted_as_long() {
    let (folder, ufs) = local();
    std::fs::write(folder.path().join("f"), "x").unwrap();
    let metrics = Metrics::master();
    let ufs = around(ufs, false, &Configuration::defaults(), &metrics);
    let address = alluxio_telemetry::metrics::escape_tag(&ufs.uri().to_string());
    let sessions = metrics.own_counter(&format!("Master.UfsSessionCount-Ufs:{address}"));
    let reader = ufs.open(&path("f"), 0, None).await.unwrap();
    let writer = ufs.create(&path("g"), CreateOptions::default()).await.unwrap();
    assert_eq!(sessions.get(), 2);
    drop(reader);
    writer.close().await.unwrap();
    ufs.status(&path("g")).await.unwrap();
    assert_eq!(sessions.get(), 0);
}
