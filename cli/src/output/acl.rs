//! Access control lists as `getfacl` and `stat` print them.

use alluxio_fs::{AccessControlList, AclEntry, AclEntryKind};
use alluxio_proto::grpc::file::PAcl;

/// The entries in the original's order: owner, owning group, other, then named users, named groups
/// and the mask. An empty default list has none.
pub fn lines(acl: Option<&PAcl>) -> Vec<String> {
    let Some(acl) = acl else { return Vec::new() };
    let is_default = acl.is_default();
    if is_default && acl.is_default_empty() {
        return Vec::new();
    }
    let mut entries = AccessControlList::from_wire(acl).entries(is_default);
    // The sort keeps the order inside a class.
    entries.sort_by_key(rank);
    entries.iter().map(AclEntry::to_string).collect()
}

fn rank(entry: &AclEntry) -> u8 {
    match entry.kind {
        AclEntryKind::Owner => 0,
        AclEntryKind::OwningGroup => 1,
        AclEntryKind::Other => 2,
        AclEntryKind::NamedUser(_) => 3,
        AclEntryKind::NamedGroup(_) => 4,
        AclEntryKind::Mask => 5,
    }
}

#[cfg(test)]
mod tests {
    use alluxio_fs::{Bits, Mode};

    use super::*;

    #[test]
    fn base_entries_come_first() {
        let mut list = AccessControlList::new(Mode::new(0o750));
        assert_eq!(lines(Some(&list.to_wire("o", "g"))), ["user::rwx", "group::r-x", "other::---"]);
        list.set(&AclEntryKind::NamedGroup("team".to_owned()), Bits::READ);
        list.set(&AclEntryKind::NamedUser("ann".to_owned()), Bits::ALL);
        list.recompute_mask();
        assert_eq!(
            lines(Some(&list.to_wire("o", "g"))),
            ["user::rwx", "group::r-x", "other::---", "user:ann:rwx", "group:team:r--", "mask::rwx"]
        );
    }

    #[test]
    fn a_default_list_says_so_and_an_empty_one_is_silent() {
        let list = AccessControlList::new(Mode::new(0o755));
        let wire = AccessControlList::default_to_wire(Some(&list), "o", "g");
        assert_eq!(lines(Some(&wire)), ["default:user::rwx", "default:group::r-x", "default:other::r-x"]);
        assert!(lines(Some(&AccessControlList::default_to_wire(None, "o", "g"))).is_empty());
        assert!(lines(None).is_empty());
    }
}
