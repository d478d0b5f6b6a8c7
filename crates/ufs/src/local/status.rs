//! Status of files and folders, and space of the file system.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::Folder;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};

impl Folder {
    /// What is at `path`, links followed; none when there is nothing or a special file.
    pub(super) fn status(&self, operation: Operation, path: &UfsPath) -> Result<Option<UfsStatus>> {
        match std::fs::metadata(self.locate(path)) {
            Ok(metadata) => Ok(self.status_of(path.clone(), &metadata)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.io(operation, path)(error)),
        }
    }

    /// The status of a file or folder; none for anything else.
    pub(super) fn status_of(&self, path: UfsPath, metadata: &Metadata) -> Option<UfsStatus> {
        if !metadata.is_file() && !metadata.is_dir() {
            return None;
        }
        let modified_ms = modified_ms(metadata);
        let length = if metadata.is_dir() { 0 } else { metadata.len() };
        Some(UfsStatus {
            path,
            is_dir: metadata.is_dir(),
            length,
            modified_ms: Some(modified_ms),
            owner: self.names.user(metadata.uid()),
            group: self.names.group(metadata.gid()),
            mode: (metadata.mode() & 0o777) as u16,
            content_hash: metadata.is_file().then(|| UfsStatus::approximate_hash(length, modified_ms)),
        })
    }

    /// Bytes of the file system that holds the mounted folder. As the original, free counts also what is
    /// reserved for root, so that used and free make the total.
    #[allow(clippy::useless_conversion, reason = "the width of these fields differs between platforms")]
    pub(super) fn space(&self) -> Result<Space> {
        let root = UfsPath::root();
        let stat = nix::sys::statvfs::statvfs(&self.root)
            .map_err(|errno| self.io(Operation::Space, &root)(errno.into()))?;
        let unit = u64::from(stat.fragment_size());
        let bytes = |blocks: u64| {
            blocks.checked_mul(unit).ok_or_else(|| {
                self.error(UfsErrorKind::Io, Operation::Space, &root)
                    .because(format!("the file system claims {blocks} blocks of {unit} bytes"))
            })
        };
        let total = bytes(u64::from(stat.blocks()))?;
        let free = bytes(u64::from(stat.blocks_free()))?.min(total);
        Ok(Space { total, used: total - free, free })
    }
}

pub(super) fn modified_ms(metadata: &Metadata) -> i64 {
    // Nanoseconds are never negative, also before 1970.
    metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000)
}

/// Whether the error says that nothing is there. A file where a folder was looked for is nothing, too.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(UfsErrorKind::of_io(error), UfsErrorKind::NotFound | UfsErrorKind::NotDirectory)
}
