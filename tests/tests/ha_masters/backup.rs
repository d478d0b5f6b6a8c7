//! Backups where there are several masters: a standby makes them for the leader.

use std::{fs, path::Path};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_tests::{
    Cluster, Masters, client::create_empty, masters::LIMIT, process::Ended, waiting::wait_until, web,
};
use anyhow::{Context, Result, ensure};
use tokio::task::block_in_place;

const FILES: usize = 300;

/// What the command prints of a backup.
struct Made {
    file: String,
    entries: u64,
}

fn back_up(masters: &Masters, options: &[&str]) -> Result<Ended> {
    let folder = masters.cluster.folder().join("backups").display().to_string();
    masters.cluster.alluxio(&[&["fsadmin", "backup", &folder], options].concat())
}

fn made(done: &Ended) -> Result<Made> {
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
    let line = |name: &str| {
        let found =
            done.output.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix(": "));
        found.map(str::to_owned).with_context(|| format!("no {name} in\n{}", done.output))
    };
    line("Backup Host")?;
    let file = line("Backup URI")?;
    let file = file.strip_prefix("file://").unwrap_or(&file).to_owned();
    for file in [file.clone(), format!("{file}.complete")] {
        ensure!(Path::new(&file).is_file(), "no {file}");
    }
    Ok(Made { file, entries: line("Backup Entry Count")?.parse()? })
}

/// How many entries the last backup had that this master knows of, made by itself or for it.
fn last_entries(masters: &Masters, master: usize) -> Result<i64> {
    let metrics = web::get_json(masters.web_port(master), "/metrics/json")?;
    metrics["gauges"]["Master.LastBackupEntriesCount"]["value"].as_i64().context("no gauge")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_makes_the_backup_and_the_leader_if_it_may() -> Result<()> {
    let plan = Cluster::plan().workers(0).set("alluxio.master.backup.connect.interval.max", "1s");
    let mut masters = block_in_place(|| Masters::start(2, plan))?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    for number in 0..FILES {
        create_empty(&fs, &format!("/d/file-{number}")).await?;
    }
    block_in_place(|| {
        let leader = masters.wait_for_leader()?;
        let standby = 1 - leader;
        wait_until(LIMIT, "the standby has offered to make backups", || {
            Ok(back_up(&masters, &[])?.code == 0)
        })?;
        // It has all that was acknowledged before.
        let by_standby = made(&back_up(&masters, &[])?)?;
        ensure!(by_standby.entries >= FILES as u64, "{} entries", by_standby.entries);
        for master in [leader, standby] {
            ensure!(last_entries(&masters, master)? == by_standby.entries as i64, "master {master}");
        }
        let output = masters.process(standby)?.output();
        ensure!(output.contains("backup made for the leader"), "{output}");

        // A folder that cannot be made there.
        fs::write(masters.cluster.folder().join("in the way"), "")?;
        let wrong = masters.cluster.folder().join("in the way").display().to_string();
        let failed = masters.cluster.alluxio(&["fsadmin", "backup", &wrong])?;
        ensure!(failed.code != 0 && failed.output.contains("in the way"), "{}", failed.output);

        let count = |masters: &mut Masters, master| {
            let output = masters.process(master)?.output();
            anyhow::Ok(output.matches("backup made for the leader").count())
        };
        let before = count(&mut masters, standby)?;
        let by_leader = made(&back_up(&masters, &["--bypass-delegation"])?)?;
        ensure!(by_leader.entries == by_standby.entries, "{} entries", by_leader.entries);
        ensure!(count(&mut masters, standby)? == before, "the standby has made it");

        masters.stop(standby)?;
        wait_until(LIMIT, "the leader knows that the standby is gone", || {
            let refused = back_up(&masters, &[])?;
            Ok(refused.code != 0 && refused.output.contains("No master found to delegate backup."))
        })?;
        let alone = made(&back_up(&masters, &["--allow-leader"])?)?;
        ensure!(alone.entries == by_standby.entries, "{} entries", alone.entries);

        // What the standby has made is a whole cluster.
        masters.stop(leader)?;
        let journal = masters.cluster.folder().join("second").display().to_string();
        masters.cluster.set("alluxio.master.journal.folder", &journal);
        masters.cluster.set("alluxio.master.journal.init.from.backup", &by_standby.file);
        masters.cluster.format()?;
        masters.launch(0)?;
        masters.wait_for_leader()?;
        anyhow::Ok(())
    })?;
    let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
    for number in 0..FILES {
        let path = AlluxioPath::parse(&format!("/d/file-{number}"))?;
        fs.get_status(&path, Default::default()).await?;
    }
    drop(fs);
    block_in_place(|| masters.finish())
}
