//! Files: the blocks of one file as one sequence of bytes.

mod block_in;
mod block_out;
mod caching;
mod loading;
mod reader;
mod recovery;
mod source;
mod ufs_out;
mod writer;

pub use reader::FileReader;
pub use writer::FileWriter;
