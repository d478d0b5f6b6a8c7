//! What a store can do: callers ask this instead of asking which store it is.

/// What one under storage can do. A store that lacks something answers the matching call with
/// [`UfsErrorKind::Unsupported`](crate::UfsErrorKind::Unsupported), or as the call's own words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Folders exist by themselves. False for object stores: there a folder is a name prefix, an empty one may
    /// leave no trace, and parents need not be made.
    pub directories: bool,
    /// A file's data appears under its name at `close`, whole or not at all, and `overwrite: false` never
    /// replaces a file, whoever else writes. When false a reader may see a part, and after a failure a part
    /// may remain: write to a temporary path and rename.
    pub atomic_create: bool,
    /// `rename_file` is one step, and refuses an existing target whoever else makes it. When false it is a copy
    /// and a deletion, or `Unsupported`.
    pub rename_file: bool,
    /// `rename_directory` is one step, whatever the folder holds. When false it takes as long as the folder is large,
    /// and leaves both when it is interrupted.
    pub rename_directory: bool,
    /// Owner and group are kept. The process may still lack the right to change them.
    pub owners: bool,
    /// The nine permission bits are kept.
    pub modes: bool,
    /// `space` knows total and used bytes.
    pub space: bool,
    /// Listing pages come in key order and `start_after` costs no more than the pages themselves.
    pub ordered_listing: bool,
    /// The content hash is one of the bytes (an ETag); when false it is length and modification time.
    pub strong_content_hash: bool,
    /// `delete_*` can tell whether anything was there.
    pub reports_deleted: bool,
}
