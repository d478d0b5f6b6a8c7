//! Groups as the operating system knows them.

use std::{ffi::CString, sync::Arc};

use async_trait::async_trait;
use nix::{
    errno::Errno,
    unistd::{Group, User, getgrouplist},
};

use super::{GroupError, GroupLookup};

/// What `id -Gn <user>` prints, asked from the C library. It may go over the network (LDAP), so it
/// runs on the blocking pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnixGroups;

#[async_trait]
impl GroupLookup for UnixGroups {
    async fn groups(&self, user: &str) -> Result<Arc<[String]>, GroupError> {
        let failed = |reason: String| GroupError { user: user.to_owned(), reason };
        let name = user.to_owned();
        tokio::task::spawn_blocking(move || ask(&name))
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|errno| failed(errno.to_string()))
    }
}

fn ask(name: &str) -> Result<Arc<[String]>, Errno> {
    // A name with a NUL in it cannot exist.
    let Ok(c_name) = CString::new(name) else { return Ok(Arc::new([])) };
    let Some(user) = User::from_name(name)? else { return Ok(Arc::new([])) };
    let mut groups = Vec::new();
    for gid in getgrouplist(&c_name, user.gid)? {
        // A group without a name is known by its number, as `id` prints it.
        groups.push(Group::from_gid(gid)?.map_or_else(|| gid.to_string(), |group| group.name));
    }
    Ok(groups.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn root_is_in_its_own_group_first() {
        let groups = UnixGroups.groups("root").await.unwrap();
        assert_eq!(groups.first().map(String::as_str), Some("root"));
    }

    #[tokio::test]
    async fn a_user_that_does_not_exist_has_no_groups() {
        assert!(UnixGroups.groups("no-such-user-here").await.unwrap().is_empty());
        assert!(UnixGroups.groups("nul\0inside").await.unwrap().is_empty());
    }
}
