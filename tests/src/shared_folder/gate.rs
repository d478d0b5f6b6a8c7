//! What is done with the calls that come to a mount.

use std::{thread::sleep, time::Duration};

use nix::errno::Errno;
use parking_lot::{Condvar, Mutex};

/// The kinds of calls that a test tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Look,
    List,
    Open,
    Create,
    Read,
    Write,
    Sync,
    Rename,
    Link,
    Remove,
    Lock,
}

impl Call {
    pub const ALL: &'static [Call] = &[
        Call::Look,
        Call::List,
        Call::Open,
        Call::Create,
        Call::Read,
        Call::Write,
        Call::Sync,
        Call::Rename,
        Call::Link,
        Call::Remove,
        Call::Lock,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Pass,
    Late(Duration),
    Fail(Errno),
    /// Until something else is told.
    Hold,
}

#[derive(Default)]
pub(super) struct Gate {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    rules: Vec<(&'static [Call], Act)>,
    held: usize,
}

impl Told {
    fn act(&self, call: Call) -> Act {
        let rule = self.rules.iter().find(|(calls, _)| calls.contains(&call));
        rule.map_or(Act::Pass, |(_, act)| *act)
    }
}

impl Gate {
    pub fn set(&self, rules: &[(&'static [Call], Act)]) {
        self.told.lock().rules = rules.to_vec();
        self.changed.notify_all();
    }

    pub fn held(&self) -> usize {
        self.told.lock().held
    }

    /// Lets a call through, in time.
    pub fn pass(&self, call: Call) -> Result<(), Errno> {
        let mut told = self.told.lock();
        loop {
            match told.act(call) {
                Act::Pass => return Ok(()),
                Act::Fail(errno) => return Err(errno),
                Act::Late(time) => {
                    drop(told);
                    sleep(time);
                    return Ok(());
                }
                Act::Hold => {
                    told.held += 1;
                    self.changed.wait(&mut told);
                    told.held -= 1;
                }
            }
        }
    }
}
