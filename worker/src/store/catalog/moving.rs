//! Moves between tiers and media.
//!
//! The file is copied while readers go on. The switch happens only when nobody reads: a short-circuit
//! client may hold the old path without having opened it. A move that finds readers gives up.

use super::{Catalog, DirId, Place, Refusal, State};
use std::path::PathBuf;

/// A move under way. Ends by [`Catalog::switch`] and [`Catalog::settle`], or by
/// [`Catalog::abort_move`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub block: i64,
    pub length: u64,
    pub from: PathBuf,
    pub to: PathBuf,
    pub temp: PathBuf,
    pub to_dir: DirId,
    pub from_dir: DirId,
    serial: u64,
}

impl Catalog {
    /// Starts a move to a folder that matches `place` and has room. `None`: it is there already.
    pub fn begin_move(&mut self, block: i64, place: &Place, session: i64) -> Result<Option<Move>, Refusal> {
        let free = self.targets(place).into_iter().map(|dir| (dir, self.dir(dir).free())).collect();
        self.begin_move_into(block, free, session)
    }

    /// Starts a move to this folder.
    pub fn begin_promotion(&mut self, block: i64, to: DirId, session: i64) -> Result<Option<Move>, Refusal> {
        let free = vec![(to, self.dir(to).free())];
        self.begin_move_into(block, free, session)
    }

    /// Starts one half of an exchange: a move to this folder, which may use its reserve.
    pub fn begin_exchange(&mut self, block: i64, to: DirId, session: i64) -> Result<Option<Move>, Refusal> {
        let free = vec![(to, self.dir(to).free_for_exchange())];
        self.begin_move_into(block, free, session)
    }

    fn begin_move_into(
        &mut self,
        block: i64,
        mut free: Vec<(DirId, u64)>,
        session: i64,
    ) -> Result<Option<Move>, Refusal> {
        let Some(entry) = self.blocks.get(&block).filter(|entry| entry.state != State::Leaving) else {
            return Err(Refusal::Unknown);
        };
        let (from_dir, length, serial, state) = (entry.dir, entry.length, entry.serial, entry.state);
        let guarded = entry.guarded;
        if free.iter().any(|(dir, _)| *dir == from_dir) {
            return Ok(None);
        }
        if free.is_empty() {
            return Err(Refusal::NoPlace);
        }
        if state != State::Ready {
            return Err(Refusal::BeingWritten);
        }
        free.retain(|(dir, _)| self.may_go_to(guarded, from_dir, *dir));
        if free.is_empty() {
            return Err(Refusal::Guarded);
        }
        let to_dir = self.allocator.choose(&free, length).ok_or(Refusal::NoSpace)?;
        self.dir_mut(to_dir).used += length;
        self.moving.insert(block);
        if let Some(entry) = self.blocks.get_mut(&block) {
            entry.state = State::Moving;
            // The move itself: keeps an order to remove the block waiting until the move is over.
            entry.readers += 1;
        }
        let target = self.dir(to_dir);
        Ok(Some(Move {
            block,
            length,
            from: self.dir(from_dir).blocks_root.join(block.to_string()),
            to: target.blocks_root.join(block.to_string()),
            temp: self.layout.temp_file(&target.temp_root, session, block),
            to_dir,
            from_dir,
            serial,
        }))
    }

    /// The copy is complete under its final name: new readers go there. `false`: it must be deleted, the
    /// block has readers or is leaving; [`Catalog::abort_move`] follows.
    pub fn switch(&mut self, step: &Move) -> bool {
        let lost = self.dir(step.to_dir).lost;
        let Some(entry) = self.blocks.get_mut(&step.block).filter(|entry| entry.serial == step.serial) else {
            return false;
        };
        if lost || entry.state != State::Moving || entry.readers != 1 {
            return false;
        }
        entry.state = State::Settling;
        entry.dir = step.to_dir;
        let rank = entry.rank;
        self.dir_mut(step.from_dir).order.remove(rank, step.block);
        self.dir_mut(step.to_dir).order.insert(rank, step.block);
        self.changes.record(step.block);
        true
    }

    /// The old file is deleted.
    pub fn settle(&mut self, step: &Move) {
        let from = self.dir_mut(step.from_dir);
        if !from.lost {
            from.used = from.used.saturating_sub(step.length);
        }
        self.end_move(step, State::Settling);
    }

    /// The copy is deleted, or was never made.
    pub fn abort_move(&mut self, step: &Move) {
        let to = self.dir_mut(step.to_dir);
        if !to.lost {
            to.used = to.used.saturating_sub(step.length);
        }
        self.end_move(step, State::Moving);
    }

    fn end_move(&mut self, step: &Move, during: State) {
        if let Some(entry) = self.blocks.get_mut(&step.block).filter(|entry| entry.serial == step.serial)
            && entry.state == during
        {
            entry.state = State::Ready;
        }
        self.release(step.block, step.serial);
        self.moving.remove(&step.block);
    }
}
