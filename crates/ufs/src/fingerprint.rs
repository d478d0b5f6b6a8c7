//! What to compare to see whether something in an under storage changed.
//!
//! The text form is the original's (alluxio.underfs.Fingerprint, measured on 2.9.4), because fingerprints are
//! part of journals and backups: tags in the order below, each `TAG|value` and a space behind it, spaces and
//! bars in values replaced by `_`, an empty value written `_`, tags that do not apply left out:
//! `TYPE|FILE UFS|local OWNER|ann GROUP|staff MODE|420 CONTENT_HASH|(len:10,_modtime:1234) `

use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

use crate::error::{Operation, UfsError, UfsErrorKind};
use crate::status::UfsStatus;

/// The state of a file or folder in one line of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    is_dir: bool,
    ufs_type: String,
    owner: String,
    group: String,
    mode: String,
    /// None for folders.
    content_hash: Option<String>,
    /// Only where the store keeps access control lists.
    acl: Option<String>,
}

impl Fingerprint {
    /// The fingerprint of `status` in a store of type `ufs_type`.
    pub fn of(ufs_type: &str, status: &UfsStatus) -> Self {
        Self {
            is_dir: status.is_dir,
            ufs_type: value(ufs_type),
            owner: value(&status.owner),
            group: value(&status.group),
            mode: status.mode.to_string(),
            content_hash: (!status.is_dir).then(|| value(status.content_hash.as_deref().unwrap_or_default())),
            acl: None,
        }
    }

    /// Whether both stand for the same kind of thing with the same content.
    pub fn same_content(&self, other: &Fingerprint) -> bool {
        self.is_dir == other.is_dir
            && self.ufs_type == other.ufs_type
            && self.content_hash == other.content_hash
    }

    /// Whether `hash` is another content. Not where it cannot be told: there is no hash, or the two are of different kinds,
    /// as two drivers may have them.
    pub fn has_other_content(&self, hash: &str) -> bool {
        let seen = value(hash);
        let known = self.content_hash.as_deref().and_then(Kind::of);
        match (known, Kind::of(&seen)) {
            (Some(Kind::Approximate(known)), Some(Kind::Approximate(seen))) => !may_be_same_time(known, seen),
            (Some(known), Some(seen)) => known != seen && discriminant(&known) == discriminant(&seen),
            _ => false,
        }
    }

    /// Whether both are plain MD5 sums, and not the same: those of copies are the same as a rule.
    pub fn is_of_another_sum(&self, other: &Fingerprint) -> bool {
        let sum = |print: &Fingerprint| {
            let hash = print.content_hash.clone()?;
            (hash.len() == 32 && matches!(Kind::of(&hash), Some(Kind::Tag(_)))).then_some(hash)
        };
        matches!((sum(self), sum(other)), (Some(one), Some(other)) if one != other)
    }

    /// The same with the content of another one.
    pub fn with_content_of(self, other: &Fingerprint) -> Self {
        Self { content_hash: other.content_hash.clone(), ..self }
    }

    /// Whether owner, group, mode and access control list are the same.
    pub fn same_metadata(&self, other: &Fingerprint) -> bool {
        self.owner == other.owner
            && self.group == other.group
            && self.mode == other.mode
            && self.acl == other.acl
    }

    /// Whether it stands for a folder.
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }
}

/// What a content hash is made of.
#[derive(PartialEq)]
enum Kind<'a> {
    /// Length and time.
    Approximate(&'a str),
    /// An MD5 sum as stores that speak S3 give it, perhaps one of sums of parts: `0123…-2`.
    Tag(&'a str),
    /// An MD5 sum as the original's drivers of Google Cloud Storage give it.
    Base64(&'a str),
    Other(&'a str),
}

impl<'a> Kind<'a> {
    fn of(hash: &'a str) -> Option<Self> {
        let sum = hash.split_once('-').map_or(hash, |(sum, _)| sum);
        let letters = || hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        Some(match hash {
            "_" => return None,
            _ if hash.starts_with("(len:") => Self::Approximate(hash),
            _ if sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) => Self::Tag(hash),
            // 16 bytes.
            _ if hash.len() == 24 && hash.ends_with("==") && letters() => Self::Base64(hash),
            _ => Self::Other(hash),
        })
    }
}

/// Some Java virtual machines know times of files in whole seconds only.
fn may_be_same_time(known: &str, seen: &str) -> bool {
    let parts = |hash: &str| {
        let (length, time) = hash.split_once(",_modtime:")?;
        Some((length.to_owned(), time.strip_suffix(')')?.parse::<i64>().ok()?))
    };
    let same_second = || {
        let ((length, time), (other_length, other_time)) = (parts(known)?, parts(seen)?);
        let whole = time % 1000 == 0 || other_time % 1000 == 0;
        Some(whole && length == other_length && time.div_euclid(1000) == other_time.div_euclid(1000))
    };
    known == seen || same_second().unwrap_or(false)
}

fn value(text: &str) -> String {
    if text.is_empty() { "_".to_owned() } else { text.replace([' ', '|'], "_") }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_dir { "DIRECTORY" } else { "FILE" };
        let Self { is_dir: _, ufs_type, owner, group, mode, content_hash, acl } = self;
        write!(f, "TYPE|{kind} UFS|{ufs_type} OWNER|{owner} GROUP|{group} MODE|{mode} ")?;
        for (tag, value) in [("CONTENT_HASH", content_hash), ("ACL", acl)] {
            if let Some(value) = value {
                write!(f, "{tag}|{value} ")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = UfsError;

    fn from_str(text: &str) -> Result<Self, UfsError> {
        let invalid = || {
            UfsError::new(
                UfsErrorKind::InvalidArgument,
                Operation::Parse,
                format!("the fingerprint '{text}'"),
            )
        };
        let mut kind = None;
        let [mut ufs_type, mut owner, mut group, mut mode] = ["_"; 4].map(str::to_owned);
        let (mut content_hash, mut acl) = (None, None);
        for chunk in text.split(' ').filter(|chunk| !chunk.is_empty()) {
            let (tag, value) = chunk.split_once('|').ok_or_else(invalid)?;
            let value = value.to_owned();
            match tag {
                "TYPE" => kind = Some(value),
                "UFS" => ufs_type = value,
                "OWNER" => owner = value,
                "GROUP" => group = value,
                "MODE" => mode = value,
                "CONTENT_HASH" => content_hash = Some(value),
                "ACL" => acl = Some(value),
                _ => return Err(invalid().because(format!("'{tag}' is not a known tag"))),
            }
        }
        let is_dir = match kind.as_deref() {
            Some("FILE") => false,
            Some("DIRECTORY") => true,
            _ => return Err(invalid().because("TYPE is neither FILE nor DIRECTORY")),
        };
        Ok(Self { is_dir, ufs_type, owner, group, mode, content_hash, acl })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::UfsPath;

    fn status(owner: &str, length: u64) -> UfsStatus {
        UfsStatus {
            path: UfsPath::parse("a").unwrap(),
            is_dir: false,
            length,
            modified_ms: Some(1234),
            owner: owner.into(),
            group: "g|r p:x".into(),
            mode: 0o644,
            content_hash: Some(UfsStatus::approximate_hash(length, 1234)),
        }
    }

    #[test]
    fn the_text_is_what_the_original_writes() {
        let fingerprint = status("own er", 10).fingerprint("local");
        let text =
            "TYPE|FILE UFS|local OWNER|own_er GROUP|g_r_p:x MODE|420 CONTENT_HASH|(len:10,_modtime:1234) ";
        assert_eq!(fingerprint.to_string(), text);
        let folder = UfsStatus { is_dir: true, mode: 0o755, content_hash: None, ..status("", 0) };
        let text = "TYPE|DIRECTORY UFS|local OWNER|_ GROUP|g_r_p:x MODE|493 ";
        assert_eq!(folder.fingerprint("local").to_string(), text);
    }

    #[test]
    fn content_and_metadata_are_told_apart() {
        let one = status("ann", 10).fingerprint("local");
        let owner_changed = status("bob", 10).fingerprint("local");
        let content_changed = status("ann", 11).fingerprint("local");
        assert!(one.same_content(&owner_changed) && !one.same_metadata(&owner_changed));
        assert!(!one.same_content(&content_changed) && one.same_metadata(&content_changed));
    }

    #[test]
    fn only_hashes_of_one_kind_tell_another_content() {
        let of = |hash: &str| {
            let hash = Some(hash.to_owned());
            UfsStatus { content_hash: hash, ..status("ann", 10) }.fingerprint("s3")
        };
        let approximate = |modified| UfsStatus::approximate_hash(10, modified);
        let (tag, base64) = ("0a".repeat(16), "AAECAwQFBgcICQoLDA0O+/==");
        let (parts, other_base64) = (format!("{tag}-2"), base64.replace('A', "B"));
        for (known, seen, is_other) in [
            (approximate(1234), approximate(1234), false),
            (approximate(1234), approximate(1235), true),
            (approximate(1234), UfsStatus::approximate_hash(11, 1234), true),
            // Of whole seconds, as far as is known.
            (approximate(1000), approximate(1234), false),
            (approximate(1234), approximate(1000), false),
            (approximate(1000), approximate(2000), true),
            (approximate(1000), UfsStatus::approximate_hash(11, 1234), true),
            (tag.clone(), tag.clone(), false),
            (tag.clone(), "0b".repeat(16), true),
            (tag.clone(), parts.clone(), true),
            (base64.to_owned(), base64.to_owned(), false),
            (base64.to_owned(), other_base64, true),
            ("0x8D".to_owned(), "0x8E".to_owned(), true),
            (String::new(), tag.clone(), false),
            (tag.clone(), String::new(), false),
            // Of two kinds.
            (approximate(1234), tag.clone(), false),
            (tag.clone(), base64.to_owned(), false),
            (base64.to_owned(), "CKih16GjycICEAE=".to_owned(), false),
            (parts, "0x8D".to_owned(), false),
        ] {
            assert_eq!(of(&known).has_other_content(&seen), is_other, "{known} and {seen}");
        }
        let sum = |letter: &str| of(&letter.repeat(32));
        assert!(sum("a").is_of_another_sum(&sum("b")) && !sum("a").is_of_another_sum(&sum("a")));
        for other in [format!("{tag}-2"), approximate(1000), String::new()] {
            assert!(!sum("a").is_of_another_sum(&of(&other)), "{other}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        for bad in ["", "garbage", "TYPE|PIPE ", "TYPE|FILE X|y ", "UFS|local "] {
            let error = bad.parse::<Fingerprint>().unwrap_err();
            assert_eq!(error.kind(), UfsErrorKind::InvalidArgument, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_text_reads_back(owner in "\\PC{0,8}", group in "\\PC{0,8}", length: u64, mode in 0u16..0o777) {
            let mut status = status(&owner, length);
            status.group = group.as_str().into();
            status.mode = mode;
            let fingerprint = status.fingerprint("hdfs");
            prop_assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
        }
    }
}
