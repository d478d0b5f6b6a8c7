//! What the operator does by itself, and what it leaves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the journal when the object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Retain,
    Delete,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum UpgradeStrategy {
    #[default]
    Rolling,
    Recreate,
}

/// What sets the parts of the image that the spec leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ImagePolicy {
    #[default]
    Pinned,
    FollowOperator,
}

/// The default of `progressDeadlineSeconds`.
pub(super) fn progress_deadline_seconds() -> i32 {
    600
}
