//! What is no backup, or not one for this journal.

use super::*;

/// What a start from this backup says.
async fn refusal(rig: &Rig, backup: &str) -> String {
    rig.with_backup(backup).await.err().expect("it starts").to_string()
}

#[tokio::test]
async fn what_is_no_backup_is_told() {
    let rig = Rig::new();
    let told = async |backup: &str, expected: &[&str]| {
        let text = refusal(&rig, backup).await;
        for expected in expected {
            assert!(text.contains(expected), "{text}");
        }
    };
    told(&rig.path("nothing.gz"), &["there is no backup", "nothing.gz"]).await;
    told("nothing.gz", &["cannot be taken for a backup"]).await;

    let text = rig.path("text.gz");
    std::fs::write(&text, "hello, here are some letters").unwrap();
    told(&text, &["is no backup", "not compressed"]).await;
    std::fs::write(&text, "").unwrap();
    told(&text, &["text.gz"]).await;

    let root = InodeDirectoryEntry { id: Some(0), parent_id: Some(-1), ..InodeDirectoryEntry::default() };
    let root = JournalEntry { inode_directory: Some(root), ..none() };
    let whole = rig.path("whole.gz");
    write_file(&whole, &[root.clone(), directory(1, 0, "a"), directory(2, 1, "b")]);
    rig.with_backup(&whole).await.unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let torn = rig.path("torn.gz");
    for length in [bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
        std::fs::write(&torn, &bytes[..length]).unwrap();
        told(&torn, &["is torn", "torn.gz"]).await;
    }
    let mut damaged = bytes.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 1;
    std::fs::write(&torn, &damaged).unwrap();
    told(&torn, &["is damaged after 3 entries"]).await;

    let update = UpdateInodeEntry { id: Some(1), ..UpdateInodeEntry::default() };
    let unknown = JournalEntry { update_inode: Some(update), ..none() };
    write_file(&whole, &[root.clone(), unknown]);
    told(&whole, &["entry 2", "field 35 of JournalEntry (update_inode)", "Nothing was taken over"]).await;
    write_file(&whole, &[directory(1, 0, "a")]);
    told(&whole, &["holds no directory tree"]).await;

    for (wrong, expected) in [
        (vec![directory(2, 1, "b")], "comes before its directory 1"),
        (vec![directory(1, 0, "a"), directory(2, 0, "a")], "\"a\" is in directory 0 twice"),
        (vec![directory(1, 0, "a"), directory(1, 0, "b")], "inode 1 is there twice"),
        (vec![directory(1, 0, "a/b")], "has the name \"a/b\""),
        (vec![root.clone()], "two root directories"),
        (vec![of_file(InodeFileEntry { blocks: vec![1], ..file(5, 0, "f") })], "do not belong together"),
        (
            vec![of_file(file(5, 0, "f")), directory(9, alluxio_fs::ids::file_id(5), "x")],
            "before its directory",
        ),
    ] {
        let number = wrong.len() + 1;
        write_file(&whole, &[vec![root.clone()], wrong].concat());
        told(&whole, &[expected, &format!("entry {number} of the backup")]).await;
    }
}

/// Half a tree must not be served, nor filled up.
#[tokio::test]
async fn an_import_that_was_cut_off_is_found() {
    let rig = Rig::new();
    let root = InodeDirectoryEntry { id: Some(0), parent_id: Some(-1), ..InodeDirectoryEntry::default() };
    let backup = rig.path("half.gz");
    let many = (1..1_500).map(|id| directory(id, if id == 1_400 { 9_999 } else { 0 }, &format!("d{id}")));
    let entries: Vec<_> =
        std::iter::once(JournalEntry { inode_directory: Some(root), ..none() }).chain(many).collect();
    write_file(&backup, &entries);
    let store = Rig::formatted().await;
    let first = rig.open(&store, Some(&backup)).await.err().expect("it starts").to_string();
    assert!(first.contains("entry 1401") && first.contains("formatMasters"), "{first}");
    for backup in [Some(&*backup), None] {
        let error = rig.open(&store, backup).await.err().expect("half a tree is served");
        assert!(matches!(error, StartError::HalfImported { .. }), "{error}");
    }
}
