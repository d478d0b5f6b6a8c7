//! Which of the masters inside a master process a record belongs to. The original keeps a journal for
//! each; here they share one.

use std::str::FromStr;

use alluxio_proto::journal::JournalEntry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    FileSystem,
    Block,
    Meta,
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "FileSystemMaster" => Ok(Self::FileSystem),
            "BlockMaster" => Ok(Self::Block),
            "MetaMaster" => Ok(Self::Meta),
            _ => Err(format!("-master {text}: must be FileSystemMaster, BlockMaster or MetaMaster")),
        }
    }
}

impl Owner {
    /// Whether the entry, or one inside it, is this master's.
    pub fn has(self, entry: &JournalEntry) -> bool {
        let block = entry.block_container_id_generator.is_some()
            || entry.block_info.is_some()
            || entry.delete_block.is_some();
        let meta = entry.path_properties.is_some()
            || entry.remove_path_properties.is_some()
            || entry.cluster_info.is_some();
        let own = match self {
            Self::Block => block,
            Self::Meta => meta,
            // All the others, but not the envelope of a compound record.
            Self::FileSystem => !block && !meta && entry.journal_entries.is_empty(),
        };
        own || entry.journal_entries.iter().any(|inner| self.has(inner))
    }
}

#[cfg(test)]
mod tests {
    use alluxio_proto::journal::{BlockInfoEntry, DeleteFileEntry};

    use super::*;

    #[test]
    fn a_compound_record_belongs_to_each_of_its_parts() {
        let block = JournalEntry { block_info: Some(BlockInfoEntry::default()), ..JournalEntry::default() };
        let file = JournalEntry { delete_file: Some(DeleteFileEntry::default()), ..JournalEntry::default() };
        assert!(Owner::Block.has(&block) && !Owner::FileSystem.has(&block));
        assert!(Owner::FileSystem.has(&file) && !Owner::Block.has(&file));
        let both = JournalEntry { journal_entries: vec![block.clone(), file], ..JournalEntry::default() };
        assert!(Owner::Block.has(&both) && Owner::FileSystem.has(&both) && !Owner::Meta.has(&both));
        let only = JournalEntry { journal_entries: vec![block], ..JournalEntry::default() };
        assert!(!Owner::FileSystem.has(&only));
    }

    #[test]
    fn unknown_masters_are_refused() {
        assert_eq!("BlockMaster".parse(), Ok(Owner::Block));
        assert!("Table".parse::<Owner>().is_err());
    }
}
