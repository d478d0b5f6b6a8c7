use std::sync::Arc;

use alluxio_journal::{Existing, Options, Recovery, store::Store};
use alluxio_proto::journal::{BlockInfoEntry, DeleteFileEntry, JournalEntry};
use prost::Message;
use uuid::Uuid;

use super::*;
use crate::output::Captured;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn entry(id: i64) -> JournalEntry {
    if id % 2 == 0 {
        let block_info =
            Some(BlockInfoEntry { block_id: Some(id), length: Some(80), ..BlockInfoEntry::default() });
        JournalEntry { block_info, ..JournalEntry::default() }
    } else {
        let delete_file = Some(DeleteFileEntry { id: Some(id), ..DeleteFileEntry::default() });
        JournalEntry { delete_file, ..JournalEntry::default() }
    }
}

/// A journal of ten records in `folder`.
async fn written(folder: &Path) -> Arc<dyn Store> {
    let store = journal_folder::open_folder(&Configuration::defaults(), folder.to_str().unwrap()).unwrap();
    alluxio_journal::format(store.as_ref(), Uuid::new_v4(), Existing::Keep).await.unwrap();
    let mut recovery = Recovery::start(store.clone(), Options::default()).await.unwrap();
    while recovery.next().await.unwrap().is_some() {}
    let journal = recovery.finish().await.unwrap();
    for id in 1..=10 {
        let permit = journal.reserve().await.unwrap();
        permit.append(entry(id).encode_to_vec().into()).wait().await.unwrap();
    }
    journal.shutdown().await.unwrap();
    store
}

async fn read(folder: &Path, line: &str) -> (ExitStatus, String, String) {
    let seen = Captured::default();
    let out = seen.output();
    let line = format!("-inputDir {} {line}", folder.display());
    let outcome = run(&words(&line), &Configuration::defaults(), &out).await;
    (finish(&out, outcome), seen.text(), seen.errors())
}

#[tokio::test]
async fn records_are_printed_as_text() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path()).await;
    let (status, text, errors) = read(dir.path(), "-stdout").await;
    assert_eq!((status, errors.as_str()), (0, ""));
    assert_eq!(text.matches(&format!("{}\n", "-".repeat(80))).count(), 10);
    assert!(text.contains("sequence_number: 1\ndelete_file {\n  id: 1\n}\n"), "{text}");
    assert!(text.contains("block_info {\n  block_id: 10\n  length: 80\n}\n"), "{text}");
}

#[tokio::test]
async fn a_range_and_a_master_can_be_chosen() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path()).await;
    let (_, text, _) = read(dir.path(), "-stdout -start 3 -end 7").await;
    let numbers: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("sequence_number: ")).collect();
    assert_eq!(numbers, ["3", "4", "5", "6"]);
    let (_, text, _) = read(dir.path(), "-stdout -master BlockMaster").await;
    assert_eq!(text.matches("block_info {").count(), 5);
    assert!(!text.contains("delete_file"));
}

#[tokio::test]
async fn without_a_word_the_records_go_to_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, dump) = (dir.path().join("journal"), dir.path().join("dump"));
    written(&journal).await;
    let (status, text, _) = read(&journal, &format!("-outputDir {}", dump.display())).await;
    assert_eq!(status, 0);
    assert_eq!(text, format!("Dumping journal of type UFS to {}\n", dump.display()));
    let edits = std::fs::read_to_string(dump.join("edits.txt")).unwrap();
    assert_eq!(edits.matches("sequence_number").count(), 10);
}

#[tokio::test]
async fn damage_is_named_and_what_was_read_before_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, dump) = (dir.path().join("journal"), dir.path().join("dump"));
    written(&journal).await;
    let (_, whole, _) = read(&journal, "-stdout").await;
    let segment = newest_log(&journal);
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 0x40;
    std::fs::write(&segment, bytes).unwrap();

    let (status, _, errors) = read(&journal, &format!("-outputDir {}", dump.display())).await;
    assert_eq!(status, 1);
    assert!(errors.starts_with("Journal tool failed: "), "{errors}");
    assert!(errors.contains(segment.file_name().unwrap().to_str().unwrap()), "{errors}");
    assert!(errors.contains("offset") && errors.contains("record"), "{errors}");
    if let Ok(edits) = std::fs::read_to_string(dump.join("edits.txt")) {
        assert!(whole.starts_with(&edits));
    }
}

/// The largest file below the folder with the name of a segment.
fn newest_log(folder: &Path) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    let mut logs = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "log") {
                logs.push(path);
            }
        }
    }
    logs.into_iter().max_by_key(|log| log.metadata().unwrap().len()).unwrap()
}

#[tokio::test]
async fn a_folder_without_a_journal_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (status, _, errors) = read(dir.path(), "-stdout").await;
    assert_eq!(status, 1);
    assert!(errors.contains(&dir.path().display().to_string()), "{errors}");
    assert!(errors.contains("formatJournal"), "{errors}");
}

#[test]
fn wrong_options_are_named() {
    assert!(asked(&words("-start x")).unwrap_err().starts_with("-start x"));
    assert!(asked(&words("-master Nobody")).unwrap_err().contains("FileSystemMaster"));
    assert!(asked(&words("extra")).unwrap_err().starts_with("extra"));
    assert!(asked(&words("-nope")).unwrap_err().contains("Unrecognized option: -nope"));
    assert!(asked(&words("-help")).unwrap().is_none());
    let usual = asked(&[]).unwrap().unwrap();
    assert!(usual.output.unwrap().to_str().unwrap().starts_with("journal_dump-"));
    assert_eq!((usual.range.start, usual.range.end), (0, None));
}
