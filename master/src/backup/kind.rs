//! What an entry of a backup is about: told by its field, also when this version does not know it.

use bytes::Buf;
use prost::encoding::{DecodeContext, decode_key, skip_field};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It becomes part of the tree.
    Taken,
    /// Known, and of nothing that there is here: what it belongs to.
    LeftOut(&'static str),
    /// By the number of its field.
    Unknown(u32),
}

const SYNC_POINTS: &str = "active sync (`alluxio fs startSync`)";
const TABLES: &str = "the table service (`alluxio table`)";
const JOBS: &str = "load and copy jobs";

/// Beside what an entry is about there may be its sequence number, and an operation's id.
const ASIDE: [u32; 2] = [1, 52];

/// The kind of an encoded entry.
pub fn kind_of(mut message: &[u8]) -> Result<Kind, prost::DecodeError> {
    let mut kind = Kind::Taken;
    while message.has_remaining() {
        let (field, wire_type) = decode_key(&mut message)?;
        skip_field(wire_type, field, &mut message, DecodeContext::default())?;
        match of_field(field) {
            Kind::Taken => {}
            other @ Kind::LeftOut(_) => kind = other,
            unknown => return Ok(unknown),
        }
    }
    Ok(kind)
}

fn of_field(field: u32) -> Kind {
    match field {
        // Mount points, the generators of ids, block lengths, inodes, modes of under storages, properties of paths,
        // the cluster's id.
        2 | 3 | 4 | 9 | 10 | 11 | 30 | 40 | 42 => Kind::Taken,
        32 | 34 => Kind::LeftOut(SYNC_POINTS),
        43..=51 => Kind::LeftOut(TABLES),
        53 | 54 => Kind::LeftOut(JOBS),
        field if ASIDE.contains(&field) => Kind::Taken,
        field => Kind::Unknown(field),
    }
}

/// What changes a state, and so is in journals, not in backups.
pub fn name_of(field: u32) -> &'static str {
    match field {
        5 => " (complete_file)",
        6 => " (delete_file)",
        19 => " (rename)",
        35 => " (update_inode)",
        37 => " (update_inode_file)",
        39 => " (journal_entries)",
        20_000.. => " (of this program's own journal)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use alluxio_proto::journal::{
        ActiveSyncTxIdEntry, InodeFileEntry, JournalEntry, ReapEntry, UpdateInodeEntry,
    };
    use prost::Message;

    use super::*;

    #[test]
    fn the_field_tells() {
        let kind = |entry: JournalEntry| kind_of(&entry.encode_to_vec()).unwrap();
        let none = JournalEntry::default;
        let numbered = JournalEntry {
            sequence_number: Some(7),
            inode_file: Some(InodeFileEntry { name: Some("x".repeat(300)), ..InodeFileEntry::default() }),
            ..none()
        };
        assert_eq!(kind(numbered), Kind::Taken);
        let synced = JournalEntry { active_sync_tx_id: Some(ActiveSyncTxIdEntry::default()), ..none() };
        assert_eq!(kind(synced), Kind::LeftOut(SYNC_POINTS));
        let changed = JournalEntry { update_inode: Some(UpdateInodeEntry::default()), ..none() };
        assert_eq!(kind(changed), Kind::Unknown(35));
        assert_eq!(kind(JournalEntry { reap: Some(ReapEntry::default()), ..none() }), Kind::Unknown(20_000));
        // Field 90, a string; then cut off.
        assert_eq!(kind_of(&[0xd2, 0x05, 1, b'x']).unwrap(), Kind::Unknown(90));
        assert!(kind_of(&[0xd2, 0x05, 9, b'x']).is_err());
    }
}
