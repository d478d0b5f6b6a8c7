//! The `alluxio` command.

mod absent;
mod cluster_marker;
mod completion;
mod connection;
mod error;
mod format;
mod fs;
mod fsadmin;
mod generic_options;
mod get_conf;
mod glob;
mod journal_folder;
mod local;
mod log_level;
mod meant;
mod options;
mod output;
mod process;
mod read_journal;
mod run_tests;
mod shell;
mod top;
mod version;
mod web_request;

use std::process::ExitCode;

/// `alluxio local` runs master and worker in this process, which allocate much and from many threads.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // A shell sees the low eight bits of a status.
    ExitCode::from((top::run(std::env::args().skip(1)) & 0xff) as u8)
}
