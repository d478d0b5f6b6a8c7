//! The RPC address of a master, as it stands in settings and in ZooKeeper's nodes.

use std::{fmt, str::FromStr};

use alluxio_fs::{FsError, FsResult};

/// The RPC address of a master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MasterAddress {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for MasterAddress {
    type Err = FsError;

    fn from_str(text: &str) -> FsResult<Self> {
        let parts = text.trim().rsplit_once(':');
        parts
            .and_then(|(host, port)| Some(Self { host: host.to_owned(), port: port.parse().ok()? }))
            .filter(|address| !address.host.is_empty())
            .ok_or_else(|| {
                FsError::invalid_argument(format!("\"{text}\" is not a master address: write host:port."))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["m1", ":19998", "m1:port", "m1:70000"] {
            let error = text.parse::<MasterAddress>().unwrap_err();
            assert!(error.message.contains(text), "{error}");
        }
        assert_eq!("m1:19998".parse::<MasterAddress>().unwrap().to_string(), "m1:19998");
    }
}
