//! The driver against the stand-in: the behaviour of every under storage, and what only this one does.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluxio_conf::Configuration;
use bytes::Bytes;

use super::fake::Fake;
use crate::listing::ListOptions;
use crate::options::CreateOptions;
use crate::{UfsErrorKind, UfsPath, UnderFs, open_ufs};

fn open(fake: &Fake, path: &str) -> Arc<dyn UnderFs> {
    let key = format!("fs.azure.account.key.{}.dfs.core.windows.net", "127");
    let options = BTreeMap::from([
        (key, "c2VjcmV0".to_owned()),
        ("fs.azure.always.use.https".to_owned(), "false".to_owned()),
    ]);
    open_ufs(&Configuration::defaults(), &format!("abfs://fs@{}{path}", fake.at), &options).unwrap()
}

fn path(text: &str) -> UfsPath {
    UfsPath::parse(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_behaves() {
    let fake = Fake::start();
    let cases = [
        "files_",
        "writes_",
        "directories_",
        "listing_pages",
        "listing_recursive",
        "listing_nothing",
        "renames_",
        "attributes_",
    ];
    for (mounted, base) in [("/", "suite"), ("/some/folder", "suite")] {
        let done = crate::behaviour::run_only(&cases, open(&fake, mounted), &path(base)).await;
        assert!(done.len() > 24, "{done:?}");
    }
    let left: Vec<_> = fake.paths().into_iter().filter(|path| path.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_shown_and_what_is_missing_is_told() {
    let fake = Fake::start();
    fake.put("data/a b/ü", b"x");
    fake.put("data/c", b"content");
    let ufs = open(&fake, "/data");
    assert_eq!(ufs.ufs_type(), "abfs");
    let mut lister = ufs.list(&UfsPath::root(), ListOptions::recursive()).await.unwrap();
    let page = lister.next().await.unwrap().unwrap();
    let names: Vec<_> = page.entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["a b", "a b/ü", "c"]);
    assert_eq!(Some(&page.entries[2]), ufs.status(&path("c")).await.unwrap().as_ref());
    let print = ufs.fingerprint(&path("c")).await.unwrap().unwrap().to_string();
    assert_eq!(print, "TYPE|FILE UFS|abfs OWNER|_ GROUP|_ MODE|448 CONTENT_HASH|0x2 ");
    // The mounted folder itself.
    assert!(ufs.status(&UfsPath::root()).await.unwrap().unwrap().is_dir);
    assert!(open(&fake, "/nothing").status(&UfsPath::root()).await.unwrap().is_none());
}

/// Whoever hears that a path is missing may forget what he knows of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_system_is_no_missing_path() {
    let fake = Fake::start();
    fake.put("data/c", b"content");
    let mounts = [open(&fake, "/"), open(&fake, "/data")];
    fake.delete_file_system();
    for ufs in mounts {
        for at in [UfsPath::root(), path("c"), path("data/c")] {
            let error = ufs.status(&at).await.unwrap_err();
            assert_eq!(error.kind(), UfsErrorKind::InvalidArgument, "{at}: {error}");
            assert!(error.to_string().contains("does not exist"), "{error}");
        }
        let listed = match ufs.list(&UfsPath::root(), ListOptions::default()).await {
            Ok(mut lister) => lister.next().await.map(drop),
            Err(error) => Err(error),
        };
        assert_eq!(listed.unwrap_err().kind(), UfsErrorKind::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_begin_changes_nothing() {
    let fake = Fake::start();
    fake.put("folder/file", b"x");
    let before = fake.paths();
    let ufs = open(&fake, "/").gated(Arc::new(|| false));
    let (file, folder, other) = (path("folder/file"), path("folder"), path("other"));
    let errors = [
        ufs.create(&other, CreateOptions::default()).await.err(),
        ufs.mkdirs(&other, Default::default()).await.err(),
        ufs.delete_file(&file).await.err(),
        ufs.delete_directory(&folder, true).await.err(),
        ufs.rename_file(&file, &other).await.err(),
        ufs.rename_directory(&folder, &other).await.err(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(UfsErrorKind::Unavailable), "change {number}");
    }
    assert_eq!(fake.paths(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_took_meanwhile_is_left_to_him() {
    let fake = Fake::start();
    let ufs = open(&fake, "/");
    let mut writer = ufs.create(&path("file"), CreateOptions::default()).await.unwrap();
    writer.write(Bytes::from_static(b"ours")).await.unwrap();
    fake.put("file", b"theirs");
    assert_eq!(writer.close().await.unwrap_err().kind(), UfsErrorKind::AlreadyExists);
    assert_eq!(ufs.read_range(&path("file"), 0, 10).await.unwrap(), "theirs");
    for _ in 0..200 {
        if fake.paths() == ["file"] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(fake.paths(), ["file"], "what was written is still there after 5 s");
}
