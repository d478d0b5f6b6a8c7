//! The command on a local folder.

use serde_json::Value;

use super::*;
use crate::output::Captured;

struct Place {
    folder: tempfile::TempDir,
    conf: Configuration,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal").display().to_string();
    let conf = Configuration::defaults().with(&[("alluxio.master.journal.folder", &*journal)]).unwrap();
    Place { folder, conf }
}

impl Place {
    async fn run(&self, line: &str) -> (ExitStatus, Value) {
        let captured = Captured::default();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let status = run(&words, &self.conf, &captured.output()).await.unwrap();
        let text = captured.text();
        (status, serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or(Value::Null))
    }
}

const CLAIM: &str = "claim --owner ns/a --uid 1";

#[tokio::test]
async fn a_journal_is_made_kept_and_removed() {
    let place = place();
    assert_eq!(place.run("show").await.1["outcome"], "absent");
    let (status, made) = place.run(CLAIM).await;
    assert_eq!((status, made["outcome"].as_str()), (SUCCESS, Some("formatted")));
    let id = made["clusterId"].as_str().unwrap().to_owned();
    let (status, again) = place.run(&format!("{CLAIM} --known {id}")).await;
    assert_eq!((status, again["outcome"].as_str()), (SUCCESS, Some("adopted")));
    assert_eq!(again["clusterId"], id.as_str());

    let (status, other) = place.run("claim --owner ns/b --uid 9").await;
    assert_eq!((status, other["outcome"].as_str()), (FAILURE, Some("foreign")));
    assert_eq!(other["clusterId"], id.as_str());

    let (status, left) = place.run(&format!("remove --owner ns/b --cluster {id}")).await;
    assert_eq!((status, left["outcome"].as_str()), (FAILURE, Some("foreign")));
    let (status, removed) = place.run(&format!("remove --owner ns/a --cluster {id}")).await;
    assert_eq!((status, removed["outcome"].as_str()), (SUCCESS, Some("removed")));
    let (status, absent) = place.run(&format!("remove --owner ns/a --cluster {id}")).await;
    assert_eq!((status, absent["outcome"].as_str()), (SUCCESS, Some("absent")));

    let (status, missing) = place.run(&format!("{CLAIM} --known {id}")).await;
    assert_eq!((status, missing["outcome"].as_str()), (FAILURE, Some("missing")));
    assert_eq!(place.run("show").await.1["outcome"], "absent");
}

#[tokio::test]
async fn the_answer_is_in_the_report_too() {
    let place = place();
    let report = place.folder.path().join("report");
    let (_, made) = place.run(&format!("{CLAIM} --report {}", report.display())).await;
    let read: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(read, made);
}

#[tokio::test]
async fn a_wrong_call_says_what_is_missing() {
    let place = place();
    let wrong = async |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        run(&words, &place.conf, &Captured::default().output()).await.unwrap_err().to_string()
    };
    assert!(wrong("claim --owner ns/a").await.contains("--uid is missing"));
    assert!(wrong("remove --owner ns/a").await.contains("--cluster is missing"));
    assert!(wrong("claim --owner ns/a --uid 1 --adopt x").await.contains("write the id of a cluster"));
    assert_eq!(place.run("other").await.0, FAILURE);
}

/// Staging and production on two Kubernetes: the same object, the same folder.
#[tokio::test]
async fn a_journal_in_use_is_not_taken_over_by_one_of_the_same_name() {
    let place = place();
    let (_, made) = place.run(CLAIM).await;
    let id = made["clusterId"].as_str().unwrap().to_owned();
    let store = journal_folder::open(&place.conf).unwrap();
    let master = store.hold().await.unwrap();
    for line in ["claim --owner ns/a --uid 2".to_owned(), format!("claim --owner ns/b --uid 2 --adopt {id}")]
    {
        let (status, refused) = place.run(&line).await;
        assert_eq!((status, refused["outcome"].as_str()), (FAILURE, Some("foreign")), "{line}");
        assert!(refused["message"].as_str().unwrap().contains("in use by process"), "{refused}");
    }
    // It is this object's: its masters may run.
    assert_eq!(place.run(CLAIM).await.1["outcome"], "adopted");

    // Those of an earlier object of the name end just now.
    let ends = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(master);
    };
    let ((status, taken), ()) = tokio::join!(place.run("claim --owner ns/a --uid 2 --wait 60"), ends);
    assert_eq!((status, taken["outcome"].as_str()), (SUCCESS, Some("adopted")));
    assert_eq!(taken["clusterId"], id.as_str());
}

#[tokio::test]
async fn a_deletion_that_was_cut_short_is_finished() {
    let place = place();
    let (_, made) = place.run(CLAIM).await;
    let id = made["clusterId"].as_str().unwrap().to_owned();
    let journal = place.folder.path().join("journal");
    let marker = journal.join("format");
    let half = || {
        let text = std::fs::read_to_string(&marker).unwrap().replace("cluster=", "deleting=");
        std::fs::write(&marker, text).unwrap();
        std::fs::create_dir_all(journal.join("terms/1")).unwrap();
        std::fs::write(journal.join("terms/1/00000001.log"), "left").unwrap();
    };
    half();
    assert_eq!(place.run("show").await.1["outcome"], "deleting");
    assert_eq!(place.run("claim --owner ns/b --uid 9").await.1["outcome"], "foreign");
    assert_eq!(place.run(&format!("remove --owner ns/b --cluster {id}")).await.1["outcome"], "foreign");
    assert_eq!(place.run(&format!("remove --owner ns/a --cluster {id}")).await.1["outcome"], "removed");
    assert!(!marker.exists() && !journal.join("terms/1/00000001.log").exists());

    place.run(CLAIM).await;
    half();
    let (status, made) = place.run("claim --owner ns/a --uid 2").await;
    assert_eq!((status, made["outcome"].as_str()), (SUCCESS, Some("formatted")));
    assert!(!journal.join("terms/1/00000001.log").exists());
}

/// An object whose image was set back is deleted: the Job's release cannot read what the later one wrote.
#[tokio::test]
async fn a_journal_of_a_later_format_is_shown_and_removed_and_not_taken() {
    let place = place();
    let (_, made) = place.run(CLAIM).await;
    let id = made["clusterId"].as_str().unwrap().to_owned();
    let term = place.folder.path().join("journal/terms/1");
    let segment = term.join("00000001.log");
    std::fs::create_dir_all(&term).unwrap();
    let mut header = b"ALXJRNL\0".to_vec();
    header.extend((FORMAT_VERSION + 1).to_le_bytes());
    header.resize(128, 0);
    std::fs::write(&segment, header).unwrap();
    let words: Vec<String> = CLAIM.split(' ').map(str::to_owned).collect();
    let refused = run(&words, &place.conf, &Captured::default().output()).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("has journal format {}", FORMAT_VERSION + 1)), "{refused}");
    let (status, foreign) = place.run("claim --owner ns/b --uid 9").await;
    assert_eq!((status, foreign["outcome"].as_str()), (FAILURE, Some("foreign")));
    let (status, shown) = place.run("show").await;
    assert_eq!((status, shown["outcome"].as_str()), (SUCCESS, Some("present")));
    assert_eq!(shown["clusterId"], id.as_str());
    let (status, removed) = place.run(&format!("remove --owner ns/a --cluster {id}")).await;
    assert_eq!((status, removed["outcome"].as_str()), (SUCCESS, Some("removed")));
    assert!(!segment.exists());
}

#[tokio::test]
async fn whoever_names_a_journal_gets_no_empty_one() {
    let place = place();
    let (status, missing) = place.run(&format!("{CLAIM} --adopt {}", Uuid::from_u128(7))).await;
    assert_eq!((status, missing["outcome"].as_str()), (FAILURE, Some("missing")));
    assert_eq!(place.run("show").await.1["outcome"], "absent");
}

#[tokio::test]
async fn what_this_release_reads_is_told_without_a_journal() {
    let conf = Configuration::defaults()
        .with(&[("alluxio.master.journal.folder", "hdfs://nobody.invalid:1/journal")])
        .unwrap();
    let place = Place { folder: tempfile::tempdir().unwrap(), conf };
    let (status, told) = place.run("reads").await;
    assert_eq!((status, told["outcome"].as_str()), (SUCCESS, Some("reads")));
    assert_eq!(told["readsFormat"], FORMAT_VERSION);
}
