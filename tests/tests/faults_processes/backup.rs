//! A backup where the disk for temporary files is full.

use std::{fs, path::Path};

use alluxio_tests::{Cluster, mounted::SmallDisk};
use anyhow::{Result, ensure};

const DISK: u64 = 256 << 10;

#[test]
fn a_full_disk_fails_the_backup_and_nothing_is_left() -> Result<()> {
    let mut cluster = Cluster::plan().workers(0).prepare()?;
    let disk = cluster.folder().join("small");
    let mounted = SmallDisk::mount(&disk, DISK)?;
    cluster.set("alluxio.tmp.dirs", &disk.display().to_string());
    cluster.format()?;
    cluster.start_master()?;
    let backups = cluster.folder().join("backups");
    let folder = backups.display().to_string();
    let count = |folder: &Path| anyhow::Ok(fs::read_dir(folder)?.count());

    let filler = mounted.fill()?;
    let done = cluster.alluxio(&["fsadmin", "backup", &folder])?;
    for told in ["No space left on device", "alluxio.tmp.dirs"] {
        ensure!(done.code != 0 && done.output.contains(told), "no {told} in\n{}", done.output);
    }
    ensure!(count(&backups)? == 0 && count(&disk)? == 1, "something is left");

    fs::remove_file(filler)?;
    let done = cluster.alluxio(&["fsadmin", "backup", &folder])?;
    ensure!(done.code == 0, "{}", done.output);
    ensure!(count(&backups)? == 2 && count(&disk)? == 0, "{}", done.output);
    cluster.stop_master()?;
    drop(mounted);
    cluster.finish()
}
