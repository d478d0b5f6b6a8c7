//! A cluster whose root, and a mount in it, lie in S3: what others wrote is shown, what is written arrives whole, and
//! what goes wrong is said in a line.

use std::{fs, path::Path, time::Duration};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, Mode};
use alluxio_proto::grpc::file::{
    CreateFilePOptions, FileSystemMasterCommonPOptions, SetAttributePOptions, WritePType,
};
use alluxio_tests::{
    Cluster, client,
    java::{JavaClient, Kind, Locality, ShellSession},
    s3::{Answer, Proxy, S3, SECRET, options},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::TryStreamExt;
use opendal::Operator;

const WRONG: &str = "another-Zq8-secret";
const LIMIT: Duration = Duration::from_secs(30);
/// Some blocks of 1 MB, and several parts of an upload.
const LARGE: usize = 20 << 20;

fn cluster(server: &S3) -> Result<Cluster> {
    let mut plan = Cluster::plan()
        .set("alluxio.master.mount.table.root.ufs", "s3://root/")
        .set("alluxio.user.file.metadata.sync.interval", "0")
        .set("alluxio.user.block.size.bytes.default", "1MB")
        .set("alluxio.underfs.s3.max.error.retry", "1");
    for (name, value) in options(server.at()) {
        plan = plan.set(&format!("alluxio.master.mount.table.root.option.{name}"), &value);
    }
    plan.start()
}

/// What our command says, when it succeeds.
fn ours(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let done = cluster.alluxio(arguments)?;
    ensure!(done.code == 0, "{arguments:?}: exit code {}\n{}", done.code, done.output);
    Ok(done.output)
}

/// What it says in its one line, when it fails.
fn refused(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let done = cluster.alluxio(arguments)?;
    ensure!(done.code != 0, "{arguments:?} succeeded:\n{}", done.output);
    ensure!(done.output.trim().lines().count() == 1, "{arguments:?}:\n{}", done.output);
    Ok(done.output)
}

fn mount(cluster: &Cluster, at: &str, uri: &str, options: &[(&str, String)], fails: bool) -> Result<String> {
    let options: Vec<String> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut command = vec!["fs", "mount"];
    for option in &options {
        command.extend(["--option", option]);
    }
    command.extend([at, uri]);
    if fails { refused(cluster, &command) } else { ours(cluster, &command) }
}

async fn is_there(plain: &Operator, key: &str) -> Result<bool> {
    Ok(plain.exists(key).await?)
}

async fn arrives(plain: &Operator, key: &str, content: &[u8]) -> Result<()> {
    let until = std::time::Instant::now() + LIMIT;
    while !plain.exists(key).await? {
        ensure!(std::time::Instant::now() < until, "{key} does not arrive");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(plain.read(key).await?.to_vec() == content, "{key} arrived with another content");
    Ok(())
}

fn content(seed: u8) -> Vec<u8> {
    (0..LARGE).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_on_s3() -> Result<()> {
    let server = S3::start(&["root", "other"])?;
    let (root, other) = (server.client("root")?, server.client("other")?);
    let large = content(1);
    root.write("before/large", large.clone()).await?;
    root.write("before/small", "small").await?;
    other.write("deep/down/file", "nested").await?;
    let cluster = cluster(&server)?;
    mount(&cluster, "/nested", "s3://other/deep", &options(server.at()), false)?;
    let files = client::connect(&cluster).await?;

    // Ours and the original's client see what others wrote.
    let java = JavaClient::new("2.9.6", Locality::Streams, &cluster)?;
    let mut shell = ShellSession::start(&java, Kind::Alluxio, LIMIT)?;
    for listing in [ours(&cluster, &["fs", "ls", "-R", "/"])?, shell.text(&["ls", "-R", "/"])?] {
        for path in ["/before/large", "/before/small", "/nested/down/file"] {
            ensure!(listing.contains(path), "no {path} in\n{listing}");
        }
    }
    ensure!(fs::read(shell.run(&["cat", "/before/large"])?.stdout)? == large, "the large file differs");
    ensure!(shell.text(&["cat", "/nested/down/file"])? == "nested");
    root.write("before/cold", content(2)).await?;
    let tail = ours(&cluster, &["fs", "checksum", "/before/cold"])?;
    ensure!(tail.contains("md5sum"), "{tail}");
    ensure!(client::read(&files, "/before/cold").await?[..] == content(2)[..], "a cold read differs");

    // Written through each way, small, large and empty.
    for (how, name) in [
        (WritePType::CacheThrough, "cached"),
        (WritePType::Through, "through"),
        (WritePType::AsyncThrough, "later"),
    ] {
        for (size, data) in [("large", content(3)), ("small", b"x".to_vec()), ("empty", Vec::new())] {
            let path = format!("written/{name}/{size}");
            client::write(&files, &format!("/{path}"), Bytes::from(data.clone()), how).await?;
            arrives(&root, &path, &data).await?;
        }
    }
    let source = cluster.folder().join("source");
    fs::write(&source, &large)?;
    shell.run(&["copyFromLocal", &source.display().to_string(), "/nested/from-java"])?;
    arrives(&other, "deep/from-java", &large).await?;
    let left: Vec<_> =
        root.list_with("").recursive(true).await?.into_iter().map(|entry| entry.path().to_owned()).collect();
    ensure!(!left.iter().any(|key| key.contains(".tmp")), "temporary files are left: {left:?}");

    // Folders: made, kept, renamed, deleted.
    ours(&cluster, &["fs", "mkdir", "/made/empty"])?;
    ours(&cluster, &["fs", "ls", "/made"])?;
    shell.run(&["mv", "/written", "/moved"])?;
    ensure!(!is_there(&root, "written/cached/large").await? && !is_there(&root, "written/").await?);
    arrives(&root, "moved/later/large", &content(3)).await?;
    ensure!(client::read(&files, "/moved/through/large").await?[..] == content(3)[..]);
    shell.run(&["rm", "-R", "/moved"])?;
    ensure!(!is_there(&root, "moved/").await? && !is_there(&root, "moved/cached/large").await?);
    ours(&cluster, &["fs", "rm", "/before/cold"])?;
    ensure!(!is_there(&root, "before/cold").await?);

    // What changes underneath is seen.
    root.write("before/small", "changed").await?;
    ensure!(shell.text(&["cat", "/before/small"])? == "changed");
    root.delete("before/small").await?;
    let gone = shell.refused(&["cat", "/before/small"])?;
    ensure!(gone.contains("/before/small") && gone.contains("does not exist"), "{gone}");
    ensure!(!ours(&cluster, &["fs", "ls", "/before"])?.contains("/before/small"));

    drop(shell);
    says_nothing_secret(&cluster)?;
    cluster.finish()?;
    server.finish()
}

/// Neither in what is shown of mounts nor in any log.
fn says_nothing_secret(cluster: &Cluster) -> Result<()> {
    let shown = [
        ours(cluster, &["fs", "mount"])?,
        ours(cluster, &["fsadmin", "report", "ufs"])?,
        ours(cluster, &["getConf", "--master", "--source"])?,
        alluxio_tests::web::get(cluster.master_web_port(), "/mounttable")?.text,
        alluxio_tests::web::get(cluster.master_web_port(), "/api/v1/master/info")?.text,
    ];
    ensure!(shown[0].contains("/nested") && shown[0].contains("(s3, "), "{}", shown[0]);
    for text in shown {
        ensure!(!text.contains(SECRET), "{text}");
    }
    logs_say_nothing_secret(cluster.folder())
}

fn logs_say_nothing_secret(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // The journal has the options of mounts, for the master's user alone.
        if path.ends_with("journal") {
            continue;
        }
        if path.is_dir() {
            logs_say_nothing_secret(&path)?;
        } else if path.extension().is_some_and(|end| end == "out" || end == "log") {
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            ensure!(!text.contains(SECRET) && !text.contains(WRONG), "{} has the secret", path.display());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_store_is_said_in_a_line() -> Result<()> {
    let mut server = S3::start(&["root", "other"])?;
    let cluster = cluster(&server)?;
    let mut wrong = options(server.at());
    wrong.retain(|(name, _)| *name != "s3a.secretKey");
    wrong.push(("s3a.secretKey", WRONG.to_owned()));
    let said = mount(&cluster, "/a", "s3://other/", &wrong, true)?;
    ensure!(said.contains("the store does not accept the credentials (SignatureDoesNotMatch)"), "{said}");
    let said = mount(&cluster, "/a", "s3://not-there/", &options(server.at()), true)?;
    ensure!(said.contains("the bucket 'not-there' does not exist"), "{said}");
    let said = mount(&cluster, "/a", "s3://other/nothing", &options(server.at()), true)?;
    ensure!(said.contains("Ufs path s3://other/nothing does not exist"), "{said}");
    let said =
        mount(&cluster, "/a", "s3://other/", &[("alluxio.underfs.s3.threads.max", "many".to_owned())], true)?;
    ensure!(said.contains("alluxio.underfs.s3.threads.max"), "{said}");
    mount(&cluster, "/a", "s3://other/", &options(server.at()), false)?;
    server.stop()?;
    let said = refused(&cluster, &["fs", "ls", "/a/file"])?;
    ensure!(said.contains("the under storage does not answer: Connection refused"), "{said}");
    server.launch()?;
    ours(&cluster, &["fs", "ls", "/a"])?;
    logs_say_nothing_secret(cluster.folder())?;
    cluster.finish()?;
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_leaves_no_half_file() -> Result<()> {
    let server = S3::start(&["root", "other"])?;
    let other = server.client("other")?;
    let proxy = Proxy::open(server.at())?;
    let mut cluster = cluster(&server)?;
    mount(&cluster, "/slow", "s3://other/", &options(proxy.at()), false)?;
    let files = client::connect_with(&cluster, &[("alluxio.user.rpc.retry.max.duration", "20s")]).await?;
    for held in ["partNumber=2", "POST /other/file?uploadId"] {
        proxy.inject(held, Answer::Hold, usize::MAX);
        let writer = files.clone();
        let written = tokio::spawn(async move {
            client::write(&writer, "/slow/file", Bytes::from(content(4)), WritePType::Through)
                .await
                .inspect_err(|error| eprintln!("--- the write: {error}"))
        });
        wait_until(LIMIT, "the upload is under way", || {
            ensure!(!written.is_finished(), "the write has ended");
            Ok(proxy.held() > 0)
        })?;
        ensure!(!is_there(&other, "file").await?, "it is shown before it is complete");
        cluster.kill_worker(0)?;
        ensure!(written.await?.is_err(), "it was written without a worker");
        ensure!(!is_there(&other, "file").await?, "a half file is shown");
        ensure!(!other.list("/").await?.iter().any(|entry| entry.path().contains("file")));
        cluster.start_worker(0)?;
        // What was held arrives at the server only after all that: it has not the last word.
        proxy.heal();
        wait_until(LIMIT, "nothing is held", || Ok(proxy.held() == 0))?;
        ours(&cluster, &["fs", "rm", "--alluxioOnly", "/slow/file"]).ok();
        other.delete("file").await?;
    }
    client::write(&files, "/slow/again", Bytes::from(content(4)), WritePType::Through).await?;
    arrives(&other, "again", &content(4)).await?;
    drop(proxy);
    cluster.finish()?;
    server.finish()
}

/// A reader has one version as a whole, or is told; after that the next one has the new version.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_while_it_is_read_is_never_read_as_a_mixture() -> Result<()> {
    let server = S3::start(&["root"])?;
    let root = server.client("root")?;
    let cluster = cluster(&server)?;
    let versions = [vec![1; LARGE], vec![2; LARGE]];
    // The one looks at what is underneath whenever it is asked for something, the other one goes by what is known.
    for (name, interval) in [("looked-at", "0"), ("known", "-1")] {
        let properties = [
            ("alluxio.user.file.metadata.sync.interval", interval),
            ("alluxio.user.block.read.retry.max.duration", "5s"),
        ];
        let files = client::connect_with(&cluster, &properties).await?;
        root.write(name, versions[0].clone()).await?;
        let path = format!("/{name}");
        let replace = async { Ok(root.write(name, versions[1].clone()).await.map(drop)?) };
        let (read, ended) = client::read_across(&files, &path, replace).await?;
        let told = ended.map(|error| error.to_string()).unwrap_or_default();
        ensure!(
            told.contains("replaced") || told.contains("was changed"),
            "{path}: {} bytes: {told}",
            read.len()
        );
        ensure!(!told.contains('\n') && read.iter().all(|byte| *byte == 1), "{path}: a mixture, then {told}");
        ensure!(client::read(&files, &path).await?[..] == versions[1][..], "{path} is not the new version");
    }
    // What was moved is not taken for another one, although copies of large objects have other tags.
    let files = client::connect_with(&cluster, &[("alluxio.user.file.metadata.sync.interval", "-1")]).await?;
    client::write(&files, "/a/large", Bytes::from(content(6)), WritePType::Through).await?;
    ours(&cluster, &["fs", "mv", "/a", "/b"])?;
    ensure!(client::read(&files, "/b/large").await?[..] == content(6)[..], "the moved file reads otherwise");
    ours(&cluster, &["fs", "mv", "/b/large", "/b/larger"])?;
    ours(&cluster, &["fs", "free", "/b/larger"])?;
    ensure!(client::read(&files, "/b/larger").await?[..] == content(6)[..]);
    // Nor is what replaces it later, with the same length, taken for it.
    root.write("b/larger", content(7)).await?;
    let looks = client::connect(&cluster).await?;
    ensure!(client::read(&looks, "/b/larger").await?[..] == content(7)[..], "the old content is served on");
    cluster.finish()?;
    server.finish()
}

/// More than one page of a listing.
const MANY: usize = 1_100;

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_half_way_deletes_nothing() -> Result<()> {
    let server = S3::start(&["root", "other"])?;
    let proxy = Proxy::open(server.at())?;
    let cluster = cluster(&server)?;
    mount(&cluster, "/many", "s3://other/", &options(proxy.at()), false)?;
    fs::create_dir_all(server.file("other", "folder"))?;
    for number in 0..MANY {
        fs::write(server.file("other", &format!("folder/{number:04}")), "x")?;
    }
    let files = client::connect(&cluster).await?;
    let before = known(&files).await?;
    ensure!(before.len() == MANY, "{} of {MANY} are listed", before.len());
    // Each page, and what comes behind the first.
    for (part, answer) in [
        ("list-type=2", Answer::SlowDown),
        ("continuation-token", Answer::SlowDown),
        ("continuation-token", Answer::Cut(5_000)),
    ] {
        proxy.inject(part, answer, usize::MAX);
        let said = refused(&cluster, &["fs", "ls", "/many/folder"])?;
        ensure!(said.contains("s3://other/folder"), "{answer:?}: {said}");
        proxy.heal();
        ensure!(known(&files).await? == before, "{answer:?} on {part}: files were dropped and made anew");
    }
    drop(proxy);
    cluster.finish()?;
    server.finish()
}

/// The ids of what is in the folder with many: what is dropped and loaded again gets another one.
async fn known(files: &FileSystem) -> Result<Vec<i64>> {
    let listing = files.list_status(&AlluxioPath::parse("/many/folder")?, Default::default()).await?;
    Ok(listing.map_ok(|info| info.file_id()).try_collect().await?)
}

/// Folders of a bucket go object by object: what is completed in one later must not bring it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_went_while_it_was_written_to_does_not_come_back() -> Result<()> {
    let server = S3::start(&["root", "other"])?;
    let other = server.client("other")?;
    let proxy = Proxy::open(server.at())?;
    let cluster = cluster(&server)?;
    mount(&cluster, "/slow", "s3://other/", &options(proxy.at()), false)?;
    let files = client::connect(&cluster).await?;
    let begin = async |path: &str| {
        let options = CreateFilePOptions {
            recursive: Some(true),
            write_type: Some(WritePType::CacheThrough.into()),
            ..CreateFilePOptions::default()
        };
        let mut file = files.create(&AlluxioPath::parse(path)?, options).await?;
        file.write(Bytes::from(content(5))).await?;
        anyhow::Ok(file)
    };
    let left = async || {
        let all = other.list_with("").recursive(true).await?;
        anyhow::Ok(all.into_iter().map(|entry| entry.path().to_owned()).collect::<Vec<_>>())
    };

    // Before it is completed.
    for command in [&["fs", "mv", "/slow/a", "/slow/moved"][..], &["fs", "rm", "-R", "/slow/a"]] {
        let file = begin("/slow/a/b/file").await?;
        ours(&cluster, command)?;
        let refused = file.close().await.err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(refused.contains("was moved or deleted while it was written"), "{refused}");
        let left = left().await?;
        ensure!(!left.iter().any(|key| key.starts_with("a/")), "{command:?}: {left:?}");
    }

    // While it is completed.
    let file = begin("/slow/c/d/file").await?;
    proxy.inject("POST /other/c/d/file?uploadId", Answer::Hold, usize::MAX);
    let closed = tokio::spawn(file.close());
    wait_until(LIMIT, "the file is about to be completed", || Ok(proxy.held() > 0))?;
    ours(&cluster, &["fs", "mv", "/slow/c", "/slow/gone"])?;
    proxy.heal();
    let refused = closed.await?.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(refused.contains("was moved or deleted while it was written"), "{refused}");
    let left = left().await?;
    ensure!(!left.iter().any(|key| key.starts_with("c/")), "{left:?}");

    begin("/slow/e/file").await?.close().await?;
    arrives(&other, "e/file", &content(5)).await?;
    changing_modes_asks_the_store_nothing(&files, &proxy).await?;
    drop(proxy);
    cluster.finish()?;
    server.finish()
}

/// It keeps none.
async fn changing_modes_asks_the_store_nothing(files: &FileSystem, proxy: &Proxy) -> Result<()> {
    let folder = AlluxioPath::parse("/slow/e")?;
    let options = SetAttributePOptions {
        mode: Some(Mode::new(0o711).to_wire()),
        recursive: Some(true),
        common_options: Some(FileSystemMasterCommonPOptions {
            sync_interval_ms: Some(-1),
            ..FileSystemMasterCommonPOptions::default()
        }),
        ..SetAttributePOptions::default()
    };
    // What is below is known once it was listed.
    files.set_attribute(&folder, options.clone()).await?;
    proxy.seen();
    files.set_attribute(&folder, options).await?;
    let seen = proxy.seen();
    ensure!(seen.is_empty(), "{seen:?}");
    let info = files.get_status(&folder.join("file"), Default::default()).await?;
    ensure!(info.mode() == 0o711, "{:o}", info.mode());
    Ok(())
}
