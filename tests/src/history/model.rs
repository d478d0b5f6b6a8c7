//! The file system as it should be: what each call does to one directory of the workload, and what it answers.

use todc_utils::Specification;

use super::call::{Change, Found, Kind, Outcome, Refusal, Reply, Request, Slot};

/// The checker's name for the model.
pub(super) struct Directory;

/// A call with what is known of its outcome.
pub(super) type Asked = (Request, Outcome);

/// An inode. Its id is known once somebody has read it; until then, that it is above those seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    Known(i64),
    Above(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Inode {
    kind: Kind,
    id: Id,
}

/// What is at each path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    at: [Option<Inode>; Slot::COUNT],
    /// The highest ids that were read, of files and of directories: what is made now has a higher one.
    newest_file: i64,
    newest_directory: i64,
}

impl Specification for Directory {
    type State = State;
    type Operation = Asked;

    fn init() -> State {
        State::default()
    }

    fn apply((request, outcome): &Asked, state: &State) -> (bool, State) {
        let mut after = state.clone();
        let fits = match (request, outcome) {
            (Request::Change(change), Outcome::Replied(reply)) => match after.change(*change) {
                Ok(()) => *reply == Reply::Done,
                Err(refusal) => *reply == Reply::Refused(refusal),
            },
            (Request::Change(change), Outcome::Perhaps | Outcome::Unknown) => {
                // Where it is refused it changes nothing, which is as good as not carried out.
                let _ = after.change(*change);
                true
            }
            (Request::Status(slot), Outcome::Replied(reply)) => match (after.find(*slot), reply) {
                (Ok(()), Reply::Status(found)) => after.learn(*slot, *found),
                (Err(refusal), Reply::Refused(told)) => refusal == *told,
                _ => false,
            },
            (Request::List, Outcome::Replied(Reply::List(listed))) => after.learn_list(listed),
            (Request::List, Outcome::Replied(_)) => false,
            // A read without an answer.
            (Request::Status(_) | Request::List, Outcome::Perhaps | Outcome::Unknown) => true,
        };
        (fits, after)
    }
}

impl State {
    fn find(&self, slot: Slot) -> Result<(), Refusal> {
        self.above(slot, Refusal::NotFound)?;
        self.at[slot.index()].map(drop).ok_or(Refusal::NotFound)
    }

    /// Whether there is a directory above it.
    fn above(&self, slot: Slot, missing: Refusal) -> Result<(), Refusal> {
        let Some(parent) = slot.parent() else { return Ok(()) };
        match self.at[parent.index()] {
            None => Err(missing),
            Some(Inode { kind: Kind::Directory, .. }) => Ok(()),
            Some(Inode { kind: Kind::File { .. }, .. }) => Err(Refusal::Unfit),
        }
    }

    fn change(&mut self, change: Change) -> Result<(), Refusal> {
        match change {
            Change::MakeDirectory(slot) => self.make(slot, Kind::Directory),
            Change::CreateFile(slot) => self.make(slot, Kind::File { complete: false }),
            Change::CompleteFile(slot) => {
                self.find(slot)?;
                match &mut self.at[slot.index()] {
                    Some(Inode { kind: Kind::File { complete: complete @ false }, .. }) => *complete = true,
                    Some(Inode { kind: Kind::File { complete: true }, .. }) => return Err(Refusal::Exists),
                    // To this call a directory is no file that exists.
                    _ => return Err(Refusal::NotFound),
                }
                Ok(())
            }
            Change::Delete { slot, recursive } => {
                self.find(slot)?;
                let full = slot.children().any(|child| self.at[child.index()].is_some());
                if full && !recursive {
                    return Err(Refusal::Unfit);
                }
                self.at[slot.index()] = None;
                slot.children().for_each(|child| self.at[child.index()] = None);
                Ok(())
            }
            Change::Rename { from, to } => {
                self.find(from)?;
                self.above(to, Refusal::NotFound)?;
                if self.at[to.index()].is_some() {
                    return Err(Refusal::Exists);
                }
                self.at[to.index()] = self.at[from.index()].take();
                for (old, new) in from.children().zip(to.children()) {
                    self.at[new.index()] = self.at[old.index()].take();
                }
                Ok(())
            }
        }
    }

    fn make(&mut self, slot: Slot, kind: Kind) -> Result<(), Refusal> {
        self.above(slot, Refusal::NotFound)?;
        if self.at[slot.index()].is_some() {
            return Err(Refusal::Exists);
        }
        let id = Id::Above(*self.newest(kind));
        self.at[slot.index()] = Some(Inode { kind, id });
        Ok(())
    }

    fn newest(&mut self, kind: Kind) -> &mut i64 {
        match kind {
            Kind::Directory => &mut self.newest_directory,
            Kind::File { .. } => &mut self.newest_file,
        }
    }

    /// Whether this is what is there; its id is known from now on.
    fn learn(&mut self, slot: Slot, found: Found) -> bool {
        let Some(inode) = &mut self.at[slot.index()] else { return false };
        let fits = match inode.id {
            Id::Known(id) => id == found.id,
            Id::Above(id) => id < found.id,
        };
        if !fits || inode.kind != found.kind {
            return false;
        }
        inode.id = Id::Known(found.id);
        let newest = self.newest(found.kind);
        *newest = found.id.max(*newest);
        true
    }

    fn learn_list(&mut self, listed: &[(Slot, Found)]) -> bool {
        let there = (0..Slot::TOP).map(Slot::top).filter(|slot| self.at[slot.index()].is_some());
        there.eq(listed.iter().map(|(slot, _)| *slot))
            && listed.iter().all(|(slot, found)| self.learn(*slot, *found))
    }
}
