//! The long text of `alluxio fs stat`: every field of a status, as the original's objects print
//! themselves. Scripts cut fields out of it by name.

use alluxio_proto::grpc::{
    BlockInfo, BlockLocation, TieredIdentity, TtlAction, WorkerNetAddress,
    file::{FileBlockInfo, FileInfo},
};

use super::acl;

/// Fields as `name=value`, the way Java's `toString` lists them.
struct Object {
    text: String,
    empty: bool,
}

impl Object {
    fn new(name: &str) -> Self {
        Self { text: format!("{name}{{"), empty: true }
    }

    fn field(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let separator = if self.empty { "" } else { ", " };
        self.text.push_str(&format!("{separator}{name}={value}"));
        self.empty = false;
        self
    }

    fn end(self) -> String {
        self.text + "}"
    }
}

fn list(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// A file or directory.
pub fn file(info: &FileInfo) -> String {
    let xattr = info.xattr.iter().map(|(key, value)| format!("{key}:{}", String::from_utf8_lossy(value)));
    let fields = Object::new("FileInfo")
        .field("fileId", info.file_id())
        .field("name", info.name())
        .field("path", info.path())
        .field("ufsPath", info.ufs_path())
        .field("length", info.length())
        .field("blockSizeBytes", info.block_size_bytes())
        .field("creationTimeMs", info.creation_time_ms())
        .field("completed", info.completed())
        .field("folder", info.folder())
        .field("pinned", info.pinned())
        .field("pinnedlocation", list(&info.medium_type))
        .field("cacheable", info.cacheable())
        .field("persisted", info.persisted())
        .field("blockIds", list(&info.block_ids))
        .field("inMemoryPercentage", info.in_memory_percentage())
        .field("lastModificationTimesMs", info.last_modification_time_ms())
        .field("ttl", info.ttl())
        .field("lastAccessTimesMs", info.last_access_time_ms())
        .field("ttlAction", ttl_action(info.ttl_action()))
        .field("owner", info.owner())
        .field("group", info.group())
        .field("mode", info.mode())
        .field("persistenceState", info.persistence_state())
        .field("mountPoint", info.mount_point())
        .field("replicationMax", info.replication_max())
        .field("replicationMin", info.replication_min())
        .field("fileBlockInfos", list(info.file_block_infos.iter().map(file_block)))
        .field("mountId", info.mount_id())
        .field("inAlluxioPercentage", info.in_alluxio_percentage())
        .field("ufsFingerprint", info.ufs_fingerprint())
        .field("acl", acl::lines(info.acl.as_ref()).join(","))
        .field("defaultAcl", acl::lines(info.default_acl.as_ref()).join(","))
        .field("xattr", list(xattr));
    Object::new("URIStatus").field("info", fields.end()).field("cacheContext", "null").end()
}

/// One block with its locations.
pub fn block(info: &BlockInfo) -> String {
    Object::new("BlockInfo")
        .field("id", info.block_id())
        .field("length", info.length())
        .field("locations", list(info.locations.iter().map(location)))
        .end()
}

fn file_block(info: &FileBlockInfo) -> String {
    Object::new("FileBlockInfo")
        .field("blockInfo", info.block_info.as_ref().map_or("null".to_owned(), block))
        .field("offset", info.offset())
        .field("ufsLocations", list(&info.ufs_string_locations))
        .end()
}

fn location(location: &BlockLocation) -> String {
    Object::new("BlockLocation")
        .field("workerId", location.worker_id())
        .field("address", location.worker_address.as_ref().map_or("null".to_owned(), address))
        .field("tierAlias", location.tier_alias())
        .field("mediumType", location.medium_type())
        .end()
}

fn address(address: &WorkerNetAddress) -> String {
    Object::new("WorkerNetAddress")
        .field("host", address.host())
        .field("containerHost", address.container_host())
        .field("rpcPort", address.rpc_port())
        .field("dataPort", address.data_port())
        .field("webPort", address.web_port())
        .field("domainSocketPath", address.domain_socket_path())
        .field("tieredIdentity", address.tiered_identity.as_ref().map_or("null".to_owned(), identity))
        .end()
}

fn identity(identity: &TieredIdentity) -> String {
    let tiers: Vec<_> = identity
        .tiers
        .iter()
        .map(|tier| format!("{}={}", tier.tier_name(), tier.value.as_deref().unwrap_or("null")))
        .collect();
    format!("TieredIdentity({})", tiers.join(", "))
}

/// The name of the action, as users write it.
pub fn ttl_action(action: TtlAction) -> &'static str {
    match action {
        TtlAction::Delete => "DELETE",
        TtlAction::Free => "FREE",
        TtlAction::DeleteAlluxio => "DELETE_ALLUXIO",
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
