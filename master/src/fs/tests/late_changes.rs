//! Changes of the under storage that outlive the operation they belong to.

use std::time::Duration;

use alluxio_fs::{ErrorKind, FsError, Mode};
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, RenamePOptions, SetAttributePOptions, WritePType};
use alluxio_ufs::{Operation, faults::Fault};

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, path, with_operation},
};

/// Longer than a caller waits for one call, but not for ever.
const LATE: Duration = Duration::from_secs(100);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Chmod,
    Chown,
    Delete,
    Rename,
    Mkdir,
}

impl Change {
    const ALL: [Self; 5] = [Self::Chmod, Self::Chown, Self::Delete, Self::Rename, Self::Mkdir];

    fn hangs_in(self) -> Operation {
        match self {
            Self::Chmod => Operation::SetMode,
            Self::Chown => Operation::SetOwner,
            Self::Delete => Operation::Delete,
            Self::Rename => Operation::Rename,
            Self::Mkdir => Operation::Mkdirs,
        }
    }

    async fn ask(self, rig: &Rig) -> Result<(), FsError> {
        let (root, f) = (rig.root().await, path("/f"));
        let common_options = with_operation(1);
        match self {
            Self::Chmod => {
                let mode = Some(Mode::new(0o600).to_wire());
                rig.fs.set_attribute(&root, &f, &SetAttributePOptions { mode, ..Default::default() }).await
            }
            Self::Chown => {
                let group = Some(own_group());
                rig.fs.set_attribute(&root, &f, &SetAttributePOptions { group, ..Default::default() }).await
            }
            Self::Delete => {
                let options = DeleteOptions { operation: Some((1, 1)), ..Default::default() };
                rig.fs.delete_path(&root, &f, &options).await
            }
            Self::Rename => {
                let options = RenamePOptions { common_options, ..Default::default() };
                rig.fs.rename(&root, &f, &path("/g"), &options).await
            }
            Self::Mkdir => {
                let options = CreateDirectoryPOptions {
                    write_type: Some(WritePType::CacheThrough as i32),
                    common_options,
                    ..Default::default()
                };
                rig.fs.create_directory(&root, &path("/d"), &options).await
            }
        }
    }

    fn keeps(self) -> &'static [&'static str] {
        match self {
            Self::Mkdir => &["/d"],
            Self::Rename => &["/f", "/g"],
            _ => &["/f"],
        }
    }

    fn took_effect(self, rig: &Rig) -> bool {
        use std::os::unix::fs::PermissionsExt;
        match self {
            Self::Chmod => rig.in_ufs("/f").metadata().unwrap().permissions().mode() & 0o777 == 0o600,
            // To the group that the file has.
            Self::Chown => true,
            Self::Delete => !rig.ufs_has("/f"),
            Self::Rename => rig.ufs_has("/g"),
            Self::Mkdir => rig.ufs_has("/d"),
        }
    }
}

/// A name that every under storage knows.
fn own_group() -> String {
    let output = std::process::Command::new("id").arg("-gn").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_told_and_the_path_is_kept_until_the_change_has_ended() {
    for change in Change::ALL {
        let rig = Rig::new().await;
        rig.write_through("/f", "1").await.unwrap();
        let ufs = rig.faulty();
        ufs.inject(Fault::delay(change.hangs_in(), LATE).times(1));
        let error = change.ask(&rig).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{change:?}");
        assert!(error.message.contains("may still take effect"), "{error}");
        let kept = || {
            let reservations = rig.fs.namespace.reservations();
            change.keeps().iter().any(|at| reservations.is_reserved(&path(at)))
        };
        assert!(kept(), "{change:?}: it may still take effect");
        tokio::time::sleep(LATE).await;
        assert!(!kept() && change.took_effect(&rig), "{change:?} has ended");
        change.ask(&rig).await.unwrap_or_else(|error| panic!("{change:?} repeated: {error}"));
        assert!(change.took_effect(&rig));
    }
}

/// What was seen before a late delete is not brought back after it.
#[tokio::test(start_paused = true)]
async fn a_look_during_a_late_delete_brings_nothing_back() {
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::delay(Operation::Delete, LATE).times(1));
    let options = DeleteOptions::default();
    assert!(rig.fs.delete_path(&rig.root().await, &path("/d/f"), &options).await.is_err());
    let mark = rig.fs.removals.mark();
    tokio::time::sleep(LATE).await;
    assert!(rig.fs.removals.since(mark, &path("/d")).covers(&path("/d/f")));
}

/// A directory may hold very much, so its delete has longer.
#[tokio::test(start_paused = true)]
async fn a_whole_directory_may_take_longer() {
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::delay(Operation::Delete, LATE).times(1));
    let options = DeleteOptions { recursive: true, ..Default::default() };
    rig.fs.delete_path(&rig.root().await, &path("/d"), &options).await.unwrap();
    assert!(!rig.ufs_has("/d"));
}
