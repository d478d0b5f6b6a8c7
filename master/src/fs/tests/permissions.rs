//! Who may do what.

use alluxio_fs::{AclEntry, ErrorKind, FsError, Mode};
use alluxio_proto::grpc::file::{
    CreateDirectoryPOptions, GetStatusPOptions, SetAclAction, SetAclPOptions, SetAclPRequest,
    SetAttributePOptions, WritePType,
};

use crate::fs::{
    Subject,
    delete::DeleteOptions,
    fixture::{Rig, create_options, path},
};

async fn chmod(rig: &Rig, by: &Subject, at: &str, mode: u16) -> Result<(), FsError> {
    let options = SetAttributePOptions { mode: Some(Mode::new(mode).to_wire()), ..Default::default() };
    rig.fs.set_attribute(by, &path(at), &options).await
}

async fn chown(rig: &Rig, by: &Subject, at: &str, owner: &str) -> Result<(), FsError> {
    let options = SetAttributePOptions { owner: Some(owner.to_owned()), ..Default::default() };
    rig.fs.set_attribute(by, &path(at), &options).await
}

async fn setfacl(
    rig: &Rig,
    by: &Subject,
    at: &str,
    action: SetAclAction,
    entries: &[&str],
) -> Result<(), FsError> {
    let request = SetAclPRequest {
        path: Some(at.to_owned()),
        action: Some(action as i32),
        entries: entries.iter().map(|text| AclEntry::parse(text, true).unwrap().to_wire()).collect(),
        options: Some(SetAclPOptions::default()),
    };
    rig.fs.set_acl(by, &path(at), &request).await
}

async fn may_look(rig: &Rig, by: &Subject, at: &str) -> bool {
    match rig.fs.get_status(by, &path(at), &GetStatusPOptions::default()).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
            false
        }
    }
}

fn kind<T>(result: Result<T, FsError>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

/// A directory of alice's and one of everybody's.
async fn rig() -> (Rig, Subject, Subject) {
    let rig = Rig::new().await;
    for (name, owner) in [("/alice", "alice"), ("/all", "nobody")] {
        rig.mkdir(name, WritePType::MustCache).await.unwrap();
        chown(&rig, &rig.root().await, name, owner).await.unwrap();
    }
    chmod(&rig, &rig.root().await, "/all", 0o777).await.unwrap();
    let (alice, bob) = (rig.subject("alice").await, rig.subject("bob").await);
    (rig, alice, bob)
}

#[tokio::test]
async fn owner_and_others_differ() {
    let (rig, alice, bob) = rig().await;
    let options = create_options(WritePType::MustCache);
    let info = rig.fs.create_file(&alice, &path("/alice/f"), &options).await.unwrap();
    assert_eq!((info.owner(), info.group(), info.mode()), ("alice", "alice", 0o644));
    assert_eq!(
        kind(rig.fs.create_file(&bob, &path("/alice/g"), &options).await),
        Some(ErrorKind::PermissionDenied)
    );
    let (file, plain) = (path("/alice/f"), DeleteOptions::default());
    assert_eq!(kind(rig.fs.delete_path(&bob, &file, &plain).await), Some(ErrorKind::PermissionDenied));
    assert!(may_look(&rig, &bob, "/alice/f").await);
    chmod(&rig, &alice, "/alice/f", 0o600).await.unwrap();
    assert!(!may_look(&rig, &bob, "/alice/f").await);
    chmod(&rig, &alice, "/alice", 0o700).await.unwrap();
    assert!(!may_look(&rig, &bob, "/alice/f").await && !may_look(&rig, &bob, "/alice/nothing").await);
    assert_eq!(kind(rig.fs.delete_path(&alice, &file, &plain).await), None);
}

#[tokio::test]
async fn only_owners_change_modes_and_only_superusers_owners() {
    let (rig, alice, bob) = rig().await;
    assert_eq!(kind(chmod(&rig, &bob, "/alice", 0o777).await), Some(ErrorKind::PermissionDenied));
    assert_eq!(kind(chown(&rig, &alice, "/alice", "bob").await), Some(ErrorKind::PermissionDenied));
    let mut super_bob = bob.clone();
    super_bob.privileged = true;
    assert_eq!(kind(chown(&rig, &super_bob, "/alice", "carol").await), None);
    assert_eq!(rig.status("/alice").await.unwrap().owner(), "carol");
}

#[tokio::test]
async fn a_recursive_change_does_not_reach_what_belongs_to_others() {
    let (rig, alice, bob) = rig().await;
    chmod(&rig, &alice, "/alice", 0o777).await.unwrap();
    let options = create_options(WritePType::CacheThrough);
    rig.fs.create_file(&bob, &path("/alice/bobs"), &options).await.unwrap();
    std::fs::write(rig.in_ufs("/alice/bobs"), "x").unwrap();
    let complete =
        alluxio_proto::grpc::file::CompleteFilePOptions { ufs_length: Some(1), ..Default::default() };
    rig.fs.complete_file(&bob, &path("/alice/bobs"), &complete).await.unwrap();
    let before = std::fs::metadata(rig.in_ufs("/alice/bobs")).unwrap().permissions();
    let options = SetAttributePOptions {
        mode: Some(Mode::new(0o700).to_wire()),
        recursive: Some(true),
        ..Default::default()
    };
    let result = rig.fs.set_attribute(&alice, &path("/alice"), &options).await;
    assert_eq!(kind(result), Some(ErrorKind::PermissionDenied));
    let after = std::fs::metadata(rig.in_ufs("/alice/bobs")).unwrap().permissions();
    assert_eq!(before, after, "nor in the under storage");
}

#[tokio::test]
async fn extended_entries_grant_and_the_mask_limits() {
    let (rig, alice, bob) = rig().await;
    chmod(&rig, &alice, "/alice", 0o700).await.unwrap();
    rig.fs.create_file(&alice, &path("/alice/f"), &create_options(WritePType::MustCache)).await.unwrap();
    assert!(!may_look(&rig, &bob, "/alice/f").await);
    setfacl(&rig, &alice, "/alice", SetAclAction::Modify, &["user:bob:r-x"]).await.unwrap();
    assert!(may_look(&rig, &bob, "/alice/f").await);
    setfacl(&rig, &alice, "/alice", SetAclAction::Modify, &["mask::---"]).await.unwrap();
    assert!(!may_look(&rig, &bob, "/alice/f").await);
    setfacl(&rig, &alice, "/alice", SetAclAction::RemoveAll, &[]).await.unwrap();
    let acl = rig.status("/alice").await.unwrap().acl.unwrap();
    assert!(acl.entries.is_empty() && acl.mode() == 0o700);
    assert_eq!(
        kind(setfacl(&rig, &bob, "/alice", SetAclAction::RemoveAll, &[]).await),
        Some(ErrorKind::PermissionDenied)
    );
}

#[tokio::test]
async fn default_entries_are_inherited() {
    let (rig, alice, bob) = rig().await;
    setfacl(&rig, &alice, "/alice", SetAclAction::Modify, &["default:user:bob:rwx"]).await.unwrap();
    let options = CreateDirectoryPOptions { mode: Some(Mode::new(0o770).to_wire()), ..Default::default() };
    rig.fs.create_directory(&alice, &path("/alice/sub"), &options).await.unwrap();
    rig.fs.create_file(&bob, &path("/alice/sub/f"), &create_options(WritePType::MustCache)).await.unwrap();
    let sub = rig.status("/alice/sub").await.unwrap();
    assert!(!sub.default_acl.unwrap().is_default_empty(), "and passed on");
    let error = setfacl(&rig, &bob, "/alice/sub/f", SetAclAction::Modify, &["default:user:bob:rwx"]).await;
    assert_eq!(kind(error), Some(ErrorKind::InvalidArgument), "files have none");
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn without_permission_checks_everybody_may() {
    let rig = Rig::with(&[("alluxio.security.authorization.permission.enabled", "false")]).await;
    let eve = rig.subject("eve").await;
    rig.fs.create_file(&eve, &path("/f"), &create_options(WritePType::MustCache)).await.unwrap();
    chown(&rig, &eve, "/f", "somebody").await.unwrap();
}

#[tokio::test]
async fn checking_access_changes_nothing() {
    let (rig, alice, bob) = rig().await;
    let write = alluxio_fs::Bits::WRITE;
    assert_eq!(rig.fs.check_access(&alice, &path("/alice"), write).await, Ok(()));
    assert_eq!(
        kind(rig.fs.check_access(&bob, &path("/alice"), write).await),
        Some(ErrorKind::PermissionDenied)
    );
    assert_eq!(kind(rig.fs.check_access(&bob, &path("/none"), write).await), Some(ErrorKind::NotFound));
}

#[tokio::test]
async fn an_owner_given_with_a_group_must_be_in_it() {
    let (rig, alice, _) = rig().await;
    rig.create("/f", WritePType::MustCache).await.unwrap();
    let give = async |by: &Subject, owner: &str, group: &str| {
        let options = SetAttributePOptions {
            owner: Some(owner.to_owned()),
            group: Some(group.to_owned()),
            ..Default::default()
        };
        rig.fs.set_attribute(by, &path("/f"), &options).await
    };
    let root = rig.root().await;
    for by in [&root, &alice] {
        let error = give(by, "bob", "staff").await.unwrap_err();
        let expected =
            "Could not update owner:group for /f to bob:staff. Owner bob does not belong to the group staff";
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unknown, expected));
    }
    assert_eq!(kind(give(&alice, "bob", "bob").await), Some(ErrorKind::PermissionDenied));
    give(&root, "bob", "bob").await.unwrap();
    let info = rig.status("/f").await.unwrap();
    assert_eq!((info.owner(), info.group()), ("bob", "bob"));
    let alone = SetAttributePOptions { group: Some("staff".to_owned()), ..Default::default() };
    rig.fs.set_attribute(&rig.subject("bob").await, &path("/f"), &alone).await.unwrap();
}
