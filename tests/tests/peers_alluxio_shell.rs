//! The original's shell (`alluxio.cli.fs.FileSystemShell`): a working session, one JVM per version.

use std::{fs, path::Path, time::Duration};

use alluxio_tests::{
    Cluster,
    java::{JavaClient, Kind, Locality, ShellSession, line_of},
    payload,
    waiting::wait_until,
};
use anyhow::{Result, ensure};

/// Several blocks of the default 64 MB, and a last one that is not full.
const LARGE: u64 = 300_000_000;
const LIMIT: Duration = Duration::from_secs(120);
/// Names that a URI would have to escape.
const NAMES: [&str; 5] = ["with space", "100%", "a%20b", "ünï-文件-🦀", "plus+&=#~"];

#[test]
fn a_session_of_2_9_4() -> Result<()> {
    session("2.9.4", Locality::Streams)
}

#[test]
fn a_session_of_2_9_6() -> Result<()> {
    session("2.9.6", Locality::ShortCircuit)
}

fn session(version: &str, locality: Locality) -> Result<()> {
    let cluster = Cluster::plan().start()?;
    let client = JavaClient::new(version, locality, &cluster)?;
    let mut shell = ShellSession::start(&client, Kind::Alluxio, LIMIT)?;
    let source = cluster.folder().join("source");
    payload::write(&source, LARGE, 1)?;

    large_file(&mut shell, &source, cluster.under_storage())?;
    empty_files_and_names(&mut shell, cluster.folder())?;
    permissions(&mut shell)?;
    removal(&mut shell)?;

    drop(shell);
    cluster.finish()
}

fn large_file(shell: &mut ShellSession, source: &Path, under_storage: &Path) -> Result<()> {
    let text = shell.text(&["mkdir", "/data", "/data/deep/deeper"])?;
    ensure!(text.contains("Successfully created directory /data/deep/deeper"), "{text}");
    shell.run(&["copyFromLocal", &source.display().to_string(), "/data/large"])?;

    let listing = shell.text(&["ls", "-R", "/"])?;
    let line = line_of(&listing, "/data/large")?;
    ensure!(
        line.starts_with("-rw-r--r--") && line.contains(&LARGE.to_string()) && line.contains("100%"),
        "{line}"
    );
    ensure!(line_of(&listing, "/data/deep/deeper")?.starts_with("drwxr-xr-x"), "{listing}");

    payload::ensure_same(source, &shell.run(&["cat", "/data/large"])?.stdout)?;
    let sum = shell.text(&["checksum", "/data/large"])?;
    ensure!(sum.trim() == format!("md5sum: {}", payload::md5_hex(source)?), "{sum}");

    // Written with ASYNC_THROUGH, the client's default: it reaches the under storage by itself.
    wait_until(LIMIT, "the file is persisted", || {
        Ok(line_of(&shell.text(&["ls", "/data"])?, "/data/large")?.contains(" PERSISTED"))
    })?;
    payload::ensure_same(source, &under_storage.join("data/large"))?;

    let text = shell.text(&["mv", "/data/large", "/data/deep/moved"])?;
    ensure!(text.contains("Renamed /data/large to /data/deep/moved"), "{text}");
    ensure!(shell.refused(&["cat", "/data/large"])?.contains("does not exist"), "the old name still answers");
    payload::ensure_same(source, &shell.run(&["cat", "/data/deep/moved"])?.stdout)?;
    payload::ensure_same(source, &under_storage.join("data/deep/moved"))
}

fn empty_files_and_names(shell: &mut ShellSession, folder: &Path) -> Result<()> {
    let empty = folder.join("empty");
    fs::write(&empty, b"")?;
    shell.run(&["mkdir", "/names"])?;
    shell.run(&["touch", "/names/touched"])?;
    shell.run(&["copyFromLocal", &empty.display().to_string(), "/names/empty"])?;
    ensure!(shell.run(&["cat", "/names/empty"])?.stdout.metadata()?.len() == 0, "an empty file has content");

    for name in NAMES {
        let local = folder.join(name);
        payload::write(&local, 1000, 5)?;
        let path = format!("/names/{name}");
        shell.run(&["copyFromLocal", &local.display().to_string(), &path])?;
        payload::ensure_same(&local, &shell.run(&["cat", &path])?.stdout)?;
        line_of(&shell.text(&["ls", "/names"])?, &path)?;
        let moved = format!("/names/moved {name}");
        shell.run(&["mv", &path, &moved])?;
        payload::ensure_same(&local, &shell.run(&["cat", &moved])?.stdout)?;
    }
    let listing = shell.text(&["ls", "/names"])?;
    ensure!(listing.lines().filter(|line| line.contains("/names/")).count() == NAMES.len() + 2, "{listing}");
    Ok(())
}

fn permissions(shell: &mut ShellSession) -> Result<()> {
    let text = shell.text(&["chmod", "-R", "750", "/names"])?;
    ensure!(text.contains("Changed permission of /names to 750"), "{text}");
    let listing = shell.text(&["ls", "/names"])?;
    ensure!(line_of(&listing, "/names/touched")?.starts_with("-rwxr-x---"), "{listing}");

    shell.run(&["setfacl", "-m", "user:alice:rw-,group:staff:r--", "/names/touched"])?;
    let acl = shell.text(&["getfacl", "/names/touched"])?;
    for entry in ["user::rwx", "user:alice:rw-", "group::r-x", "group:staff:r--", "mask::rwx", "other::---"] {
        ensure!(acl.lines().any(|line| line.trim() == entry), "no {entry} in\n{acl}");
    }
    ensure!(
        line_of(&shell.text(&["ls", "/names"])?, "/names/touched")?.contains('+'),
        "an ACL is not marked"
    );

    shell.run(&["setfacl", "-m", "default:user:bob:r-x", "/names"])?;
    shell.run(&["touch", "/names/inherits"])?;
    let acl = shell.text(&["getfacl", "/names/inherits"])?;
    ensure!(acl.contains("user:bob:r-x"), "{acl}");
    shell.run(&["setfacl", "-b", "/names/touched"])?;
    ensure!(!shell.text(&["getfacl", "/names/touched"])?.contains("alice"), "the ACL is still there");
    Ok(())
}

fn removal(shell: &mut ShellSession) -> Result<()> {
    let refusal = shell.refused(&["rm", "/data"])?;
    ensure!(refusal.contains("/data is a directory"), "{refusal}");
    ensure!(shell.text(&["rm", "-R", "/data"])?.contains("/data has been removed"), "no confirmation");
    shell.run(&["rm", "-R", "/names"])?;
    ensure!(shell.refused(&["ls", "/data"])?.contains("does not exist"), "the directory is still there");
    let listing = shell.text(&["ls", "-R", "/"])?;
    ensure!(!listing.contains("/names") && !listing.contains("/data"), "{listing}");
    Ok(())
}
