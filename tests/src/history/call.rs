//! One call of a client, and what became of it.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

/// One of the few paths of a directory that belongs to the workload: three names, and two more below each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u8);

impl Slot {
    /// The names of the directory itself, which may be files or directories.
    pub const TOP: u8 = 3;
    /// The names below each of them, which are files.
    pub const BELOW: u8 = 2;
    pub const COUNT: usize = (Slot::TOP * (Slot::BELOW + 1)) as usize;

    pub fn top(name: u8) -> Slot {
        Slot(name % Slot::TOP)
    }

    pub fn below(parent: u8, name: u8) -> Slot {
        Slot(Slot::TOP + parent % Slot::TOP * Slot::BELOW + name % Slot::BELOW)
    }

    pub fn all() -> impl Iterator<Item = Slot> {
        (0..Slot::COUNT as u8).map(Slot)
    }

    pub fn index(self) -> usize {
        self.0.into()
    }

    pub fn parent(self) -> Option<Slot> {
        self.0.checked_sub(Slot::TOP).map(|below| Slot(below / Slot::BELOW))
    }

    /// The paths below it.
    pub fn children(self) -> impl Iterator<Item = Slot> {
        let own = self.0;
        let count = if own < Slot::TOP { Slot::BELOW } else { 0 };
        (0..count).map(move |name| Slot::below(own, name))
    }

    /// Its path in the workload's directory.
    pub fn path(self) -> String {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let name = |number: u8| NAMES[usize::from(number)];
        match self.parent() {
            None => name(self.0).to_owned(),
            Some(parent) => format!("{}/{}", name(parent.0), name((self.0 - Slot::TOP) % Slot::BELOW)),
        }
    }
}

impl Display for Slot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// A change that was asked for. None makes its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    MakeDirectory(Slot),
    CreateFile(Slot),
    CompleteFile(Slot),
    Delete { slot: Slot, recursive: bool },
    Rename { from: Slot, to: Slot },
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Change(Change),
    Status(Slot),
    /// The names of the directory itself, which a master looks at in one moment.
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Directory,
    File { complete: bool },
}

/// What a path was said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub kind: Kind,
    /// Masters give each new file a higher id than all before it; directories alike.
    pub id: i64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done,
    Status(Found),
    List(Vec<(Slot, Found)>),
    Refused(Refusal),
}

/// A refusal that says that nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound,
    Exists,
    /// Not to be done with what is there: to delete a directory that is not empty, to look below
    /// a file.
    Unfit,
}

/// What the client knows at the end of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Replied(Reply),
    /// Perhaps carried out before the call's end, perhaps never.
    Perhaps,
    /// It may still be carried out at any time after the call's end.
    Unknown,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub client: usize,
    pub request: Request,
    pub begin: Duration,
    pub end: Duration,
    pub outcome: Outcome,
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (begin, end) = (self.begin.as_secs_f64(), self.end.as_secs_f64());
        write!(
            f,
            "{begin:10.4} {end:10.4}  client {:2}  {:?} -> {:?}",
            self.client, self.request, self.outcome
        )
    }
}
