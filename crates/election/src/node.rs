//! The names of candidates' nodes.

/// What Curator's LeaderSelector puts before the number of a candidate's node.
pub(crate) const LOCK: &str = "lock-";

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
}
