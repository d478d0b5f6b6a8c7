//! The names of candidates' nodes.

use uuid::Uuid;

/// What Curator's LeaderSelector puts before the number of a candidate's node.
pub(crate) const LOCK: &str = "lock-";
const PROTECTED: &str = "_c_";
/// The version of UUIDs whose bits have no meaning laid down. Java's are random ones: version 4.
const OURS: usize = 8;

/// What the names of one session's nodes begin with. It is unique, and it tells candidates of ours from the
/// original's, which neither Curator nor the Java client looks at.
pub(crate) fn mark() -> String {
    let ours = uuid::Builder::from_custom_bytes(*Uuid::new_v4().as_bytes()).into_uuid();
    format!("{PROTECTED}{ours}-")
}

/// Whether a candidate's node is one of ours, not a Java master's.
pub(crate) fn is_ours(name: &str) -> bool {
    let id = name.strip_prefix(PROTECTED).and_then(|rest| Uuid::parse_str(rest.get(..36)?).ok());
    id.is_some_and(|id| id.get_version_num() == OURS)
}

/// The number that ZooKeeper gave a candidate's node: the lowest one leads. `None` for a node of another kind.
pub(crate) fn sequence(name: &str) -> Option<u64> {
    let (_, digits) = name.rsplit_once(LOCK)?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_candidates() {
        assert_eq!(sequence("_c_8dd4ff4e-b1c2-4b2e-8f6b-7f0c7a3c9b60-lock-0000000012"), Some(12));
        assert_eq!(sequence("_c_8dd4ff4e-b1c2-4b2e-8f6b-7f0c7a3c9b60-latch-0000000012"), None);
        assert_eq!(sequence("lock-"), None);
        assert_eq!(sequence("cluster-id"), None);
    }

    #[test]
    fn ours_are_told_from_the_originals() {
        assert!(is_ours(&format!("{}{LOCK}0000000012", mark())));
        assert_ne!(mark(), mark());
        // As java.util.UUID.randomUUID makes them.
        assert!(!is_ours("_c_8dd4ff4e-b1c2-4b2e-8f6b-7f0c7a3c9b60-lock-0000000012"));
        assert!(!is_ours("lock-0000000012"));
        assert!(!is_ours("_c_é-lock-0000000012"));
    }
}
