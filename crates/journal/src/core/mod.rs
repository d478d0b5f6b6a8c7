//! The pure part: byte formats and decisions. Nothing here does I/O, reads a clock or waits, so each rule can
//! be tested by itself.

pub mod chain;
pub mod chunk;
pub mod decode;
pub mod head;
pub mod header;
pub mod place;
pub mod retire;
pub mod tail;
pub mod track;
