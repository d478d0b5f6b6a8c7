//! What the operator is told by its environment.

use std::{collections::BTreeSet, net::SocketAddr};

/// Where it looks for clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    All,
    Only(BTreeSet<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// WATCH_NAMESPACES: names with commas between; all when it is not set.
    pub namespaces: Namespaces,
    /// POD_NAMESPACE: where the Lease is.
    pub own_namespace: String,
    /// POD_NAME: who we are in the Lease and in events.
    pub pod: String,
    /// LEASE_NAME.
    pub lease: String,
    /// HTTP_ADDRESS: /healthz, /readyz, /metrics.
    pub http: SocketAddr,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("the environment variable {0} is not set: give it the pod's own by fieldRef")]
    Missing(&'static str),
    #[error("the environment variable {name} is {value}: {expected}")]
    Invalid { name: &'static str, value: String, expected: &'static str },
}

impl Settings {
    /// # Errors
    /// A variable is missing, or is no such value.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let set =
            |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let must = |name| set(name).ok_or(SettingsError::Missing(name));
        let http = set("HTTP_ADDRESS").unwrap_or_else(|| "0.0.0.0:8080".to_owned());
        let http = http.parse().map_err(|_| SettingsError::Invalid {
            name: "HTTP_ADDRESS",
            value: http.clone(),
            expected: "write an IP address and a port, such as 0.0.0.0:8080",
        })?;
        Ok(Self {
            namespaces: set("WATCH_NAMESPACES").map_or(Namespaces::All, |list| Namespaces::listed(&list)),
            own_namespace: must("POD_NAMESPACE")?,
            pod: must("POD_NAME")?,
            lease: set("LEASE_NAME").unwrap_or_else(|| "alluxio-operator".to_owned()),
            http,
        })
    }
}

impl Namespaces {
    fn listed(list: &str) -> Self {
        let names: BTreeSet<_> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() { Self::All } else { Self::Only(names) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::of(|name| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const POD: [(&str, &str); 2] = [("POD_NAMESPACE", "system"), ("POD_NAME", "op-1")];

    #[test]
    fn defaults() {
        let settings = of(&POD).unwrap();
        assert_eq!(settings.namespaces, Namespaces::All);
        assert_eq!((settings.lease.as_str(), settings.http.port()), ("alluxio-operator", 8080));
    }

    #[test]
    fn namespaces() {
        let listed = |list| of(&[POD[0], POD[1], ("WATCH_NAMESPACES", list)]).unwrap().namespaces;
        assert_eq!(listed("a, b,,a"), Namespaces::Only(["a", "b"].map(str::to_owned).into()));
        for all in ["", " ", ","] {
            assert_eq!(listed(all), Namespaces::All);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(of(&POD[..1]), Err(SettingsError::Missing("POD_NAME")));
        let error = of(&[POD[0], POD[1], ("HTTP_ADDRESS", "8080")]).unwrap_err().to_string();
        assert!(error.contains("HTTP_ADDRESS is 8080: write an IP address"), "{error}");
    }
}
