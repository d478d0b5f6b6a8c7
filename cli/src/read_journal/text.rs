//! A record in protobuf's text format.

use std::sync::LazyLock;

use alluxio_conf::shown_option;
use alluxio_journal::ReadEntry;
use alluxio_proto::journal::JournalEntry;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, text_format::FormatOptions};

/// The description of a journal entry, which gives the fields their names; made by `build.rs`.
static ENTRY: LazyLock<Option<MessageDescriptor>> = LazyLock::new(|| {
    let schema = include_bytes!(concat!(env!("OUT_DIR"), "/journal.bin"));
    DescriptorPool::decode(schema.as_slice()).ok()?.get_message_by_name("alluxio.proto.journal.JournalEntry")
});

/// The entry of a record, with the sequence number under which it was written.
pub fn decode(record: &ReadEntry) -> Result<JournalEntry, String> {
    let mut entry = JournalEntry::decode(record.payload.clone()).map_err(|error| {
        format!(
            "Journal tool failed: {}, offset {}, record {} is intact but is not a journal entry ({error}): it was \
             written by another program or a later release",
            record.file, record.offset, record.sequence
        )
    })?;
    entry.sequence_number = Some(record.sequence as i64);
    mask(&mut entry);
    Ok(entry)
}

/// A dump is read by more people than the journal: it tells no credentials.
fn mask(entry: &mut JournalEntry) {
    entry.journal_entries.iter_mut().for_each(mask);
    for option in entry.add_mount_point.iter_mut().flat_map(|mount| &mut mount.properties) {
        let shown = shown_option(option.key(), option.value()).to_owned();
        option.value = Some(shown);
    }
    for (name, value) in entry.path_properties.iter_mut().flat_map(|entry| &mut entry.properties) {
        *value = shown_option(name, value).to_owned();
    }
}

/// The entry, one field a line.
pub fn of(entry: &JournalEntry) -> String {
    let described = ENTRY.clone().and_then(|description| {
        let mut message = DynamicMessage::new(description);
        message.transcode_from(entry).ok()?;
        Some(message.to_text_format_with_options(&FormatOptions::new().pretty(true)))
    });
    // Without the description, which the build puts in, the fields are still readable.
    described.unwrap_or_else(|| format!("{entry:#?}")) + "\n"
}

#[cfg(test)]
mod tests {
    use alluxio_proto::journal::{AddMountPointEntry, DeleteFileEntry, PathPropertiesEntry, StringPairEntry};
    use bytes::Bytes;

    use super::*;

    fn record(payload: impl Into<Bytes>) -> ReadEntry {
        ReadEntry {
            file: "terms/1/0.log".to_owned(),
            offset: 7,
            sequence: 42,
            term: 1,
            payload: payload.into(),
        }
    }

    #[test]
    fn fields_have_their_names() {
        let inner = JournalEntry {
            delete_file: Some(DeleteFileEntry { id: Some(5), recursive: Some(true), ..Default::default() }),
            ..JournalEntry::default()
        };
        let entry = decode(&record(inner.encode_to_vec())).unwrap();
        assert_eq!(of(&entry), "sequence_number: 42\ndelete_file {\n  id: 5\n  recursive: true\n}\n");
    }

    #[test]
    fn credentials_are_masked() {
        let option = |key: &str, value: &str| StringPairEntry {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        let properties =
            vec![option("s3a.secretKey", "hidden1"), option("alluxio.underfs.s3.region", "eu-west")];
        let mount = JournalEntry {
            add_mount_point: Some(AddMountPointEntry { properties, ..Default::default() }),
            ..JournalEntry::default()
        };
        let of_path = [("my.password".to_owned(), "hidden2".to_owned())];
        let path_properties =
            Some(PathPropertiesEntry { path: Some("/p".to_owned()), properties: of_path.into() });
        let compound = JournalEntry {
            journal_entries: vec![mount, JournalEntry { path_properties, ..JournalEntry::default() }],
            ..JournalEntry::default()
        };
        let text = of(&decode(&record(compound.encode_to_vec())).unwrap());
        assert!(!text.contains("hidden") && text.contains("eu-west"), "{text}");
        assert_eq!(text.matches("******").count(), 2, "{text}");
    }

    #[test]
    fn what_is_no_entry_is_named() {
        let error = decode(&record(vec![0xff])).unwrap_err();
        assert!(error.contains("terms/1/0.log, offset 7, record 42"), "{error}");
    }
}
