//! Metrics of the whole cluster, as the leading master sums them up.

use super::keys;

keys! {
    CLUSTER_ACTIVE_RPC_READ_COUNT: Counter = "Cluster.ActiveRpcReadCount";
    CLUSTER_ACTIVE_RPC_WRITE_COUNT: Counter = "Cluster.ActiveRpcWriteCount";
    CLUSTER_BYTES_READ_DIRECT: Counter = "Cluster.BytesReadDirect";
    CLUSTER_BYTES_READ_DIRECT_THROUGHPUT: Gauge = "Cluster.BytesReadDirectThroughput";
    CLUSTER_BYTES_READ_REMOTE: Counter = "Cluster.BytesReadRemote";
    CLUSTER_BYTES_READ_REMOTE_THROUGHPUT: Gauge = "Cluster.BytesReadRemoteThroughput";
    CLUSTER_BYTES_READ_DOMAIN: Counter = "Cluster.BytesReadDomain";
    CLUSTER_BYTES_READ_DOMAIN_THROUGHPUT: Gauge = "Cluster.BytesReadDomainThroughput";
    CLUSTER_BYTES_READ_LOCAL: Counter = "Cluster.BytesReadLocal";
    CLUSTER_BYTES_READ_LOCAL_THROUGHPUT: Gauge = "Cluster.BytesReadLocalThroughput";
    CLUSTER_BYTES_READ_PER_UFS: Counter = "Cluster.BytesReadPerUfs";
    CLUSTER_BYTES_READ_UFS_ALL: Counter = "Cluster.BytesReadUfsAll";
    CLUSTER_BYTES_READ_UFS_THROUGHPUT: Gauge = "Cluster.BytesReadUfsThroughput";
    CLUSTER_BYTES_READ_CACHE: Counter = "Cluster.BytesReadCache";
    CLUSTER_BYTES_WRITTEN_REMOTE: Counter = "Cluster.BytesWrittenRemote";
    CLUSTER_BYTES_WRITTEN_REMOTE_THROUGHPUT: Gauge = "Cluster.BytesWrittenRemoteThroughput";
    CLUSTER_BYTES_WRITTEN_DOMAIN: Counter = "Cluster.BytesWrittenDomain";
    CLUSTER_BYTES_WRITTEN_DOMAIN_THROUGHPUT: Gauge = "Cluster.BytesWrittenDomainThroughput";
    CLUSTER_BYTES_WRITTEN_LOCAL: Counter = "Cluster.BytesWrittenLocal";
    CLUSTER_BYTES_WRITTEN_LOCAL_THROUGHPUT: Gauge = "Cluster.BytesWrittenLocalThroughput";
    CLUSTER_BYTES_WRITTEN_PER_UFS: Counter = "Cluster.BytesWrittenPerUfs";
    CLUSTER_BYTES_WRITTEN_UFS_ALL: Counter = "Cluster.BytesWrittenUfsAll";
    CLUSTER_BYTES_WRITTEN_UFS_THROUGHPUT: Gauge = "Cluster.BytesWrittenUfsThroughput";
    CLUSTER_CACHE_HIT_RATE: Gauge = "Cluster.CacheHitRate";
    CLUSTER_CAPACITY_TOTAL: Gauge = "Cluster.CapacityTotal";
    CLUSTER_CAPACITY_USED: Gauge = "Cluster.CapacityUsed";
    CLUSTER_CAPACITY_FREE: Gauge = "Cluster.CapacityFree";
    CLUSTER_ROOT_UFS_CAPACITY_TOTAL: Gauge = "Cluster.RootUfsCapacityTotal";
    CLUSTER_ROOT_UFS_CAPACITY_USED: Gauge = "Cluster.RootUfsCapacityUsed";
    CLUSTER_ROOT_UFS_CAPACITY_FREE: Gauge = "Cluster.RootUfsCapacityFree";
    CLUSTER_WORKERS: Gauge = "Cluster.Workers";
    CLUSTER_LOST_WORKERS: Gauge = "Cluster.LostWorkers";
    CLUSTER_LEADER_INDEX: Gauge = "Cluster.LeaderIndex";
    CLUSTER_LEADER_ID: Gauge = "Cluster.LeaderId";
}
