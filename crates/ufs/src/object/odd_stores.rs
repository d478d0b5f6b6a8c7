//! Tests with stores that answer oddly: one that copies nothing and lists no tags (as Huawei's lists none), one that
//! answers before it has copied, one whose copies have tags of their own (Azure's both).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opendal::layers::RetryLayer;
use opendal::services::{Azblob, Memory};
use opendal::{Builder, Operator};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ObjectUfs;
use super::gate::Gate;
use super::http::Connections;
use super::store::{Rules, Store};
use crate::error::{Result, UfsErrorKind};
use crate::listing::ListOptions;
use crate::options::CreateOptions;
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::under_fs::UnderFs;
use crate::uri::UfsUri;

fn ufs(uri: &str, ufs_type: &'static str, service: impl Builder) -> ObjectUfs {
    let objects = Operator::new(service).unwrap();
    let context = objects.context().with_http_transport(Connections::default().open().unwrap());
    let retries = RetryLayer::new().with_max_times(2).with_min_delay(Duration::from_millis(1));
    let rules = Rules {
        mode: 0o700,
        bulk_delete: true,
        keep_folders: true,
        skip_parents: false,
        part_size: 8 << 20,
        real_folders: false,
        copy_limit: 3,
        copied_within: Duration::from_millis(1_200),
        absent_version: None,
    };
    let objects = objects.with_context(context).layer(retries);
    let uri = UfsUri::parse(uri).unwrap();
    ObjectUfs { store: Arc::new(Store { uri, ufs_type, objects, rules, gate: Gate::default() }) }
}

fn path(text: &str) -> UfsPath {
    UfsPath::parse(text).unwrap()
}

async fn write(ufs: &ObjectUfs, at: &str, content: &'static [u8]) -> Result<UfsStatus> {
    let mut writer = ufs.create(&path(at), CreateOptions::default()).await?;
    writer.write(Bytes::from_static(content)).await?;
    writer.close().await
}

async fn list(ufs: &ObjectUfs) -> Vec<UfsStatus> {
    let mut lister = ufs.list(&UfsPath::root(), ListOptions::recursive()).await.unwrap();
    let mut all = Vec::new();
    while let Some(page) = lister.next().await.unwrap() {
        all.extend(page.entries);
    }
    all
}

#[tokio::test]
async fn what_the_store_does_not_copy_is_read_and_written() {
    let ufs = ufs("obs://b/", "obs", Memory::default());
    write(&ufs, "folder/sub/long", b"longer than the limit").await.unwrap();
    ufs.rename_directory(&path("folder"), &path("other")).await.unwrap();
    ufs.rename_file(&path("other/sub/long"), &path("file")).await.unwrap();
    let names: Vec<String> = list(&ufs).await.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["file", "other", "other/sub"]);
    assert_eq!(ufs.read_range(&path("file"), 0, 100).await.unwrap()[..], b"longer than the limit"[..]);

    // What fits into one request is the store's to copy, and this one cannot.
    write(&ufs, "short", b"123").await.unwrap();
    let refused = ufs.rename_file(&path("short"), &path("new")).await.unwrap_err();
    assert_eq!(refused.kind(), UfsErrorKind::Unsupported);
    assert!(ufs.status(&path("short")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_listing_without_tags_tells_what_a_look_tells() {
    let ufs = ufs("obs://b/", "obs", Memory::default());
    for (at, content) in [("a", &b"1"[..]), ("b/c", b"22"), ("b/d", b"333")] {
        write(&ufs, at, content).await.unwrap();
    }
    let all = list(&ufs).await;
    assert_eq!(all.iter().map(|entry| entry.length).collect::<Vec<_>>(), [1, 0, 2, 3]);
    for entry in all {
        assert_eq!(ufs.status(&entry.path).await.unwrap(), Some(entry));
    }
}

/// Takes one request a connection, and answers what its first line calls for.
async fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                if near.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let answer = answer(head.lines().next().unwrap_or_default());
            near.write_all(answer.as_bytes()).await.ok();
        }
    });
    at
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n{body}")
}

fn object(length: usize, tag: &str) -> String {
    let time = "Last-Modified: Thu, 26 Nov 2026 00:00:00 GMT\r\n";
    answer("200 OK", &format!("{time}ETag: \"{tag}\"\r\nContent-Length: {length}\r\n"), "")
}

fn missing() -> String {
    answer("404 Not Found", "x-ms-error-code: BlobNotFound\r\nContent-Length: 0\r\n", "")
}

const NOTHING_LISTED: &str =
    "<?xml version=\"1.0\"?><EnumerationResults><Blobs></Blobs><NextMarker/></EnumerationResults>";

/// A container with the object `from`, whose content is "abc".
async fn azure(
    to: impl Fn(usize) -> String + Send + Sync + 'static,
    copied: impl Fn() -> String + Send + Sync + 'static,
    content: &'static str,
) -> (ObjectUfs, Arc<Mutex<Vec<String>>>) {
    azure_with(|_| object(3, "0x1"), to, copied, content).await
}

/// `from` and `to` tell what stands there when it is looked at, by how often it was before; `copied` answers a request to copy.
async fn azure_with(
    from: impl Fn(usize) -> String + Send + Sync + 'static,
    to: impl Fn(usize) -> String + Send + Sync + 'static,
    copied: impl Fn() -> String + Send + Sync + 'static,
    content: &'static str,
) -> (ObjectUfs, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (looks, before, log) = (AtomicUsize::new(0), AtomicUsize::new(0), seen.clone());
    let at = serve(move |line| {
        log.lock().push(line.to_owned());
        match line.split_whitespace().take(2).collect::<Vec<_>>()[..] {
            ["HEAD", "/c/from"] => from(before.fetch_add(1, Ordering::Relaxed)),
            ["HEAD", "/c/to"] => to(looks.fetch_add(1, Ordering::Relaxed)),
            ["GET", "/c/from"] => object(3, "0x1") + "abc",
            ["GET", "/c/to"] => object(3, "0x2") + content,
            ["GET", _] => {
                answer("200 OK", &format!("Content-Length: {}\r\n", NOTHING_LISTED.len()), NOTHING_LISTED)
            }
            ["PUT", "/c/to"] => copied(),
            ["DELETE", _] => answer("202 Accepted", "Content-Length: 0\r\n", ""),
            _ => answer("400 Bad Request", "Content-Length: 0\r\n", ""),
        }
    })
    .await;
    let service = Azblob::default()
        .container("c")
        .endpoint(&format!("http://{at}"))
        .account_name("account")
        .account_key("c2VjcmV0");
    (ufs("wasb://c@account/", "wasb", service), seen)
}

fn accepted() -> String {
    answer("202 Accepted", "x-ms-copy-status: pending\r\nContent-Length: 0\r\n", "")
}

fn is_deleted(seen: &Mutex<Vec<String>>) -> bool {
    seen.lock().iter().any(|line| line.starts_with("DELETE"))
}

#[tokio::test]
async fn the_old_name_stays_until_the_copy_is_whole() {
    let slow = |looks| match looks {
        0 => missing(),
        1 | 2 => object(0, "0x2"),
        _ => object(3, "0x2"),
    };
    let (ufs, seen) = azure(slow, accepted, "abc").await;
    ufs.rename_file(&path("from"), &path("to")).await.unwrap();
    assert!(is_deleted(&seen));
    assert_eq!(seen.lock().iter().filter(|line| line.starts_with("HEAD /c/to")).count(), 4);

    let never = |looks| if looks == 0 { missing() } else { object(0, "0x2") };
    let (ufs, seen) = azure(never, accepted, "abc").await;
    let error = ufs.rename_file(&path("from"), &path("to")).await.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::Unavailable);
    assert!(error.to_string().contains("has not copied all of its 3 bytes"), "{error}");
    assert!(!is_deleted(&seen), "{seen:?}");
}

/// The answer to the first request was lost; the tag of a copy is another one than that of the original.
#[tokio::test]
async fn a_copy_is_known_by_its_content_where_tags_differ() {
    let exists = || answer("409 Conflict", "x-ms-error-code: BlobAlreadyExists\r\nContent-Length: 0\r\n", "");
    let there = |looks| if looks == 0 { missing() } else { object(3, "0x2") };
    let (ufs, seen) = azure(there, exists, "abc").await;
    ufs.rename_file(&path("from"), &path("to")).await.unwrap();
    assert!(is_deleted(&seen));

    let (ufs, seen) = azure(there, exists, "abx").await;
    let error = ufs.rename_file(&path("from"), &path("to")).await.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::AlreadyExists);
    assert!(!is_deleted(&seen), "{seen:?}");
}

#[tokio::test]
async fn what_is_written_again_while_it_is_copied_stays() {
    let replaced = |looks| object(3, if looks == 0 { "0x1" } else { "0x3" });
    let there = |looks| if looks == 0 { missing() } else { object(3, "0x2") };
    let (ufs, seen) = azure_with(replaced, there, accepted, "abc").await;
    let error = ufs.rename_file(&path("from"), &path("to")).await.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::Changed);
    let seen = seen.lock();
    let deleted: Vec<_> = seen.iter().filter(|line| line.starts_with("DELETE")).collect();
    assert!(matches!(deleted[..], [line] if line.starts_with("DELETE /c/to ")), "{seen:?}");
}

/// A store whose listings tell nothing, with a folder of more files than are copied at once. While the last ones are copied
/// others write to `written`.
async fn written_while_renamed(ufs: &ObjectUfs, written: &'static str) -> Result<()> {
    for number in 0..20 {
        write(ufs, &format!("folder/{number:02}"), b"the old content").await.unwrap();
    }
    let (objects, once) = (ufs.store.objects.clone(), AtomicUsize::new(0));
    let go_on = move || {
        let copied = futures::executor::block_on(objects.exists("other/00")).unwrap();
        if copied && once.fetch_add(1, Ordering::Relaxed) == 0 {
            futures::executor::block_on(objects.write(written, "the new content")).unwrap();
        }
        true
    };
    ufs.gated(Arc::new(go_on)).rename_directory(&path("folder"), &path("other")).await
}

async fn files(ufs: &ObjectUfs) -> Vec<String> {
    let all = list(ufs).await;
    all.iter().filter(|entry| !entry.is_dir).map(|entry| entry.path.to_string()).collect()
}

#[tokio::test]
async fn without_tags_and_times_the_content_tells_what_was_written_again() {
    let ufs = ufs("obs://b/", "obs", Memory::default());
    written_while_renamed(&ufs, "folder/00").await.unwrap();
    let files = files(&ufs).await;
    assert_eq!((files[0].as_str(), files.len()), ("folder/00", 21), "{files:?}");
    assert_eq!(ufs.read_range(&path("folder/00"), 0, 100).await.unwrap()[..], b"the new content"[..]);
}

#[tokio::test]
async fn what_replaced_a_copy_stays_when_copies_are_taken_back() {
    let ufs = ufs("obs://b/", "obs", Memory::default());
    // It fits into a request to copy, which this store does not know.
    write(&ufs, "folder/20", b"123").await.unwrap();
    written_while_renamed(&ufs, "other/00").await.unwrap_err();
    let files = files(&ufs).await;
    assert_eq!((files[21..].to_vec(), files.len()), (vec!["other/00".to_owned()], 22), "{files:?}");
    assert_eq!(ufs.read_range(&path("other/00"), 0, 100).await.unwrap()[..], b"the new content"[..]);
}

#[tokio::test]
async fn of_two_that_create_an_empty_file_one_is_first() {
    let ufs = ufs("s3://b/", "s3", Memory::default());
    let create = async || ufs.create(&path("lock"), CreateOptions::default()).await.unwrap();
    let (first, second) = (create().await, create().await);
    first.close().await.unwrap();
    assert_eq!(second.close().await.unwrap_err().kind(), UfsErrorKind::AlreadyExists);
}
