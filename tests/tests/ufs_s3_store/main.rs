//! The S3 under storage by itself, against a real server: the behaviour suite, what others wrote, faults, and what is
//! told of credentials.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

mod renames;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use alluxio_conf::Configuration;
use alluxio_tests::s3::{Answer, KEY_ID, Proxy, S3, SECRET, options};
use alluxio_ufs::{
    CreateOptions, ListOptions, MkdirsOptions, UfsError, UfsErrorKind, UfsPath, UnderFs, behaviour, open_ufs,
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

const BUCKET: &str = "bucket";

fn open(uri: &str, at: SocketAddr, others: &[(&str, &str)]) -> Result<Arc<dyn UnderFs>, UfsError> {
    let mut all: BTreeMap<String, String> =
        options(at).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    all.extend(others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    open_ufs(&Configuration::defaults(), uri, &all)
}

fn path(text: &str) -> UfsPath {
    UfsPath::parse(text).unwrap()
}

async fn write(ufs: &Arc<dyn UnderFs>, name: &str, pieces: &[Bytes]) -> Result<(), UfsError> {
    let mut writer = ufs.create(&path(name), CreateOptions::default()).await?;
    for piece in pieces {
        writer.write(piece.clone()).await?;
    }
    writer.close().await.map(drop)
}

async fn read(ufs: &Arc<dyn UnderFs>, name: &str) -> Result<Vec<u8>, UfsError> {
    let mut reader = ufs.open(&path(name), 0, None).await?;
    let mut content = Vec::new();
    loop {
        let piece = reader.read(1 << 20).await?;
        if piece.is_empty() {
            return Ok(content);
        }
        content.extend_from_slice(&piece);
    }
}

/// All keys, folders with a slash behind.
async fn list(ufs: &Arc<dyn UnderFs>, folder: &str, options: ListOptions) -> Result<Vec<String>, UfsError> {
    let mut lister = ufs.list(&path(folder), options).await?;
    let mut keys = Vec::new();
    while let Some(page) = lister.next().await? {
        let key =
            |entry: &alluxio_ufs::UfsStatus| alluxio_ufs::listing_key(entry.path.as_str(), entry.is_dir);
        keys.extend(page.entries.iter().map(key));
    }
    Ok(keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_behaves() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    // Below a prefix that is not there yet, as that of a folder is.
    let ufs = open(&format!("s3://{BUCKET}/some/prefix"), server.at(), &[])?;
    let done = behaviour::run(ufs, &path("suite")).await;
    ensure!(done.len() > 25, "{done:?}");
    // One by one, without the later listing call, in the bucket itself, by the other name of the scheme.
    let others =
        [("alluxio.underfs.s3.bulk.delete.enabled", "false"), ("alluxio.underfs.s3.list.objects.v1", "true")];
    let ufs = open(&format!("s3a://{BUCKET}"), server.at(), &others)?;
    behaviour::run_only(
        &["directories", "listing_pages", "listing_resumed", "renames"],
        ufs,
        &UfsPath::root(),
    )
    .await;
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_shown() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    for key in ["a/b/c", "a/d", "e", "a-b"] {
        plain.write(key, key).await?;
    }
    plain.create_dir("empty/").await?;
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    ensure!(list(&ufs, "", ListOptions::default()).await? == ["a-b", "a/", "e", "empty/"]);
    let all = list(&ufs, "", ListOptions::recursive()).await?;
    ensure!(all == ["a-b", "a/", "a/b/", "a/b/c", "a/d", "e", "empty/"], "{all:?}");
    let folder = ufs.status(&path("a/b")).await?.context("no folder")?;
    ensure!(folder.is_dir && folder.mode == 0o700 && folder.owner.is_empty());
    ensure!(ufs.mkdirs(&path("a/b"), MkdirsOptions::default()).await? == false);

    // The tag is the fingerprint's content, without quotes.
    let tag = plain.stat("e").await?.etag().context("no tag")?.trim_matches('"').to_owned();
    let fingerprint = ufs.fingerprint(&path("e")).await?.context("no file")?.to_string();
    ensure!(
        fingerprint == format!("TYPE|FILE UFS|s3 OWNER|_ GROUP|_ MODE|448 CONTENT_HASH|{tag} "),
        "{fingerprint}"
    );
    let mut lister = ufs.list(&UfsPath::root(), ListOptions::default()).await?;
    let page = lister.next().await?.context("no page")?;
    let listed = page.entries.iter().find(|entry| entry.name() == "e").context("not listed")?;
    ensure!(
        Some(listed) == ufs.status(&path("e")).await?.as_ref(),
        "a listing tells something else: {listed:?}"
    );

    // A folder outlives its last file, and goes when it is told to.
    ensure!(ufs.delete_file(&path("a/b/c")).await?);
    ensure!(ufs.status(&path("a/b")).await?.is_some_and(|status| status.is_dir));
    ensure!(ufs.delete_directory(&path("a/b"), false).await?);
    ensure!(ufs.status(&path("a/b")).await?.is_none());

    // opendal would cut the blank, and delete another object.
    plain.write("e", "kept").await?;
    let blank = ufs.delete_file(&path("e ")).await.err().context("a blank was cut")?;
    ensure!(blank.kind() == UfsErrorKind::InvalidPath, "{blank}");
    ensure!(plain.read("e").await?.to_vec() == b"kept");
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_in_one_line_without_secrets() -> Result<()> {
    let mut server = S3::start(&[BUCKET])?;
    let at = server.at();
    let here = format!("s3://{BUCKET}/");
    let wrong = "a-wrong-Zq8-secret";
    for (uri, others, expected) in [
        (
            here.as_str(),
            [("s3a.secretKey", wrong)],
            "the store does not accept the credentials (SignatureDoesNotMatch); check s3a.accessKeyId and s3a.secretKey",
        ),
        (
            &here,
            [("s3a.accessKeyId", "nobody")],
            "the store does not accept the credentials (XAdminUserNotFound); check s3a.accessKeyId and s3a.secretKey",
        ),
        ("s3://not-there/", [("s3a.accessKeyId", KEY_ID)], "the bucket 'not-there' does not exist"),
    ] {
        let ufs = open(uri, at, &others)?;
        for at in ["", "file"] {
            let error = ufs.status(&path(at)).await.err().with_context(|| format!("{uri}{at}: no error"))?;
            let text = error.to_string();
            ensure!(text.ends_with(expected), "{uri}{at}: {text}");
            ensure!(error.kind() != UfsErrorKind::NotFound, "it would be forgotten: {error}");
            let all = format!("{text}{error:?}{ufs:?}");
            ensure!(!all.contains('\n') && !all.contains(SECRET) && !all.contains(wrong), "{all}");
        }
        let written =
            write(&ufs, "file", &[Bytes::from_static(b"x")]).await.err().context("it was written")?;
        ensure!(written.to_string().ends_with(expected), "{written}");
    }
    server.stop()?;
    let ufs = open(&here, at, &[("alluxio.underfs.s3.max.error.retry", "1")])?;
    let away = ufs.status(&path("file")).await.err().context("it answers")?;
    ensure!(away.kind() == UfsErrorKind::Unavailable, "{away}");
    ensure!(away.to_string().contains("the under storage does not answer: Connection refused"), "{away}");

    for (name, value, expected) in [
        ("s3a.secretKey", "", "s3a.accessKeyId and s3a.secretKey must be set together"),
        (
            "alluxio.underfs.s3.default.mode",
            "rwx",
            "alluxio.underfs.s3.default.mode is 'rwx'; set it to octal digits such as 0700",
        ),
        (
            "alluxio.underfs.s3.directory.suffix",
            "_",
            "alluxio.underfs.s3.directory.suffix is '_'; only '/' is supported",
        ),
    ] {
        let error = open(&here, at, &[(name, value)]).err().with_context(|| format!("{name} is taken"))?;
        ensure!(
            error.kind() == UfsErrorKind::InvalidArgument && error.to_string().ends_with(expected),
            "{error}"
        );
    }
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_wants_fewer_requests_gets_them_later() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let proxy = Proxy::open(server.at())?;
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[])?;
    let megabyte = |byte: u8| Bytes::from(vec![byte; 1 << 20]);
    let pieces: Vec<Bytes> = (0..20).map(megabyte).collect();
    for part in [
        "uploads",
        "partNumber=2",
        "partNumber=3",
        "POST /bucket/large?uploadId",
        "list-type=2",
        "GET /bucket/large",
        "?delete",
    ] {
        proxy.inject(part, Answer::SlowDown, 2);
    }
    write(&ufs, "large", &pieces).await?;
    ensure!(read(&ufs, "large").await? == pieces.concat());
    ensure!(list(&ufs, "", ListOptions::default()).await? == ["large"]);
    write(&ufs, "folder/a", &pieces[..1]).await?;
    write(&ufs, "folder/b", &pieces[..1]).await?;
    ensure!(ufs.delete_directory(&path("folder"), true).await?);
    ensure!(list(&ufs, "", ListOptions::recursive()).await? == ["large"]);

    // Not for ever.
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[("alluxio.underfs.s3.max.error.retry", "3")])?;
    proxy.seen();
    proxy.inject("list-type=2", Answer::SlowDown, usize::MAX);
    let error = list(&ufs, "", ListOptions::default()).await.err().context("it was listed")?;
    ensure!(error.kind() == UfsErrorKind::Unavailable, "{error}");
    ensure!(
        error.to_string().contains("the store asks for fewer requests (SlowDown: Please reduce"),
        "{error}"
    );
    ensure!(proxy.seen().len() == 4);
    drop(proxy);
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_goes_on_where_the_connection_broke_but_never_in_another_object() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let proxy = Proxy::open(server.at())?;
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[])?;
    let plain = server.client(BUCKET)?;
    let content: Vec<u8> = (0..8_u32 << 18).flat_map(u32::to_le_bytes).collect();
    plain.write("file", content.clone()).await?;
    proxy.inject("GET /bucket/file", Answer::Cut(3 << 20), 1);
    ensure!(read(&ufs, "file").await? == content);
    let reads = proxy.seen().into_iter().filter(|line| line.starts_with("GET /bucket/file")).count();
    ensure!(reads == 2, "{reads} reads");

    proxy.inject("GET /bucket/file", Answer::Cut(1 << 20), 1);
    let mut reader = ufs.open(&path("file"), 0, None).await?;
    reader.read(1000).await?;
    plain.write("file", vec![1; content.len()]).await?;
    let error = loop {
        match reader.read(1 << 20).await {
            Ok(piece) => {
                ensure!(!piece.is_empty() && !piece.starts_with(&[1; 8]), "it went on in the new object")
            }
            Err(error) => break error,
        }
    };
    ensure!(
        error.to_string().ends_with("it was changed or deleted while it was read; read it again"),
        "{error}"
    );
    drop(proxy);
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_fails_leaves_no_part() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let proxy = Proxy::open(server.at())?;
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[("alluxio.underfs.s3.max.error.retry", "0")])?;
    let pieces = vec![Bytes::from(vec![7; 9 << 20]); 3];
    for part in ["partNumber=2", "POST /bucket/file?uploadId"] {
        proxy.inject(part, Answer::SlowDown, 1);
        let error =
            write(&ufs, "file", &pieces).await.err().with_context(|| format!("{part} went through"))?;
        ensure!(error.kind() == UfsErrorKind::Unavailable, "{error}");
        ensure!(ufs.status(&path("file")).await?.is_none(), "a part is shown");
        alluxio_tests::waiting::wait_until(
            std::time::Duration::from_secs(10),
            "the upload is aborted",
            || Ok(proxy.seen().iter().any(|line| line.starts_with("DELETE /bucket/file?uploadId"))),
        )?;
    }
    write(&ufs, "file", &pieces).await?;
    ensure!(read(&ufs, "file").await?.len() == 27 << 20);
    drop(proxy);
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_delete_leaves_a_folder_with_the_rest() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    let plain = server.client(BUCKET)?;
    for number in 0..1100 {
        std::fs::create_dir_all(server.file(BUCKET, "folder"))?;
        std::fs::write(server.file(BUCKET, &format!("folder/{number:04}")), "x")?;
    }
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    let once: alluxio_ufs::GoOn =
        Arc::new(move || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0);
    let error =
        ufs.gated(once).delete_directory(&path("folder"), true).await.err().context("it was not stopped")?;
    ensure!(error.kind() == UfsErrorKind::Unavailable, "{error}");
    let left = list(&ufs, "folder", ListOptions::default()).await?;
    ensure!(left.len() == 100, "{} are left", left.len());
    ensure!(ufs.delete_directory(&path("folder"), true).await?);
    ensure!(plain.list("/").await?.iter().all(|entry| entry.path() == "/"), "something is left");
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_begin_changes_nothing() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    plain.write("folder/file", "x").await?;
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    let begun = ufs.create(&path("new"), CreateOptions::default()).await?;
    let ufs = ufs.gated(Arc::new(|| false));
    let (file, folder, other) = (path("folder/file"), path("folder"), path("other"));
    let errors = [
        ufs.create(&other, CreateOptions::default()).await.err(),
        ufs.mkdirs(&other, MkdirsOptions::default()).await.err(),
        ufs.delete_file(&file).await.err(),
        ufs.delete_directory(&folder, true).await.err(),
        ufs.rename_file(&file, &other).await.err(),
        ufs.rename_directory(&folder, &other).await.err(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let error = error.with_context(|| format!("change {number} was made"))?;
        ensure!(error.kind() == UfsErrorKind::Unavailable, "{error}");
    }
    begun.abort().await?;
    let left: Vec<_> = plain.list_with("").recursive(true).await?;
    ensure!(left.iter().filter(|entry| !entry.path().ends_with('/')).count() == 1, "{left:?}");
    ensure!(plain.read("folder/file").await?.to_vec() == b"x");
    server.finish()
}
