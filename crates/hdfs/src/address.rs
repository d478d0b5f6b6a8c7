//! `hdfs://namenode:port/path` and `hdfs://nameservice/path`, taken apart.

use crate::error::ConnectError;

const SCHEME: &str = "hdfs://";

/// A place on HDFS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `namenode:port`, `namenode` or the name of a name service; empty: what `fs.defaultFS` says.
    pub authority: String,
    /// Absolute, without a slash at its end unless it is the root.
    pub path: String,
}

impl Address {
    /// Whether `text` names a place on HDFS.
    pub fn is_hdfs(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let bad = |reason| ConnectError::Address { address: text.to_owned(), reason };
        if !Self::is_hdfs(text) {
            return Err(bad("it does not begin with hdfs://"));
        }
        let rest = &text[SCHEME.len()..];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains(['@', '?', '#']) || path.contains(['?', '#']) {
            return Err(bad("a user, a query or a fragment has no meaning in it"));
        }
        let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
        if names.iter().any(|name| matches!(*name, "." | "..")) {
            return Err(bad("its path has '.' or '..' in it"));
        }
        Ok(Self { authority: authority.to_owned(), path: format!("/{}", names.join("/")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_authority_and_a_path() {
        let parsed = |text: &str| Address::parse(text).map(|a| (a.authority, a.path)).unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(parsed("hdfs://nn:8020/alluxio/journal/"), pair("nn:8020", "/alluxio/journal"));
        assert_eq!(parsed("HDFS://service//a"), pair("service", "/a"));
        assert_eq!(parsed("hdfs:///a/b"), pair("", "/a/b"));
        assert_eq!(parsed("hdfs://nn"), pair("nn", "/"));
        for bad in ["s3://bucket/a", "/a", "hdfs:/a", "hdfs://user@nn/a", "hdfs://nn/a?b", "hdfs://nn/a/../b"]
        {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
