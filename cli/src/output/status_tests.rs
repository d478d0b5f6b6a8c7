use alluxio_fs::{AccessControlList, Mode};
use alluxio_proto::grpc::LocalityTier;

use super::*;

fn tier(name: &str, value: Option<&str>) -> LocalityTier {
    LocalityTier { tier_name: Some(name.to_owned()), value: value.map(str::to_owned) }
}

fn one_block() -> BlockInfo {
    let worker = WorkerNetAddress {
        host: Some("h".to_owned()),
        rpc_port: Some(29999),
        data_port: Some(29999),
        web_port: Some(30000),
        domain_socket_path: Some(String::new()),
        tiered_identity: Some(TieredIdentity { tiers: vec![tier("node", Some("h")), tier("rack", None)] }),
        container_host: Some(String::new()),
    };
    let location = BlockLocation {
        worker_id: Some(7),
        worker_address: Some(worker),
        tier_alias: Some("MEM".to_owned()),
        medium_type: Some("MEM".to_owned()),
    };
    BlockInfo { block_id: Some(33_621_540_864), length: Some(80), locations: vec![location] }
}

const BLOCK: &str = "BlockInfo{id=33621540864, length=80, locations=[BlockLocation{workerId=7, \
    address=WorkerNetAddress{host=h, containerHost=, rpcPort=29999, dataPort=29999, webPort=30000, \
    domainSocketPath=, tieredIdentity=TieredIdentity(node=h, rack=null)}, tierAlias=MEM, mediumType=MEM}]}";

#[test]
fn a_block_names_its_workers() {
    assert_eq!(block(&one_block()), BLOCK);
}

#[test]
fn a_file_lists_every_field_in_the_known_order() {
    let info = FileInfo {
        file_id: Some(33_638_318_079),
        name: Some("f".to_owned()),
        path: Some("/f".to_owned()),
        ufs_path: Some("/ufs/f".to_owned()),
        length: Some(80),
        block_size_bytes: Some(67_108_864),
        creation_time_ms: Some(1),
        completed: Some(true),
        cacheable: Some(true),
        block_ids: vec![33_621_540_864, 33_621_540_865],
        last_modification_time_ms: Some(2),
        last_access_time_ms: Some(3),
        ttl: Some(-1),
        ttl_action: Some(TtlAction::Free as i32),
        owner: Some("o".to_owned()),
        group: Some("g".to_owned()),
        mode: Some(420),
        persistence_state: Some("TO_BE_PERSISTED".to_owned()),
        mount_id: Some(1),
        in_alluxio_percentage: Some(100),
        in_memory_percentage: Some(100),
        replication_max: Some(-1),
        replication_min: Some(0),
        medium_type: vec!["SSD".to_owned()],
        acl: Some(AccessControlList::new(Mode::new(0o644)).to_wire("o", "g")),
        default_acl: Some(AccessControlList::default_to_wire(None, "o", "g")),
        file_block_infos: vec![FileBlockInfo {
            block_info: Some(one_block()),
            offset: Some(0),
            ..FileBlockInfo::default()
        }],
        xattr: [("k".to_owned(), b"v".to_vec())].into(),
        ..FileInfo::default()
    };
    assert_eq!(
        file(&info),
        format!(
            "URIStatus{{info=FileInfo{{fileId=33638318079, name=f, path=/f, ufsPath=/ufs/f, length=80, \
             blockSizeBytes=67108864, creationTimeMs=1, completed=true, folder=false, pinned=false, \
             pinnedlocation=[SSD], cacheable=true, persisted=false, blockIds=[33621540864, 33621540865], \
             inMemoryPercentage=100, lastModificationTimesMs=2, ttl=-1, lastAccessTimesMs=3, ttlAction=FREE, \
             owner=o, group=g, mode=420, persistenceState=TO_BE_PERSISTED, mountPoint=false, \
             replicationMax=-1, replicationMin=0, fileBlockInfos=[FileBlockInfo{{blockInfo={BLOCK}, offset=0, \
             ufsLocations=[]}}], mountId=1, inAlluxioPercentage=100, ufsFingerprint=, \
             acl=user::rw-,group::r--,other::r--, defaultAcl=, xattr=[k:v]}}, cacheContext=null}}"
        )
    );
}
