//! Who this process is when it calls others.

use alluxio_conf::{Configuration, key};
use nix::unistd::{Uid, User};

/// The configured `alluxio.security.login.username`, else the user of the operating system, else
/// its number (a container's user often has no name).
pub fn login_user(conf: &Configuration) -> String {
    if let Some(user) = conf.opt(key::SECURITY_LOGIN_USERNAME)
        && !user.is_empty()
    {
        return user;
    }
    let uid = Uid::effective();
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) => uid.to_string(),
        Err(error) => {
            tracing::warn!(%uid, %error, "no user name found for this process: its number is used");
            uid.to_string()
        }
    }
}
