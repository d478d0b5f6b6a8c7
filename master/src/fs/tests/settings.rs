//! Settings of the master that change what clients see.

use std::sync::{Arc, atomic::Ordering};

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::file::{ListStatusPOptions, SetAttributePOptions, WritePType};
use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};
use tokio::sync::mpsc;

use crate::fs::{
    Subject,
    fixture::{Rig, create_options, path},
};

#[tokio::test]
async fn a_listing_comes_in_messages_of_the_size_that_is_set() {
    let rig = Rig::with(&[("alluxio.master.filesystem.liststatus.result.message.length", "2")]).await;
    for name in ["a", "b", "c", "d", "e"] {
        rig.create(&format!("/{name}"), WritePType::MustCache).await.unwrap();
    }
    let (sender, mut receiver) = mpsc::channel(16);
    let root = rig.root().await;
    rig.fs.list_status(&root, &path("/"), &ListStatusPOptions::default(), &sender).await.unwrap();
    drop(sender);
    let mut sizes = Vec::new();
    while let Some(message) = receiver.recv().await {
        sizes.push(message.unwrap().file_infos.len());
    }
    assert_eq!(sizes, [2, 2, 1]);
}

/// As when authentication is off.
#[tokio::test]
async fn what_nobody_creates_belongs_to_the_owner_of_the_directory() {
    let off = ("alluxio.master.metastore.inode.inherit.owner.and.group", "false");
    for (settings, expected) in [(vec![], "alice"), (vec![off], "")] {
        let rig = Rig::with(&settings).await;
        rig.mkdir("/d", WritePType::MustCache).await.unwrap();
        let alices = SetAttributePOptions {
            owner: Some("alice".to_owned()),
            group: Some("alice".to_owned()),
            ..Default::default()
        };
        rig.fs.set_attribute(&rig.root().await, &path("/d"), &alices).await.unwrap();
        let nobody = Subject { user: String::new(), groups: Arc::new([]), privileged: true };
        let options = create_options(WritePType::MustCache);
        rig.fs.create_file(&nobody, &path("/d/x/f"), &options).await.unwrap();
        for at in ["/d/x", "/d/x/f"] {
            let info = rig.status(at).await.unwrap();
            assert_eq!((info.owner(), info.group()), (expected, expected), "{at}");
        }
    }
}

#[tokio::test]
async fn an_owner_that_the_under_storage_refuses_may_be_allowed_to_differ() {
    for allowed in [false, true] {
        let rig = Rig::with(&[("alluxio.underfs.allow.set.owner.failure", &allowed.to_string())]).await;
        rig.write_through("/f", "1").await.unwrap();
        rig.faulty().inject(Fault::fail(Operation::SetOwner, UfsErrorKind::PermissionDenied));
        let options = SetAttributePOptions { owner: Some("alice".to_owned()), ..Default::default() };
        let changed = rig.fs.set_attribute(&rig.root().await, &path("/f"), &options).await;
        assert_eq!(changed.err().map(|error| error.kind), (!allowed).then_some(ErrorKind::PermissionDenied));
        assert_eq!(rig.status("/f").await.unwrap().owner() == "alice", allowed);
    }
}

#[tokio::test]
async fn a_journal_file_ends_at_the_size_that_is_set() {
    for (size, many) in [("1KB", true), ("10MB", false)] {
        let rig = Rig::with(&[("alluxio.master.journal.log.size.bytes.max", size)]).await;
        for n in 0..30 {
            rig.mkdir(&format!("/{n}"), WritePType::MustCache).await.unwrap();
        }
        let segments = rig.fs.namespace.journal().stats().segments.load(Ordering::Relaxed);
        assert_eq!(segments > 2, many, "{segments} files of {size}");
    }
}
