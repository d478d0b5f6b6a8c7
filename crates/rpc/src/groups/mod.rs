//! Which groups a user is in: asked for impersonation here and for permissions by the master.

mod cached;
mod unix;

use std::sync::Arc;

use alluxio_conf::{Configuration, KeyName, key};
use async_trait::async_trait;

pub use cached::CachedGroups;
pub use unix::UnixGroups;

use crate::RpcError;

/// The groups of a user could not be asked for. (A user that does not exist is not an error: it has
/// no groups.)
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the groups of user {user}: {reason}")]
pub struct GroupError {
    pub user: String,
    pub reason: String,
}

/// A source of group memberships.
#[async_trait]
pub trait GroupLookup: Send + Sync + 'static {
    /// The groups of `user`, the primary one first; empty for an unknown user.
    async fn groups(&self, user: &str) -> Result<Arc<[String]>, GroupError>;
}

/// Nobody is in any group.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGroups;

#[async_trait]
impl GroupLookup for NoGroups {
    async fn groups(&self, _user: &str) -> Result<Arc<[String]>, GroupError> {
        Ok(Arc::new([]))
    }
}

/// Everybody is in the one group that is named like them.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserAsGroup;

#[async_trait]
impl GroupLookup for UserAsGroup {
    async fn groups(&self, user: &str) -> Result<Arc<[String]>, GroupError> {
        Ok(Arc::new([user.to_owned()]))
    }
}

/// The lookup that `alluxio.security.group.mapping.class` names, cached for
/// `alluxio.security.group.mapping.cache.timeout`.
///
/// # Errors
/// When the property names a class that has no counterpart here.
pub fn group_lookup(conf: &Configuration) -> Result<Arc<dyn GroupLookup>, RpcError> {
    let mapping = key::SECURITY_GROUP_MAPPING_CLASS;
    let class = conf.get(mapping);
    match class.rsplit('.').next().unwrap_or_default() {
        "ShellBasedUnixGroupsMapping" => {
            let ttl = conf.get(key::SECURITY_GROUP_MAPPING_CACHE_TIMEOUT).duration();
            Ok(match ttl {
                Some(ttl) if !ttl.is_zero() => Arc::new(CachedGroups::new(UnixGroups, ttl)),
                Some(_) | None => Arc::new(UnixGroups),
            })
        }
        "IdentityUserGroupsMapping" => Ok(Arc::new(UserAsGroup)),
        "" | "none" | "NONE" | "NullGroupsMapping" => Ok(Arc::new(NoGroups)),
        _ => Err(RpcError::GroupMapping {
            key: mapping.name(),
            value: class,
            accepted: "name ShellBasedUnixGroupsMapping (the operating system's groups), \
                       IdentityUserGroupsMapping (a group per user) or none.",
        }),
    }
}
