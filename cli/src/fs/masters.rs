//! `leader` and `masterInfo`: which masters there are, and which of them serves.

use std::net::SocketAddr;

use alluxio_client::MasterAddress;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
};

pub const LEADER: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "leader",
        usage: "leader",
        description: "Prints the host name of the master that serves. Use masterInfo in new scripts.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
    },
    run: |call| Box::pin(leader(call)),
};

pub const INFO: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "masterInfo",
        usage: "masterInfo",
        description: "Prints the address of the master that serves, and those of all masters.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
    },
    run: |call| Box::pin(info(call)),
};

/// Two lines, the second with the host name alone: `tail -1` is how scripts read it. The status is 0
/// even without a leader, as it is in the original.
async fn leader(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    out.line("This command will be deprecated as of v3.0, please use masterInfo command")?;
    // The leader is whom a connection ends at.
    match call.shell.fs().await {
        Ok(fs) => out.line(fs.cluster().leader().await?.host)?,
        Err(error) => {
            out.note("Failed to get the leader master.");
            out.note(error);
        }
    }
    Ok(SUCCESS)
}

async fn info(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    let cluster = call.shell.cluster()?;
    match cluster.leader().await {
        Ok(leader) => out.line(format_args!("Current leader master: {}", resolved(&leader).await))?,
        Err(error) => {
            out.line("Failed to find leader master")?;
            out.note(error);
        }
    }
    let mut masters = Vec::new();
    for master in cluster.masters() {
        masters.push(resolved(master).await);
    }
    out.line(format_args!("All masters: [{}]", masters.join(", ")))?;
    Ok(SUCCESS)
}

/// `host/ip:port`, as Java prints a socket address.
async fn resolved(master: &MasterAddress) -> String {
    let found = tokio::net::lookup_host((master.host.as_str(), master.port)).await;
    shown(&master.host, master.port, found.ok().and_then(|mut found| found.next()))
}

fn shown(host: &str, port: u16, address: Option<SocketAddr>) -> String {
    match address {
        // Given as an address there is no name to print.
        Some(address) if address.ip().to_string() == host => format!("/{address}"),
        Some(address) => format!("{host}/{address}"),
        None => format!("{host}/<unresolved>:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_java_shows_them() {
        let address = "127.0.0.1:19998".parse().ok();
        assert_eq!(shown("localhost", 19998, address), "localhost/127.0.0.1:19998");
        assert_eq!(shown("127.0.0.1", 19998, address), "/127.0.0.1:19998");
        assert_eq!(shown("nowhere", 19998, None), "nowhere/<unresolved>:19998");
    }
}
