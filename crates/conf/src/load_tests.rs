use std::fs;

use super::*;
use crate::site_fixture::Site;
use crate::{Span, key};

#[test]
fn the_site_file_is_read_and_told_as_the_source() {
    let site = Site::new("alluxio.master.hostname=m1\nalluxio.master.rpc.port = 20000\n");
    let loaded = site.loaded();
    assert_eq!(loaded.conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("m1"));
    assert_eq!(loaded.conf.get(key::MASTER_RPC_PORT), 20_000);
    assert_eq!(loaded.site_file, Some(site.path()));
    let source = loaded.conf.source_of("alluxio.master.rpc.port").to_string();
    assert_eq!(source, format!("SITE_PROPERTY ({})", site.path().display()));
    assert_eq!(loaded.conf.source_of("alluxio.worker.rpc.port").to_string(), "DEFAULT");
    assert_eq!(loaded.conf.source_of("alluxio.conf.dir").to_string(), "SYSTEM_PROPERTY");
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
}

#[test]
fn the_first_file_of_the_search_order_wins_alone() {
    let site = Site::new("alluxio.master.hostname=first\n");
    let home = site.dir.path().join("home/.alluxio");
    fs::create_dir_all(&home).expect("made");
    fs::write(home.join(SITE_FILE), "alluxio.master.hostname=second\nalluxio.worker.hostname=w\n")
        .expect("written");
    let conf = site.loaded().conf;
    assert_eq!(conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("first"));
    assert_eq!(conf.opt(key::WORKER_HOSTNAME), None);

    fs::remove_file(site.path()).expect("removed");
    let loaded = site.loaded();
    assert_eq!(loaded.conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("second"));
    assert_eq!(loaded.site_file, Some(home.join(SITE_FILE)));
}

#[test]
fn without_a_file_the_defaults_hold() {
    let site = Site::new("");
    fs::remove_file(site.path()).expect("removed");
    let loaded = site.args(&["-Dalluxio.site.conf.dir=/nowhere/a,/nowhere/b"]).loaded();
    assert_eq!((loaded.conf.get(key::MASTER_RPC_PORT), loaded.site_file), (19_998, None));
}

#[test]
fn a_stronger_source_wins_whatever_the_order() {
    let port = |site: &Site, role| site.load(role).expect("right").conf.get(key::MASTER_RPC_PORT);
    let site = Site::new("alluxio.master.rpc.port=1");
    assert_eq!(port(&site, Role::Master), 1);
    let site = site.variable("ALLUXIO_JAVA_OPTS", "-Dalluxio.master.rpc.port=2");
    assert_eq!(port(&site, Role::Master), 2);
    let site = site.variable("ALLUXIO_MASTER_JAVA_OPTS", "-Dalluxio.master.rpc.port=3 -Xmx1g");
    assert_eq!((port(&site, Role::Master), port(&site, Role::Worker)), (3, 2));
    let site = site.args(&["-Dalluxio.master.rpc.port=4"]);
    let conf = site.load(Role::Master).expect("right").conf;
    assert_eq!(conf.get(key::MASTER_RPC_PORT), 4);
    assert_eq!(conf.source_of("alluxio.master.rpc.port"), Source::SystemProperty);

    let changed = conf.with(&[("alluxio.master.rpc.port", "5")]).expect("right");
    assert_eq!((changed.get(key::MASTER_RPC_PORT), conf.get(key::MASTER_RPC_PORT)), (5, 4));
    assert_eq!(changed.source_of("alluxio.master.rpc.port").to_string(), "RUNTIME");
}

#[test]
fn cluster_defaults_stand_below_everything_that_is_set_here() {
    let conf = Site::new("alluxio.user.block.size.bytes.default=8MB").loaded().conf;
    let sent = [
        ("alluxio.user.block.size.bytes.default", "16MB"),
        ("alluxio.user.file.writetype.default", "CACHE_THROUGH"),
        ("alluxio.master.rpc.port", "7"),
        ("alluxio.master.ttl.checker.interval", "7s"),
        ("alluxio.home", "/the/masters/home"),
        ("alluxio.of.another.version", "x"),
    ];
    let sent = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let merged = conf.merge_cluster_defaults(sent.clone()).expect("right");
    assert_eq!(merged.get(key::USER_BLOCK_SIZE_BYTES_DEFAULT), 8 << 20);
    assert_eq!(merged.get(key::USER_FILE_WRITETYPE_DEFAULT), "CACHE_THROUGH");
    assert_eq!(merged.source_of("alluxio.user.file.writetype.default").to_string(), "CLUSTER_DEFAULT");
    assert_eq!(merged.get(key::MASTER_RPC_PORT), 7, "its scope is ALL");
    assert_eq!(merged.get(key::MASTER_TTL_CHECKER_INTERVAL).ms(), 3_600_000, "its scope is MASTER");
    assert_eq!(merged.get(key::HOME), "/opt/alluxio", "it is about the master's host");

    let off = Site::new("alluxio.user.conf.cluster.default.enabled=false").loaded().conf;
    let merged = off.merge_cluster_defaults(sent).expect("right");
    assert_eq!(merged.get(key::USER_FILE_WRITETYPE_DEFAULT), "ASYNC_THROUGH");
    let wrong = vec![("alluxio.user.block.size.bytes.default".to_owned(), "much".to_owned())];
    assert!(conf.merge_cluster_defaults(wrong.clone()).is_ok(), "a local value hides the wrong one");
    let told = Configuration::defaults().merge_cluster_defaults(wrong).map(|_| ()).map_err(|e| e.to_string());
    assert!(told.is_err_and(|e| e.contains("(sent by the master): must be a size")));
}

/// A master sends all properties, also those that nobody has set.
#[test]
fn what_is_a_default_anyway_needs_no_value_of_what_it_refers_to() {
    let sent = |value: &str| vec![("alluxio.job.worker.hostname".to_owned(), value.to_owned())];
    let conf = Site::new("").load(Role::Worker).expect("right").conf;
    assert!(conf.merge_cluster_defaults(sent("${alluxio.worker.hostname}")).is_ok());
    assert!(conf.merge_cluster_defaults(sent("${alluxio.worker.hostname}.lan")).is_err());
}

#[test]
fn variables_of_the_scripts_count_as_system_properties() {
    let site = Site::new("alluxio.master.hostname=site")
        .variable("ALLUXIO_HOME", "/opt/a")
        .variable("ALLUXIO_MASTER_HOSTNAME", "env")
        .variable("ALLUXIO_RAM_FOLDER", "/dev/shm")
        .variable("ALLUXIO_LOGS_DIR", "")
        .variable("ALLUXIO_UNDERFS_ADDRESS", "/old")
        .variable("ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS", "hdfs://nn/x");
    let Loaded { conf, notes, .. } = site.loaded();
    assert_eq!(conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("env"));
    assert_eq!(conf.get(key::LOGS_DIR), "/opt/a/logs");
    assert_eq!(conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS), "hdfs://nn/x");
    assert_eq!(conf.get(key::WORKER_TIEREDSTORE_LEVEL0_DIRS_PATH), ["/dev/shm"]);
    assert_eq!(conf.source_of("alluxio.master.hostname"), Source::SystemProperty);
    assert_eq!(notes, ["ALLUXIO_UNDERFS_ADDRESS is deprecated: use ALLUXIO_MASTER_MOUNT_TABLE_ROOT_UFS"]);
}

#[test]
fn a_helm_chart_works_unchanged() {
    let site = Site::new("")
        .variable("ALLUXIO_JAVA_OPTS", "-Dalluxio.master.hostname=alluxio-master-0 -Dalluxio.zookeeper.enabled=false")
        .variable("ALLUXIO_WORKER_HOSTNAME", "10.0.0.7")
        .variable(
            "ALLUXIO_WORKER_JAVA_OPTS",
            "-Dalluxio.worker.hostname=${ALLUXIO_WORKER_HOSTNAME} -Xmx4g -XX:MaxDirectMemorySize=4g \
             -Dalluxio.worker.container.hostname=${ALLUXIO_WORKER_CONTAINER_HOSTNAME} -Djavax.net.ssl.keyStorePassword=p",
        );
    let Loaded { conf, notes, .. } = site.load(Role::Worker).expect("right");
    assert_eq!(conf.opt(key::WORKER_HOSTNAME).as_deref(), Some("10.0.0.7"));
    assert_eq!(conf.opt(key::WORKER_CONTAINER_HOSTNAME), None, "empty is unset");
    let place = "(environment variable ALLUXIO_WORKER_JAVA_OPTS)";
    assert_eq!(
        notes,
        [
            format!(
                "no effect, there is no Java virtual machine here {place}: -Djavax.net.ssl.keyStorePassword"
            ),
            format!(
                "no effect, there is no Java virtual machine here {place}: -Xmx4g -XX:MaxDirectMemorySize"
            ),
        ]
    );
}

#[test]
fn arguments_that_are_not_properties_are_left() {
    let loaded = Site::new("")
        .args(&["fs", "-Dalluxio.zookeeper.enabled=false", "ls", "-Xmx1g", "/", "--", "-Dx"])
        .loaded();
    assert!(!loaded.conf.get(key::ZOOKEEPER_ENABLED));
    assert_eq!(loaded.rest_args, ["fs", "ls", "/", "--", "-Dx"]);
    assert_eq!(loaded.notes, ["no effect, there is no Java virtual machine here (-D argument): -Xmx1g"]);
}

#[test]
fn idle_properties_are_noted_once_per_reason() {
    let file = "alluxio.master.metastore=ROCKS\nalluxio.master.metastore.rocks.edge.cache.size=1\nalluxio.jvm.monitor.sleep.interval=1s\nalluxio.fuse.fs.name=x";
    assert_eq!(
        Site::new(file).loaded().notes,
        [
            "no effect, there is no Java virtual machine here: alluxio.jvm.monitor.sleep.interval",
            "no effect, all inodes and blocks are held in memory; there is no RocksDB: alluxio.master.metastore, \
             alluxio.master.metastore.rocks.edge.cache.size",
        ]
    );
}

#[test]
fn aliases_stand_for_their_property() {
    let loaded = Site::new("alluxio.underfs.address=/a\nalluxio.user.network.data.timeout=5s").loaded();
    assert_eq!(loaded.conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS), "/a");
    assert_eq!(loaded.conf.by_name("alluxio.underfs.address").as_deref(), Some("/a"));
    assert_eq!(loaded.conf.get(key::USER_STREAMING_DATA_READ_TIMEOUT), Span::from_ms(5_000));
    assert_eq!(loaded.notes.len(), 1);
    assert!(
        loaded.notes[0].starts_with("alluxio.user.network.data.timeout is deprecated"),
        "{:?}",
        loaded.notes
    );

    let both = Site::new("alluxio.master.rpc.port=1\nalluxio.master.port=2").loaded();
    assert_eq!(both.conf.get(key::MASTER_RPC_PORT), 1);
    assert!(both.notes[0].contains("is another name of alluxio.master.rpc.port"), "{:?}", both.notes);
}

#[test]
fn a_property_set_twice_is_noted() {
    let loaded = Site::new("alluxio.debug=true\nalluxio.debug=false\n").loaded();
    assert!(!loaded.conf.get(key::DEBUG));
    assert!(loaded.notes[0].starts_with("alluxio.debug is set twice"), "{:?}", loaded.notes);
}

#[test]
fn references_are_resolved_lazily_and_through_each_other() {
    let conf = Site::new(
        "alluxio.work.dir=${alluxio.home}/w\nalluxio.home=/h\nmy.own=${user.name}\n\
         alluxio.master.hostname=${my.own}-${alluxio.master.port}\nalluxio.worker.hostname=${unclosed and $x",
    );
    let conf = conf.loaded().conf;
    assert_eq!(conf.get(key::MASTER_JOURNAL_FOLDER), "/h/w/journal");
    assert_eq!(conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("ada-19998"));
    assert_eq!(conf.opt(key::WORKER_HOSTNAME).as_deref(), Some("${unclosed and $x"));
    assert_eq!(conf.raw("alluxio.master.journal.folder").as_deref(), Some("${alluxio.work.dir}/journal"));
    assert_eq!(conf.opt(key::JOB_WORKER_HOSTNAME).as_deref(), Some("${unclosed and $x"));
    assert_eq!(Configuration::defaults().opt(key::JOB_WORKER_HOSTNAME), None, "it refers to what is unset");
}

#[test]
fn choices_are_taken_in_any_case() {
    let conf = Site::new("alluxio.user.file.writetype.default=cache_through").loaded().conf;
    assert_eq!(conf.get(key::USER_FILE_WRITETYPE_DEFAULT), "CACHE_THROUGH");
}

#[test]
fn parameterised_properties_have_their_defaults() {
    let conf = Site::new(
        "alluxio.worker.tieredstore.level3.alias=TAPE\nalluxio.master.mount.table.a.ufs=hdfs://x\n\
         alluxio.master.mount.table.root.option.fs.s3a.x-y=1\nalluxio.master.mount.table.root.option.b=${alluxio.home}\n\
         alluxio.master.security.impersonation.hive@R.COM.users=a,b",
    );
    let conf = conf.loaded().conf;
    let get = |name: &str| conf.by_name(name);
    assert_eq!(get("alluxio.worker.tieredstore.level3.dirs.mediumtype").as_deref(), Some("TAPE"));
    assert_eq!(get("alluxio.worker.tieredstore.level9.watermark.high.ratio").as_deref(), Some("0.95"));
    assert_eq!(get("alluxio.worker.tieredstore.level9.dirs.mediumtype"), None);
    assert_eq!(get("alluxio.worker.tieredstore.level0.dirs.quota"), Some((2u64 << 30).to_string()));
    assert_eq!(get("alluxio.master.mount.table.a.readonly").as_deref(), Some("false"));
    assert_eq!(get("alluxio.master.security.impersonation.hive@R.COM.users").as_deref(), Some("a,b"));
    assert_eq!(get("alluxio.no.such"), None);
    let options = conf.nested("alluxio.master.mount.table.root.option");
    assert_eq!(options.get("fs.s3a.x-y").map(String::as_str), Some("1"));
    assert_eq!(options.get("b").map(String::as_str), Some("/opt/alluxio"));
    assert_eq!(options.len(), 2);
}
