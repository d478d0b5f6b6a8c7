//! Options of the calls that make something.

/// Owner, group and mode of something new. What is not given is left to the store.
///
/// Owner and group are applied as far as the store and the process's rights go; the returned status tells
/// what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// User name.
    pub owner: Option<String>,
    /// Group name.
    pub group: Option<String>,
    /// Permission bits; applied exactly, whatever the process's umask.
    pub mode: Option<u16>,
}

impl Attributes {
    /// Only a mode.
    pub fn mode(mode: u16) -> Self {
        Self { mode: Some(mode), ..Self::default() }
    }
}

/// Options of [`UnderFs::create`](crate::UnderFs::create).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// Of the file.
    pub attributes: Attributes,
    /// Make missing folders on the way, with these attributes; none: a missing folder is an error.
    pub parents: Option<Attributes>,
    /// Replace a file of that name; else its existence is an error, at `create` or at `close`.
    pub overwrite: bool,
    /// `close` returns only when data and name would survive a power failure. On by default: a block is
    /// evictable once its file is persisted.
    pub durable: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { attributes: Attributes::default(), parents: None, overwrite: false, durable: true }
    }
}

/// Options of [`UnderFs::mkdirs`](crate::UnderFs::mkdirs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MkdirsOptions {
    /// Of the folder.
    pub attributes: Attributes,
    /// Make missing folders on the way, with these attributes; none: a missing folder is an error.
    pub parents: Option<Attributes>,
    /// Return only when the new folders would survive a power failure. On by default.
    pub durable: bool,
}

impl Default for MkdirsOptions {
    fn default() -> Self {
        Self { attributes: Attributes::default(), parents: None, durable: true }
    }
}

impl MkdirsOptions {
    /// The folder and all that miss on the way, each with `attributes`.
    pub fn with_parents(attributes: Attributes) -> Self {
        Self { parents: Some(attributes.clone()), attributes, ..Self::default() }
    }
}
