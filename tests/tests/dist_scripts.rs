//! The scripts of the tar.gz where things are not as in the guide: not formatted, ports in use, started twice,
//! nothing to stop, stale files, processes that do not end, other hosts.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use alluxio_tests::{Installation, process::Process, waiting::wait_until};
use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const LIMIT: Duration = Duration::from_secs(60);

fn has(output: &str, part: &str) -> Result<()> {
    ensure!(output.contains(part), "no {part:?} in\n{output}");
    Ok(())
}

fn nothing_runs(installation: &Installation) -> Result<()> {
    let left = installation.processes()?;
    ensure!(left.is_empty(), "processes {left:?} run");
    Ok(())
}

#[test]
fn a_start_without_format_says_what_to_do() -> Result<()> {
    let it = Installation::configured()?;
    let output = it.refused("bin/alluxio-start.sh local")?;
    has(&output, "The master did not start:")?;
    has(&output, "holds no journal")?;
    has(&output, "formatJournal")?;
    has(&output, "logs/master.log")?;
    ensure!(!output.contains("Starting worker"), "the worker was started without a master:\n{output}");
    nothing_runs(&it)?;
    let output = it.refused("bin/alluxio-monitor.sh master")?;
    has(&output, "[ FAILED ] The master @ ")?;
    has(&output, "does not run")?;

    has(&it.good("bin/alluxio-start.sh local -f")?, "Formatting Alluxio Master @ ")?;
    ensure!(it.master_serves() && it.worker_serves(), "it does not serve after a start with -f");
    it.good("bin/alluxio-stop.sh local").map(drop)
}

#[test]
fn nothing_is_formatted_for_a_worker() -> Result<()> {
    let it = Installation::configured()?;
    it.good("bin/alluxio-start.sh local -f")?;
    it.good("bin/alluxio fs mkdir /kept")?;
    let (master, worker) = (it.pid("master")?, it.pid("worker")?);
    for action in ["worker", "worker NoMount", "workers", "restart_worker", "restart_workers", "safe"] {
        has(&it.refused(&format!("bin/alluxio-start.sh {action} -f"))?, "-f formats the journal")?;
    }
    ensure!((it.pid("master")?, it.pid("worker")?) == (master, worker), "something was started again");
    ensure!(it.processes()?.len() == 2, "something was stopped");
    has(&it.good("bin/alluxio fs ls /")?, "/kept")?;

    has(&it.good("bin/alluxio-start.sh master -f")?, "Formatting Alluxio Master @ ")?;
    ensure!(
        it.pid("master")? != master && it.pid("worker")? == worker,
        "not the master alone was started again"
    );
    ensure!(it.processes()?.contains(&worker), "the worker was stopped");
    ensure!(!it.good("bin/alluxio fs ls /")?.contains("/kept"), "the journal was not formatted");
    it.good("bin/alluxio-stop.sh local").map(drop)
}

#[test]
fn a_port_in_use_is_named() -> Result<()> {
    let it = Installation::configured()?;
    it.good("bin/alluxio format")?;
    for (port, property) in
        [(it.master_rpc, "alluxio.master.rpc.port"), (it.master_web, "alluxio.master.web.port")]
    {
        let taken = TcpListener::bind(("127.0.0.1", port))?;
        let output = it.refused("bin/alluxio-start.sh master")?;
        has(&output, "The master did not start")?;
        has(&output, &port.to_string())?;
        has(&output, property)?;
        nothing_runs(&it)?;
        drop(taken);
    }
    it.good("bin/alluxio-start.sh master")?;
    let taken = TcpListener::bind(("127.0.0.1", it.worker_rpc))?;
    let output = it.refused("bin/alluxio-start.sh worker")?;
    has(&output, "The worker did not start")?;
    has(&output, "alluxio.worker.rpc.port")?;
    drop(taken);
    it.good("bin/alluxio-stop.sh all").map(drop)
}

#[test]
fn a_second_start_replaces_what_runs_or_leaves_it() -> Result<()> {
    let it = Installation::configured()?;
    it.good("bin/alluxio format")?;
    it.good("bin/alluxio-start.sh local")?;
    it.good("bin/alluxio fs mkdir /kept")?;
    let (master, worker) = (it.pid("master")?, it.pid("worker")?);

    let output = it.good("bin/alluxio-start.sh -N local")?;
    has(&output, &format!("The master runs already (pid {master})."))?;
    has(&output, &format!("The worker runs already (pid {worker})."))?;
    ensure!((it.pid("master")?, it.pid("worker")?) == (master, worker), "-N started others");

    let output = it.good("bin/alluxio-start.sh -m all")?;
    has(&output, "Stopping master @ ")?;
    has(&output, "[ OK ] The worker @ ")?;
    ensure!(it.pid("master")? != master && it.pid("worker")? != worker, "the old processes still count");
    let mut running = it.processes()?;
    running.sort_unstable();
    let mut known = [it.pid("master")?, it.pid("worker")?];
    known.sort_unstable();
    ensure!(running == known, "{running:?} run, {known:?} are known");
    has(&it.good("bin/alluxio fs ls /")?, "/kept")?;
    has(&it.good("bin/alluxio-monitor.sh all")?, "[ OK ] The worker")?;
    has(&it.good("bin/alluxio-monitor.sh -L master")?, "--- the end of ")?;

    it.good("bin/alluxio-stop.sh local")?;
    nothing_runs(&it)
}

#[test]
fn stopping_what_does_not_run_and_stale_files_do_no_harm() -> Result<()> {
    let it = Installation::configured()?;
    let output = it.good("bin/alluxio-stop.sh local")?;
    has(&output, "No worker is running @ ")?;
    has(&output, "No master is running @ ")?;

    // The number of a process that lives, but is another one: here this test itself.
    let own = std::process::id();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    for stale in [format!("{own} 1 {boot}"), format!("{own}\n"), String::new(), "x".to_owned()] {
        it.write("logs/master.pid", &stale)?;
        has(&it.good("bin/alluxio-stop.sh master")?, "No master is running @ ")?;
    }
    it.write("logs/master.pid", &format!("{own} 1 {boot}"))?;
    it.good("bin/alluxio format")?;
    it.good("bin/alluxio-start.sh -N master")?;
    ensure!(it.pid("master")? != i32::try_from(own)?, "the stale file was believed");

    // After kill -9 the worker is started again, and the master is left alone.
    it.good("bin/alluxio-start.sh worker")?;
    let (master, worker) = (it.pid("master")?, it.pid("worker")?);
    kill(Pid::from_raw(worker), Signal::SIGKILL)?;
    it.good("bin/alluxio-start.sh restart_worker")?;
    ensure!(it.pid("worker")? != worker && it.pid("master")? == master, "not the worker alone was restarted");
    it.good("bin/alluxio-start.sh restart_workers")?;
    has(&it.good("bin/alluxio killAll alluxio-master")?, "Killed 1 processes on ")?;
    has(&it.good("bin/alluxio killAll alluxio.worker.AlluxioWorker")?, "Killed 1 processes on ")?;
    has(&it.good("bin/alluxio killAll alluxio")?, "Killed 0 processes on ")?;
    nothing_runs(&it)
}

#[test]
fn what_does_not_end_is_killed_unless_softly_asked() -> Result<()> {
    let mut it = Installation::configured()?;
    it.set("ALLUXIO_STOP_SECONDS", "1");
    it.good("bin/alluxio format")?;
    it.good("bin/alluxio-start.sh master")?;
    let master = Pid::from_raw(it.pid("master")?);
    // A stopped process does not act on SIGTERM.
    kill(master, Signal::SIGSTOP)?;
    has(&it.refused("bin/alluxio-stop.sh -s master")?, "still runs 1 s after SIGTERM")?;
    has(&it.good("bin/alluxio-stop.sh master")?, "it is killed")?;
    nothing_runs(&it)?;
    has(&it.good("bin/alluxio-start.sh -a master")?, "Starting master @ ")?;
    wait_until(LIMIT, "a master that was not waited for serves", || Ok(it.master_serves()))?;
    it.good("bin/alluxio-stop.sh master").map(drop)
}

/// A process may end, and its number become another's, at any moment.
#[test]
fn only_the_process_that_was_looked_at_gets_a_signal() -> Result<()> {
    let it = Installation::configured()?;
    it.good(
        "set -u; ALLUXIO_LOGS_DIR=$PWD/logs; . libexec/alluxio-config.sh; . libexec/processes.sh
         sleep 60 & ending=$!
         sleep 60 & other=$!
         # It ends right before it is sent the signal.
         kill() { builtin kill -KILL $ending; wait $ending; builtin kill \"$@\"; }
         identity $ending >logs/master.pid
         stop_process master || exit 1
         [ ! -e logs/master.pid ] || exit 2
         kill() { builtin kill \"$@\"; }
         later=$(identity $other) && end_processes hard \"$other 1 ${later##* }\" || exit 3
         is_alive \"$later\" || exit 4
         end_processes soft \"$later\" && ! is_alive \"$later\"",
    )
    .map(drop)
}

#[test]
fn who_is_not_ready_says_why() -> Result<()> {
    let mut it = Installation::configured()?;
    it.set("ALLUXIO_START_SECONDS", "3");
    has(
        &it.good("bin/alluxio-start.sh worker")?,
        "not ready yet after 3 s: the worker is not registered with a master",
    )?;
    has(
        &it.refused("bin/alluxio-monitor.sh worker")?,
        "does not serve: the worker is not registered with a master",
    )?;
    it.good("bin/alluxio-stop.sh worker").map(drop)
}

#[test]
fn packing_twice_at_once_does_no_harm() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let programs = folder.path().join("programs");
    fs::create_dir(&programs)?;
    let it = Installation::configured()?;
    for program in ["alluxio", "alluxio-master", "alluxio-worker"] {
        fs::copy(it.root()?.join("libexec").join(program), programs.join(program))?;
    }
    let script = alluxio_tests::installation::repository().join("scripts/dist.sh");
    let packed = it.bash(
        &format!(
            "pids=(); for n in 1 2 3; do {} {} out & pids+=($!); done
             for pid in \"${{pids[@]}}\"; do wait $pid || exit; done
             tar tzf out/*.tar.gz >/dev/null && ls -A out",
            script.display(),
            programs.display()
        ),
        folder.path(),
    )?;
    ensure!(packed.code == 0, "{}", packed.output);
    ensure!(packed.output.lines().last().is_some_and(|line| line.ends_with(".tar.gz")), "{}", packed.output);
    ensure!(!packed.output.contains(".staging"), "left over:\n{}", packed.output);
    Ok(())
}

/// Nothing but what the guide says: no name of the worker, no addresses; then not even the master's name.
#[test]
fn the_masters_name_is_enough_and_not_needed_on_one_host() -> Result<()> {
    let mut it = Installation::configured()?;
    it.set("ALLUXIO_JAVA_OPTS", &it.options_without_hosts());
    for name in ["alluxio.master.hostname=localhost\n", ""] {
        it.write("conf/alluxio-site.properties", &format!("alluxio.worker.ramdisk.size=64MB\n{name}"))?;
        has(&it.good("bin/alluxio-start.sh local -f")?, "The worker is ready")?;
        has(&it.good("bin/alluxio fsadmin report")?, "Live Workers: 1")?;
        it.good("bin/alluxio-stop.sh local")?;
    }
    Ok(())
}

#[test]
fn lists_with_this_host_alone_need_no_ssh() -> Result<()> {
    let mut it = Installation::configured()?;
    it.set("ALLUXIO_SSH_OPTS", "-F /no/such/file");
    it.write("conf/workers", "localhost # the only one\n127.0.0.1\n\n")?;
    it.good("bin/alluxio format")?;
    has(&it.good("bin/alluxio-start.sh all")?, "The worker is ready")?;
    has(&it.good("bin/alluxio-workers.sh echo here")?, "[127.0.0.1] here")?;
    has(&it.good("bin/alluxio-masters.sh echo here")?, "[localhost] here")?;
    it.good("bin/alluxio copyDir conf")?;
    has(&it.good("bin/alluxio-monitor.sh all")?, "[ OK ] The worker")?;
    it.good("bin/alluxio-stop.sh all").map(drop)
}

#[test]
fn a_list_that_names_no_host_is_told() -> Result<()> {
    let it = Installation::configured()?;
    for list in ["workers", "masters"] {
        it.write(&format!("conf/{list}"), "# nobody\n\n")?;
        for line in [
            &*format!("bin/alluxio-start.sh {list}"),
            &format!("bin/alluxio-monitor.sh {list}"),
            &format!("bin/alluxio-stop.sh {list}"),
            &format!("bin/alluxio-{list}.sh true"),
            "bin/alluxio format",
            "bin/alluxio copyDir conf",
        ] {
            has(&it.refused(line)?, &format!("conf/{list} names no host"))?;
        }
        it.write(&format!("conf/{list}"), "localhost\n")?;
    }
    ensure!(!it.root()?.join("journal").exists(), "something was formatted");
    nothing_runs(&it)
}

#[test]
fn an_old_ssh_and_a_plain_login_shell_will_do() -> Result<()> {
    let it = Installation::configured()?;
    it.write("conf/workers", "w1.test w2.test # two on a line\n")?;
    fs::create_dir(it.root()?.join("old"))?;
    // What ssh before 7.6 says, and what sshd does where the login shell is /bin/sh.
    it.write(
        "old/ssh",
        "#!/bin/sh\n\
         case \"$*\" in *accept-new*) echo 'unsupported option \"accept-new\"'; exit 255 ;; esac\n\
         while [ \"$1\" != -- ]; do shift; done\n\
         exec sh -c \"$3\"\n",
    )?;
    let output = it.good(
        "chmod +x old/ssh
         PATH=$PWD/old:$PATH bin/alluxio-workers.sh printf '<%s>' \"it's\" $'a\\tb' 'ü' '$HOME & \"q\"' '' '\\\\'",
    )?;
    for host in ["w1.test", "w2.test"] {
        has(&output, &format!("[{host}] <it's><a\tb><ü><$HOME & \"q\"><><\\\\>"))?;
    }
    Ok(())
}

#[test]
fn the_environment_file_and_role_options_count() -> Result<()> {
    let mut it = Installation::configured()?;
    let options = it.unset("ALLUXIO_JAVA_OPTS").unwrap_or_default();
    let memory = it.unset("ALLUXIO_RAM_FOLDER").unwrap_or_default();
    let other = alluxio_tests::ports::free_port()?;
    // No `export`, and what a Java virtual machine would want.
    it.write(
        "conf/alluxio-env.sh",
        // As in a file of 2.9, which adds to what may not be set.
        &format!(
            "ALLUXIO_JAVA_OPTS=\"$ALLUXIO_JAVA_OPTS {options} -Xmx4g\"\nALLUXIO_RAM_FOLDER={memory}\n\
             ALLUXIO_LOGS_DIR=$ALLUXIO_HOME/elsewhere\n\
             ALLUXIO_MASTER_JAVA_OPTS=\"-Dalluxio.master.web.port={other} -XX:+UseG1GC\"\nALLUXIO_LOG_LEVEL=warn,alluxio_master=info\n"
        ),
    )?;
    it.write("conf/log4j.properties", "log4j.rootLogger=INFO\n")?;
    it.good("bin/alluxio format")?;
    let output = it.good("bin/alluxio-start.sh local")?;
    has(&output, &format!("web port {other})"))?;
    has(&output, "/elsewhere")?;
    has(&output, "conf/log4j.properties has no effect here")?;
    let log = it.read("elsewhere/master.log")?;
    has(&log, "INFO  alluxio_master")?;
    ensure!(!log.contains("INFO  alluxio_journal"), "the log level does not count:\n{log}");
    has(&log, "-Xmx4g")?;
    ensure!(!it.root()?.join("logs/master.log").exists(), "logs/ is used all the same");
    it.good("bin/alluxio-stop.sh local")?;
    nothing_runs(&it)
}

#[test]
fn a_wrong_configuration_is_told_and_nothing_starts() -> Result<()> {
    let it = Installation::configured()?;
    it.write("conf/alluxio-site.properties", "alluxio.master.hostnam=localhost\n")?;
    for line in ["bin/alluxio-start.sh local", "bin/alluxio format"] {
        has(&it.refused(line)?, "alluxio.master.hostname")?;
    }
    nothing_runs(&it)
}

#[test]
fn a_memory_tier_on_a_disk_is_refused_and_a_disk_tier_is_not() -> Result<()> {
    let mut it = Installation::configured()?;
    it.good("bin/alluxio format")?;
    it.good("bin/alluxio-start.sh master")?;
    let memory = it.unset("ALLUXIO_RAM_FOLDER").context("no memory folder")?;
    it.write(
        "conf/alluxio-site.properties",
        &format!(
            "alluxio.worker.tieredstore.level0.dirs.path={memory}/a, {memory}/b\n\
             alluxio.worker.tieredstore.level0.dirs.quota=32MB,32MB\n"
        ),
    )?;
    it.good("bin/alluxio-start.sh worker")?;
    it.good("bin/alluxio-stop.sh worker")?;
    let folder = it.root()?.join("cache");
    let tier = format!("alluxio.worker.tieredstore.level0.dirs.path={}\n", folder.display());
    let quota = "alluxio.worker.tieredstore.level0.dirs.quota=64MB\n";
    it.write("conf/alluxio-site.properties", &format!("{tier}{quota}"))?;
    let output = it.refused("bin/alluxio-start.sh worker")?;
    has(&output, "lies on a disk")?;
    has(&output, "SudoMount")?;

    it.write(
        "conf/alluxio-site.properties",
        &format!("{tier}{quota}alluxio.worker.tieredstore.level0.alias=SSD\n"),
    )?;
    it.good("bin/alluxio-start.sh worker")?;
    has(&it.refused("bin/alluxio-mount.sh Mount")?, "only a tier named MEM can be mounted")?;
    it.good("bin/alluxio-stop.sh local").map(drop)
}

/// Needs root, or a user namespace as `make test-dist` makes one.
#[test]
fn the_worker_has_a_mounted_memory_folder() -> Result<()> {
    let mut it = Installation::configured()?;
    it.unset("ALLUXIO_RAM_FOLDER");
    let folder = it.root()?.join("ram disk");
    it.write(
        "conf/alluxio-site.properties",
        &format!(
            "alluxio.worker.ramdisk.size=64MB\nalluxio.worker.tieredstore.level0.dirs.path={}\n",
            folder.display()
        ),
    )?;
    it.good("bin/alluxio format")?;
    let mounted =
        || fs::read_to_string("/proc/self/mounts").map(|mounts| mounts.contains("/ram\\040disk tmpfs"));
    ensure!(!mounted()?, "mounted before");
    let output = it.good("bin/alluxio-start.sh local Mount")?;
    has(&output, "Mounted 67108864 bytes of memory at ")?;
    ensure!(mounted()?, "not mounted");
    has(&it.good("bin/alluxio-mount.sh Mount local")?, "is mounted already")?;
    // Mounted, it is taken as it is.
    it.good("bin/alluxio-start.sh worker")?;
    it.good("bin/alluxio runTests --operation BASIC --readType CACHE --writeType MUST_CACHE")?;
    it.good("bin/alluxio-stop.sh local")?;
    has(&it.good("bin/alluxio-mount.sh Umount")?, "Unmounted ")?;
    ensure!(!mounted()?, "still mounted");
    has(&it.good("bin/alluxio-mount.sh Umount")?, "is not mounted")
}

#[test]
fn a_start_that_stays_ends_with_its_processes() -> Result<()> {
    let it = Installation::configured()?;
    it.good("bin/alluxio format")?;
    for (line, worker) in
        [("exec bin/alluxio-start.sh -w local", true), ("exec bin/alluxio-start.sh safe", false)]
    {
        let mut script = Process::start(
            line,
            it.command(line, &it.root()?),
            &it.folder().join(format!("worker-{worker}.out")),
        )?;
        wait_until(LIMIT, line, || Ok(it.master_serves() && (!worker || it.worker_serves())))?;
        if !worker {
            // `safe` starts it again, once the first start is over.
            wait_until(LIMIT, "the first start", || Ok(script.output().contains("The master is ready")))?;
            let master = it.pid("master")?;
            kill(Pid::from_raw(master), Signal::SIGKILL)?;
            wait_until(LIMIT, "the master is back", || {
                Ok(it.pid("master").is_ok_and(|pid| pid != master) && it.master_serves())
            })
            .with_context(|| script.output())?;
            wait_until(LIMIT, "the second start", || {
                Ok(script.output().matches("The master is ready").count() == 2)
            })?;
            nothing_is_started_out_of_turn(&it)?;
            wait_until(LIMIT, "the master is back again", || Ok(it.master_serves()))?;
        }
        ensure!(script.ended()?.is_none(), "{line} did not stay:\n{}", script.output());
        script.signal(Signal::SIGTERM)?;
        script.wait(LIMIT)?;
        nothing_runs(&it)?;
    }
    Ok(())
}

/// While another script starts or stops something, `safe` starts nothing.
fn nothing_is_started_out_of_turn(it: &Installation) -> Result<()> {
    let turn = fs::File::options().write(true).open(it.root()?.join("logs/.scripts.lock"))?;
    turn.lock()?;
    kill(Pid::from_raw(it.pid("master")?), Signal::SIGKILL)?;
    wait_until(LIMIT, "the master is gone", || Ok(it.processes()?.is_empty()))?;
    // It looks every 2 s.
    let looked = Instant::now() + Duration::from_secs(5);
    while Instant::now() < looked {
        ensure!(it.processes()?.is_empty(), "the master was started by who has not the turn");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn wrong_calls_print_the_usage() -> Result<()> {
    let it = Installation::configured()?;
    for line in [
        "bin/alluxio-start.sh",
        "bin/alluxio-start.sh nothing",
        "bin/alluxio-start.sh -x local",
        "bin/alluxio-start.sh -i",
        "bin/alluxio-start.sh local SomeMount",
        "bin/alluxio-start.sh proxy",
        "bin/alluxio-start.sh -N local -f",
        "bin/alluxio-stop.sh",
        "bin/alluxio-mount.sh",
        "bin/alluxio-mount.sh Mount everywhere",
        "bin/alluxio-monitor.sh -x",
        "bin/alluxio-workers.sh",
        "bin/alluxio killAll",
        "bin/alluxio killAll ''",
        "bin/alluxio",
    ] {
        has(&it.refused(line)?, "Usage: alluxio")?;
    }
    for script in ["start", "stop", "mount", "monitor", "masters", "workers"] {
        has(&it.good(&format!("bin/alluxio-{script}.sh -h"))?, "Usage: alluxio-")?;
    }
    has(&it.good("bin/alluxio help")?, "killAll <word>")?;
    // What the original starts beside is not needed here.
    for action in ["start.sh job_master", "start.sh job_workers", "stop.sh proxy"] {
        it.good(&format!("bin/alluxio-{action}"))?;
    }
    // Through a link on the search path, as people install it.
    it.good("ln -s $PWD/bin/alluxio ../alluxio-link && ../alluxio-link version").map(drop)
}
