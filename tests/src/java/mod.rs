//! The original's Java clients and servers: where they come from, how they are started, how a shell is kept open.

mod artifacts;
mod client;
mod contract;
mod dialogue;
mod server;
mod session;

use std::process::Command;

pub use artifacts::Artifacts;
pub use client::{JavaClient, Locality};
pub use contract::{Contract, Verdict};
pub(crate) use dialogue::Dialogue;
pub use session::{Kind, Outcome, ShellSession, line_of};

/// A JVM with the jars and our settings on its class path.
fn java(artifacts: &Artifacts) -> Command {
    java_with(&artifacts.class_path())
}

fn java_with(class_path: &str) -> Command {
    let mut command = jvm("512m");
    // Names of files and output in UTF-8, whatever the locale of this machine.
    command.env("LC_ALL", "C.UTF-8").arg("-Dfile.encoding=UTF-8");
    command.arg("-cp").arg(class_path);
    command
}

/// A JVM, small and quick to start: most of them live for seconds.
pub(crate) fn jvm(memory: &str) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Xmx{memory}"));
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
    command
}
