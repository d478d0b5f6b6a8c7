//! The answer to what we do not do.

use tonic::Status;

/// Answers a method that Java clients know and that is not supported here. Never UNIMPLEMENTED: the
/// Java client takes that for a standby master and tries again for two minutes. Nor INTERNAL, which the
/// original answers: that would look like a fault of this server, and there is none to look for.
pub fn unsupported(method: &str) -> Status {
    Status::failed_precondition(format!(
        "{} is not supported by this server.",
        method.trim_start_matches('/')
    ))
}
