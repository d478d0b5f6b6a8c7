//! Blocks under write and the bytes promised to them.

use super::{Catalog, DirId, Doomed, Place, State, Temp};
use std::path::PathBuf;

/// Why a reservation was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The block is held.
    Exists,
    /// Another session writes it.
    BeingWritten,
    /// No such block of this session (its folder was lost, or it was given up).
    Unknown,
    /// It waits to be persisted, and would come to a medium that forgets it with the power.
    Guarded,
    /// No folder that fits has the room.
    NoSpace,
    /// No folder matches the place at all.
    NoPlace,
}

impl Catalog {
    /// Promises `bytes` to a new block under write.
    pub fn reserve(
        &mut self,
        block: i64,
        session: i64,
        place: &Place,
        bytes: u64,
    ) -> Result<(DirId, PathBuf), Refusal> {
        // A leaving block counts: its file is still under the name the new one would take.
        if self.blocks.contains_key(&block) {
            return Err(Refusal::Exists);
        }
        if self.temps.contains_key(&block) || self.moving.contains(&block) {
            return Err(Refusal::BeingWritten);
        }
        if self.groups(place).is_empty() {
            // Without a wish for a medium all folders are lost: another worker may have room.
            return Err(if place.medium.is_some() { Refusal::NoPlace } else { Refusal::NoSpace });
        }
        let dir = self.choose(place, bytes).ok_or(Refusal::NoSpace)?;
        self.dir_mut(dir).used += bytes;
        self.temps.insert(block, Temp { session, dir, reserved: bytes });
        let path = self.layout.temp_file(&self.dir(dir).temp_root, session, block);
        Ok((dir, path))
    }

    /// Promises `bytes` more to a block under write, in its folder.
    pub fn grow(&mut self, block: i64, session: i64, bytes: u64) -> Result<(), Refusal> {
        let temp = self.temps.get(&block).filter(|temp| temp.session == session).ok_or(Refusal::Unknown)?;
        let dir = temp.dir;
        if self.dir(dir).free() < bytes {
            return Err(Refusal::NoSpace);
        }
        self.dir_mut(dir).used += bytes;
        if let Some(temp) = self.temps.get_mut(&block) {
            temp.reserved += bytes;
        }
        Ok(())
    }

    /// Where the finished file of a block under write belongs.
    pub fn final_path(&self, block: i64, session: i64) -> Option<PathBuf> {
        let temp = self.temps.get(&block).filter(|temp| temp.session == session)?;
        Some(self.dir(temp.dir).blocks_root.join(block.to_string()))
    }

    /// The finished file is under its final name: from now on the block can be read. What was promised
    /// beyond `length` is free again. `guarded`: see [`super::Entry`].
    pub fn finish(&mut self, block: i64, session: i64, length: u64, guarded: bool) -> Result<(), Refusal> {
        let temp = self.temps.get(&block).filter(|temp| temp.session == session).ok_or(Refusal::Unknown)?;
        if length > temp.reserved {
            return Err(Refusal::NoSpace);
        }
        let (dir, spare) = (temp.dir, temp.reserved - length);
        self.temps.remove(&block);
        self.dir_mut(dir).used -= spare;
        self.insert(block, dir, length, State::Uncommitted, guarded);
        Ok(())
    }

    /// Gives a block under write up: its file is to be deleted, then its bytes are free.
    pub fn give_up(&mut self, block: i64, session: i64, path: PathBuf) {
        if self.temps.get(&block).is_some_and(|temp| temp.session == session)
            && let Some(temp) = self.temps.remove(&block)
        {
            self.doomed.push_back(Doomed { path, dir: temp.dir, bytes: temp.reserved, block: None });
        }
    }
}
