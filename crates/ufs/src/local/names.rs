//! User and group names of numbers, and back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Group, Uid, User};

/// Names kept; a look-up reads files or asks a directory server, and a listing has many files of few owners.
const KEPT: usize = 4096;
/// How long a changed account database may go unnoticed.
const FRESH: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    User(u32),
    Group(u32),
}

/// The names of owners and groups, remembered for a while.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Mutex<HashMap<Id, (Arc<str>, Instant)>>,
}

impl Names {
    /// The name of a user, or the number as text when it has none.
    pub(super) fn user(&self, uid: u32) -> Arc<str> {
        self.name(Id::User(uid))
    }

    /// The name of a group, or the number as text when it has none.
    pub(super) fn group(&self, gid: u32) -> Arc<str> {
        self.name(Id::Group(gid))
    }

    fn name(&self, id: Id) -> Arc<str> {
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((name, since)) = known.get(&id)
                && since.elapsed() < FRESH
            {
                return name.clone();
            }
        }
        // The look-up may ask a server: not under the lock. That two threads ask at once does no harm.
        let name: Arc<str> = look_up(id).into();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(id, (name.clone(), Instant::now()));
        name
    }
}

fn look_up(id: Id) -> String {
    let (number, found) = match id {
        Id::User(uid) => (uid, User::from_uid(Uid::from_raw(uid)).map(|user| user.map(|user| user.name))),
        Id::Group(gid) => {
            (gid, Group::from_gid(Gid::from_raw(gid)).map(|group| group.map(|group| group.name)))
        }
    };
    found
        .unwrap_or_else(|error| {
            tracing::debug!(number, %error, "account database did not answer; the number is shown");
            None
        })
        .unwrap_or_else(|| number.to_string())
}

/// The number of a user given by name or number; none when there is no such user.
pub(super) fn uid_of(name: &str) -> nix::Result<Option<Uid>> {
    Ok(User::from_name(name)?.map(|user| user.uid).or_else(|| name.parse().ok().map(Uid::from_raw)))
}

/// The number of a group given by name or number; none when there is no such group.
pub(super) fn gid_of(name: &str) -> nix::Result<Option<Gid>> {
    Ok(Group::from_name(name)?.map(|group| group.gid).or_else(|| name.parse().ok().map(Gid::from_raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_name_stay_numbers() {
        let names = Names::default();
        assert_eq!(&*names.user(0), "root");
        assert_eq!(&*names.user(3_999_999_999), "3999999999");
        assert_eq!(&*names.group(3_999_999_998), "3999999998");
        assert_eq!(uid_of("root").unwrap(), Some(Uid::from_raw(0)));
        assert_eq!(uid_of("no such user").unwrap(), None);
        assert_eq!(gid_of("3999999998").unwrap(), Some(Gid::from_raw(3_999_999_998)));
    }
}
