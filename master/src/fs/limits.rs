//! How much one inode may have of what clients send. It stays in memory, goes into a record once for every
//! inode that gets it, and must fit into a chunk of a checkpoint.

use std::collections::BTreeMap;

use alluxio_fs::{AccessControlList, AclEntry, AclEntryKind, FsError};

/// Blocks of one file: 32 TB of 64 MB each.
pub const MAX_BLOCKS: i64 = 1 << 19;

/// Bytes of the name of a user, a group or a medium. Those of owners and groups are kept for good.
const MAX_NAME_BYTES: usize = 255;

/// Bytes of keys and values together.
const MAX_XATTR_BYTES: usize = 64 << 10;
/// What an entry costs beside its bytes.
const XATTR_OVERHEAD: usize = 64;

/// Named users and groups in one list.
const MAX_ACL_ENTRIES: usize = 256;

const MAX_MEDIA: usize = 16;

const MAX_PROPERTIES_BYTES: usize = 16 << 10;

pub fn check_name(name: &str) -> Result<(), FsError> {
    if name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(FsError::invalid_argument(format!("A name has {} bytes, more than {MAX_NAME_BYTES}.", name.len())))
}

pub fn check_media(media: &[String]) -> Result<(), FsError> {
    if media.len() > MAX_MEDIA {
        return Err(FsError::invalid_argument(format!(
            "{} media are given, more than {MAX_MEDIA}.",
            media.len()
        )));
    }
    media.iter().try_for_each(|name| check_name(name))
}

pub fn check_xattr(xattr: &BTreeMap<String, Vec<u8>>) -> Result<(), FsError> {
    check_xattr_bytes(xattr_bytes(xattr))
}

/// The same for what is there and is added to.
pub fn check_more_xattr(
    present: &BTreeMap<String, Vec<u8>>,
    more: &BTreeMap<String, Vec<u8>>,
) -> Result<(), FsError> {
    let stays = present.iter().filter(|(key, _)| !more.contains_key(*key));
    let stays: usize = stays.map(|(key, value)| key.len() + value.len() + XATTR_OVERHEAD).sum();
    check_xattr_bytes(stays + xattr_bytes(more))
}

fn xattr_bytes(xattr: &BTreeMap<String, Vec<u8>>) -> usize {
    xattr.iter().map(|(key, value)| key.len() + value.len() + XATTR_OVERHEAD).sum()
}

fn check_xattr_bytes(bytes: usize) -> Result<(), FsError> {
    if bytes <= MAX_XATTR_BYTES {
        return Ok(());
    }
    Err(FsError::invalid_argument(format!(
        "Extended attributes have {bytes} bytes, more than {MAX_XATTR_BYTES}."
    )))
}

/// Properties of a mount: all mounts together lie in one chunk of a checkpoint.
pub fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), FsError> {
    let bytes: usize = properties.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes <= MAX_PROPERTIES_BYTES {
        return Ok(());
    }
    Err(FsError::invalid_argument(format!(
        "Its options have {bytes} bytes, more than {MAX_PROPERTIES_BYTES}."
    )))
}

/// What one call may bring: as much as fits into an access and a default list.
pub fn check_acl_entries(entries: &[AclEntry]) -> Result<(), FsError> {
    if entries.len() > 2 * (MAX_ACL_ENTRIES + 4) {
        return Err(too_many_entries(entries.len()));
    }
    entries.iter().try_for_each(|entry| match &entry.kind {
        AclEntryKind::NamedUser(name) | AclEntryKind::NamedGroup(name) => check_name(name),
        _ => Ok(()),
    })
}

pub fn check_acl(list: &AccessControlList) -> Result<(), FsError> {
    let named = list.extended.as_ref().map_or(0, |extended| extended.users.len() + extended.groups.len());
    if named <= MAX_ACL_ENTRIES { Ok(()) } else { Err(too_many_entries(named)) }
}

fn too_many_entries(count: usize) -> FsError {
    FsError::invalid_argument(format!(
        "An access control list of {count} entries is too long: {MAX_ACL_ENTRIES} named users and groups are the most."
    ))
}
