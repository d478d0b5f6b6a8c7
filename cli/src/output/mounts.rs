//! The mount table, one line for each mount point.

use std::collections::BTreeMap;

use alluxio_proto::grpc::file::MountPointInfo;

use super::size;

/// The lines of `mount` and of `fsadmin report ufs`; the first two columns are as wide as they must be.
pub fn lines(table: &BTreeMap<String, MountPointInfo>) -> Vec<String> {
    let storage_width = table.values().map(|mount| mount.ufs_uri().len()).max().unwrap_or_default();
    let path_width = table.keys().map(String::len).max().unwrap_or_default();
    table
        .iter()
        .map(|(path, mount)| {
            let (capacity, used) = (mount.ufs_capacity_bytes(), mount.ufs_used_bytes());
            let share = if capacity > 0 {
                format!("({}%)", (100.0 * used as f64 / capacity as f64) as i64)
            } else {
                String::new()
            };
            let not = |yes| if yes { "" } else { "not " };
            let properties: Vec<_> =
                mount.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!(
                "{:storage_width$}  on  {path:path_width$}  ({}, capacity={}, used={}{share}, {}read-only, {}shared, \
                 properties={{{}}})",
                mount.ufs_uri(),
                mount.ufs_type(),
                size::human(capacity),
                size::human(used),
                not(mount.read_only()),
                not(mount.shared()),
                properties.join(", ")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(storage: &str) -> MountPointInfo {
        MountPointInfo {
            ufs_uri: Some(storage.to_owned()),
            ufs_type: Some("local".to_owned()),
            ..MountPointInfo::default()
        }
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut other = mount("/long/one");
        other.ufs_capacity_bytes = Some(200);
        other.ufs_used_bytes = Some(101);
        other.read_only = Some(true);
        other.properties.insert("a".to_owned(), "1".to_owned());
        other.properties.insert("b".to_owned(), "2".to_owned());
        let table = [("/".to_owned(), mount("/u")), ("/mnt".to_owned(), other)].into();
        assert_eq!(
            lines(&table),
            [
                "/u         on  /     (local, capacity=-1B, used=-1B, not read-only, not shared, properties={})",
                "/long/one  on  /mnt  (local, capacity=200B, used=101B(50%), read-only, not shared, properties={a=1, b=2})",
            ]
        );
        assert!(lines(&BTreeMap::new()).is_empty());
    }
}
