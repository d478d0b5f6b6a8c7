//! Conditions and their reasons: closed lists, so that alerts and documents can name all of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be true of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ConditionType {
    Available,
    Progressing,
    Degraded,
    Paused,
    ZooKeeperReachable,
    JournalReady,
}

/// Why a condition is what it is. Which condition has which reasons: [`Reason::condition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Reason {
    // Available
    /// A master serves.
    LeaderServing,
    /// No master serves.
    NoLeader,
    /// No master was started yet.
    NotStarted,

    // Progressing
    /// Everything is as the spec says.
    Settled,
    /// Objects are being made for the first time.
    Creating,
    /// The journal is being formatted.
    Formatting,
    /// Pods are replaced one after the other.
    Rolling,
    /// All masters are replaced at once.
    Recreating,
    /// The number of masters or workers changes.
    Scaling,
    /// Workers that leave persist what only they hold.
    Decommissioning,
    /// A step took longer than `progressDeadlineSeconds`; the rest is left as it was.
    StepFailed,
    /// Nothing is changed for now: the cluster is paused, its spec is refused, or its journal is not what it should be.
    Held,

    // Degraded
    /// Nothing is wrong.
    AsExpected,
    /// The spec cannot be carried out; nothing was changed.
    InvalidSpec,
    /// A Secret or ConfigMap that the spec names, or a key of it, is missing.
    MissingReference,
    /// The masters' image cannot read the format that the journal is written in; nothing was changed.
    DowngradeRefused,
    /// Another cluster has the same journal, the same folder in ZooKeeper or the same ports.
    ConflictsWithCluster,
    /// The API server refused an object.
    ApplyFailed,
    /// Some masters are not ready.
    MastersNotReady,
    /// Some workers are not ready.
    WorkersNotReady,
    /// A mount of the spec could not be made.
    MountFailed,
    /// The journal cannot be made, or is not this cluster's: no master starts.
    JournalNotReady,

    // Paused
    /// `paused` is true.
    PausedByUser,
    /// `paused` is false.
    NotPaused,

    // ZooKeeperReachable
    /// A server answers.
    Reachable,
    /// No server answers.
    Unreachable,
    /// The cluster has no ZooKeeper.
    NotConfigured,

    // JournalReady
    /// The journal's marker is this cluster's.
    JournalFormatted,
    /// The journal is not formatted yet.
    JournalNotFormatted,
    /// The format Job failed.
    FormatFailed,
    /// The cluster had a journal, and its folder has none.
    JournalMissing,
    /// The folder's journal is another cluster's.
    JournalForeign,
}

impl Reason {
    /// The condition that has this reason.
    #[must_use]
    pub fn condition(self) -> ConditionType {
        use ConditionType as Of;
        match self {
            Self::LeaderServing | Self::NoLeader | Self::NotStarted => Of::Available,
            Self::Settled
            | Self::Creating
            | Self::Formatting
            | Self::Rolling
            | Self::Recreating
            | Self::Scaling
            | Self::Decommissioning
            | Self::StepFailed
            | Self::Held => Of::Progressing,
            Self::AsExpected
            | Self::InvalidSpec
            | Self::MissingReference
            | Self::DowngradeRefused
            | Self::ConflictsWithCluster
            | Self::ApplyFailed
            | Self::MastersNotReady
            | Self::WorkersNotReady
            | Self::MountFailed
            | Self::JournalNotReady => Of::Degraded,
            Self::PausedByUser | Self::NotPaused => Of::Paused,
            Self::Reachable | Self::Unreachable | Self::NotConfigured => Of::ZooKeeperReachable,
            Self::JournalFormatted
            | Self::JournalNotFormatted
            | Self::FormatFailed
            | Self::JournalMissing
            | Self::JournalForeign => Of::JournalReady,
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// One condition, in the form that `kubectl wait` reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: ConditionType,

    /// Whether it holds.
    pub status: ConditionStatus,

    /// Why, in one word from a closed list.
    pub reason: Reason,

    /// Why, in a sentence: the field, what was seen, what to type.
    #[schemars(length(max = 32_768))]
    pub message: String,

    /// The generation of the spec that this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// When `status` became what it is, RFC 3339.
    #[schemars(length(max = 64))]
    pub last_transition_time: String,
}
