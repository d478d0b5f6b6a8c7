//! The columns of `alluxio fs count` and `alluxio fs du`.

use super::size;

/// A row of `count`: files, folders, size.
pub fn count(files: &str, folders: &str, size: &str) -> String {
    format!("{files:<25}{folders:<25}{size:<15}")
}

/// A row of `du`; the two optional columns are printed when they are given.
pub fn du(size: &str, in_alluxio: &str, in_memory: Option<&str>, worker: Option<&str>, path: &str) -> String {
    let mut row = format!("{size:<13} {in_alluxio:<16} ");
    if let Some(in_memory) = in_memory {
        row.push_str(&format!("{in_memory:<16} "));
    }
    if let Some(worker) = worker {
        row.push_str(&format!("{worker:<25} "));
    }
    row + path
}

/// A number of bytes, plain or with a unit.
pub fn bytes(human: bool, bytes: i64) -> String {
    if human { size::human(bytes) } else { bytes.to_string() }
}

/// A part of a whole and its percentage: `80 (50%)`.
pub fn share(human: bool, part: i64, whole: i64) -> String {
    let percent = if whole == 0 { 0 } else { i128::from(part) * 100 / i128::from(whole) };
    format!("{} ({percent}%)", bytes(human, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_count() {
        assert_eq!(
            count("File Count", "Folder Count", "Folder Size"),
            "File Count               Folder Count             Folder Size    "
        );
    }

    #[test]
    fn rows_of_du() {
        assert_eq!(du("File Size", "In Alluxio", None, None, "Path"), "File Size     In Alluxio       Path");
        assert_eq!(
            du("2", "2 (100%)", Some("2 (100%)"), Some("total"), "/f"),
            "2             2 (100%)         2 (100%)         total                     /f"
        );
    }

    #[test]
    fn shares() {
        assert_eq!(share(false, 40, 80), "40 (50%)");
        assert_eq!(share(true, 6144, 12_288), "6.00KB (50%)");
        assert_eq!(share(false, 0, 0), "0 (0%)");
        assert_eq!(share(false, i64::MAX, i64::MAX), "9223372036854775807 (100%)");
    }
}
