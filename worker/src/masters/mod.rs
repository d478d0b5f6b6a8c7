//! What passes between this worker and the masters: registration, heartbeats, commits, pins, and the
//! question which blocks may go. Orders come from the master that leads; the others are only told.

mod commits;
mod heartbeat;
mod leader_gate;
mod link;
mod orders;
mod pins;
mod registration;
mod session;
mod standbys;
mod told;

pub use commits::{Commits, may_pass};
pub use leader_gate::LeaderGate;
pub use link::MasterLink;
pub use orders::WorkerState;
pub use pins::follow_pins;
pub use session::{Registered, Registration, keep_registered};
pub use standbys::{leave, tell_standbys};
pub use told::ToldMasters;
