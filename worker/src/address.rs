//! Under which name and ports this worker is known.

use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::{LocalityTier, TieredIdentity, WorkerNetAddress};
use std::path::Path;

/// The host name masters and clients are told: the configured one, else the machine's. A client on the
/// same host compares it with its own name to choose short circuit.
pub fn host(conf: &Configuration) -> String {
    let configured = conf.opt(key::WORKER_HOSTNAME).filter(|name| !name.is_empty());
    configured.unwrap_or_else(|| match nix::unistd::gethostname() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(error) => {
            tracing::warn!(%error, "the machine has no host name; localhost is used. Set alluxio.worker.hostname");
            "localhost".into()
        }
    })
}

/// The whole address.
pub fn of(
    conf: &Configuration,
    host: &str,
    rpc_port: u16,
    web_port: u16,
    domain_socket: Option<&Path>,
) -> WorkerNetAddress {
    WorkerNetAddress {
        host: Some(host.to_owned()),
        container_host: Some(conf.opt(key::WORKER_CONTAINER_HOSTNAME).unwrap_or_default()),
        rpc_port: Some(i32::from(rpc_port)),
        // RPC and data share the port, as in 2.9.
        data_port: Some(i32::from(rpc_port)),
        web_port: Some(i32::from(web_port)),
        domain_socket_path: Some(domain_socket.map(|path| path.display().to_string()).unwrap_or_default()),
        tiered_identity: Some(identity(conf, host)),
    }
}

/// The locality tiers: `node` is the host unless set, the others what is set for them.
fn identity(conf: &Configuration, host: &str) -> TieredIdentity {
    let tiers = conf.get(key::LOCALITY_ORDER).into_iter().map(|tier| {
        let configured = conf.by_name(&format!("alluxio.locality.{tier}")).filter(|value| !value.is_empty());
        let value = configured.or_else(|| (tier == "node").then(|| host.to_owned()));
        LocalityTier { tier_name: Some(tier), value }
    });
    TieredIdentity { tiers: tiers.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_what_clients_expect() {
        let conf = Configuration::defaults().with(&[("alluxio.locality.rack", "r1")]).unwrap();
        let address = of(&conf, "h", 1, 2, None);
        assert_eq!((address.rpc_port, address.data_port, address.web_port), (Some(1), Some(1), Some(2)));
        let tiers = address.tiered_identity.unwrap().tiers;
        let named: Vec<_> = tiers.iter().map(|t| (t.tier_name.as_deref(), t.value.as_deref())).collect();
        assert_eq!(named, vec![(Some("node"), Some("h")), (Some("rack"), Some("r1"))]);
    }
}
