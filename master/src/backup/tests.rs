//! From one tree to a file, and from the file to another tree.

use std::{collections::BTreeMap, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, Mode};
use alluxio_journal::{
    Existing,
    store::{Store, mem::MemStore},
};
use alluxio_proto::{
    grpc::TtlAction,
    journal::{
        AddMountPointEntry, AddSyncPointEntry, BlockInfoEntry, DeleteFileEntry, InodeDirectoryEntry,
        InodeFileEntry, JournalEntry, PSetAclAction, PathPropertiesEntry, SetAclEntry, UfsMode,
        UpdateInodeEntry, UpdateUfsModeEntry,
    },
    meta::Inode,
    own::CheckpointTables,
    shared::{AclEntry, AclEntryType},
};
use alluxio_telemetry::metrics::key as keys;
use flate2::{Compression, write::GzEncoder};
use prost::Message;

use super::*;
use crate::checkpoint::Every;
use crate::start::StartError;

mod delegation;
mod making;
mod refusals;

fn none() -> JournalEntry {
    JournalEntry::default()
}

struct Rig {
    folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("under")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn conf(&self, backup: Option<&str>) -> Configuration {
        let backup = backup.unwrap_or_default();
        let under = self.path("under");
        Configuration::defaults()
            .with(&[
                ("alluxio.master.mount.table.root.ufs", &*under),
                ("alluxio.master.journal.init.from.backup", backup),
                ("alluxio.master.backup.directory", &*self.path("backups")),
            ])
            .unwrap()
    }

    async fn open(&self, store: &MemStore, backup: Option<&str>) -> Result<Arc<Namespace>, StartError> {
        let store: Arc<dyn Store> = Arc::new(store.clone());
        Ok(Arc::new(crate::start::open_namespace(&self.conf(backup), store).await?))
    }

    async fn formatted() -> MemStore {
        let store = MemStore::new();
        alluxio_journal::format(&store, Uuid::new_v4(), Existing::Keep).await.unwrap();
        store
    }

    /// A new cluster that begins with a backup.
    async fn with_backup(&self, backup: &str) -> Result<Arc<Namespace>, StartError> {
        self.open(&Self::formatted().await, Some(backup)).await
    }

    fn backups(&self, namespace: &Arc<Namespace>) -> Arc<Backups> {
        self.backups_with(namespace, &[])
    }

    fn backups_with(&self, namespace: &Arc<Namespace>, properties: &[(&str, &str)]) -> Arc<Backups> {
        let origin = Origin {
            namespace: namespace.clone(),
            checkpointer: Arc::new(Checkpointer::new(namespace.clone(), Every::NEVER, 0)),
            mandate: Mandate::sole(),
            metrics: Metrics::master(),
            host: "m1".to_owned(),
            stop: CancellationToken::new(),
        };
        Arc::new(Backups::new(&self.conf(None).with(properties).unwrap(), origin))
    }

    async fn back_up(&self, namespace: &Arc<Namespace>) -> String {
        let status = meta::Backups::back_up(&self.backups(namespace), BackupOrder::default()).await.unwrap();
        assert!(matches!(status.outcome, Some(BackupOutcome::Made)), "{status:?}");
        status.uri
    }
}

/// All that a tree holds but operation ids, which no backup has.
async fn all_of(namespace: &Arc<Namespace>) -> (Vec<CheckpointTables>, BTreeMap<i64, Inode>) {
    let checkpointer = Checkpointer::new(namespace.clone(), Every::NEVER, 0);
    let mut look = checkpointer.look().await.unwrap();
    let tables = look.tables().map(|tables| CheckpointTables {
        operation_ids: Vec::new(),
        detached: Vec::new(),
        ..tables
    });
    let tables = tables.collect();
    let mut inodes = BTreeMap::new();
    while let Some(portions) = look.next() {
        inodes.extend(portions.flatten().map(|inode| (inode.id(), inode)));
    }
    (tables, inodes)
}

async fn put(namespace: &Namespace, entries: Vec<JournalEntry>) {
    let put = namespace.mutate(&[], None, |_, draft| {
        entries.iter().for_each(|entry| draft.push(entry.clone()));
        Ok(())
    });
    put.await.unwrap();
}

fn directory(id: i64, parent: i64, name: &str) -> JournalEntry {
    let directory = InodeDirectoryEntry {
        id: Some(id),
        parent_id: Some(parent),
        name: Some(name.to_owned()),
        owner: Some("ann".to_owned()),
        group: Some("staff".to_owned()),
        mode: Some(0o1750),
        persistence_state: Some("PERSISTED".to_owned()),
        creation_time_ms: Some(1_000 + id),
        last_modification_time_ms: Some(2_000 + id),
        last_access_time_ms: Some(3_000 + id),
        direct_children_loaded: Some(true),
        ..InodeDirectoryEntry::default()
    };
    JournalEntry { inode_directory: Some(directory), ..none() }
}

fn file(container: i64, parent: i64, name: &str) -> InodeFileEntry {
    InodeFileEntry {
        id: Some(alluxio_fs::ids::file_id(container)),
        parent_id: Some(parent),
        name: Some(name.to_owned()),
        owner: Some("bob".to_owned()),
        group: Some("wheel".to_owned()),
        mode: Some(0o640),
        persistence_state: Some("PERSISTED".to_owned()),
        creation_time_ms: Some(5),
        last_modification_time_ms: Some(6),
        last_access_time_ms: Some(7),
        block_size_bytes: Some(100),
        length: Some(250),
        completed: Some(true),
        cacheable: Some(true),
        block_count: Some(3),
        ..InodeFileEntry::default()
    }
}

fn of_file(inode_file: InodeFileEntry) -> JournalEntry {
    JournalEntry { inode_file: Some(inode_file), ..none() }
}

/// Something of everything.
async fn furnish(namespace: &Namespace) {
    let set_acl = |id, is_default, name: &str| {
        let entry = AclEntry {
            r#type: Some(AclEntryType::NamedUser as i32),
            subject: Some(name.to_owned()),
            actions: vec![0, 2],
            is_default: Some(is_default),
        };
        let set_acl = SetAclEntry {
            id: Some(id),
            action: Some(PSetAclAction::Modify as i32),
            entries: vec![entry],
            ..SetAclEntry::default()
        };
        JournalEntry { set_acl: Some(set_acl), ..none() }
    };
    let mount = AddMountPointEntry {
        alluxio_path: Some("/with blank/mnt %".to_owned()),
        ufs_path: Some("/elsewhere".to_owned()),
        read_only: Some(true),
        shared: Some(true),
        mount_id: Some(77),
        ..AddMountPointEntry::default()
    };
    let open = alluxio_fs::ids::block_id(12, 1);
    put(
        namespace,
        vec![
            directory(1, 0, "with blank"),
            directory(2, 1, "mnt %"),
            directory(3, 0, "gone"),
            of_file(file(9, 3, "gone, too")),
            of_file(InodeFileEntry {
                pinned: Some(true),
                medium_type: vec!["SSD".to_owned()],
                ttl: Some(86_400_000),
                ttl_action: Some(TtlAction::DeleteAlluxio as i32),
                replication_min: Some(2),
                replication_max: Some(4),
                ufs_fingerprint: Some("TYPE|FILE".to_owned()),
                x_attr: [("k".to_owned(), vec![0, 255])].into(),
                ..file(10, 1, "ünï")
            }),
            of_file(InodeFileEntry {
                persistence_state: Some("TO_BE_PERSISTED".to_owned()),
                persist_job_id: Some(8),
                temp_ufs_path: Some("/under/.tmp".to_owned()),
                should_persist_time: Some(9),
                ..file(11, 0, "to be persisted")
            }),
            of_file(InodeFileEntry {
                completed: Some(false),
                length: Some(0),
                block_count: Some(2),
                persistence_state: Some("NOT_PERSISTED".to_owned()),
                ..file(12, 0, "open")
            }),
            JournalEntry {
                block_info: Some(BlockInfoEntry {
                    block_id: Some(open),
                    length: Some(33),
                    ..BlockInfoEntry::default()
                }),
                ..none()
            },
            set_acl(1, false, "carl"),
            set_acl(1, true, "dora"),
            JournalEntry { add_mount_point: Some(mount), ..none() },
            JournalEntry {
                update_ufs_mode: Some(UpdateUfsModeEntry {
                    ufs_path: Some("/elsewhere".to_owned()),
                    ufs_mode: Some(UfsMode::ReadOnly as i32),
                }),
                ..none()
            },
            JournalEntry {
                path_properties: Some(PathPropertiesEntry {
                    path: Some("/with blank".to_owned()),
                    properties: [("alluxio.user.file.readtype.default".to_owned(), "CACHE".to_owned())]
                        .into(),
                }),
                ..none()
            },
        ],
    )
    .await;
    // Deleted, and not forgotten yet.
    let delete = DeleteFileEntry { id: Some(3), recursive: Some(true), ..DeleteFileEntry::default() };
    put(namespace, vec![JournalEntry { delete_file: Some(delete), ..none() }]).await;
}

#[tokio::test]
async fn all_comes_back() {
    let rig = Rig::new();
    let first = rig.open(&Rig::formatted().await, None).await.unwrap();
    furnish(&first).await;
    let backup = rig.back_up(&first).await;
    assert!(Path::new(&format!("{backup}.complete")).exists());
    let rights = std::fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(rights & 0o777, 0o600, "others read the keys of mounts");

    let store = Rig::formatted().await;
    let second = rig.open(&store, Some(&backup)).await.unwrap();
    let (tables, mut inodes) = all_of(&first).await;
    for gone in [3, alluxio_fs::ids::file_id(9)] {
        inodes.remove(&gone).unwrap();
    }
    assert_eq!(inodes.len(), 6);
    let (tables_again, inodes_again) = all_of(&second).await;
    assert_eq!(tables_again, tables);
    assert_eq!(inodes_again, inodes);
    let found = second.peek(|tree| tree.lookup(&AlluxioPath::parse("/with blank/ünï").unwrap()).target());
    assert!(found.is_some());

    // It is a journal like any other; the setting does no harm from then on.
    let hash = second.peek(|tree| tree.hash());
    second.journal().shutdown().await.unwrap();
    let again = rig.open(&store, Some(&backup)).await.unwrap();
    assert_eq!(again.peek(|tree| tree.hash()), hash);
}

#[tokio::test]
async fn slots_that_were_used_again_and_renames_do_no_harm() {
    let rig = Rig::new();
    let first = rig.open(&Rig::formatted().await, None).await.unwrap();
    // The slots of these are used again: the last made comes to lie first.
    put(&first, (1..40).map(|id| directory(id, 0, &format!("d{id}"))).collect()).await;
    let delete = |id| JournalEntry {
        delete_file: Some(DeleteFileEntry { id: Some(id), ..DeleteFileEntry::default() }),
        ..none()
    };
    put(&first, (1..40).map(delete).collect()).await;
    put(&first, (41..80).map(|id| directory(id, if id == 41 { 0 } else { id - 1 }, "deep")).collect()).await;
    let second = rig.with_backup(&rig.back_up(&first).await).await.unwrap();
    assert_eq!(all_of(&second).await.1, all_of(&first).await.1);
}

/// As a Java master writes it: owner and group in the list of rights, ids of blocks listed.
#[tokio::test]
async fn entries_of_the_original_are_taken_over() {
    let rig = Rig::new();
    let list = alluxio_fs::AccessControlList::new(Mode::new(0o751)).to_stored("eve", "spies", false);
    let root = InodeDirectoryEntry {
        id: Some(0),
        parent_id: Some(-1),
        name: Some(String::new()),
        acl: Some(list.clone()),
        ..InodeDirectoryEntry::default()
    };
    let blocks = (0..3).map(|n| alluxio_fs::ids::block_id(5, n)).collect();
    let java = InodeFileEntry {
        owner: None,
        group: None,
        mode: None,
        acl: Some(list),
        blocks,
        block_count: None,
        ..file(5, 0, "f")
    };
    let sync = AddSyncPointEntry::default();
    let backup = rig.path("java.gz");
    let entries = [
        JournalEntry { inode_directory: Some(root), ..none() },
        of_file(java),
        JournalEntry { add_sync_point: Some(sync), ..none() },
    ];
    write_file(&backup, &entries);
    let namespace = rig.with_backup(&backup).await.unwrap();
    namespace.peek(|tree| {
        let (_, inode) = tree.by_id(alluxio_fs::ids::file_id(5)).unwrap();
        assert_eq!((tree.owner(inode), tree.group(inode)), ("eve", "spies"));
        assert_eq!((inode.mode().get(), inode.block_count()), (0o751, 3));
        assert_eq!(tree.next_container(), 6);
        assert!(!tree.cluster_id().is_empty());
    });
}

fn write_file(path: &str, entries: &[JournalEntry]) {
    let mut gzip = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    for entry in entries {
        gzip.write_all(&entry.encode_length_delimited_to_vec()).unwrap();
    }
    gzip.finish().unwrap();
}
