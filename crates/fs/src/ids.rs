//! Ids. A block id is a container (40 bits) and a sequence number in it (24 bits). A file owns one
//! container: its own id has the highest sequence number, its blocks count up from 0, so file id and
//! block ids follow from each other without a lookup. Directories take ids from a counter of their
//! own that never reaches the highest sequence number of a container.

pub const ROOT_ID: i64 = 0;
/// The parent of the root.
pub const NO_PARENT: i64 = -1;
/// The mount of the root; other mounts have random ids.
pub const ROOT_MOUNT_ID: i64 = 1;

const SEQUENCE_BITS: u32 = 24;
/// The sequence number that makes an id a file id.
pub const MAX_SEQUENCE: i64 = (1 << SEQUENCE_BITS) - 1;
pub const MAX_CONTAINER: i64 = (1 << 40) - 1;

pub const fn block_id(container: i64, sequence: i64) -> i64 {
    (container << SEQUENCE_BITS) | (sequence & MAX_SEQUENCE)
}

pub const fn container_of(id: i64) -> i64 {
    (id >> SEQUENCE_BITS) & MAX_CONTAINER
}

pub const fn sequence_of(id: i64) -> i64 {
    id & MAX_SEQUENCE
}

pub const fn file_id(container: i64) -> i64 {
    block_id(container, MAX_SEQUENCE)
}

pub const fn file_id_of_block(block: i64) -> i64 {
    file_id(container_of(block))
}

pub const fn is_file_id(id: i64) -> bool {
    sequence_of(id) == MAX_SEQUENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_measured_on_the_original() {
        let file = 33_638_318_079;
        assert_eq!(container_of(file), 2004);
        assert!(is_file_id(file));
        assert_eq!(block_id(2004, 0), 33_621_540_864);
        assert_eq!(file_id_of_block(33_621_540_865), file);
        assert!(!is_file_id(ROOT_ID));
    }
}
