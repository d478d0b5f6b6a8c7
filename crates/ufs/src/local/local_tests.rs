//! What is particular to local folders: links, special files, odd names, rights, failing devices.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use alluxio_conf::Configuration;
use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::listing::{ListPage, listing_key};
use crate::options::Attributes;
use crate::temporary::is_temporary_name;

const SKIP_BROKEN_LINKS: &str = "alluxio.underfs.local.skip.broken.symlinks";

fn mounted(properties: &[(&str, &str)]) -> (TempDir, LocalUfs) {
    let folder = tempfile::tempdir().unwrap();
    let uri = UfsUri::parse(folder.path().to_str().unwrap()).unwrap();
    let options = properties.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let conf = MountConf::new(&Configuration::defaults(), &DRIVER, &uri, &options).unwrap();
    (folder, LocalUfs::new(uri, &conf))
}

fn path(text: &str) -> UfsPath {
    UfsPath::parse(text).unwrap()
}

async fn pages(ufs: &LocalUfs, options: ListOptions) -> Result<Vec<ListPage>> {
    let mut lister = ufs.list(&UfsPath::root(), options).await?;
    let mut pages = Vec::new();
    while let Some(page) = lister.next().await? {
        pages.push(page);
    }
    Ok(pages)
}

async fn keys(ufs: &LocalUfs, options: ListOptions) -> Result<Vec<String>> {
    let entries = pages(ufs, options).await?.into_iter().flat_map(|page| page.entries);
    Ok(entries.map(|entry| listing_key(entry.path.as_str(), entry.is_dir)).collect())
}

#[tokio::test]
async fn links_are_followed_but_deleted_themselves() {
    let (folder, ufs) = mounted(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("file"), "outside").unwrap();
    symlink(elsewhere.path(), folder.path().join("folder")).unwrap();
    symlink(elsewhere.path().join("file"), folder.path().join("link")).unwrap();

    assert_eq!(keys(&ufs, ListOptions::recursive()).await.unwrap(), ["folder/", "folder/file", "link"]);
    assert_eq!(ufs.status(&path("link")).await.unwrap().unwrap().length, 7);
    assert_eq!(ufs.read_range(&path("folder/file"), 0, 99).await.unwrap(), "outside");

    let kept = ufs.delete_directory(&path("folder"), false).await.unwrap_err();
    assert_eq!(kept.kind(), UfsErrorKind::DirectoryNotEmpty);
    ufs.rename_file(&path("link"), &path("moved")).await.unwrap();
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    ufs.create(&path("moved"), options).await.unwrap().close().await.unwrap();
    assert!(ufs.delete_file(&path("moved")).await.unwrap());
    assert!(ufs.delete_directory(&path("folder"), true).await.unwrap());
    assert_eq!(fs::read(elsewhere.path().join("file")).unwrap(), b"outside");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn recursive_deletes_do_not_leave_the_folder() {
    let (folder, ufs) = mounted(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("file"), "outside").unwrap();
    fs::create_dir(folder.path().join("top")).unwrap();
    symlink(elsewhere.path(), folder.path().join("top/link")).unwrap();
    assert!(ufs.delete_directory(&path("top"), true).await.unwrap());
    assert!(elsewhere.path().join("file").exists());
}

#[tokio::test]
async fn circles_of_links_end() {
    let (folder, ufs) = mounted(&[]);
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    symlink("..", folder.path().join("a/b/up")).unwrap();
    let listed =
        tokio::time::timeout(std::time::Duration::from_secs(20), keys(&ufs, ListOptions::recursive()));
    assert_eq!(listed.await.unwrap().unwrap(), ["a/", "a/b/", "a/b/up/"]);
}

#[tokio::test]
async fn broken_links_fail_a_listing_or_are_skipped() {
    for (skip, property) in [(false, vec![]), (true, vec![(SKIP_BROKEN_LINKS, "true")])] {
        let (folder, ufs) = mounted(&property);
        symlink("nowhere", folder.path().join("broken")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let listed = keys(&ufs, ListOptions::default()).await;
        if skip {
            assert_eq!(listed.unwrap(), ["file"]);
        } else {
            let error = listed.unwrap_err();
            assert_eq!(error.kind(), UfsErrorKind::BrokenLink);
            assert!(error.to_string().contains(SKIP_BROKEN_LINKS), "{error}");
        }
        assert_eq!(ufs.status(&path("broken")).await.unwrap(), None);
        assert_eq!(ufs.status(&path("loop")).await.unwrap_err().kind(), UfsErrorKind::BrokenLink);
    }
}

#[tokio::test]
async fn special_files_do_not_exist_and_are_not_replaced() {
    let (folder, ufs) = mounted(&[]);
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    assert!(keys(&ufs, ListOptions::recursive()).await.unwrap().is_empty());
    assert_eq!(ufs.status(&path("pipe")).await.unwrap(), None);
    // Not waiting for a writer of the pipe.
    let error = ufs.open(&path("pipe"), 0, None).await.err().unwrap();
    assert_eq!(error.kind(), UfsErrorKind::NotFound);
    let options = CreateOptions { overwrite: true, ..CreateOptions::default() };
    let error = ufs.create(&path("pipe"), options).await.err().unwrap();
    assert_eq!(error.kind(), UfsErrorKind::AlreadyExists);
}

#[tokio::test]
async fn names_that_are_no_text_are_told() {
    let (folder, ufs) = mounted(&[]);
    fs::create_dir(folder.path().join("sub")).unwrap();
    for name in [&b"bad\xff"[..], b"sub/\xfe\xfe"] {
        fs::write(folder.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    fs::write(folder.path().join("good"), "").unwrap();
    let pages = pages(&ufs, ListOptions { limit: 1, ..ListOptions::recursive() }).await.unwrap();
    let entries: Vec<&str> =
        pages.iter().flat_map(|page| &page.entries).map(|entry| entry.path.as_str()).collect();
    assert_eq!(entries, ["good", "sub"]);
    let unreadable: Vec<&str> = pages.iter().flat_map(|page| &page.unreadable).map(String::as_str).collect();
    assert_eq!(unreadable, ["bad\u{fffd}", "sub/\u{fffd}\u{fffd}"]);
    assert_eq!(pages.iter().map(|page| page.unreadable_total).sum::<u64>(), 2);
    assert!(ufs.delete_directory(&path("sub"), true).await.unwrap());
    assert!(!folder.path().join("sub").exists());
}

#[tokio::test]
async fn a_delete_of_many_steps_stops_where_it_may_not_go_on() {
    let (folder, ufs) = mounted(&[]);
    fs::create_dir_all(folder.path().join("d/sub")).unwrap();
    fs::create_dir(folder.path().join("kept")).unwrap();
    fs::write(folder.path().join("kept/file"), "").unwrap();
    symlink(folder.path().join("kept"), folder.path().join("d/link")).unwrap();
    for number in 0..20 {
        fs::write(folder.path().join(format!("d/sub/f{number}")), "").unwrap();
    }
    // More than are in memory at a time.
    fs::create_dir(folder.path().join("many")).unwrap();
    for number in 0..2_500 {
        fs::write(folder.path().join(format!("many/f{number}")), "").unwrap();
    }
    assert!(ufs.delete_directory(&path("many"), true).await.unwrap());
    assert!(!folder.path().join("many").exists());
    let steps = Arc::new(AtomicU32::new(0));
    let asked = steps.clone();
    let ten: GoOn = Arc::new(move || asked.fetch_add(1, Ordering::SeqCst) < 10);
    let stopped = ufs.gated(ten).delete_directory(&path("d"), true).await.unwrap_err();
    assert_eq!(stopped.kind(), UfsErrorKind::Unavailable);
    assert_eq!(steps.load(Ordering::SeqCst), 11, "it went on after a no");
    let left = fs::read_dir(folder.path().join("d/sub")).unwrap().count();
    assert!((10..=11).contains(&left), "{left} of 20 are left");
    assert!(ufs.delete_directory(&path("d"), true).await.unwrap());
    assert!(!folder.path().join("d").exists());
    assert!(folder.path().join("kept/file").exists(), "what a link points to is not deleted");
    assert!(!ufs.delete_directory(&path("d"), true).await.unwrap());
}

#[tokio::test]
async fn what_may_not_begin_changes_nothing() {
    let (folder, ufs) = mounted(&[]);
    fs::write(folder.path().join("f"), "x").unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let begun = ufs.gated(Arc::new(|| true)).create(&path("n"), CreateOptions::default()).await.unwrap();
    begun.abort().await.unwrap();
    let ufs = ufs.gated(Arc::new(|| false));
    let (file, other) = (path("f"), path("g"));
    let kinds = [
        ufs.create(&other, CreateOptions::default()).await.err(),
        ufs.mkdirs(&other, MkdirsOptions::default()).await.err(),
        ufs.delete_file(&file).await.err(),
        ufs.delete_directory(&path("d"), false).await.err(),
        ufs.delete_directory(&path("d"), true).await.err(),
        ufs.rename_file(&file, &other).await.err(),
        ufs.rename_directory(&path("d"), &other).await.err(),
        ufs.set_owner(&file, Some("root"), None).await.err(),
        ufs.set_mode(&file, 0o600).await.err(),
    ];
    for error in kinds {
        assert_eq!(error.map(|error| error.kind()), Some(UfsErrorKind::Unavailable));
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["d", "f"]);
    assert!(ufs.status(&file).await.unwrap().is_some());
}

#[tokio::test]
async fn a_listing_survives_changes_under_way() {
    let (folder, ufs) = mounted(&[]);
    for number in 0..10 {
        fs::create_dir(folder.path().join(format!("d{number}"))).unwrap();
        fs::write(folder.path().join(format!("d{number}/file")), "").unwrap();
    }
    let options = ListOptions { limit: 3, ..ListOptions::recursive() };
    let mut lister = ufs.list(&UfsPath::root(), options).await.unwrap();
    assert_eq!(lister.next().await.unwrap().unwrap().entries.len(), 3);
    fs::remove_dir_all(folder.path().join("d5")).unwrap();
    fs::remove_dir_all(folder.path().join("d1")).unwrap();
    fs::write(folder.path().join("d8/late"), "").unwrap();
    let mut rest = Vec::new();
    while let Some(page) = lister.next().await.unwrap() {
        rest.extend(page.entries.into_iter().map(|entry| entry.path.to_string()));
    }
    assert!(rest.contains(&"d8/late".to_owned()), "{rest:?}");
    assert!(!rest.iter().any(|path| path.starts_with("d5")), "{rest:?}");
}

#[tokio::test]
async fn unfinished_files_of_a_crash_are_hidden_but_can_be_found() {
    let (folder, ufs) = mounted(&[]);
    let mut writer = ufs.create(&path("file"), CreateOptions::default()).await.unwrap();
    writer.write(Bytes::from_static(b"half")).await.unwrap();
    // As after kill -9: nobody cleans up.
    std::mem::forget(writer);
    assert!(keys(&ufs, ListOptions::default()).await.unwrap().is_empty());
    let options = ListOptions { include_temporary: true, ..ListOptions::default() };
    let found = keys(&ufs, options).await.unwrap();
    assert!(found.len() == 1 && is_temporary_name(&found[0]), "{found:?}");
    assert_eq!(fs::read(folder.path().join(&found[0])).unwrap(), b"half");
}

#[tokio::test]
async fn a_name_that_is_too_long_is_said_so() {
    let (_folder, ufs) = mounted(&[]);
    let long = path(&"n".repeat(300));
    for error in [
        ufs.create(&long, CreateOptions::default()).await.err().unwrap(),
        ufs.mkdirs(&long, MkdirsOptions::default()).await.unwrap_err(),
        ufs.status(&long).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), UfsErrorKind::InvalidPath, "{error}");
    }
}

#[tokio::test]
async fn a_private_file_is_private_from_the_beginning() {
    let (folder, ufs) = mounted(&[]);
    let options = CreateOptions { attributes: Attributes::mode(0o400), ..CreateOptions::default() };
    let mut writer = ufs.create(&path("file"), options).await.unwrap();
    writer.write(Bytes::from_static(b"secret")).await.unwrap();
    let temporary = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(temporary.metadata().unwrap().mode() & 0o377, 0);
    assert_eq!(writer.close().await.unwrap().mode, 0o400);
}

#[tokio::test]
async fn a_full_device_is_no_space_and_leaves_no_file() {
    let (folder, ufs) = mounted(&[]);
    let mut writer = ufs.create(&path("file"), CreateOptions::default()).await.unwrap();
    writer.write(Bytes::from_static(b"fits")).await.unwrap();
    // The kernel's own full device stands in for the temporary file's.
    let begun = write::Begun::for_test(folder.path().join("x"), path("file"), Path::new("/dev/full"));
    let mut full: Box<dyn UfsWriter> = Box::new(write::LocalWriter::new(ufs.clone(), begun));
    let error = full.write(Bytes::from_static(b"does not fit")).await.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::NoSpace);
    assert!(error.to_string().contains("no space is left"), "{error}");
    let error = full.close().await.unwrap_err();
    assert!(error.to_string().contains("can only be discarded"), "{error}");
    assert_eq!(ufs.status(&path("file")).await.unwrap(), None);
    writer.close().await.unwrap();
}

#[tokio::test]
async fn a_device_that_fails_to_read_is_io() {
    // The own process's memory file answers EIO at address 0.
    let (_folder, ufs) = mounted(&[]);
    let failure = fs::File::open("/proc/self/mem").unwrap().read_at(&mut [0], 0).unwrap_err();
    let error = ufs.folder.io(Operation::Read, &path("file"))(failure);
    assert_eq!(error.kind(), UfsErrorKind::Io, "{error}");
    assert!(error.to_string().contains("cannot read") && error.to_string().contains("os error 5"), "{error}");
}

#[tokio::test]
async fn root_gives_files_away_by_name() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (_folder, ufs) = mounted(&[]);
    let attributes =
        Attributes { owner: Some("nobody".into()), group: Some("daemon".into()), mode: Some(0o755) };
    let options = CreateOptions {
        attributes: attributes.clone(),
        parents: Some(attributes.clone()),
        ..CreateOptions::default()
    };
    let status = ufs.create(&path("a/b/file"), options).await.unwrap().close().await.unwrap();
    assert_eq!((&*status.owner, &*status.group, status.mode), ("nobody", "daemon", 0o755));
    let parent = ufs.status(&path("a")).await.unwrap().unwrap();
    assert_eq!((&*parent.owner, &*parent.group), ("nobody", "daemon"));
    assert!(ufs.set_owner(&path("a"), Some("daemon"), None).await.unwrap());
    assert_eq!(&*ufs.status(&path("a")).await.unwrap().unwrap().owner, "daemon");
    assert!(ufs.set_owner(&path("a"), Some("12345"), Some("54321")).await.unwrap());
    let parent = ufs.status(&path("a")).await.unwrap().unwrap();
    assert_eq!((&*parent.owner, &*parent.group), ("12345", "54321"));
}

#[test]
fn without_the_right_an_owner_change_is_false_and_a_closed_folder_is_permission_denied() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (folder, ufs) = mounted(&[]);
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    fs::create_dir(folder.path().join("closed")).unwrap();
    fs::set_permissions(folder.path().join("closed"), PermissionsExt::from_mode(0o700)).unwrap();
    // Rights belong to threads: one thread that ends gives up root's, the others keep them.
    let local = ufs.folder.clone();
    let without_rights = move || {
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
        let changed = local.set_owner(&path("file"), Some("daemon"), None);
        let same = local.set_owner(&path("file"), Some("root"), Some("root"));
        let inside = local.status(Operation::Status, &path("closed/file"));
        (changed, same, inside)
    };
    let (changed, same, inside) = std::thread::spawn(without_rights).join().unwrap();
    assert!(!changed.unwrap());
    assert!(same.unwrap(), "nothing to change");
    let error = inside.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::PermissionDenied);
    assert!(error.to_string().ends_with("closed/file: permission denied"), "{error}");
}

#[tokio::test]
async fn a_dropped_write_makes_the_file_unusable_not_wrong() {
    let (_folder, ufs) = mounted(&[]);
    let mut writer = ufs.create(&path("file"), CreateOptions::default()).await.unwrap();
    writer.write(Bytes::from_static(b"one")).await.unwrap();
    // All calls taken: the next write waits, and is dropped while it does.
    let taken = ufs.calls.clone().acquire_many_owned(CALLS as u32).await.unwrap();
    let waiting = writer.write(Bytes::from_static(b"two"));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), waiting).await.is_err());
    drop(taken);
    assert!(writer.write(Bytes::from_static(b"three")).await.is_err());
    assert!(writer.close().await.is_err());
    assert_eq!(ufs.status(&path("file")).await.unwrap(), None);
}
