use super::*;

fn list(mode: u16, entries: &[&str]) -> AccessControlList {
    let mut acl = AccessControlList::new(Mode::new(mode));
    for text in entries {
        let entry = AclEntry::parse(text, true).unwrap();
        acl.set(&entry.kind, entry.actions);
    }
    acl.recompute_mask();
    acl
}

fn may(acl: &AccessControlList, user: &str, groups: &[&str]) -> String {
    let groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
    acl.permitted(&Accessor { user, groups: &groups }, "owner", "staff").to_string()
}

#[test]
fn the_first_matching_class_decides() {
    let acl = list(0o540, &["user:alice:rw-", "group:dev:--x"]);
    assert_eq!(may(&acl, "owner", &["staff"]), "r-x");
    assert_eq!(may(&acl, "alice", &["staff"]), "rw-");
    assert_eq!(may(&acl, "bob", &["staff", "dev"]), "r-x", "groups add up");
    assert_eq!(may(&acl, "eve", &[]), "---");
}

#[test]
fn the_mask_bounds_all_but_owner_and_others() {
    let mut acl = list(0o777, &["user:alice:rwx"]);
    acl.set(&AclEntryKind::Mask, Bits::READ);
    assert_eq!(may(&acl, "alice", &[]), "r--");
    assert_eq!(may(&acl, "bob", &["staff"]), "r--");
    assert_eq!(may(&acl, "owner", &[]), "rwx");
    assert_eq!(may(&acl, "eve", &[]), "rwx");
}

#[test]
fn the_mask_leaves_with_the_last_named_entry() {
    let mut acl = list(0o750, &["user:alice:rwx"]);
    assert!(acl.remove(&AclEntryKind::Mask).is_err());
    acl.remove(&AclEntryKind::NamedUser("alice".into())).unwrap();
    assert_eq!(acl, AccessControlList::new(Mode::new(0o750)));
    assert!(acl.remove(&AclEntryKind::Owner).is_ok(), "nothing extended, nothing to do");
}

#[test]
fn children_inherit_within_the_requested_mode() {
    let child = list(0o775, &["user:alice:rwx"]).inherited(Mode::new(0o640));
    assert_eq!(child.mode.to_string(), "rw-rwx---");
    assert_eq!(child.extended.as_ref().unwrap().mask, Bits::READ);
    assert_eq!(may(&child, "alice", &[]), "r--");
    assert_eq!(list(0o775, &[]).inherited(Mode::new(0o640)).mode.to_string(), "rw-r-----");
}

#[test]
fn text_form() {
    for text in ["user::rwx", "user:alice:r-x", "group::---", "group:dev:-w-", "mask::r--", "other::--x"] {
        assert_eq!(AclEntry::parse(text, true).unwrap().to_string(), text);
        let default = format!("default:{text}");
        assert_eq!(AclEntry::parse(&default, true).unwrap().to_string(), default);
    }
    for text in ["", "user", "user::", "user::rw", "user::xwr", "mask:a:rwx", "owner::rwx", "user::rwx:x"] {
        assert!(AclEntry::parse(text, true).is_err(), "{text}");
    }
    assert!(AclEntry::parse("user:alice", false).is_ok());
    let acl = list(0o750, &["group:dev:r--", "user:alice:rwx"]);
    let lines: Vec<String> = acl.entries(false).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["user::rwx", "user:alice:rwx", "group::r-x", "group:dev:r--", "mask::rwx", "other::---"]
    );
}

#[test]
fn lists_survive_both_wire_forms() {
    let acl = list(0o750, &["group:dev:r--", "user:alice:rwx"]);
    let stored = acl.to_stored("owner", "staff", false);
    assert_eq!(AccessControlList::from_stored(&stored), acl);
    let wire = acl.to_wire("owner", "staff");
    assert_eq!(wire.entries.len(), 3, "named entries and the mask only");
    assert_eq!(AccessControlList::from_wire(&wire), acl);
    for entry in acl.entries(true) {
        assert_eq!(AclEntry::from_wire(&entry.to_wire()).unwrap(), entry);
    }
}
