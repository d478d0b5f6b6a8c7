//! A master whose journal lies on HDFS: what was answered is there after kill -9, and the commands that touch a journal do so there.

use std::{path::Path, time::Instant};

use alluxio_tests::{Cluster, hdfs::Hdfs};
use anyhow::{Result, ensure};

fn run(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let done = cluster.alluxio(arguments)?;
    ensure!(done.code == 0, "{arguments:?}: exit code {}\n{}", done.code, done.output);
    Ok(done.output)
}

fn refused(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let done = cluster.alluxio(arguments)?;
    ensure!(done.code != 0, "{arguments:?} succeeded:\n{}", done.output);
    Ok(done.output)
}

#[test]
fn a_master_with_its_journal_on_hdfs_keeps_what_it_answered() -> Result<()> {
    let hdfs = Hdfs::plan().start()?;
    let journal = format!("{}/alluxio/journal", hdfs.uri());
    let mut cluster = Cluster::plan().workers(0).journal(Path::new(&journal)).start()?;
    let unformatted = format!("-Dalluxio.master.journal.folder={}/other", hdfs.uri());
    let mut expected = Vec::new();
    for life in 0..2 {
        for number in 0..5 {
            let path = format!("/dir-{life}/file-{number}");
            run(&cluster, &["fs", "mkdir", &path])?;
            expected.push(path);
        }
        cluster.kill_master()?;
        let began = Instant::now();
        cluster.start_master()?;
        println!("serving again {:?} after kill -9", began.elapsed());
        let listing = run(&cluster, &["fs", "ls", "-R", "/"])?;
        for path in &expected {
            ensure!(listing.contains(path.as_str()), "{path} is lost:\n{listing}");
        }
    }
    let second = cluster.master_that_ends(&["-Dalluxio.master.rpc.port=0", "-Dalluxio.master.web.port=0"])?;
    ensure!(second.code != 0 && second.output.contains("is in use by"), "{}", second.output);
    let formatting = refused(&cluster, &["formatMasters"])?;
    ensure!(formatting.contains("is in use by"), "{formatting}");
    let none = cluster.master_that_ends(&[
        "-Dalluxio.master.rpc.port=0",
        "-Dalluxio.master.web.port=0",
        &unformatted,
    ])?;
    ensure!(none.output.contains("alluxio formatJournal"), "{}", none.output);
    cluster.stop_master()?;

    let edits = cluster.folder().join("edits");
    run(&cluster, &["readJournal", "-outputDir", &edits.display().to_string()])?;
    let text = std::fs::read_to_string(edits.join("edits.txt"))?;
    ensure!(text.contains("file-4"), "{text}");
    run(&cluster, &["formatJournal"])?;
    cluster.start_master()?;
    let listing = run(&cluster, &["fs", "ls", "-R", "/"])?;
    ensure!(!listing.contains("dir-0"), "{listing}");
    cluster.finish()?;
    hdfs.finish()
}

#[test]
fn a_journal_on_an_object_store_is_refused_with_the_reason() -> Result<()> {
    let cluster = Cluster::plan().workers(0).journal(Path::new("s3://bucket/journal")).prepare()?;
    let master = cluster.master_that_ends(&[])?;
    for output in [master.output, refused(&cluster, &["formatJournal"])?] {
        ensure!(output.contains("s3://bucket/journal") && output.contains("object store"), "{output}");
    }
    cluster.finish()
}
