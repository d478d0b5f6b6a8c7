//! Several masters as the scripts run them: two on hosts of their own, over ssh, with ZooKeeper and a journal that both see.
//! The walk of the original's documentation: the leader is killed, `alluxio fs leader` shows another one, every file is there.

use std::{fs, time::Duration};

use alluxio_tests::{
    Installation, RemoteHosts, remote_hosts::possible, waiting::wait_until, zookeeper::Ensemble,
};
use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_scripts_run_several_masters() -> Result<()> {
    ensure!(possible(), "this test needs to be root, outside of a user namespace");
    let zookeeper = Ensemble::start(1)?;
    let shared = tempfile::tempdir()?;
    let mut it = Installation::configured()?;
    fs::create_dir(shared.path().join("under"))?;
    let remote = RemoteHosts::start(&it, &["m1.test", "m2.test", "w1.test"], str::to_owned)?;
    it.set("ALLUXIO_SSH_OPTS", &remote.ssh_options());
    it.set("ALLUXIO_JAVA_OPTS", &it.options("nobody.invalid", "127.0.0.1"));
    it.write("conf/masters", "m1.test\nm2.test\n")?;
    it.write("conf/workers", "w1.test\n")?;
    it.write(
        "conf/alluxio-site.properties",
        &format!(
            "alluxio.zookeeper.enabled=true\nalluxio.zookeeper.address={1}\nalluxio.zookeeper.session.timeout=4s\n\
             alluxio.worker.ramdisk.size=64MB\nalluxio.master.journal.folder={0}/journal\n\
             alluxio.master.mount.table.root.ufs={0}/under\n",
            shared.path().display(),
            zookeeper.address(),
        ),
    )?;
    it.good("bin/alluxio copyDir conf")?;
    it.good("bin/alluxio format")?;
    let output = it.good("bin/alluxio-start.sh all")?;
    for line in
        ["[m1.test] The master is ready", "[m2.test] The master is ready", "[w1.test] The worker is ready"]
    {
        ensure!(output.contains(line), "no {line:?} in\n{output}");
    }
    it.good("bin/alluxio-monitor.sh all")?;
    it.good("bin/alluxio fs mkdir /kept")?;

    let first = leader(&it)?;
    let index = remote.hosts.iter().position(|host| host.address == first).with_context(|| first.clone())?;
    let pid = fs::read_to_string(remote.installed_at(index).join("logs/master.pid"))?;
    kill(Pid::from_raw(pid.split(' ').next().unwrap_or_default().parse()?), Signal::SIGKILL)?;
    wait_until(LIMIT, "another master leads", || Ok(leader(&it).is_ok_and(|leader| leader != first)))?;
    // No host in the path is needed.
    wait_until(LIMIT, "what was there is there", || {
        let done = it.run("bin/alluxio fs ls alluxio:///")?;
        Ok(done.code == 0 && done.output.contains("/kept"))
    })?;

    let output = it.good("bin/alluxio-start.sh -N masters")?;
    ensure!(output.contains(&format!("[m{}.test] The master is ready", index + 1)), "{output}");
    ensure!(output.contains(&format!("[m{}.test] The master runs already", 2 - index)), "{output}");
    let output = it.good("bin/alluxio fs masterInfo")?;
    ensure!(remote.hosts[..2].iter().all(|host| output.contains(&host.address)), "{output}");
    it.good("bin/alluxio-stop.sh all")?;
    ensure!(it.processes()?.is_empty(), "{:?} run", it.processes()?);
    zookeeper.finish()
}

/// The host that `alluxio fs leader` shows.
fn leader(it: &Installation) -> Result<String> {
    let output = it.good("bin/alluxio fs leader")?;
    Ok(output.lines().last().unwrap_or_default().to_owned())
}
