//! The names of the files under load.

use alluxio_fs::{AlluxioPath, FsResult};

/// Files of one directory: what the memory per file is defined for (docs/decisions/0003-memory-per-file.md).
pub const PER_DIRECTORY: u64 = 1_000;

/// Path of the file with this number: 16-byte names, a thousand to a directory.
pub fn file(root: &str, number: u64) -> FsResult<AlluxioPath> {
    let (directory, name) = (number / PER_DIRECTORY, number % PER_DIRECTORY);
    AlluxioPath::parse(&format!("{root}/dir-{directory:06}/file-{name:011}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_16_bytes_and_directories_1000_files() {
        let last = file("/tree", 1_999).unwrap();
        assert_eq!(last.as_str(), "/tree/dir-000001/file-00000000999");
        assert_eq!(last.name().len(), 16);
    }
}
