//! What can happen to masters, and how it ends.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::{errno::Errno, sys::signal::Signal};
use zookeeper_client::Client;

use super::{Journal, Rig};
use crate::{
    links::Traffic,
    masters::LIMIT,
    shared_folder::{Act, Call},
    waiting::wait_until,
    web,
};

/// One fault; the number is a master's, or a ZooKeeper server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// kill -9, and started again in the end.
    Kill(usize),
    /// SIGTERM, and started again in the end.
    Stop(usize),
    /// SIGSTOP, and SIGCONT in the end.
    Pause(usize),
    /// Cut off from ZooKeeper alone.
    FromZooKeeper(usize, Traffic),
    /// Cut off from clients, and from the other masters, alone.
    FromClients(usize, Traffic),
    /// Cut off from the journal alone.
    FromJournal(usize),
    /// Each call to the journal is late.
    SlowJournal(usize, Duration),
    /// The journal's file system fails all that is done; the NameNode refuses connections.
    FailingJournal(usize),
    /// Only syncs fail.
    FailingSync(usize),
    /// There is no room.
    FullJournal(usize),
    /// The NameNode ends, and is started again in the end.
    NameNode,
    DataNode(usize),
    ZooKeeperServer(usize),
    /// All servers are stopped.
    ZooKeeper,
    /// The leader's nodes are deleted by hand.
    Nodes,
}

impl Rig {
    pub fn begin(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill(master) => self.masters()?.kill(master)?,
            Fault::Stop(master) => self.masters()?.stop(master)?,
            Fault::Pause(master) => self.masters()?.signal(master, Signal::SIGSTOP)?,
            Fault::FromZooKeeper(master, traffic) => self.zookeeper_of(master, traffic),
            Fault::FromClients(master, traffic) => self.clients_of(master, traffic),
            Fault::FromJournal(master) => match &self.reach[master].journal {
                Journal::Mount(folder) => folder.cut(),
                Journal::NameNode(link) => link.set(Traffic::Silent),
            },
            Fault::SlowJournal(master, time) => match &self.reach[master].journal {
                Journal::Mount(folder) => folder.set(Call::ALL, Act::Late(time)),
                Journal::NameNode(link) => link.set(Traffic::Late(time)),
            },
            Fault::FailingJournal(master) => match &self.reach[master].journal {
                Journal::Mount(folder) => folder.set(Call::ALL, Act::Fail(Errno::EIO)),
                Journal::NameNode(link) => link.set(Traffic::Refused),
            },
            Fault::FailingSync(master) => self.journal_of(master)?.set(&[Call::Sync], Act::Fail(Errno::EIO)),
            Fault::FullJournal(master) => {
                self.journal_of(master)?
                    .set(&[Call::Write, Call::Create, Call::Link], Act::Fail(Errno::ENOSPC));
            }
            Fault::NameNode => self.hdfs()?.stop_namenode()?,
            Fault::DataNode(index) => self.hdfs()?.stop_datanode(index)?,
            Fault::ZooKeeperServer(server) => self.masters()?.zookeeper.kill(server)?,
            Fault::ZooKeeper => self.all_servers(Signal::SIGSTOP)?,
            Fault::Nodes => {
                let address = self.masters()?.zookeeper.address();
                // A hand of its own, in the middle of a test that waits for it.
                let hand = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                hand.block_on(delete_nodes(&address))?;
            }
        }
        Ok(())
    }

    /// Takes it back.
    pub fn end(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill(master) | Fault::Stop(master) => {
                self.launch(master)?;
                // Until then it ends at the first trouble, as a program does that cannot start.
                let port = self.masters()?.web_port(master);
                wait_until(LIMIT, "the master is ready again", || Ok(web::is_ready(port)))?;
            }
            Fault::Pause(master) => self.masters()?.signal(master, Signal::SIGCONT)?,
            Fault::FromZooKeeper(master, _) => self.zookeeper_of(master, Traffic::Passes),
            Fault::FromClients(master, _) => self.clients_of(master, Traffic::Passes),
            Fault::FromJournal(master)
            | Fault::SlowJournal(master, _)
            | Fault::FailingJournal(master)
            | Fault::FailingSync(master)
            | Fault::FullJournal(master) => self.reach[master].journal.heal(),
            Fault::NameNode => self.hdfs()?.start_namenode()?,
            Fault::DataNode(index) => self.hdfs()?.start_datanode(index)?,
            Fault::ZooKeeperServer(server) => {
                let zookeeper = &mut self.masters()?.zookeeper;
                zookeeper.launch(server)?;
                zookeeper.wait(server)?;
            }
            Fault::ZooKeeper => self.all_servers(Signal::SIGCONT)?,
            Fault::Nodes => {}
        }
        Ok(())
    }

    fn all_servers(&mut self, signal: Signal) -> Result<()> {
        let zookeeper = &self.masters()?.zookeeper;
        (0..zookeeper.count()).try_for_each(|server| zookeeper.signal(server, signal))
    }
}

/// The leader's node first, then the first candidate's.
async fn delete_nodes(address: &str) -> Result<()> {
    let deleted = async {
        let client = Client::connect(address).await?;
        for folder in ["/alluxio/leader", "/alluxio/election"] {
            let mut names = client.list_children(folder).await?;
            names.retain(|name| folder.ends_with("leader") || name.contains("-lock-"));
            names.sort_by_key(|name| name[name.len().saturating_sub(10)..].to_owned());
            if let Some(first) = names.first() {
                match client.delete(&format!("{folder}/{first}"), None).await {
                    // Its master was quicker.
                    Ok(()) | Err(zookeeper_client::Error::NoNode) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, deleted).await.context("ZooKeeper does not answer")?
}
