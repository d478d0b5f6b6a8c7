//! The driver of HDFS on a real one, as an ordinary user: the behaviour of every under storage, and what only HDFS does.

mod hdfs_driver;

use std::sync::Arc;

use alluxio_tests::hdfs::Hdfs;
use alluxio_ufs::{Attributes, CreateOptions, ListOptions, MkdirsOptions, UfsErrorKind, UfsPath, behaviour};
use anyhow::{Context, Result, ensure};
use hdfs_driver::{open, put};

const SUPERUSER: &str = "hdfs";

#[tokio::test(flavor = "multi_thread")]
async fn it_behaves_and_does_what_an_ordinary_user_may() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).superuser(SUPERUSER).start()?;
    hdfs.make_folder("/suite", "777")?;
    hdfs.make_folder("/closed", "755")?;
    let done = behaviour::run(open(&hdfs, "/suite/mounted/here", &[])?, &UfsPath::root()).await;
    ensure!(done.len() > 25, "only {done:?}");

    let closed = open(&hdfs, "/closed", &[])?;
    let file = UfsPath::parse("file")?;
    let refused = closed.create(&file, CreateOptions::default()).await.err().context("it was created")?;
    ensure!(refused.kind() == UfsErrorKind::PermissionDenied, "{refused}");
    let text = refused.to_string();
    ensure!(text.contains("HDFS refuses: Permission denied: user=") && !text.contains("RPC"), "{text}");
    ensure!(closed.mkdirs(&file, MkdirsOptions::default()).await.is_err());
    // Only the superuser gives files away: the file is made all the same, and the status tells whose it is.
    let ufs = open(&hdfs, "/suite", &[])?;
    let attributes = Attributes { owner: Some("alice".to_owned()), ..Attributes::mode(0o640) };
    put(&*ufs, "own", b"x", attributes).await?;
    let status = ufs.status(&UfsPath::parse("own")?).await?.context("own is not there")?;
    ensure!(&*status.owner != "alice" && status.mode == 0o640, "{status:?}");
    ensure!(!ufs.set_owner(&status.path, Some("alice"), None).await?);

    a_gate_is_asked(&hdfs).await?;
    hadoops_settings_hold(&mut hdfs).await?;
    a_long_listing_is_told_in_pieces(&mut hdfs).await?;
    hdfs.finish()
}

async fn a_gate_is_asked(hdfs: &Hdfs) -> Result<()> {
    let ufs = open(hdfs, "/suite", &[])?;
    put(&*ufs, "gate/file", b"x", Attributes::default()).await?;
    let (folder, file, other) =
        (UfsPath::parse("gate")?, UfsPath::parse("gate/file")?, UfsPath::parse("gate/other")?);
    let begun = ufs.create(&other, CreateOptions::default()).await?;
    let closed = ufs.gated(Arc::new(|| false));
    let refused = [
        closed.create(&other, CreateOptions::default()).await.err(),
        closed.mkdirs(&other, MkdirsOptions::default()).await.err(),
        closed.delete_file(&file).await.err(),
        closed.delete_directory(&folder, true).await.err(),
        closed.rename_file(&file, &other).await.err(),
        closed.rename_directory(&folder, &UfsPath::parse("gates")?).await.err(),
        closed.set_owner(&file, None, Some("x")).await.err(),
        closed.set_mode(&file, 0o600).await.err(),
    ];
    for error in refused {
        ensure!(error.as_ref().is_some_and(|error| error.kind() == UfsErrorKind::Unavailable), "{error:?}");
    }
    begun.abort().await?;
    let mut lister = ufs.list(&folder, ListOptions { include_temporary: true, ..Default::default() }).await?;
    let page = lister.next().await?.context("nothing is left")?;
    ensure!(page.entries.len() == 1 && page.entries[0].path == file, "{page:?}");
    Ok(())
}

async fn hadoops_settings_hold(hdfs: &mut Hdfs) -> Result<()> {
    let site = tempfile::NamedTempFile::with_suffix(".xml")?;
    std::fs::write(
        site.path(),
        "<configuration><property><name>dfs.replication</name><value>2</value></property></configuration>",
    )?;
    let names = site.path().display().to_string();
    let options = [
        ("alluxio.underfs.hdfs.configuration", names.as_str()),
        ("dfs.blocksize", "1m"),
        ("fs.permissions.umask-mode", "077"),
    ];
    let ufs = open(hdfs, "/suite", &options)?;
    // Three blocks.
    put(&*ufs, "settings/file", &vec![7; (5 << 20) / 2], Attributes::default()).await?;
    let told = hdfs.shell(SUPERUSER, &["-stat", "%r %o %a %b", "/suite/settings/file"])?;
    ensure!(told.trim() == "2 1048576 600 2621440", "{told}");
    let told = hdfs.shell(SUPERUSER, &["-stat", "%a", "/suite/settings"])?;
    ensure!(told.trim() == "700", "{told}");
    let range = ufs.read_range(&UfsPath::parse("settings/file")?, (1 << 20) - 5, 10).await?;
    ensure!(range == vec![7; 10]);
    Ok(())
}

/// More than the NameNode tells at a time, written by HDFS' own client.
async fn a_long_listing_is_told_in_pieces(hdfs: &mut Hdfs) -> Result<()> {
    let names: Vec<String> = (0..1_200).map(|number| format!("/suite/long/d{number:04}")).collect();
    let mut arguments = vec!["-mkdir", "-p"];
    arguments.extend(names.iter().map(String::as_str));
    hdfs.shell(SUPERUSER, &arguments)?;
    let ufs = open(hdfs, "/suite", &[])?;
    let mut lister =
        ufs.list(&UfsPath::parse("long")?, ListOptions { limit: 500, ..Default::default() }).await?;
    let mut listed = Vec::new();
    while let Some(page) = lister.next().await? {
        listed.extend(page.entries.into_iter().map(|entry| format!("/suite/{}", entry.path)));
    }
    ensure!(listed == names, "{} of {}", listed.len(), names.len());
    Ok(())
}
