//! What the user is told about each mistake, and what is never told.

use std::fs;

use crate::site_fixture::Site;
use crate::{ConfError, Unit, key};

fn error(file: &str) -> String {
    let site = Site::new(file);
    site.error().replace(&site.path().to_string_lossy().into_owned(), "SITE")
}

#[test]
fn an_unknown_property_names_the_nearest_one() {
    assert_eq!(
        error("\nalluxio.master.hostnme=x"),
        "alluxio.master.hostnme is not a property (SITE line 2): did you mean alluxio.master.hostname?"
    );
    let args = Site::new("").args(&["-Dalluxio.nonsense.of.mine=1"]).error();
    assert_eq!(
        args,
        "alluxio.nonsense.of.mine is not a property (-D argument): remove it; `alluxio getConf` lists all properties"
    );
    let removed = error("alluxio.worker.data.port=1");
    assert_eq!(
        removed,
        "alluxio.worker.data.port was removed in Alluxio 2.0.0 (SITE line 1): use alluxio.worker.rpc.port"
    );
    assert!(error("alluxio.user.lineage.enabled=true").ends_with(": delete the line"));
}

/// An operator may be newer than the images that it runs.
#[test]
fn what_a_newer_operator_sets_has_no_effect() {
    let site = Site::new("alluxio.of.a.later.release=1\nalluxio.master.hostname=m")
        .variable("ALLUXIO_IGNORE_UNKNOWN_PROPERTIES", "true");
    let loaded = site.loaded();
    assert_eq!(loaded.conf.opt(key::MASTER_HOSTNAME).as_deref(), Some("m"));
    let note = loaded.notes.iter().find(|note| note.contains("alluxio.of.a.later.release")).unwrap();
    assert!(note.ends_with("line 1) is not a property of this release: it has no effect"), "{note}");
    let wrong = site.args(&["-Dalluxio.of.a.later.release=1"]).error();
    assert!(wrong.contains("is not a property (-D argument)"), "{wrong}");
}

#[test]
fn wrong_values_say_what_is_right() {
    for (line, expected) in [
        (
            "alluxio.master.ttl.checker.interval=1hh",
            "must be a duration: a whole number and ms, s, sec, second,",
        ),
        ("alluxio.master.ttl.checker.interval=0", "must be at least 1ms"),
        ("alluxio.master.worker.timeout=-1", "must not be negative"),
        ("alluxio.user.block.size.bytes.default=64XB", "must be a size: a number and B, KB,"),
        ("alluxio.user.block.size.bytes.default=0", "must be at least 1 bytes"),
        ("alluxio.worker.ramdisk.size=-1GB", "must not be negative"),
        ("alluxio.master.rpc.port=70000", "must be a number from 0 to 65535"),
        ("alluxio.master.rpc.port=-1", "must be a number from 0 to 65535"),
        ("alluxio.master.rpc.port=", "must be a whole number"),
        ("alluxio.worker.network.block.reader.threads.max=0", "must be at least 1"),
        ("alluxio.debug=yes", "must be true or false"),
        (
            "alluxio.user.file.writetype.default=CACHED",
            "must be one of MUST_CACHE, TRY_CACHE, CACHE_THROUGH, THROUGH",
        ),
        ("alluxio.worker.tieredstore.level4.watermark.high.ratio=1.5", "must be between 0 and 1"),
        ("alluxio.worker.block.annotator.lrfu.step.factor=a", "must be a number"),
        ("alluxio.master.mount.table.a.readonly=maybe", "must be true or false"),
    ] {
        let told = error(line);
        assert!(told.starts_with(&format!("{line} (SITE line 1): {expected}")), "{told}");
        assert!(!told.contains('\n'), "{told}");
    }
}

#[test]
fn circles_and_dead_references_are_told_once() {
    let circle = "alluxio.home=${alluxio.work.dir}\nalluxio.work.dir=${alluxio.logs.dir}\nalluxio.logs.dir=${alluxio.home}";
    assert_eq!(
        error(circle),
        "properties refer to each other in a circle: alluxio.home -> alluxio.work.dir -> alluxio.logs.dir -> \
         alluxio.home; give one of them a plain value"
    );
    assert_eq!(
        error("alluxio.master.hostname=${alluxio.master.hostname}"),
        "properties refer to each other in a circle: alluxio.master.hostname -> alluxio.master.hostname; give one of \
         them a plain value"
    );
    assert_eq!(
        error("alluxio.master.hostname=${alluxio.worker.hostname}"),
        "alluxio.master.hostname=${alluxio.worker.hostname} (SITE line 1): alluxio.worker.hostname has no value; set \
         it, or write the value out"
    );
    assert_eq!(
        error("alluxio.master.hostname=${alluxio.hom}"),
        "alluxio.master.hostname=${alluxio.hom} (SITE line 1): alluxio.hom is not a property; did you mean \
         alluxio.home?"
    );
}

#[test]
fn references_cannot_eat_all_memory_or_stack() {
    let doubling: String = (1..60).map(|n| format!("a{n}=${{a{}}}${{a{0}}}\n", n - 1)).collect();
    assert!(error(&format!("a0=0123456789\n{doubling}")).contains("grows beyond 1 MB"));
    let empty = Site::new(&format!("a0=\n{doubling}"));
    assert!(empty.error().contains("more than 50 properties") || empty.error() == "no error");
    let chain: String = (1..5_000).map(|n| format!("a{n:05}=${{a{:05}}}\n", n + 1)).collect();
    assert!(error(&format!("{chain}a05000=x")).contains("more than 50 properties"));
}

#[test]
fn all_mistakes_are_told_at_once_one_line_each() {
    let told = error("alluxio.debug=x\nalluxio.hoem=/\nalluxio.master.rpc.port=y\n");
    assert!(told.contains("alluxio.hoem"), "{told}");
    let told =
        error("alluxio.debug=x\nalluxio.master.rpc.port=y\nalluxio.job.master.hostname=${alluxio.debug}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn the_file_itself_can_be_wrong() {
    assert_eq!(
        error("alluxio.home=/a\nalluxio.master.hostname=\\u12"),
        "SITE line 2: \\u12 is not \\u and four hexadecimal digits"
    );
    assert_eq!(error("=x"), "SITE line 1: there is no property name before the value");
    assert_eq!(
        error("alluxio.conf.dir=/x"),
        "alluxio.conf.dir cannot be set in the site file (SITE line 1), it says where that file is: use \
         -Dalluxio.conf.dir=..."
    );
    let site = Site::new("");
    fs::remove_file(site.path()).expect("removed");
    // A folder of that name exists but cannot be read as a file, whoever runs the test.
    fs::create_dir(site.path()).expect("made");
    let told = site.error();
    assert!(told.starts_with(&format!("{}: cannot be read (", site.path().display())), "{told}");
    assert!(told.contains("ALLUXIO_CONF_DIR"), "{told}");
}

#[test]
fn secrets_are_never_shown() {
    let site = Site::new(
        "s3a.secretKey=topsecret\nalluxio.master.mount.table.root.option.s3a.secretKey=topsecret\n\
         fs.azure.account.key.acc.blob.core.windows.net=topsecret\nalluxio.master.journal.ufs.option.aws.secretKey=topsecret\n",
    );
    let conf = site.loaded().conf;
    assert_eq!(conf.opt(key::S3A_SECRETKEY).as_deref(), Some("topsecret"));
    let shown: Vec<_> =
        conf.entries().into_iter().filter(|e| e.value.as_deref() == Some(crate::MASKED)).collect();
    assert_eq!(shown.len(), 4);
    for entries in [conf.entries(), conf.resolved_entries()] {
        assert!(
            entries.iter().all(|entry| !entry.value.as_deref().unwrap_or_default().contains("topsecret"))
        );
    }
    assert_eq!(conf.display("aws.secretKey", None).expect("known").as_deref(), Some(crate::MASKED));
    assert_eq!(conf.raw("s3a.secretKey").as_deref(), Some("topsecret"));
    let told = error("s3a.secretKey=topsecret${alluxio.nowhere.at.all}");
    assert!(told.contains("s3a.secretKey=******") && !told.contains("topsecret"), "{told}");
}

#[test]
fn values_are_displayed_in_a_unit() {
    let conf = Site::new("alluxio.master.journal.log.size.bytes.max=64MB").loaded().conf;
    let in_unit = |name: &str, unit: &str| -> Result<Option<String>, String> {
        let unit: Unit = unit.parse().map_err(|e: ConfError| e.to_string())?;
        conf.display(name, Some(unit)).map_err(|e| e.to_string())
    };
    let size = "alluxio.master.journal.log.size.bytes.max";
    // As `alluxio getConf --unit` of 2.9.4 printed them.
    assert_eq!(in_unit(size, "KB"), Ok(Some("65536".to_owned())));
    assert_eq!(in_unit(size, "kb"), Ok(Some("65536".to_owned())));
    assert_eq!(in_unit(size, "GB"), Ok(Some("0".to_owned())));
    assert_eq!(in_unit("alluxio.master.ttl.checker.interval", "S"), Ok(Some("3600".to_owned())));
    assert_eq!(in_unit("alluxio.user.file.create.ttl", "M"), Ok(Some("0".to_owned())));
    assert_eq!(in_unit("alluxio.master.rpc.port", "S"), Ok(Some("19".to_owned())));
    assert_eq!(in_unit("alluxio.user.hostname", "KB"), Ok(None));
    assert!(in_unit(size, "S").is_err_and(|e| e.starts_with(&format!("{size} is not a time"))));
    assert!(in_unit(size, "XX").is_err_and(|e| e.starts_with("XX is not a valid unit")));
    assert!(in_unit("alluxio.no", "S").is_err_and(|e| e == "alluxio.no is not a valid configuration key"));
}
