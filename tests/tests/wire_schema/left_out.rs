//! What we do not define of the upstream schema, and why. Each entry must exist upstream.

const CATALOG: &str = "the catalog service is an optional module that many 2.9 clusters lack, too";

/// Whole files.
pub const FILES: &[(&str, &str)] = &[
    ("grpc/table/table_master.proto", CATALOG),
    ("grpc/table/layout/hive/hive.proto", CATALOG),
    ("proto/journal/table.proto", CATALOG),
    ("grpc/raft_journal.proto", "the embedded journal's own transport: our journal lies on a shared store"),
    ("grpc/messaging_transport.proto", "how Java masters delegate a backup among themselves"),
];

/// Fields of messages that we do define.
pub const FIELDS: &[(&str, &str)] = &[
    ("alluxio.proto.journal.JournalEntry.add_table", CATALOG),
    ("alluxio.proto.journal.JournalEntry.add_table_partitions", CATALOG),
    ("alluxio.proto.journal.JournalEntry.add_transform_job_info", CATALOG),
    ("alluxio.proto.journal.JournalEntry.attach_db", CATALOG),
    ("alluxio.proto.journal.JournalEntry.complete_transform_table", CATALOG),
    ("alluxio.proto.journal.JournalEntry.detach_db", CATALOG),
    ("alluxio.proto.journal.JournalEntry.remove_table", CATALOG),
    ("alluxio.proto.journal.JournalEntry.remove_transform_job_info", CATALOG),
    ("alluxio.proto.journal.JournalEntry.update_database_info", CATALOG),
];
