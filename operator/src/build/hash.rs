//! Digests of contents. They tell contents apart; nobody gains by making two that are alike.

use std::fmt::Write as _;

use md5::{Digest, Md5};

/// The digest of some bytes, 32 hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Its beginning, for names.
pub(super) fn short(bytes: &[u8]) -> String {
    let mut digest = digest(bytes);
    digest.truncate(10);
    digest
}
