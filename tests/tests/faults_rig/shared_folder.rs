//! The rig's shared folder: what NFS does to its clients, and what a test can do to them besides.

#![expect(clippy::unwrap_used, reason = "a test's own set-up")]

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use alluxio_tests::{
    shared_folder::{Act, Call, SharedFolder},
    waiting::wait_until,
};

const LIMIT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

struct Two {
    one: SharedFolder,
    two: SharedFolder,
    server: PathBuf,
    _folder: tempfile::TempDir,
}

fn two() -> Two {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("server");
    fs::create_dir(&server).unwrap();
    let mount = |name| SharedFolder::mount(&server, &folder.path().join(name), LONG).unwrap();
    Two { one: mount("one"), two: mount("two"), server, _folder: folder }
}

#[test]
fn what_one_writes_the_other_reads_when_it_opens() {
    let Two { one, two, server, _folder } = two();
    let (mine, theirs) = (one.path().join("file"), two.path().join("file"));
    fs::write(&mine, "first").unwrap();
    assert_eq!(fs::metadata(&theirs).unwrap().len(), 5);
    let mut open = fs::File::options().append(true).open(&mine).unwrap();
    open.write_all(b" second").unwrap();
    open.sync_data().unwrap();
    assert_eq!(fs::read_to_string(server.join("file")).unwrap(), "first second");
    // Its length is remembered; an open asks.
    assert_eq!(fs::metadata(&theirs).unwrap().len(), 5);
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "first second");
    fs::rename(&mine, one.path().join("other")).unwrap();
    fs::hard_link(one.path().join("other"), one.path().join("link")).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(two.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["link", "other"]);
    fs::remove_file(one.path().join("link")).unwrap();
    fs::create_dir(one.path().join("folder")).unwrap();
    fs::File::open(one.path().join("folder")).unwrap().sync_all().unwrap();
    fs::remove_dir(one.path().join("folder")).unwrap();
}

#[test]
fn what_is_not_there_is_remembered() {
    let Two { one, two, server: _, _folder } = two();
    let theirs = two.path().join("later");
    assert!(!theirs.exists());
    fs::write(one.path().join("later"), "x").unwrap();
    assert!(!theirs.exists(), "it was asked again");
    // A creation is not decided by what is remembered.
    let refused = fs::File::options().write(true).create_new(true).open(&theirs);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn a_lock_holds_for_all_mounts() {
    let Two { one, two, server: _, _folder } = two();
    fs::write(one.path().join("lock"), "").unwrap();
    let mine = fs::File::open(one.path().join("lock")).unwrap();
    let theirs = fs::File::open(two.path().join("lock")).unwrap();
    mine.try_lock().unwrap();
    assert!(matches!(theirs.try_lock(), Err(fs::TryLockError::WouldBlock)));
    drop(mine);
    wait_until(LIMIT, "the lock is free", || Ok(theirs.try_lock().is_ok())).unwrap();
}

#[test]
fn calls_fail_are_late_or_held_as_told() {
    let Two { one, two, server, _folder } = two();
    let mut file = fs::File::create(one.path().join("file")).unwrap();
    one.set(&[Call::Sync], Act::Fail(nix::errno::Errno::EIO));
    file.write_all(b"written").unwrap();
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(nix::libc::EIO));
    one.set(&[Call::Sync], Act::Late(SHORT));
    let began = Instant::now();
    file.sync_data().unwrap();
    assert!(began.elapsed() >= SHORT);

    one.cut();
    let (sender, done) = mpsc::channel();
    thread::spawn(move || sender.send(file.write_all(b" late").map_err(|error| error.kind())));
    wait_until(LIMIT, "the write is held", || Ok(one.held() > 0)).unwrap();
    // Only this one's.
    let mut text = String::new();
    fs::File::open(two.path().join("file")).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "written");
    assert!(done.try_recv().is_err(), "it was not held");
    one.heal();
    assert_eq!(done.recv_timeout(LIMIT), Ok(Ok(())));
    assert_eq!(fs::read_to_string(server.join("file")).unwrap(), "written late");
}
