//! The mount that a folder lies on. Those that break what the journal rests on (design 5.1) are refused.

use std::fs;
use std::io;
use std::path::Path;

use super::run;
use crate::store::StoreError;

/// NFS options that must not be set, and what they break.
const UNSAFE_NFS_OPTIONS: [(&str, &str); 3] = [
    ("soft", "a write may be given up half-way and reported as done"),
    ("softerr", "a write may be given up half-way and reported as done"),
    ("nocto", "a new master could read stale bytes of the old master's segment"),
];

/// A mount as in /proc/self/mountinfo (man 5 proc_pid_mountinfo).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    point: String,
    kind: String,
    options: Vec<String>,
}

/// Checks the mount that `folder` lies on.
pub(super) async fn check(folder: &Path) -> Result<(), StoreError> {
    let found = find(folder).await?;
    match found.and_then(|(folder, mount)| Some((folder, unsafe_option(&mount)?, mount.point))) {
        None => Ok(()),
        Some((location, (option, reason), mount)) => {
            Err(StoreError::UnsafeMount { location, mount, option: option.to_owned(), reason })
        }
    }
}

/// The type of the file system that `folder` lies on: ext4, nfs4, fuse.x and so on. None where the system does not tell.
///
/// # Errors
/// When the folder cannot be found.
pub async fn file_system_type(folder: &Path) -> Result<Option<String>, StoreError> {
    Ok(find(folder).await?.map(|(_, mount)| mount.kind))
}

/// The folder without links in its path, and the mount that it lies on.
async fn find(folder: &Path) -> Result<Option<(String, Mount)>, StoreError> {
    run(None, "find the mount of", folder.to_owned(), |folder| {
        let folder = folder.canonicalize()?;
        // Not every system has it; where it is missing there is nothing to check by.
        let table = match fs::read_to_string("/proc/self/mountinfo") {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            table => table?,
        };
        Ok(mount_of(&table, &folder).map(|mount| (folder.display().to_string(), mount)))
    })
    .await
}

fn unsafe_option(mount: &Mount) -> Option<(&'static str, &'static str)> {
    if !matches!(mount.kind.as_str(), "nfs" | "nfs4") {
        return None;
    }
    UNSAFE_NFS_OPTIONS.into_iter().find(|(name, _)| mount.options.iter().any(|option| option == name))
}

/// The mount with the longest point that holds `folder`; of several on one point the last, which hides the
/// others.
fn mount_of(table: &str, folder: &Path) -> Option<Mount> {
    let mounts = table.lines().filter_map(parse).filter(|mount| folder.starts_with(&mount.point));
    mounts.max_by_key(|mount| Path::new(&mount.point).components().count())
}

fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(4);
    let point = unescape(left.next()?);
    let per_mount = left.next()?;
    let mut right = right.split(' ');
    let kind = right.next()?.to_owned();
    let per_file_system = right.nth(1).unwrap_or("");
    let options = per_mount.split(',').chain(per_file_system.split(',')).map(str::to_owned).collect();
    Some(Mount { point, kind, options })
}

/// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /mnt/my\\040nfs rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2,hard,proto=tcp
41 22 0:36 / /mnt/soft rw,noatime shared:21 - nfs server:/soft rw,vers=3,soft,timeo=600
42 22 0:37 / /mnt/nocto rw - nfs server:/n rw,vers=3,hard,nocto
43 22 0:38 / /mnt/fuse rw - fuse.x x rw,soft
";

    fn option_of(path: &str) -> Option<&'static str> {
        mount_of(TABLE, Path::new(path)).and_then(|mount| unsafe_option(&mount)).map(|(option, _)| option)
    }

    #[test]
    fn unsafe_nfs_options_are_found_on_the_mount_that_holds_the_folder() {
        assert_eq!(option_of("/mnt/soft/journal"), Some("soft"));
        assert_eq!(option_of("/mnt/nocto"), Some("nocto"));
        assert_eq!(option_of("/mnt/my nfs/journal"), None);
        assert_eq!(option_of("/mnt/softly"), None);
        assert_eq!(option_of("/mnt/fuse/journal"), None);
    }

    #[test]
    fn the_longest_mount_point_wins() {
        assert_eq!(mount_of(TABLE, Path::new("/mnt/my nfs/a")).unwrap().kind, "nfs4");
        assert_eq!(mount_of(TABLE, Path::new("/mnt/elsewhere")).unwrap().point, "/");
    }

    #[tokio::test]
    async fn a_local_folder_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path()).await.unwrap();
        assert!(file_system_type(folder.path()).await.unwrap().is_some_and(|kind| !kind.starts_with("nfs")));
        assert!(file_system_type(&folder.path().join("no")).await.is_err());
    }
}
