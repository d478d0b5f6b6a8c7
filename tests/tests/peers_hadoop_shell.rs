//! Hadoop's `FsShell` with the original's `alluxio.hadoop.FileSystem`: a working session, one JVM per version.

use std::{fs, path::Path, time::Duration};

use alluxio_tests::{
    Cluster,
    cluster::HOST,
    installation::repository,
    java::{JavaClient, Kind, Locality, ShellSession, line_of},
    payload,
};
use anyhow::{Context, Result, ensure};

const LARGE: u64 = 300_000_000;
const LIMIT: Duration = Duration::from_secs(120);
const NAMES: [&str; 4] = ["with space", "100%", "a%20b", "ünï-文件-🦀"];

#[test]
fn a_session_of_2_9_4() -> Result<()> {
    session("2.9.4", Locality::ShortCircuit)
}

#[test]
fn a_session_of_2_9_6() -> Result<()> {
    session("2.9.6", Locality::Streams)
}

fn session(version: &str, locality: Locality) -> Result<()> {
    let cluster = Cluster::plan().start()?;
    let client = JavaClient::new(version, locality, &cluster)?;
    let mut shell = ShellSession::start(&client, Kind::Hadoop, LIMIT)?;
    let source = cluster.folder().join("source");
    payload::write(&source, LARGE, 2)?;

    large_file(&mut shell, &source)?;
    empty_files_and_names(&mut shell, cluster.folder())?;
    permissions(&mut shell)?;
    the_line_of_the_readme(&mut shell, &cluster)?;
    removal(&mut shell)?;

    drop(shell);
    cluster.finish()
}

fn large_file(shell: &mut ShellSession, source: &Path) -> Result<()> {
    shell.run(&["-mkdir", "-p", "/data/deep"])?;
    shell.run(&["-put", &source.display().to_string(), "/data/large"])?;
    let refusal = shell.refused(&["-put", &source.display().to_string(), "/data/large"])?;
    ensure!(refusal.contains("File exists"), "{refusal}");

    let listing = shell.text(&["-ls", "-R", "/"])?;
    let line = line_of(&listing, "/data/large")?;
    ensure!(line.starts_with("-rw-r--r--") && line.contains(&format!(" {LARGE} ")), "{line}");
    payload::ensure_same(source, &shell.run(&["-cat", "/data/large"])?.stdout)?;

    // Ranges: the last bytes, and a copy back to this machine.
    let tail = fs::read(shell.run(&["-tail", "/data/large"])?.stdout)?;
    ensure!(fs::read(source)?.ends_with(&tail) && tail.len() == 1024, "-tail gave {} bytes", tail.len());
    shell.run(&["-mv", "/data/large", "/data/deep/moved"])?;
    let copy = source.with_extension("copy");
    shell.run(&["-get", "/data/deep/moved", &copy.display().to_string()])?;
    payload::ensure_same(source, &copy)?;
    let refusal = shell.refused(&["-cat", "/data/large"])?;
    ensure!(refusal.contains("No such file or directory"), "{refusal}");
    Ok(())
}

fn empty_files_and_names(shell: &mut ShellSession, folder: &Path) -> Result<()> {
    shell.run(&["-mkdir", "/names"])?;
    shell.run(&["-touchz", "/names/empty"])?;
    ensure!(shell.run(&["-cat", "/names/empty"])?.stdout.metadata()?.len() == 0, "an empty file has content");
    for name in NAMES {
        let local = folder.join(format!("local-{}", name.len()));
        payload::write(&local, 1000, 6)?;
        let path = format!("/names/{name}");
        shell.run(&["-put", &local.display().to_string(), &path])?;
        payload::ensure_same(&local, &shell.run(&["-cat", &path])?.stdout)?;
        line_of(&shell.text(&["-ls", "/names"])?, &path)?;
    }
    let listing = shell.text(&["-ls", "/names"])?;
    ensure!(listing.contains(&format!("Found {} items", NAMES.len() + 1)), "{listing}");
    Ok(())
}

/// What a reader types first.
fn the_line_of_the_readme(shell: &mut ShellSession, cluster: &Cluster) -> Result<()> {
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let line = readme.lines().find_map(|line| line.strip_prefix("hadoop fs "));
    let line = line.context("the README shows no line of Hadoop's shell")?;
    let here = format!("{HOST}:{}", cluster.master_rpc_port());
    ensure!(line.contains("master1:19998"), "the README's line names another master: {line}");
    let line = line.replace("master1:19998", &here);
    let listing = shell.text(&line.split_whitespace().collect::<Vec<_>>())?;
    ensure!(listing.contains(&format!("alluxio://{here}/data")), "{listing}");
    Ok(())
}

fn permissions(shell: &mut ShellSession) -> Result<()> {
    shell.run(&["-chmod", "-R", "750", "/names"])?;
    let listing = shell.text(&["-ls", "/names"])?;
    ensure!(line_of(&listing, "/names/empty")?.starts_with("-rwxr-x---"), "{listing}");
    // -setfacl and -getfacl end in the client: alluxio.hadoop.FileSystem of 2.9 does not implement ACLs. The
    // session of Alluxio's own shell has them.
    Ok(())
}

fn removal(shell: &mut ShellSession) -> Result<()> {
    let refusal = shell.refused(&["-rm", "/data"])?;
    ensure!(refusal.contains("Is a directory"), "{refusal}");
    ensure!(shell.text(&["-rm", "-r", "-skipTrash", "/data"])?.contains("Deleted /data"), "no confirmation");
    shell.run(&["-rm", "-r", "-skipTrash", "/names"])?;
    ensure!(shell.try_run(&["-test", "-e", "/data"])?.code == 1, "the directory is still there");
    ensure!(shell.text(&["-ls", "/"])?.is_empty(), "the root is not empty");
    Ok(())
}
