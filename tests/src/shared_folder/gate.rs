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
    calls: &'static [Call],
    act: Option<Act>,
    held: usize,
}

impl Gate {
    pub fn set(&self, calls: &'static [Call], act: Act) {
        let mut told = self.told.lock();
        (told.calls, told.act) = (calls, Some(act));
        self.changed.notify_all();
    }

    pub fn held(&self) -> usize {
        self.told.lock().held
    }

    /// Lets a call through, in time.
    pub fn pass(&self, call: Call) -> Result<(), Errno> {
        let mut told = self.told.lock();
        loop {
            match told.act.filter(|_| told.calls.contains(&call)) {
                None | Some(Act::Pass) => return Ok(()),
                Some(Act::Fail(errno)) => return Err(errno),
                Some(Act::Late(time)) => {
                    drop(told);
                    sleep(time);
                    return Ok(());
                }
                Some(Act::Hold) => {
                    told.held += 1;
                    self.changed.wait(&mut told);
                    told.held -= 1;
                }
            }
        }
    }
}
