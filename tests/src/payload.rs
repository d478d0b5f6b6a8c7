//! Test data: large files that no two of look alike, and their comparison without loading them.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use md5::{Digest, Md5};

/// Writes `length` bytes that depend on `seed` alone and do not repeat.
pub fn write(path: &Path, length: u64, seed: u64) -> Result<()> {
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    let mut state = seed | 1;
    let mut piece = Vec::with_capacity(1 << 20);
    let mut left = length;
    while left > 0 {
        piece.clear();
        while piece.len() < piece.capacity() {
            // xorshift64: fast, and a lost or swapped piece is noticed, which is all that is needed.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            piece.extend_from_slice(&state.to_le_bytes());
        }
        let count = left.min(piece.len() as u64);
        file.write_all(&piece[..count as usize])?;
        left -= count;
    }
    Ok(())
}

/// Fails unless both files hold the same bytes.
pub fn ensure_same(one: &Path, other: &Path) -> Result<()> {
    let mut left =
        BufReader::with_capacity(1 << 20, File::open(one).with_context(|| one.display().to_string())?);
    let mut right =
        BufReader::with_capacity(1 << 20, File::open(other).with_context(|| other.display().to_string())?);
    let mut offset = 0u64;
    loop {
        let (a, b) = (left.fill_buf()?, right.fill_buf()?);
        let count = a.len().min(b.len());
        ensure!(
            a[..count] == b[..count] && (count > 0 || a.len() == b.len()),
            "{} and {} differ after byte {offset}",
            one.display(),
            other.display()
        );
        if count == 0 {
            return Ok(());
        }
        left.consume(count);
        right.consume(count);
        offset += count as u64;
    }
}

/// The MD5 sum of a file in hex, as the original's shell prints it.
pub fn md5_hex(path: &Path) -> Result<String> {
    let mut file =
        BufReader::with_capacity(1 << 20, File::open(path).with_context(|| path.display().to_string())?);
    let mut sum = Md5::new();
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        sum.update(piece);
        let count = piece.len();
        file.consume(count);
    }
}
