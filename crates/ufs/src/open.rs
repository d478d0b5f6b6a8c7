//! From an address to the implementation that serves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::local::LocalUfs;
use crate::under_fs::UnderFs;
use crate::uri::UfsUri;

/// The under storage at `uri` with the mount's properties. Reads no more than the address: whether the store
/// answers shows with the first call.
pub fn open_ufs(uri: &str, properties: &BTreeMap<String, String>) -> Result<Arc<dyn UnderFs>> {
    let uri = UfsUri::parse(uri)?;
    match uri.scheme() {
        "file" => Ok(Arc::new(LocalUfs::new(uri, properties)?)),
        other => {
            let reason = format!("no under storage for the scheme '{other}'; known: a local path, file");
            Err(UfsError::new(UfsErrorKind::Unsupported, Operation::Mount, uri.to_string()).because(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        let none = BTreeMap::new();
        assert_eq!(open_ufs("/data", &none).unwrap().ufs_type(), "local");
        assert_eq!(open_ufs("file:///data", &none).unwrap().uri().to_string(), "file:///data");
        let error = open_ufs("gopher://x/y", &none).unwrap_err();
        assert_eq!(error.kind(), UfsErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "cannot use the under storage gopher://x/y: \
             no under storage for the scheme 'gopher'; known: a local path, file"
        );
    }
}
