//! Clusters of Alluxio on the nodes of `tests/e2e`, run by the operator as its users run it: installed by Helm, told by kubectl.

mod asker;
mod content;
mod deployed;
mod leading;
mod nodes;
mod operator;
mod outside;
mod patience;
mod peers;
mod plugin;
mod released;
mod streams;
mod told;
mod tools;
mod writer;
mod writer_java;

pub use asker::{Answers, Asker};
pub use deployed::{Deployed, ready_pods};
pub use leading::Serving;
pub use nodes::NodeProcess;
pub use operator::Operator;
pub use outside::{ADDRESS, Outside};
pub use patience::{patient, promised};
pub use peers::peers_of;
pub use plugin::kubectl_alluxio;
pub use streams::Streams;
pub use told::Told;
pub use tools::{example, kubectl, kubectl_with};
pub use writer::{Writer, all_are_there};
pub use writer_java::java_shell;
