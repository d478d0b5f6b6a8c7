//! What a candidate does next: pure, without a clock, a connection or a random number of its own.
//!
//! One step is taken at a time: [`Candidacy::next`] says which, and what came of it is told by the method named for
//! it. Only renewals tell when they were *sent*; a lease counts from there.

use std::{fmt, time::Duration};

use crate::node;

/// When a leader steps down: `alluxio.zookeeper.leader.connection.error.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// When its session ends.
    Session,
    /// As soon as the connection is lost.
    Standard,
}

/// Why a master leads no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    SessionExpired,
    Disconnected,
    NodeGone,
    Resigned,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionExpired => "the session with ZooKeeper has ended",
            Self::Disconnected => "ZooKeeper is out of reach, and the policy is STANDARD",
            Self::NodeGone => "this master's node in ZooKeeper is gone or is another's",
            Self::Resigned => "this master has resigned",
        })
    }
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Open a session.
    Connect,
    /// Clear up after former sessions, and see whether this master may stand at all.
    Enter,
    /// Create a node in the queue.
    Stand,
    /// List the queue.
    Look,
    /// Wait until this node changes.
    Watch(String),
    /// Renew the lease at this moment.
    Renew { at: Duration },
    /// Remove all own nodes.
    Withdraw,
    /// Wait until the master has let go of its leadership.
    WaitForRelease,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of ours is known to be in the queue.
    Absent,
    /// A node may have been created; the queue shows whether it was.
    Looking,
    Waiting {
        predecessor: String,
    },
    Leading {
        node: String,
        renew_at: Duration,
        lease_until: Duration,
    },
    /// Own nodes may still be there.
    Withdrawing,
}

/// One master's way through the election.
#[derive(Clone, Debug)]
pub(crate) struct Candidacy {
    policy: Policy,
    /// The granted timeout and the mark of own nodes, while there is a session.
    session: Option<(Duration, String)>,
    /// This session may stand.
    entered: bool,
    phase: Phase,
    /// A leadership was handed out and is not given back yet.
    held: bool,
    lost: Option<Lost>,
}

impl Candidacy {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, session: None, entered: false, phase: Phase::Absent, held: false, lost: None }
    }

    pub(crate) fn next(&self) -> Step {
        match &self.phase {
            // Others can lead before this master has cleared up, but it does not stand again.
            Phase::Withdrawing => Step::Withdraw,
            Phase::Absent if self.held => Step::WaitForRelease,
            _ if self.session.is_none() => Step::Connect,
            Phase::Absent if !self.entered => Step::Enter,
            Phase::Absent => Step::Stand,
            Phase::Looking => Step::Look,
            Phase::Waiting { predecessor } => Step::Watch(predecessor.clone()),
            Phase::Leading { renew_at, .. } => Step::Renew { at: *renew_at },
        }
    }

    /// The own node, and until when the lease is valid, while this master leads.
    pub(crate) fn leading(&self) -> Option<(&str, Duration)> {
        match &self.phase {
            Phase::Leading { node, lease_until, .. } => Some((node, *lease_until)),
            _ => None,
        }
    }

    /// Why the leadership that is still held is lost.
    pub(crate) fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// What the names of own nodes begin with in this session.
    pub(crate) fn mark(&self) -> &str {
        self.session.as_ref().map_or("", |(_, mark)| mark)
    }

    /// There is a new session. `mark` is unique to it: also a node whose creation was not confirmed is known by it.
    pub(crate) fn connected(&mut self, timeout: Duration, mark: String) {
        self.session = Some((timeout, mark));
        self.entered = false;
    }

    /// This session may stand.
    pub(crate) fn entered(&mut self) {
        self.entered = self.session.is_some();
    }

    /// The session has ended, and all nodes with it.
    pub(crate) fn expired(&mut self) {
        self.session = None;
        if self.leading().is_some() {
            self.lost = Some(Lost::SessionExpired);
        }
        self.phase = Phase::Absent;
    }

    /// The connection is lost; the session may live on.
    pub(crate) fn disconnected(&mut self) {
        if self.policy == Policy::Standard {
            self.step_down(Lost::Disconnected);
        }
    }

    /// A node was created, or may have been.
    pub(crate) fn stood(&mut self) {
        if self.phase == Phase::Absent {
            self.phase = Phase::Looking;
        }
    }

    /// What is in the queue. True when this master now leads; its lease begins with the first renewal.
    pub(crate) fn saw(&mut self, names: &[String]) -> bool {
        let mut queue: Vec<(u64, &String)> =
            names.iter().filter_map(|name| Some((node::sequence(name)?, name))).collect();
        queue.sort_unstable();
        let own = queue.iter().position(|(_, name)| !self.mark().is_empty() && name.starts_with(self.mark()));
        self.phase = match own {
            None => Phase::Absent,
            Some(0) => Phase::Leading {
                node: queue[0].1.clone(),
                renew_at: Duration::ZERO,
                lease_until: Duration::ZERO,
            },
            Some(own) => Phase::Waiting { predecessor: queue[own - 1].1.clone() },
        };
        self.held |= own == Some(0);
        own == Some(0)
    }

    /// The predecessor has changed or is gone.
    pub(crate) fn changed(&mut self) {
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.phase = Phase::Looking;
        }
    }

    /// For how long a renewal makes the lease valid: a tenth of the session is kept for clocks that differ.
    pub(crate) fn lease_length(&self) -> Duration {
        self.session.as_ref().map_or(Duration::ZERO, |(timeout, _)| timeout.mul_f64(0.9))
    }

    /// ZooKeeper has confirmed, to a message sent at that moment, that the own nodes are there.
    pub(crate) fn renewed(&mut self, sent: Duration) {
        let length = self.lease_length();
        let Some((timeout, _)) = &self.session else { return };
        if let Phase::Leading { renew_at, lease_until, .. } = &mut self.phase {
            *renew_at = sent + *timeout / 6;
            *lease_until = sent + length;
        }
    }

    /// A renewal showed that an own node is gone or is another's.
    pub(crate) fn gone(&mut self) {
        self.step_down(Lost::NodeGone);
    }

    /// The master does not want to lead any more, or has seen that it does not.
    pub(crate) fn released(&mut self) {
        self.step_down(Lost::Resigned);
        self.held = false;
        self.lost = None;
    }

    /// All own nodes are removed.
    pub(crate) fn withdrawn(&mut self) {
        if self.phase == Phase::Withdrawing {
            self.phase = Phase::Absent;
        }
    }

    fn step_down(&mut self, lost: Lost) {
        if self.leading().is_some() {
            self.lost = Some(lost);
            self.phase = Phase::Withdrawing;
        }
    }
}

#[cfg(test)]
#[path = "candidacy_tests.rs"]
mod tests;
