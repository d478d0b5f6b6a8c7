//! Damage to the journal: a changed byte is found and named, a torn end is normal, a full or read-only disk
//! makes the master refuse, clearly, and lose nothing. (Invariants 1, 5 and 6.)

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use alluxio_client::FileSystem;
use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_tests::{
    Cluster,
    client::{connect, connect_with, create_empty},
    mounted::SmallDisk,
};
use anyhow::{Context, Result, ensure};
use tokio::task::block_in_place;

/// Every failure at once: what is tested is the master's answer.
const NO_RETRY: (&str, &str) = ("alluxio.user.rpc.retry.max.duration", "0s");
const DISK: u64 = 4 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_is_found_and_named() -> Result<()> {
    let mut cluster = with_files(200).await?;
    block_in_place(|| cluster.kill_master())?;
    let segment = largest_file(cluster.journal())?;
    let mut bytes = fs::read(&segment)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&segment, &bytes)?;

    let done = block_in_place(|| cluster.master_that_ends(&[]))?;
    let name = segment.file_name().context("a file name")?.to_string_lossy().into_owned();
    ensure!(done.code != 0, "the master started from a damaged journal:\n{}", done.output);
    for part in ["corrupt", "offset", "record", name.as_str()] {
        ensure!(done.output.contains(part), "no {part} in\n{}", done.output);
    }
    // The offset that it names is near the changed byte, and the file is as it was.
    let offset = number_after(&done.output, "offset ").context("no offset")?;
    ensure!(offset.abs_diff(middle as u64) < 4096, "offset {offset} for a change at {middle}");
    ensure!(fs::read(&segment)? == bytes, "the damaged file was changed");

    // Mended, it starts, and all is there.
    bytes[middle] ^= 0x10;
    fs::write(&segment, &bytes)?;
    block_in_place(|| cluster.start_master())?;
    ensure_files(&connect(&cluster).await?, 200).await?;
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_normal() -> Result<()> {
    let mut cluster = with_files(50).await?;
    for torn in [1, 7, 300] {
        block_in_place(|| cluster.kill_master())?;
        // A write that a crash cut short: the first bytes of records that were never synced, or noise.
        let segment = newest_file(cluster.journal())?;
        let bytes = fs::read(&segment)?;
        let from = bytes.len() / 3;
        let torn_record = &bytes[from..(from + torn).min(bytes.len())];
        fs::File::options().append(true).open(&segment)?.write_all(torn_record)?;
        block_in_place(|| cluster.start_master())?;
        let fs = connect(&cluster).await?;
        ensure_files(&fs, 50).await?;
        create_empty(&fs, &format!("/after/{torn}")).await?;
    }
    let fs = connect(&cluster).await?;
    for torn in [1, 7, 300] {
        ensure!(exists(&fs, &format!("/after/{torn}")).await?, "/after/{torn} is gone");
    }
    drop(fs);
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_heals() -> Result<()> {
    let place = tempfile::tempdir()?;
    let disk = SmallDisk::mount(&place.path().join("disk"), DISK)?;
    let mut cluster =
        block_in_place(|| Cluster::plan().workers(0).journal(&place.path().join("disk/journal")).start())?;
    let fs = connect_with(&cluster, &[NO_RETRY]).await?;
    create_empty(&fs, "/before").await?;

    let filler = disk.fill()?;
    let mut created = Vec::new();
    let refusal = loop {
        let path = format!("/full/{}", created.len());
        match create_empty(&fs, &path).await {
            Ok(()) => created.push(path),
            Err(error) => break error,
        }
        ensure!(created.len() < 100_000, "a full disk refuses nothing");
    };
    ensure!(refusal.kind == ErrorKind::Unavailable, "{refusal:?}");
    ensure!(refusal.message.contains("journal"), "it does not say what is wrong: {refusal}");
    ensure!(refusal.message.contains("No space left"), "it does not say why: {refusal}");
    // Reads go on. Beside what could not be written they may be refused, but never answer that it is gone.
    ensure!(exists(&fs, "/before").await?, "/before is gone");
    for path in &created {
        match fs.exists(&AlluxioPath::parse(path)?, Default::default()).await {
            Ok(there) => ensure!(there, "{path} was answered and is gone"),
            Err(error) => ensure!(error.kind == ErrorKind::Unavailable, "{path}: {error:?}"),
        }
    }
    ensure!(cluster.master()?.ended()?.is_none(), "the master ended");

    fs::remove_file(filler)?;
    let fs_again = connect(&cluster).await?;
    create_empty(&fs_again, "/healed").await?;
    block_in_place(|| {
        cluster.kill_master()?;
        cluster.start_master()
    })?;
    let fs = connect(&cluster).await?;
    for path in created.iter().map(String::as_str).chain(["/before", "/healed"]) {
        ensure!(exists(&fs, path).await?, "{path} did not survive");
    }
    drop(fs);
    block_in_place(|| cluster.finish())?;
    drop(disk);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_is_refused_at_the_start() -> Result<()> {
    let place = tempfile::tempdir()?;
    let disk = SmallDisk::mount(&place.path().join("disk"), DISK)?;
    let folder = place.path().join("disk/journal");
    let mut cluster = block_in_place(|| Cluster::plan().workers(0).journal(&folder).start())?;
    create_empty(&connect(&cluster).await?, "/before").await?;
    block_in_place(|| cluster.stop_master())?;

    disk.make_read_only()?;
    let done = block_in_place(|| cluster.master_that_ends(&[]))?;
    ensure!(done.code != 0, "it started on a read-only journal:\n{}", done.output);
    for part in [folder.display().to_string().as_str(), "Read-only file system"] {
        ensure!(done.output.contains(part), "no {part} in\n{}", done.output);
    }

    disk.make_writable()?;
    block_in_place(|| cluster.start_master())?;
    let fs = connect(&cluster).await?;
    ensure!(exists(&fs, "/before").await?, "/before is gone");
    drop(fs);
    block_in_place(|| cluster.finish())?;
    drop(disk);
    Ok(())
}

/// A master with `count` files that were answered.
async fn with_files(count: usize) -> Result<Cluster> {
    let cluster = block_in_place(|| Cluster::plan().workers(0).start())?;
    let fs = connect(&cluster).await?;
    for file in 0..count {
        create_empty(&fs, &format!("/files/{file}")).await?;
    }
    Ok(cluster)
}

async fn ensure_files(fs: &FileSystem, count: usize) -> Result<()> {
    for file in 0..count {
        ensure!(exists(fs, &format!("/files/{file}")).await?, "/files/{file} is gone");
    }
    Ok(())
}

async fn exists(fs: &FileSystem, path: &str) -> Result<bool> {
    Ok(fs.exists(&AlluxioPath::parse(path)?, Default::default()).await?)
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let rest = &text[text.find(word)? + word.len()..];
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The file with the most data: the segment that holds the records.
fn largest_file(folder: &Path) -> Result<PathBuf> {
    let files = files_below(folder)?;
    files
        .into_iter()
        .max_by_key(|(_, data)| data.len())
        .map(|(path, _)| path)
        .context("the journal has no file")
}

/// The file that was written last: the open segment.
fn newest_file(folder: &Path) -> Result<PathBuf> {
    let files = files_below(folder)?.into_iter().filter(|(_, data)| data.len() > 0);
    files
        .max_by_key(|(_, data)| data.modified().ok())
        .map(|(path, _)| path)
        .context("the journal has no file")
}

fn files_below(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        if data.is_dir() {
            found.extend(files_below(&entry.path())?);
        } else {
            found.push((entry.path(), data));
        }
    }
    Ok(found)
}
