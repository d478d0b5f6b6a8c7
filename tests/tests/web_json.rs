//! The JSON endpoints, asked of real processes: the keys are those that a master and a worker of Alluxio 2.9.4
//! answered with (written down from one), the values those of the cluster under test.

use std::collections::BTreeSet;

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, WritePType};
use alluxio_tests::{
    Cluster,
    client::{connect_with, create_empty, write},
    web::get_json,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::block_in_place;

const UI_FILE: &str = "absolutePath blockIds blockSizeBytes blocksOnTier creationTime fileLocations group id inAlluxio \
    inAlluxioPercentage isDirectory mode modificationTime name onTierPercentages owner persistenceState pinned size";
const UI_BLOCK: &str = "blockLength id isInHighestTier lastAccessTimeMs locations";
const BROWSE: &str = "accessControlException blockSizeBytes currentDirectory currentPath debug fatalError fileBlocks fileData \
    fileDoesNotExistException fileInfos highestTierAlias invalidPathError invalidPathException masterNodeAddress ntotalFile \
    pathInfos showPermissions viewingOffset";
const LOGS: &str =
    "currentPath debug fatalError fileData fileInfos invalidPathError ntotalFile viewingOffset";
const MASTER: &[(&str, &str)] = &[
    (
        "webui_init",
        "debug newerVersionAvailable proxyDownloadFileApiUrl refreshInterval securityAuthorizationPermissionEnabled webFileInfoEnabled workerPort",
    ),
    (
        "webui_overview",
        "capacity clusterId configCheckErrorNum configCheckErrors configCheckStatus configCheckWarnNum configCheckWarns debug \
        diskCapacity diskFreeCapacity diskUsedCapacity freeCapacity journalCheckpointTimeWarning journalDiskWarnings leaderId liveWorkerNodes \
        masterNodeAddress masterRole replicaBlockCount revision startTime storageTierInfos systemStatus totalPath uniqueBlockCount uptime \
        usedCapacity version",
    ),
    ("webui_browse", BROWSE),
    ("webui_data", "fatalError fileInfos inAlluxioFileNum masterNodeAddress permissionError showPermissions"),
    ("webui_logs", LOGS),
    ("webui_config", "configHash configuration whitelist"),
    ("webui_workers", "debug failedNodeInfos normalNodeInfos"),
    ("webui_masters", "debug lostMasterInfos primaryMasterInfo standbyMasterInfos"),
    ("webui_mounttable", "debug mountPointInfos"),
    (
        "webui_metrics",
        "cacheHitLocal cacheHitRemote cacheMiss journalDiskMetrics journalEntriesSinceCheckpoint journalLastCheckpointTime \
        masterCapacityFreePercentage masterCapacityUsedPercentage masterUnderfsCapacityFreePercentage masterUnderfsCapacityUsedPercentage \
        operationMetrics rpcInvocationMetrics timeSeriesMetrics totalBytesReadDomainSocket totalBytesReadDomainSocketThroughput \
        totalBytesReadLocal totalBytesReadLocalThroughput totalBytesReadRemote totalBytesReadRemoteThroughput totalBytesReadUfs \
        totalBytesReadUfsThroughput totalBytesWrittenDomainSocket totalBytesWrittenDomainSocketThroughput totalBytesWrittenLocal \
        totalBytesWrittenLocalThroughput totalBytesWrittenRemote totalBytesWrittenRemoteThroughput totalBytesWrittenUfs \
        totalBytesWrittenUfsThroughput ufsOps ufsOpsSaved ufsReadSize ufsWriteSize",
    ),
    (
        "info",
        "capacity configuration lostWorkers metrics mountPoints revision rpcAddress startTimeMs tierCapacity ufsCapacity uptimeMs version workers",
    ),
];
const WORKER: &[(&str, &str)] = &[
    (
        "webui_init",
        "debug masterHostname masterPort refreshInterval securityAuthorizationPermissionEnabled webFileInfoEnabled",
    ),
    (
        "webui_overview",
        "blockCount capacityBytes revision storageDirs usageOnTiers usedBytes version workerInfo",
    ),
    (
        "webui_blockinfo",
        "blockSizeBytes fatalError fileBlocksOnTier fileInfos invalidPathError ntotalFile orderedTierAliases path",
    ),
    ("webui_logs", LOGS),
    (
        "webui_config",
        "clusterConfigHash clusterConfigLastUpdateTime configuration pathConfigHash pathConfigLastUpdateTime whitelist",
    ),
    ("webui_metrics", "operationMetrics workerCapacityFreePercentage workerCapacityUsedPercentage"),
    ("operations", "operationCount rpcQueueLength"),
    (
        "info",
        "capacity configuration metrics revision rpcAddress startTimeMs tierCapacity tierPaths uptimeMs version",
    ),
];

fn same_keys(what: &str, value: &Value, expected: &str) -> Result<()> {
    let keys = value.as_object().map(|object| object.keys().map(String::as_str).collect::<BTreeSet<_>>());
    let expected: BTreeSet<&str> = expected.split_whitespace().collect();
    ensure!(keys.as_ref() == Some(&expected), "{what} has {keys:?}\ninstead of {expected:?}");
    Ok(())
}

fn same(what: &str, value: &Value, expected: Value) -> Result<()> {
    ensure!(*value == expected, "{what} is {value}, not {expected}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_originals_endpoints() -> Result<()> {
    let cluster = Cluster::plan().set("s3a.secretKey", "hidden-secret").start()?;
    let client = connect_with(&cluster, &[("alluxio.user.block.size.bytes.default", "1MB")]).await?;
    let text: String = (0..2_000).map(|n| format!("{n:05}\n")).collect();
    write(&client, "/d/a.txt", Bytes::from(text.clone()), WritePType::CacheThrough).await?;
    write(&client, "/d/b b", Bytes::from(vec![7; 2_500_000]), WritePType::MustCache).await?;
    create_empty(&client, "/d/empty").await?;
    client.create_directory(&AlluxioPath::parse("/d/sub")?, CreateDirectoryPOptions::default()).await?;
    block_in_place(|| {
        let (master, worker) = (cluster.master_web_port(), cluster.worker_web_port(0));
        for (name, keys) in MASTER {
            let slash = get_json(master, &format!("/api/v1/master/{name}/"))?;
            same_keys(name, &slash, keys)?;
            same_keys(name, &get_json(master, &format!("/api/v1/master/{name}"))?, keys)?;
        }
        for (name, keys) in WORKER {
            same_keys(name, &get_json(worker, &format!("/api/v1/worker/{name}"))?, keys)?;
        }
        overview(master)?;
        browse(master, &text)?;
        workers_and_masters(master, worker)?;
        data_and_metrics(master)?;
        of_the_worker(&cluster, worker)?;
        cluster.finish()
    })
}

fn overview(master: u16) -> Result<()> {
    let overview = get_json(master, "/api/v1/master/webui_overview")?;
    same("capacity", &overview["capacity"], json!("1024.00MB"))?;
    same("live workers", &overview["liveWorkerNodes"], json!("1"))?;
    same("paths", &overview["totalPath"], json!("6"))?;
    same("unique blocks", &overview["uniqueBlockCount"], json!("4"))?;
    same("configuration", &overview["configCheckStatus"], json!("PASSED"))?;
    let tier = &overview["storageTierInfos"][0];
    same_keys(
        "a tier",
        tier,
        "capacity freeCapacity freeSpacePercent storageTierAlias usedCapacity usedSpacePercent",
    )?;
    same("the tier", &tier["storageTierAlias"], json!("MEM"))?;
    ensure!(overview["diskCapacity"].as_str().is_some_and(|size| size.ends_with('B')), "{overview}");
    let uptime = overview["uptime"].as_str().unwrap_or_default();
    ensure!(uptime.starts_with("0 day(s), 0 hour(s), "), "{uptime}");
    let init = get_json(master, "/api/v1/master/webui_init")?;
    same("refreshInterval", &init["refreshInterval"], json!(15_000))?;
    let config = get_json(master, "/api/v1/master/webui_config")?;
    same_keys(
        "configHash",
        &config["configHash"],
        "clusterConfigHash clusterConfigLastUpdateTime clusterConfigLastUpdateTimeText \
        pathConfigHash pathConfigLastUpdateTime pathConfigLastUpdateTimeText",
    )?;
    let rows = config["configuration"].as_array().cloned().unwrap_or_default();
    let row = |name: &str| rows.iter().find(|row| row["left"] == name).cloned().unwrap_or_default();
    same(
        "a secret",
        &row("s3a.secretKey"),
        json!({ "left": "s3a.secretKey", "middle": "******", "right": "SYSTEM_PROPERTY" }),
    )?;
    ensure!(!config.to_string().contains("hidden-secret"), "the secret shows");
    same("the whitelist", &config["whitelist"], json!(["/"]))
}

fn browse(master: u16, text: &str) -> Result<()> {
    let browse = |query: &str| get_json(master, &format!("/api/v1/master/webui_browse?{query}"));
    let listing = browse("path=/d")?;
    same("the number of entries", &listing["ntotalFile"], json!(4))?;
    let names: Vec<&str> = listing["fileInfos"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|file| file["name"].as_str())
        .collect();
    ensure!(names == ["a.txt", "b b", "empty", "sub"], "{names:?}");
    let file = &listing["fileInfos"][0];
    same_keys("a file", file, UI_FILE)?;
    same("its size", &file["size"], json!("11.72KB"))?;
    same("its block size", &file["blockSizeBytes"], json!("1024.00KB"))?;
    same("its mode", &file["mode"], json!("-rw-r--r--"))?;
    same("its share", &file["inAlluxioPercentage"], json!(100))?;
    same("its tiers", &file["onTierPercentages"], json!({ "MEM": 0, "SSD": 0, "HDD": 0 }))?;
    ensure!(file["fileLocations"].as_array().is_some_and(|places| places.len() == 1), "{file}");
    same("a directory's size", &listing["fileInfos"][3]["size"], json!(""))?;
    same("the way", &listing["pathInfos"][0]["absolutePath"], json!("/d"))?;
    same("the root's name", &browse("path=/")?["currentDirectory"]["name"], json!("root"))?;

    same("a window", &browse("path=/d&offset=1&limit=1")?["fileInfos"][0]["name"], json!("b b"))?;
    same(
        "beyond the end",
        &browse("path=/d&offset=99&limit=1")?["fatalError"],
        json!("fromIndex(99) > toIndex(4)"),
    )?;
    let error = browse("path=/d&offset=x")?;
    same(
        "no number",
        &error["fatalError"],
        json!("Error: offset or limit parse error, For input string: \"x\""),
    )?;
    same("then no entries", &error["fileInfos"], Value::Null)?;

    let file = browse("path=/d/a.txt&offset=6")?;
    same("the data", &file["fileData"], json!(text[6..6 + 5 * 1024]))?;
    same("where it begins", &file["viewingOffset"], json!(6))?;
    same("from the end", &browse("path=/d/a.txt&offset=6&end=1")?["fileData"], json!("01999\n"))?;
    same("encoded twice", &browse("path=%252Fd%252Fb%2520b&offset=9")?["currentPath"], json!("/d/b b"))?;
    let block = &browse("path=/d/b%20b")?["fileBlocks"][2];
    same_keys("a block", block, UI_BLOCK)?;
    same("its length", &block["blockLength"], json!(2_500_000 - 2 * (1 << 20)))?;
    same("its place", &block["locations"], json!(["127.0.0.1"]))?;
    same("its tier", &block["isInHighestTier"], json!(true))?;
    let missing = browse("path=/nope")?;
    same(
        "a missing path",
        &missing["invalidPathError"],
        json!("Error: Invalid Path Path \"/nope\" does not exist."),
    )?;
    same("then nothing", &missing["currentDirectory"], Value::Null)?;
    let bad = browse("path=nope")?;
    ensure!(
        bad["invalidPathError"].as_str().is_some_and(|error| error.starts_with("Error: Invalid Path")),
        "{bad}"
    );
    Ok(())
}

fn workers_and_masters(master: u16, worker: u16) -> Result<()> {
    let workers = get_json(master, "/api/v1/master/webui_workers")?;
    let node = &workers["normalNodeInfos"][0];
    same_keys(
        "a worker",
        node,
        "blockCount capacity freeSpacePercent host lastHeartbeat revision state uptimeClockTime usedMemory \
        usedSpacePercent version webPort workerId",
    )?;
    same("its web port", &node["webPort"], json!(worker))?;
    same("its blocks", &node["blockCount"], json!(4))?;
    let masters = get_json(master, "/api/v1/master/webui_masters")?;
    same_keys(
        "a master",
        &masters["primaryMasterInfo"],
        "address gainPrimacyTime id journalEntriesSinceCheckpoint lastCheckpointTime \
        lastUpdatedTime losePrimacyTime revision startTime version",
    )?;
    let mounts = get_json(master, "/api/v1/master/webui_mounttable")?;
    let mount = &mounts["mountPointInfos"][0];
    same_keys(
        "a mount",
        mount,
        "mountPoint properties readOnly shared ufsCapacityBytes ufsType ufsUri ufsUsedBytes",
    )?;
    same("its path", &mount["mountPoint"], json!("/"))?;
    same("its properties", &mount["properties"], json!("{}"))
}

fn data_and_metrics(master: u16) -> Result<()> {
    let data = get_json(master, "/api/v1/master/webui_data")?;
    let paths: Vec<&str> = data["fileInfos"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|file| file["absolutePath"].as_str())
        .collect();
    ensure!(paths == ["/d/a.txt", "/d/b b", "/d/empty"], "{data}");
    same("how many", &data["inAlluxioFileNum"], json!(3))?;
    let metrics = get_json(master, "/api/v1/master/webui_metrics")?;
    same("created files", &metrics["operationMetrics"]["FilesCreated"]["count"], json!(3))?;
    same("calls", &metrics["rpcInvocationMetrics"]["CreateFileOps"]["count"], json!(3))?;
    same("no time series", &metrics["timeSeriesMetrics"], json!([]))
}

fn of_the_worker(cluster: &Cluster, worker: u16) -> Result<()> {
    let info = get_json(worker, "/api/v1/worker/info")?;
    same("the tier's folders", &info["tierPaths"]["MEM"][0], json!(cluster.tier(0).join("alluxioworker")))?;
    same("its capacity", &info["tierCapacity"]["MEM"]["total"], json!(1 << 30))?;
    let overview = get_json(worker, "/api/v1/worker/webui_overview")?;
    same("blocks", &overview["blockCount"], json!("4"))?;
    same_keys("a folder", &overview["storageDirs"][0], "capacityBytes dirPath tierAlias usedBytes")?;
    same_keys("a tier", &overview["usageOnTiers"][0], "capacityBytes tierAlias usedBytes")?;
    same_keys("the worker", &overview["workerInfo"], "startTime uptime workerAddress")?;
    let blocks = get_json(worker, "/api/v1/worker/webui_blockinfo")?;
    same("files", &blocks["ntotalFile"], json!(2))?;
    let file = &blocks["fileInfos"][0];
    same_keys("a file", file, UI_FILE)?;
    same("on its tier", &file["onTierPercentages"], json!({ "MEM": 100 }))?;
    let one = get_json(worker, "/api/v1/worker/webui_blockinfo?path=/d/b%20b")?;
    let on_tier = &one["fileBlocksOnTier"][0]["MEM"];
    ensure!(on_tier.as_array().is_some_and(|blocks| blocks.len() == 3), "{one}");
    same_keys("a block", &on_tier[0], UI_BLOCK)?;
    let missing = get_json(worker, "/api/v1/worker/webui_blockinfo?path=/nope")?;
    same(
        "a missing path",
        &missing["fatalError"],
        json!("Error: Invalid Path Path \"/nope\" does not exist."),
    )?;
    let config = get_json(worker, "/api/v1/worker/webui_config")?;
    ensure!(!config.to_string().contains("hidden-secret"), "the secret shows");
    let metrics = get_json(worker, "/api/v1/worker/webui_metrics")?;
    ensure!(metrics["operationMetrics"].as_object().is_some_and(|all| !all.is_empty()), "{metrics}");
    same("used", &metrics["workerCapacityUsedPercentage"], json!(0))
}
