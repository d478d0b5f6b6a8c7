//! The lines of `alluxio fs ls`.

use alluxio_fs::print::permission;
use alluxio_proto::grpc::file::FileInfo;

use super::{date::DateFormat, size};

/// Which of a file's times a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Creation,
    LastAccess,
    LastModification,
}

impl Time {
    pub const NAMES: [(&'static str, Self); 3] = [
        ("creationTime", Self::Creation),
        ("lastAccessTime", Self::LastAccess),
        ("lastModificationTime", Self::LastModification),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, time)| *time)
    }

    fn of(self, info: &FileInfo) -> i64 {
        match self {
            Self::Creation => info.creation_time_ms(),
            Self::LastAccess => info.last_access_time_ms(),
            Self::LastModification => info.last_modification_time_ms(),
        }
    }
}

/// What a listing shows of each file.
#[derive(Debug)]
pub struct Listing {
    pub human_sizes: bool,
    /// Permission, owner and group: shown when the cluster checks them.
    pub permissions: bool,
    pub time: Time,
    pub dates: DateFormat,
}

impl Listing {
    pub fn line(&self, info: &FileInfo) -> String {
        let length = info.length();
        let (state, size) = if info.folder() {
            ("DIR".to_owned(), length.to_string())
        } else {
            let size = if self.human_sizes { size::human(length) } else { length.to_string() };
            (format!("{}%", info.in_alluxio_percentage()), size)
        };
        let date = self.dates.format(self.time.of(info));
        let (persistence, path) = (info.persistence_state(), info.path());
        let rest = format!("{size:>15}{persistence:>16}{date:>24}{state:>5} {path:<5}");
        if self.permissions {
            format!("{:<12}{:<15}{:<15}{rest}", permission(info), info.owner(), info.group())
        } else {
            rest
        }
    }
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::file::{PAcl, PAclEntry};
    use jiff::tz::TimeZone;

    use super::*;

    fn listing(permissions: bool, human_sizes: bool) -> Listing {
        let dates = DateFormat::new("MM-dd-yyyy HH:mm:ss:SSS", TimeZone::UTC).unwrap();
        Listing { human_sizes, permissions, time: Time::LastModification, dates }
    }

    fn directory() -> FileInfo {
        FileInfo {
            path: Some("/default_tests_files".to_owned()),
            folder: Some(true),
            length: Some(12),
            mode: Some(0o700),
            owner: Some("jiacheng".to_owned()),
            group: Some("jiacheng".to_owned()),
            persistence_state: Some("PERSISTED".to_owned()),
            last_modification_time_ms: Some(1_582_301_159_725),
            ..FileInfo::default()
        }
    }

    fn file() -> FileInfo {
        FileInfo {
            path: Some("/a b".to_owned()),
            length: Some(6144),
            mode: Some(0o644),
            owner: Some("a-very-long-owner-name".to_owned()),
            group: Some("g".to_owned()),
            persistence_state: Some("NOT_PERSISTED".to_owned()),
            in_alluxio_percentage: Some(100),
            creation_time_ms: Some(1),
            ..FileInfo::default()
        }
    }

    #[test]
    fn a_directory() {
        // The line of Alluxio/alluxio#10996.
        assert_eq!(
            listing(true, false).line(&directory()),
            "drwx------  jiacheng       jiacheng                    12       PERSISTED 02-21-2020 16:05:59:725  DIR /default_tests_files"
        );
    }

    #[test]
    fn a_file_and_a_name_too_long_for_its_column() {
        assert_eq!(
            listing(true, true).line(&file()),
            "-rw-r--r--  a-very-long-owner-nameg                       6.00KB   NOT_PERSISTED 01-01-1970 00:00:00:000 100% /a b "
        );
    }

    #[test]
    fn without_permissions() {
        let mut listing = listing(false, false);
        listing.time = Time::Creation;
        assert_eq!(
            listing.line(&file()),
            "           6144   NOT_PERSISTED 01-01-1970 00:00:00:001 100% /a b "
        );
    }

    #[test]
    fn more_entries_show_as_a_plus() {
        let entry = PAclEntry { subject: Some("u".to_owned()), ..PAclEntry::default() };
        let acl = PAcl { entries: vec![entry], ..PAcl::default() };
        assert!(
            listing(true, false).line(&FileInfo { acl: Some(acl), ..file() }).starts_with("-rw-r--r--+ a")
        );

        let empty = PAcl { is_default: Some(true), is_default_empty: Some(true), ..PAcl::default() };
        let info = FileInfo { default_acl: Some(empty.clone()), ..directory() };
        assert!(listing(true, false).line(&info).starts_with("drwx------  j"));
        let some = PAcl { is_default_empty: Some(false), ..empty };
        let info = FileInfo { default_acl: Some(some), ..directory() };
        assert!(listing(true, false).line(&info).starts_with("drwx------+ j"));
    }
}
