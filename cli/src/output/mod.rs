//! How values look on the terminal: sizes, dates, listing lines, the text of a status. Scripts parse
//! these, so each format is pinned by a test.

pub mod acl;
pub mod columns;
pub mod listing;
pub mod mounts;
pub mod progress;
pub mod status;
pub mod verdict;

mod stream;

pub use alluxio_fs::print::{date, size};

#[cfg(test)]
pub use stream::Captured;
pub use stream::Output;

/// Width of help texts when the terminal does not say.
const DEFAULT_WIDTH: usize = 80;

/// Characters per line of the terminal.
pub fn width() -> usize {
    // The shell keeps COLUMNS up to date in interactive sessions that export it.
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|&columns| columns >= 20).unwrap_or(DEFAULT_WIDTH)
}
