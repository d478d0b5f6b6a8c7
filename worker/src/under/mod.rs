//! The under storages as this worker sees them: by mount id, asked of the master when first needed.

mod mounts;

pub use mounts::Mounts;
