//! The scripts of the tar.gz with several hosts: over a real ssh, to an installation of its own on each of them.

use std::{fs, path::Path};

use alluxio_tests::{Installation, RemoteHosts, remote_hosts::possible};
use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn has(output: &str, part: &str) -> Result<()> {
    ensure!(output.contains(part), "no {part:?} in\n{output}");
    Ok(())
}

/// A host with nothing but the scripts, one for the master, two for workers.
#[test]
fn a_cluster_is_run_from_one_host() -> Result<()> {
    ensure!(possible(), "this test needs to be root, outside of a user namespace");
    let mut it = Installation::configured()?;
    let under = tempfile::tempdir()?;
    let remote = RemoteHosts::start(&it, &["m1.test", "w1.test", "w2.test"], |_| "127.0.0.2".to_owned())?;
    it.set("ALLUXIO_SSH_OPTS", &remote.ssh_options());
    // Where the commands of this host find the master.
    it.set("ALLUXIO_JAVA_OPTS", &it.options(&remote.hosts[0].address, "127.0.0.1"));
    it.write("conf/masters", "m1.test # a master\n")?;
    it.write("conf/workers", "w1.test w2.test\n\nw1.test\n")?;
    it.write(
        "conf/alluxio-site.properties",
        &format!(
            "alluxio.worker.ramdisk.size=64MB\nalluxio.master.mount.table.root.ufs={}\n",
            under.path().display()
        ),
    )?;

    let output = it.good("bin/alluxio copyDir conf")?;
    let conf = it.root()?.canonicalize()?.join("conf");
    let lines = format!(
        "RSYNC'ing {0} to masters...\nm1.test\nRSYNC'ing {0} to workers...\nw1.test\nw2.test\n",
        conf.display()
    );
    ensure!(output == lines, "{output}");
    for host in 0..3 {
        let site = fs::read_to_string(remote.installed_at(host).join("conf/alluxio-site.properties"))?;
        ensure!(site.contains("mount.table.root.ufs"), "host {host} has other settings:\n{site}");
    }

    let output = it.good("bin/alluxio format")?;
    for line in
        ["[w1.test] Formatting Alluxio Worker @ ", "[w2.test] Formatting ", "Formatting Alluxio Master @ "]
    {
        has(&output, line)?;
    }
    ensure!(remote.installed_at(0).join("journal").exists(), "the journal is not on the master's host");
    ensure!(!it.root()?.join("journal").exists(), "the journal is on this host");
    let output = it.good("bin/alluxio-start.sh all")?;
    for line in
        ["[m1.test] The master is ready", "[w1.test] The worker is ready", "[w2.test] The worker is ready"]
    {
        has(&output, line)?;
    }
    ensure!(it.processes()?.len() == 3, "{:?} run", it.processes()?);
    let output = it.good("bin/alluxio-monitor.sh all")?;
    for line in ["[m1.test] [ OK ] The master", "[w1.test] [ OK ] The worker", "[w2.test] [ OK ] The worker"]
    {
        has(&output, line)?;
    }
    let report = it.good("bin/alluxio fsadmin report capacity -live")?;
    has(&report, &remote.hosts[1].address)?;
    has(&report, &remote.hosts[2].address)?;
    it.good("bin/alluxio fs mkdir /kept")?;
    let output = it.refused("bin/alluxio format")?;
    has(&output, "Failed to format: ")?;
    ensure!(!output.contains("Formatting Alluxio Worker"), "the workers lost what they hold:\n{output}");

    // Words come through as they are, and a failure by its host.
    has(&it.good("bin/alluxio-workers.sh printf '<%s>\\n' 'a  b' '$HOME' \"it's\"")?, "[w2.test] <it's>")?;
    has(&it.good("bin/alluxio-workers.sh printf '<%s>\\n' 'a  b' '$HOME'")?, "[w1.test] <$HOME>")?;
    has(&it.good("bin/alluxio-workers.sh printf '<%s>\\n' 'a  b'")?, "[w1.test] <a  b>")?;
    has(&it.refused("bin/alluxio-masters.sh false")?, "It failed on m1.test (see above): false")?;

    // What runs is left alone, what does not is started.
    let pid = fs::read_to_string(remote.installed_at(1).join("logs/worker.pid"))?;
    kill(Pid::from_raw(pid.split(' ').next().unwrap_or_default().parse()?), Signal::SIGKILL)?;
    has(&it.refused("bin/alluxio-monitor.sh workers")?, "[w1.test] [ FAILED ] The worker")?;
    let output = it.good("bin/alluxio-start.sh restart_workers")?;
    has(&output, "[w1.test] The worker is ready")?;
    has(&output, "[w2.test] The worker runs already")?;

    has(&it.good("bin/alluxio-stop.sh workers")?, "[w2.test] Stopping worker @ ")?;
    ensure!(it.processes()?.len() == 1, "{:?} run", it.processes()?);
    let output = it.good("bin/alluxio-start.sh -m workers")?;
    has(&output, "[w2.test] [ OK ] The worker")?;
    has(&it.good("bin/alluxio fs ls /")?, "/kept")?;

    let output = it.good("bin/alluxio-start.sh all -f")?;
    has(&output, "[m1.test] Stopping master @ ")?;
    has(&output, "[w1.test] Formatting Alluxio Worker @ ")?;
    ensure!(!it.good("bin/alluxio fs ls /")?.contains("/kept"), "the journal was not formatted");
    it.good("bin/alluxio format -s")?;
    it.good("bin/alluxio fs ls /")?;

    it.good("bin/alluxio fs mkdir /backed-up")?;
    let output = it.good(&format!("bin/alluxio fsadmin backup '{}' --local", under.path().display()))?;
    let uri = output.lines().find_map(|line| line.strip_prefix("Backup URI")).context("no URI")?;
    it.good("bin/alluxio-stop.sh all")?;
    it.good("bin/alluxio format")?;
    it.good(&format!("bin/alluxio-start.sh -i '{}' all", uri.trim_start_matches([' ', ':'])))?;
    has(&it.good("bin/alluxio fs ls /")?, "/backed-up")?;

    let output = it.good("bin/alluxio-stop.sh all")?;
    ensure!(output.find("Stopping worker") < output.find("Stopping master"), "{output}");
    ensure!(it.processes()?.is_empty(), "{:?} run", it.processes()?);
    Ok(())
}

#[test]
fn a_host_that_cannot_be_reached_is_named() -> Result<()> {
    ensure!(possible(), "this test needs to be root, outside of a user namespace");
    let mut it = Installation::configured()?;
    let remote = RemoteHosts::start(&it, &["w1.test"], |_| "127.0.0.1".to_owned())?;
    it.set("ALLUXIO_SSH_OPTS", &remote.ssh_options());
    it.write("conf/workers", "w1.test\nnobody.invalid\n")?;
    it.good("bin/alluxio formatMasters")?;
    // The masters are of this host, and started before the workers are tried.
    let output = it.refused("bin/alluxio-start.sh all")?;
    has(&output, "[localhost] The master is ready")?;
    has(&output, "[w1.test] The worker is ready")?;
    has(&output, "It failed on nobody.invalid (see above): ")?;
    for line in ["bin/alluxio copyDir conf", "bin/alluxio-workers.sh true", "bin/alluxio-stop.sh -s all"] {
        has(&it.refused(line)?, "nobody.invalid")?;
    }
    ensure!(it.master_serves(), "softly stopped although a worker's host did not answer");
    has(&it.refused("bin/alluxio-start.sh -w all")?, "-w stays with processes of this host")?;
    has(&it.refused("bin/alluxio copyDir nothing")?, "nothing is no folder")?;
    // All is stopped that can be.
    it.refused("bin/alluxio-stop.sh all")?;
    ensure!(it.processes()?.is_empty(), "{:?} run", it.processes()?);

    has(&it.refused("bin/alluxio format")?, "It failed on nobody.invalid (see above): ")?;

    // One master is enough for the workers.
    it.write("conf/masters", "localhost\nnobody.invalid\n")?;
    it.write("conf/workers", "w1.test\n")?;
    let output = it.refused("bin/alluxio-start.sh all")?;
    has(&output, "It failed on nobody.invalid (see above): ")?;
    has(&output, "[w1.test] The worker is ready")?;
    it.refused("bin/alluxio-stop.sh all")?;
    it.write("conf/masters", "nobody.invalid\n")?;
    ensure!(!it.refused("bin/alluxio-start.sh all")?.contains("[w1.test]"), "a worker without a master");
    ensure!(it.processes()?.is_empty(), "{:?} run", it.processes()?);
    Ok(())
}

/// This host is a worker of the list, and no master.
#[test]
fn the_journal_is_formatted_where_the_master_is() -> Result<()> {
    ensure!(possible(), "this test needs to be root, outside of a user namespace");
    let mut it = Installation::configured()?;
    let remote = RemoteHosts::start(&it, &["m1.test"], |_| "127.0.0.2".to_owned())?;
    it.set("ALLUXIO_SSH_OPTS", &remote.ssh_options());
    it.write("conf/masters", "m1.test\n")?;
    it.write("conf/workers", "localhost\n")?;
    let here = it.root()?.join("journal");
    let there = remote.installed_at(0).join("journal");

    let output = it.good("bin/alluxio format")?;
    has(&output, "[localhost] Formatting Alluxio Worker @ ")?;
    ensure!(there.exists() && !here.exists(), "not the master's journal was formatted:\n{output}");
    let first = cluster(&there)?;
    has(&it.good("bin/alluxio-start.sh masters -f")?, "[m1.test] The master is ready")?;
    ensure!(!here.exists(), "a journal was made where no master is");
    let second = cluster(&there)?;
    ensure!(second != first, "the master started with its old journal");
    it.good("bin/alluxio-stop.sh masters")?;

    // Asked for this host alone, nothing happens on others.
    it.good("bin/alluxio-start.sh local -f")?;
    ensure!(here.exists() && cluster(&there)? == second, "another host's journal was formatted");
    it.good("bin/alluxio-stop.sh local")?;
    ensure!(it.processes()?.is_empty(), "{:?} run", it.processes()?);
    Ok(())
}

/// The text that names the cluster of a journal: another one after each format.
fn cluster(journal: &Path) -> Result<String> {
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        // Other files are not text.
        let Some(text) = path.is_file().then(|| fs::read_to_string(&path).ok()).flatten() else { continue };
        if let Some((_, cluster)) = text.split_once("cluster=") {
            return Ok(cluster.to_owned());
        }
    }
    bail!("{} names no cluster", journal.display())
}
