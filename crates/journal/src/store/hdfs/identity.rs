//! Which process has claimed a term, in words that let another process on the same machine see that it is dead.

use std::fmt;
use std::fs;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use uuid::Uuid;

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// For people: host and port.
    owner: String,
    claim: String,
    /// No election says who writes: nobody else may use the journal.
    alone: bool,
    /// The kernel's life; None where it does not tell.
    boot: Option<String>,
    /// The namespace in which the process id counts.
    namespace: Option<String>,
    process: i32,
    /// When the process began, in the kernel's ticks: an id is used again one day.
    began: Option<u64>,
}

impl Identity {
    pub(super) fn of_this_process(owner: &str, claim: Uuid, alone: bool) -> Self {
        let process = nix::unistd::getpid().as_raw();
        Self {
            owner: owner.replace('\n', " "),
            claim: claim.to_string(),
            alone,
            boot: boot_id(),
            namespace: pid_namespace(),
            process,
            began: start_time(process),
        }
    }

    /// Reads the text of a claim. None when it is not ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let known = |key: &str| value(key).filter(|value| !value.is_empty()).map(str::to_owned);
        Some(Self {
            owner: value("owner")?.to_owned(),
            claim: value("claim")?.to_owned(),
            alone: value("alone")?.parse().ok()?,
            boot: known("boot"),
            namespace: known("namespace"),
            process: value("process")?.parse().ok()?,
            began: value("began").and_then(|began| began.parse().ok()),
        })
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Whether the process has certainly ended: it was one of this kernel's life and of our process namespace, and nobody has its id,
    /// or somebody who began at another time.
    pub(super) fn is_dead(&self) -> bool {
        let here = self.boot.is_some()
            && self.boot == boot_id()
            && self.namespace.is_some()
            && self.namespace == pid_namespace();
        if !here || self.process <= 0 {
            return false;
        }
        if kill(Pid::from_raw(self.process), None) == Err(Errno::ESRCH) {
            return true;
        }
        match (self.began, start_time(self.process)) {
            (Some(then), Some(now)) => then != now || has_no_threads(self.process),
            _ => false,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        writeln!(f, "owner={}", self.owner)?;
        writeln!(f, "claim={}", self.claim)?;
        writeln!(f, "alone={}", self.alone)?;
        writeln!(f, "boot={}", text(&self.boot))?;
        writeln!(f, "namespace={}", text(&self.namespace))?;
        writeln!(f, "process={}", self.process)?;
        writeln!(f, "began={}", self.began.map(|began| began.to_string()).unwrap_or_default())
    }
}

fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

fn pid_namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}

/// Whether a process has ended and only waits for its parent to notice: a zombie without other threads.
fn has_no_threads(process: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).map(Iterator::count);
    stat(process).is_some_and(|fields| fields.starts_with('Z')) && threads.is_ok_and(|threads| threads == 1)
}

/// The 22nd field of `/proc/<id>/stat`.
fn start_time(process: i32) -> Option<u64> {
    stat(process)?.split_whitespace().nth(19)?.parse().ok()
}

/// The fields of `/proc/<id>/stat` from the third on. The second is the program's name, which may hold anything but the last ')'.
fn stat(process: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_claim_reads_back_as_it_was_written() {
        let ours = Identity::of_this_process("host:19998", Uuid::from_u128(5), true);
        assert_eq!(Identity::parse(&ours.to_string()), Some(ours.clone()));
        assert!(ours.began.is_some() && ours.boot.is_some() && ours.namespace.is_some(), "{ours:?}");
        assert_eq!(Identity::parse("something else"), None);
    }

    #[test]
    fn only_a_process_of_this_machine_that_has_ended_is_dead() {
        let ours = Identity::of_this_process("host:19998", Uuid::from_u128(5), true);
        assert!(!ours.is_dead());
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = i32::try_from(child.id()).unwrap();
        let theirs = Identity { process, began: start_time(process), ..ours.clone() };
        assert!(!theirs.is_dead());
        child.kill().unwrap();
        // Dead already before its parent has waited for it, as soon as the kernel is done.
        let until = Instant::now() + Duration::from_secs(10);
        while !theirs.is_dead() {
            assert!(Instant::now() < until, "a killed process is not seen to be dead");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(theirs.is_dead());
        let elsewhere = |change: fn(&mut Identity)| {
            let mut other = theirs.clone();
            change(&mut other);
            other.is_dead()
        };
        assert!(!elsewhere(|other| other.boot = Some("another".to_owned())));
        assert!(!elsewhere(|other| other.namespace = Some("pid:[1]".to_owned())));
        assert!(!elsewhere(|other| other.namespace = None));
        // The id is somebody else's by now.
        assert!(Identity { began: ours.began.map(|began| began + 1), ..ours }.is_dead());
    }
}
