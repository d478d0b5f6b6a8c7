//! What a person reads when the embedded cluster is ready.

use std::path::Path;

use super::{servers::Servers, settings::Settings};

/// The port that commands use without being told.
const USUAL_RPC_PORT: u16 = 19998;

pub fn text(servers: &Servers, settings: &Settings) -> String {
    let command = std::env::args().next().unwrap_or_default();
    guide(&servers.ports(), &settings.base, &command)
}

fn guide(ports: &[(&str, u16, u16)], base: &Path, command: &str) -> String {
    let mut text = "\nAlluxio is ready:\n".to_owned();
    for (name, rpc, web) in ports {
        text.push_str(&format!("  {name}  localhost:{rpc}  web http://localhost:{web}\n"));
    }
    text.push_str(&format!("  files   {} (journal, under storage, worker, logs)\n", base.display()));
    let command = if command.is_empty() { "alluxio" } else { command };
    let master_port =
        ports.iter().find(|(name, ..)| *name == "master").map_or(USUAL_RPC_PORT, |(_, rpc, _)| *rpc);
    let option = match master_port {
        USUAL_RPC_PORT => String::new(),
        port => format!(" -Dalluxio.master.rpc.port={port}"),
    };
    text.push_str("\nTry in another terminal:\n");
    for words in
        ["ls /", "mkdir /mine", "copyFromLocal /etc/hosts /mine/hosts", "cat /mine/hosts", "stat /mine/hosts"]
    {
        text.push_str(&format!("  {command} fs {words}{option}\n"));
    }
    text + "\nCtrl-C stops it. The files stay and are found again the next time."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_typed_as_they_are_shown() {
        let base = Path::new("/b");
        let usual =
            guide(&[("master", 19998, 19999), ("worker", 29999, 30000)], base, "target/release/alluxio");
        assert!(usual.contains("\n  master  localhost:19998  web http://localhost:19999\n"), "{usual}");
        assert!(usual.contains("\n  target/release/alluxio fs ls /\n"), "{usual}");
        let other = guide(&[("master", 7, 8), ("worker", 9, 10)], base, "");
        assert!(other.contains("\n  alluxio fs ls / -Dalluxio.master.rpc.port=7\n"), "{other}");
    }
}
