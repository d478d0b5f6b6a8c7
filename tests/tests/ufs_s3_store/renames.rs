//! Renames, which copy and delete: what others write meanwhile, faults in between, temporary files.

use std::sync::Arc;

use alluxio_tests::s3::{Answer, Proxy, S3};
use alluxio_ufs::{ListOptions, UfsErrorKind};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use super::{BUCKET, list, open, path, read, write};

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

/// By the clock of another machine, which is a minute ahead or behind.
fn touch(file: &std::path::Path, ahead: bool) -> std::io::Result<()> {
    let (now, minute) = (std::time::SystemTime::now(), std::time::Duration::from_secs(60));
    std::fs::File::options().write(true).open(file)?.set_modified(if ahead {
        now + minute
    } else {
        now - minute
    })
}

/// What was copied and then written again, or lies beside it, stays with its folder, whatever clocks say.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_after_its_copy_stays() -> Result<()> {
    let server = S3::start(&[BUCKET])?;
    let plain = server.client(BUCKET)?;
    let names = ["a", "clock", "sub/b", "sub/c", "z"];
    for name in names {
        plain.write(&format!("folder/{name}"), "old").await?;
    }
    touch(&server.file(BUCKET, "folder/clock"), true)?;
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
    touch(&server.file(BUCKET, "folder/sub/b"), false)?;
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
