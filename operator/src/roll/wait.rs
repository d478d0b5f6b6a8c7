//! What the masters' next step waits for, and what a person can do where it does not come.

use std::fmt;

/// What helps against a budget that does not let a pod go.
pub(super) const BUDGET: &str = "`kubectl get pdb` shows the budgets: change the one that is not the operator's so that one pod may be away, or delete it";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// This pod is ending.
    Ending(String),
    /// The StatefulSet does not have the change, or its controller has not seen it.
    Template,
    NotReady(String),
    Missing {
        there: usize,
        wanted: u32,
    },
    /// This pod does not answer.
    Silent(String),
    /// This standby has not applied what the leader wrote.
    Behind(String),
    NoLeader,
    /// Masters are to go, and which one leads is not known.
    NoLeaderToSpare,
    /// This one leads and is to go, and no other can take over.
    NoSuccessor(String),
    /// A disruption budget does not let this pod go: its words.
    Refused {
        pod: String,
        why: String,
    },
}

impl Wait {
    /// For a person, when it was waited for too long.
    pub fn hint(&self) -> String {
        match self {
            Self::Ending(pod) => format!(
                "its node may be gone; when you know that it runs no more: `kubectl delete pod {pod} --force`"
            ),
            Self::Template => {
                "the condition Degraded, or `kubectl get statefulset -o yaml --show-managed-fields`, says who sets its template back"
                    .to_owned()
            }
            Self::Missing { .. } => {
                "the StatefulSet does not make it; `kubectl describe statefulset` and `kubectl get events` say why (a quota, an \
                 admission rule)"
                    .to_owned()
            }
            Self::Silent(_) => {
                "check that the operator may reach the masters' web port (a NetworkPolicy)".to_owned()
            }
            Self::NotReady(pod) | Self::Behind(pod) | Self::NoSuccessor(pod) => {
                format!("`kubectl logs {pod}` says more")
            }
            Self::Refused { .. } => BUDGET.to_owned(),
            Self::NoLeader | Self::NoLeaderToSpare => "the masters' logs say why none leads".to_owned(),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ending(pod) => write!(f, "{pod} is ending"),
            Self::Template => {
                f.write_str("the StatefulSet does not have the change yet, or its controller has not seen it")
            }
            Self::NotReady(pod) => write!(f, "{pod} is not ready yet"),
            Self::Missing { there, wanted } => write!(f, "{there} of {wanted} masters exist"),
            Self::Silent(pod) => write!(f, "{pod} does not answer on its web port"),
            Self::Behind(pod) => write!(f, "{pod} is still behind the leader"),
            Self::Refused { pod, why } => write!(f, "{pod} is to be replaced, and may not go: {why}"),
            Self::NoLeader => f.write_str("no master serves yet"),
            Self::NoLeaderToSpare => f.write_str("no master leads: the number of masters waits for a leader"),
            Self::NoSuccessor(pod) => {
                write!(f, "{pod} leads and is to go, but none of those that stay can take over")
            }
        }
    }
}
