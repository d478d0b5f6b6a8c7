//! Who made a call.

use tonic::{Request, Status};

/// The user of the session a call came over. Empty on a server without authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Whom the call acts for: permissions are checked for this user.
    pub user: String,
    /// Who opened the connection; differs from `user` when it impersonates.
    pub connection_user: String,
}

/// The caller of this request.
///
/// # Errors
/// When the request did not come through an [`RpcServer`](crate::RpcServer), which is a mistake in
/// our wiring and not the client's.
pub fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Status::internal("The request carries no caller: it bypassed the session check."))
}
