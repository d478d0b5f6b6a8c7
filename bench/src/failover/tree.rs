//! A tree of many files, as a backup in the original's format: both sides begin with it much sooner than they would
//! make it, call by call.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use alluxio_fs::ids;
use alluxio_proto::journal::{
    BlockContainerIdGeneratorEntry, BlockInfoEntry, InodeDirectoryEntry, InodeDirectoryIdGeneratorEntry,
    InodeFileEntry, JournalEntry,
};
use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use prost::Message;

const IN_A_DIRECTORY: i64 = 1_000;
const LENGTH: i64 = 1 << 20;
const BLOCK: i64 = 64 << 20;
const OWNER: &str = "bench";
/// Containers: the directories' ids have the first, each file one of the next.
const DIRECTORIES: i64 = 1;
const FILES: i64 = 2;
/// Any time that is over.
const MADE_MS: i64 = 1_700_000_000_000;

/// Writes one with `files` files of a block each, in directories of 1,000.
pub fn write_backup(path: &Path, files: u64) -> Result<()> {
    let files = i64::try_from(files).context("so many files")?;
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut backup = Backup(GzEncoder::new(BufWriter::new(file), Compression::fast()));
    let next_container_id = Some(FILES + files);
    backup.add(JournalEntry {
        block_container_id_generator: Some(BlockContainerIdGeneratorEntry { next_container_id }),
        ..JournalEntry::default()
    })?;
    backup.directory(ids::ROOT_ID, ids::NO_PARENT, String::new())?;
    for number in 0..files {
        let directory = ids::block_id(DIRECTORIES, number / IN_A_DIRECTORY);
        if number % IN_A_DIRECTORY == 0 {
            backup.directory(directory, ids::ROOT_ID, format!("tree-{:06}", number / IN_A_DIRECTORY))?;
        }
        backup.file(FILES + number, directory, format!("file-{number:011}"))?;
    }
    backup.add(JournalEntry {
        inode_directory_id_generator: Some(InodeDirectoryIdGeneratorEntry {
            container_id: Some(DIRECTORIES),
            // The first that is free.
            sequence_number: Some(files / IN_A_DIRECTORY + 1),
        }),
        ..JournalEntry::default()
    })?;
    backup.0.finish()?.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(())
}

struct Backup(GzEncoder<BufWriter<File>>);

impl Backup {
    fn add(&mut self, entry: JournalEntry) -> Result<()> {
        Ok(self.0.write_all(&entry.encode_length_delimited_to_vec())?)
    }

    fn directory(&mut self, id: i64, parent: i64, name: String) -> Result<()> {
        self.add(JournalEntry {
            inode_directory: Some(InodeDirectoryEntry {
                id: Some(id),
                parent_id: Some(parent),
                name: Some(name),
                persistence_state: Some("NOT_PERSISTED".to_owned()),
                creation_time_ms: Some(MADE_MS),
                last_modification_time_ms: Some(MADE_MS),
                // The clients of the measurement write into the root.
                mode: Some(0o777),
                owner: Some(OWNER.to_owned()),
                group: Some(OWNER.to_owned()),
                direct_children_loaded: Some(true),
                ttl: Some(-1),
                ..InodeDirectoryEntry::default()
            }),
            ..JournalEntry::default()
        })
    }

    fn file(&mut self, container: i64, parent: i64, name: String) -> Result<()> {
        let block_id = ids::block_id(container, 0);
        self.add(JournalEntry {
            block_info: Some(BlockInfoEntry {
                block_id: Some(block_id),
                length: Some(LENGTH),
                ..BlockInfoEntry::default()
            }),
            ..JournalEntry::default()
        })?;
        self.add(JournalEntry {
            inode_file: Some(InodeFileEntry {
                id: Some(ids::file_id(container)),
                parent_id: Some(parent),
                name: Some(name),
                persistence_state: Some("NOT_PERSISTED".to_owned()),
                creation_time_ms: Some(MADE_MS),
                last_modification_time_ms: Some(MADE_MS),
                block_size_bytes: Some(BLOCK),
                length: Some(LENGTH),
                completed: Some(true),
                cacheable: Some(true),
                blocks: vec![block_id],
                mode: Some(0o644),
                owner: Some(OWNER.to_owned()),
                group: Some(OWNER.to_owned()),
                ttl: Some(-1),
                replication_max: Some(-1),
                persist_job_id: Some(-1),
                ..InodeFileEntry::default()
            }),
            ..JournalEntry::default()
        })
    }
}
