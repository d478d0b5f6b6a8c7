//! The under storages as this worker sees them: by mount id, asked of the master when first needed.

mod mount;
mod mounts;
mod versions;

pub use mount::Mount;
pub use mounts::Mounts;
pub use versions::{Versions, replaced};
