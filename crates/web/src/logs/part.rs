//! A part of a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// From this byte on.
    From(u64),
    /// From this many bytes before the end.
    BeforeEnd(u64),
    /// Whole lines from this byte on; or the rest of a line that began more than a part before.
    LinesFrom(u64),
    /// The last whole lines.
    LastLines,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file's length.
    pub size: u64,
    /// Where the data begins.
    pub offset: u64,
    pub data: Vec<u8>,
}

impl Part {
    /// Where the data ends.
    pub fn end(&self) -> u64 {
        self.offset + self.data.len() as u64
    }
}

pub(super) fn read(file: &File, spot: Spot, limit: u64) -> io::Result<Part> {
    let size = file.metadata()?.len();
    let (offset, lines) = match spot {
        Spot::From(offset) => (offset.min(size), false),
        Spot::BeforeEnd(before) => (size.saturating_sub(before), false),
        Spot::LinesFrom(offset) => (offset.min(size), true),
        Spot::LastLines => (size.saturating_sub(limit), true),
    };
    let part = read_part(file, size, offset, limit)?;
    if !lines {
        return Ok(part);
    }
    // A line that began within the part before is shown there.
    let before = read_part(file, size, offset.saturating_sub(limit), limit.min(offset))?;
    let begins = offset == 0 || before.data.ends_with(b"\n");
    let goes_on = offset >= limit && !before.data.contains(&b'\n');
    Ok(whole_lines(part, begins || goes_on))
}

fn read_part(file: &File, size: u64, offset: u64, limit: u64) -> io::Result<Part> {
    let mut data = vec![0; limit.min(size - offset) as usize];
    let mut filled = 0;
    while filled < data.len() {
        match file.read_at(&mut data[filled..], offset + filled as u64) {
            // Cut short meanwhile.
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    data.truncate(filled);
    Ok(Part { size, offset, data })
}

/// Without the line that began before, and the one that ends behind; a line that fills the part stays as it is.
fn whole_lines(mut part: Part, begins: bool) -> Part {
    if part.end() < part.size
        && let Some(last) = part.data.iter().rposition(|byte| *byte == b'\n')
    {
        part.data.truncate(last + 1);
    }
    if !begins
        && let Some(first) = part.data.iter().position(|byte| *byte == b'\n')
        && first + 1 < part.data.len()
    {
        part.data.drain(..=first);
        part.offset += first as u64 + 1;
    }
    part
}
