//! The permission column of a listing.

use alluxio_proto::grpc::file::FileInfo;

use crate::Mode;

/// `drwxr-xr-x`, with `+` when there are more entries than owner, group and other.
pub fn permission(info: &FileInfo) -> String {
    let kind = if info.folder() { 'd' } else { '-' };
    let extended = info.acl.as_ref().is_some_and(|acl| !acl.entries.is_empty());
    let has_default = info.default_acl.as_ref().is_some_and(|acl| !acl.is_default_empty.unwrap_or(true));
    let plus = if extended || has_default { "+" } else { "" };
    format!("{kind}{}{plus}", Mode::new(info.mode() as u16))
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::file::{PAcl, PAclEntry};

    use super::*;

    #[test]
    fn directories_and_extended_entries_are_marked() {
        let mut info = FileInfo { mode: Some(0o755), ..FileInfo::default() };
        assert_eq!(permission(&info), "-rwxr-xr-x");
        info.folder = Some(true);
        assert_eq!(permission(&info), "drwxr-xr-x");
        let acl = PAcl { entries: vec![PAclEntry::default()], ..PAcl::default() };
        assert_eq!(permission(&FileInfo { acl: Some(acl), ..info.clone() }), "drwxr-xr-x+");
        let default_acl = PAcl { is_default_empty: Some(false), ..PAcl::default() };
        assert_eq!(permission(&FileInfo { default_acl: Some(default_acl), ..info }), "drwxr-xr-x+");
    }
}
