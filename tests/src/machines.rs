//! Machines that can be lost: network namespaces on a bridge, in a network that nobody else sees. It goes with the last process in it.

use std::{
    fs,
    panic::resume_unwind,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};

use crate::{process::without_settings, waiting::wait_until};

/// Where the test is: it and all machines reach each other.
pub const HUB: &str = "10.99.0.1";
const BRIDGE: &str = "hub";
const STARTS: Duration = Duration::from_secs(10);

/// Runs `test` in a thread whose network is a new one; so is that of all threads and processes that it starts.
pub fn in_own_network<T: Send + 'static>(test: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let inside = move || {
        unshare(CloneFlags::CLONE_NEWNET)
            .context("no network of its own; scripts/test.sh has the rights for it")?;
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{HUB}/24"), "dev", BRIDGE])?;
        ip(&["link", "set", BRIDGE, "up"])?;
        test()
    };
    thread::spawn(inside).join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// One of them. Processes that still run there when it is dropped keep its network.
pub struct Machine {
    pub address: String,
    link: String,
    /// Holds the namespace while nothing else runs there; ends with its standard input, so with this process.
    holder: Child,
}

impl Machine {
    /// Connects it; `number` is from 1 to 9.
    pub fn start(number: u8) -> Result<Machine> {
        let mut holder = Command::new("unshare");
        let holder = holder.args(["--net", "cat"]).stdin(Stdio::piped()).spawn().context("unshare")?;
        let address = format!("10.99.0.1{number}");
        let machine = Machine { address, link: format!("machine{number}"), holder };
        let ours = fs::read_link("/proc/thread-self/ns/net")?;
        wait_until(STARTS, "the machine has its own network", || {
            Ok(fs::read_link(machine.network()).is_ok_and(|network| network != ours))
        })?;
        machine.connect(&format!("02:00:00:00:00:0{number}"))?;
        Ok(machine)
    }

    fn connect(&self, ethernet: &str) -> Result<()> {
        let holder = self.holder.id().to_string();
        let peer = ["peer", "name", "eth0", "address", ethernet, "netns", &holder];
        ip(&[&["link", "add", &self.link, "type", "veth"], peer.as_slice()].concat())?;
        ip(&["link", "set", &self.link, "master", BRIDGE, "up"])?;
        let address = format!("{}/24", self.address);
        for words in [
            ["link", "set", "lo", "up"].as_slice(),
            &["link", "set", "eth0", "up"],
            &["addr", "add", &address, "dev", "eth0"],
        ] {
            let mut command = Command::new("ip");
            succeeds(self.command(command.args(words)))?;
        }
        // As beyond a router: who sends to a lost machine is not told that nobody is there.
        ip(&["neigh", "replace", &self.address, "lladdr", ethernet, "dev", BRIDGE, "nud", "permanent"])
    }

    /// The command, to be run on this machine.
    pub fn command(&self, command: &Command) -> Command {
        let mut there = Command::new("nsenter");
        there.arg(format!("--net={}", self.network())).arg(command.get_program()).args(command.get_args());
        without_settings(&mut there);
        there
    }

    fn network(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// From now on no packet comes from there or arrives there.
    pub fn lose(&self) -> Result<()> {
        ip(&["link", "set", &self.link, "down"])
    }

    /// The end of that.
    pub fn find(&self) -> Result<()> {
        ip(&["link", "set", &self.link, "up"])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It holds nothing that must be saved.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(words);
    succeeds(command)
}

fn succeeds(mut command: Command) -> Result<()> {
    let done = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}
