//! The S3 under storage by itself, against a real server: the behaviour suite, what others wrote, faults, and what is
//! told of credentials.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

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

/// Others go on writing into a folder while it is renamed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_copied_is_not_deleted() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    for name in ["folder/a", "folder/sub/b"] {
        plain.write(name, "x").await?;
    }
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    let (late, target) = (server.file(BUCKET, "folder/late"), server.file(BUCKET, "other/sub/b"));
    let writes = late.clone();
    // When all is copied, and nothing is deleted yet.
    let ufs = ufs.gated(Arc::new(move || {
        !target.exists() || writes.exists() || std::fs::write(&writes, "late").is_ok()
    }));
    ufs.rename_directory(&path("folder"), &path("other")).await?;
    ensure!(late.exists(), "it was never written, or deleted without being copied");
    ensure!(plain.read("folder/late").await?.to_vec() == b"late");
    ensure!(plain.read("other/sub/b").await?.to_vec() == b"x");
    let left = plain.list_with("folder/").recursive(true).await?;
    let left: Vec<_> = left.iter().map(|entry| entry.path()).filter(|key| !key.ends_with('/')).collect();
    ensure!(left == ["folder/late"], "{left:?}");
    server.finish()
}

/// By the clock of another machine.
fn touch(file: &std::path::Path) -> std::io::Result<()> {
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::options().write(true).open(file)?.set_modified(soon)
}

/// What was copied and then written again, or lies beside it, stays with its folder; that a clock is wrong changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_after_its_copy_stays() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    let names = ["a", "clock", "sub/b", "sub/c", "z"];
    for name in names {
        plain.write(&format!("folder/{name}"), "old").await?;
    }
    touch(&server.file(BUCKET, "folder/clock"))?;
    let proxy = Proxy::open(server.at())?;
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[])?;
    proxy.inject("PUT /bucket/other/z", Answer::Hold, 1);
    let renames = ufs.clone();
    let renamed =
        tokio::spawn(async move { renames.rename_directory(&path("folder"), &path("other")).await });
    alluxio_tests::waiting::wait_until(std::time::Duration::from_secs(10), "all but one are copied", || {
        let copied = names[..4].iter().all(|name| server.file(BUCKET, &format!("other/{name}")).exists());
        Ok(copied && proxy.held() == 1)
    })?;
    plain.write("folder/sub/b", "new").await?;
    touch(&server.file(BUCKET, "folder/sub/b"))?;
    plain.write("folder/sub/late", "late").await?;
    proxy.heal();
    renamed.await??;
    let all = list(&ufs, "", ListOptions::recursive()).await?;
    let copied = ["other/", "other/a", "other/clock", "other/sub/", "other/sub/b", "other/sub/c", "other/z"];
    let left = ["folder/", "folder/sub/", "folder/sub/b", "folder/sub/late"];
    ensure!(all == [&left[..], &copied[..]].concat(), "{all:?}");
    ensure!(read(&ufs, "folder/sub/b").await? == b"new" && read(&ufs, "other/sub/b").await? == b"old");
    drop(proxy);
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_does_not_stop_a_rename() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let proxy = Proxy::open(server.at())?;
    let plain = server.client(BUCKET)?;
    let here = format!("s3://{BUCKET}/");
    let ufs = open(&here, proxy.at(), &[])?;
    let pieces = vec![Bytes::from(vec![7; 1 << 20]); 20];
    // In parts: the tag of the copy, which is made at once, says nothing.
    write(&ufs, "large", &pieces).await?;
    proxy.inject("PUT /bucket/moved", Answer::Lose, 1);
    ufs.rename_file(&path("large"), &path("moved")).await?;
    ensure!(read(&ufs, "moved").await? == pieces.concat());
    ensure!(ufs.status(&path("large")).await?.is_none());

    for number in 0..40 {
        plain.write(&format!("folder/{number:02}"), "x").await?;
    }
    proxy.inject("PUT /bucket/other/35", Answer::Lose, 1);
    ufs.rename_directory(&path("folder"), &path("other")).await?;
    ensure!(list(&ufs, "other", ListOptions::default()).await?.len() == 40);
    ensure!(ufs.status(&path("folder")).await?.is_none());

    // Also when the request is not sent again.
    let once = open(&here, proxy.at(), &[("alluxio.underfs.s3.max.error.retry", "0")])?;
    proxy.inject("PUT /bucket/back/35", Answer::Lose, 1);
    once.rename_directory(&path("other"), &path("back")).await?;
    ensure!(list(&ufs, "back", ListOptions::default()).await?.len() == 40);

    proxy.inject("PUT /bucket/new", Answer::Lose, 1);
    write(&ufs, "new", &pieces[..1]).await?;
    ensure!(read(&ufs, "new").await? == pieces[0]);
    drop(proxy);
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_that_fails_takes_back_its_copies_alone() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let proxy = Proxy::open(server.at())?;
    let plain = server.client(BUCKET)?;
    for number in 0..40 {
        plain.write(&format!("folder/{number:02}"), "x").await?;
    }
    let ufs = open(&format!("s3://{BUCKET}/"), proxy.at(), &[("alluxio.underfs.s3.max.error.retry", "0")])?;
    let (begun, theirs) = (server.file(BUCKET, "other/00"), server.file(BUCKET, "other/theirs"));
    let writes = theirs.clone();
    let ufs = ufs
        .gated(Arc::new(move || !begun.exists() || writes.exists() || std::fs::write(&writes, "x").is_ok()));
    proxy.inject("PUT /bucket/other/35", Answer::SlowDown, 1);
    let error =
        ufs.rename_directory(&path("folder"), &path("other")).await.err().context("it was renamed")?;
    ensure!(error.kind() == UfsErrorKind::Unavailable, "{error}");
    ensure!(list(&ufs, "folder", ListOptions::default()).await?.len() == 40);
    let left = list(&ufs, "other", ListOptions::default()).await?;
    ensure!(left == ["other/theirs"], "{left:?}");
    drop(proxy);
    server.finish()
}

/// As a master leaves it that dies between the copy and the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_file_that_has_its_name_already_goes() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    let pieces = vec![Bytes::from(vec![7; 1 << 20]); 20];
    let temporary = alluxio_ufs::temporary_name("folder/file", 5);
    write(&ufs, &temporary, &pieces).await?;
    plain.write("folder/file", pieces.concat()).await?;
    ufs.rename_file(&path(&temporary), &path("folder/file")).await?;
    ensure!(ufs.status(&path(&temporary)).await?.is_none());

    let mut another = pieces.concat();
    another[15 << 20] = 8;
    plain.write("folder/file", another).await?;
    write(&ufs, &temporary, &pieces).await?;
    let refused = ufs.rename_file(&path(&temporary), &path("folder/file")).await.err();
    ensure!(refused.is_some_and(|error| error.kind() == UfsErrorKind::AlreadyExists));
    ensure!(ufs.status(&path(&temporary)).await?.is_some());

    // What others call the same is no sign of that.
    plain.write("one", "same").await?;
    plain.write("two", "same").await?;
    let refused = ufs.rename_file(&path("one"), &path("two")).await.err();
    ensure!(refused.is_some_and(|error| error.kind() == UfsErrorKind::AlreadyExists));
    server.finish()
}

/// A job may end after its folder was deleted or renamed.
#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_file_does_not_bring_its_folder_back() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let ufs = open(&format!("s3://{BUCKET}/"), server.at(), &[])?;
    let temporary = alluxio_ufs::temporary_name("folder/file", 5);
    let data = [Bytes::from_static(b"x")];
    write(&ufs, &temporary, &data).await?;
    ensure!(ufs.delete_file(&path(&temporary)).await?);
    ensure!(ufs.status(&path("folder")).await?.is_none(), "deleting the file made the folder");
    write(&ufs, &temporary, &data).await?;
    ufs.rename_file(&path(&temporary), &path("file")).await?;
    ensure!(ufs.status(&path("folder")).await?.is_none(), "renaming the file made the folder");
    // Any other file leaves it.
    write(&ufs, "folder/file", &data).await?;
    ensure!(ufs.delete_file(&path("folder/file")).await?);
    ensure!(ufs.status(&path("folder")).await?.is_some());
    server.finish()
}
