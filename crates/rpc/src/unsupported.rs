//! The answer to what we do not do.

use tonic::Status;

/// Answers a method that Java clients know and that is not supported here. Never UNIMPLEMENTED: the
/// Java client takes that for a standby master and tries again for two minutes. INTERNAL is what the
/// original answers for its own unsupported operations.
pub fn unsupported(method: &str) -> Status {
    Status::internal(format!("{} is not supported by this server.", method.trim_start_matches('/')))
}
