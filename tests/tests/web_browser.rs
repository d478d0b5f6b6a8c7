//! Every page in a real browser, at three widths and in both colour schemes: with 100,000 files in one directory,
//! with names that would be markup, and with a worker lost. Screenshots are left in target/web-screenshots.

use std::{fmt::Write as _, fs, time::Duration};

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CreateDirectoryPOptions, SetAttributePOptions, WritePType};
use alluxio_tests::{
    Cluster,
    browser::{asked, walk},
    client::{connect_with, create_empty, write},
    process::our_binary,
    waiting::wait_until,
    web::get_json,
};
use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::block_in_place;

/// Names that must come out as they are.
const NAMES: [&str; 6] = [
    "<script>alert(1)<script>",
    "a \"quoted\" & 'other'.txt",
    "100%25 blank  two",
    "ünïcödé-日本語-🚀",
    "<img src=x onerror=alert(2)>",
    "a-rather-long-name-that-has-nowhere-to-break-because-it-has-no-blanks-at-all-and-goes-on-and-on-until-its-end.parquet",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_in_a_browser() -> Result<()> {
    let files = asked("ALLUXIO_TEST_WEB_FILES", 100_000)?;
    let plan = Cluster::plan()
        .workers(3)
        .set("alluxio.web.refresh.interval", "1s")
        .set("alluxio.master.worker.timeout", "3s")
        .set("alluxio.master.lost.worker.detection.interval", "200ms");
    let logs = tempfile::tempdir()?;
    let mut cluster = plan.set("alluxio.logs.dir", &logs.path().display().to_string()).start()?;
    let many = cluster.under_storage().join("many");
    fs::create_dir(&many)?;
    let many_names: Vec<String> = (0..files).map(|n| format!("part-{n:06}.parquet")).collect();
    for name in &many_names {
        fs::File::create(many.join(name))?;
    }
    let long: String = (0..5_000).fold(String::new(), |mut text, n| {
        let level = if n % 40 == 7 {
            "WARN "
        } else if n % 100 == 3 {
            "ERROR"
        } else {
            "INFO "
        };
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "2026-11-25T15:20:09.123Z {level} alluxio_master::block: line {n} of a long log");
        text
    });
    fs::write(logs.path().join("long.log"), long)?;

    let text: String = (0..400).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{n:05} The quick brown fox jumps over the lazy dog.");
        text
    });
    let client = connect_with(&cluster, &[("alluxio.user.block.size.bytes.default", "1MB")]).await?;
    write(&client, "/data/text.txt", Bytes::from(text.clone()), WritePType::CacheThrough).await?;
    let bytes: Vec<u8> = (0..3_500_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write(&client, "/data/blocks.bin", Bytes::from(bytes), WritePType::CacheThrough).await?;
    create_empty(&client, "/data/empty").await?;
    for name in NAMES {
        write(&client, &format!("/names/{name}"), Bytes::from_static(b"data"), WritePType::MustCache).await?;
    }
    for path in ["/renewed", "/nothing", "/data/sub/deeper/and-deeper"] {
        let options = CreateDirectoryPOptions { recursive: Some(true), ..Default::default() };
        client.create_directory(&AlluxioPath::parse(path)?, options).await?;
    }
    let pinned = SetAttributePOptions { pinned: Some(true), ..Default::default() };
    client.set_attribute(&AlluxioPath::parse("/data/text.txt")?, pinned).await?;

    let (master_port, worker_port) = (cluster.master_web_port(), cluster.worker_web_port(0));
    block_in_place(|| {
        cluster.kill_worker(2)?;
        wait_until(Duration::from_secs(20), "the killed worker is lost", || {
            let workers = get_json(master_port, "/api/v1/master/webui_workers")?;
            Ok(workers["failedNodeInfos"].as_array().is_some_and(|lost| lost.len() == 1))
        })
    })?;
    let touch = our_binary("alluxio")?;
    let mut command = vec![touch.get_program().to_string_lossy().into_owned()];
    command.extend(["fs", "touch", "/renewed/arrived"].map(str::to_owned));
    command.extend(cluster.properties());
    let (master, worker) =
        (format!("http://127.0.0.1:{master_port}/"), format!("http://127.0.0.1:{worker_port}/"));
    let plan = json!({
        "master": master,
        "masterPort": master_port,
        "many": many_names,
        "touch": command,
        "secondPart": &text[4096..4196].lines().next(),
        "fromTen": &text[10..40],
        "pages": pages(&master, &worker),
    });
    let folder = cluster.folder().to_owned();
    block_in_place(|| walk(&folder, plan))?;
    drop(client);
    block_in_place(|| cluster.finish())
}

/// Name, address and what must be seen there.
fn pages(master: &str, worker: &str) -> Vec<Value> {
    let of = |base: &str, name: &str, path: &str, has: &[&str]| json!({ "name": name, "url": format!("{base}{path}"), "has": has });
    let mut pages = vec![
        of(master, "overview", "overview", &["1 worker is lost", "Storage tiers", "MEM"]),
        of(master, "workers", "workers", &["Lost", "Live"]),
        of(master, "browse-root", "browse", &["Root directory", "many/", "names/"]),
        of(master, "directory-many", "browse?path=/many", &["100 of "]),
        of(master, "directory-names", "browse?path=/names", &NAMES),
        of(master, "directory-empty", "browse?path=/nothing", &["This directory is empty"]),
        of(master, "directory-deep", "browse?path=/data/sub/deeper", &["and-deeper/"]),
        of(master, "file-text", "browse?path=/data/text.txt", &["The quick brown fox", "Pinned", "yes"]),
        of(master, "file-bytes", "browse?path=/data/blocks.bin", &["00000000 ", "Blocks"]),
        of(master, "file-empty", "browse?path=/data/empty", &["The file is empty"]),
        of(master, "file-name", "browse?path=/names/%3Cscript%3Ealert(1)%3Cscript%3E", &["<script>"]),
        of(master, "logs", "logs", &["master.log", "worker.log"]),
        of(master, "log", "logs?path=long.log", &["line 4999"]),
        of(master, "metrics", "metrics", &["Master.TotalPaths"]),
        of(worker, "worker-overview", "overview", &["registered and serving", "alluxioworker"]),
        of(worker, "worker-blocks", "blockInfo", &["Files of which this worker holds blocks"]),
        of(worker, "worker-file", "blockInfo?path=/data/blocks.bin", &["of its 4 blocks"]),
        of(worker, "worker-logs", "logs", &["worker.log"]),
        of(worker, "worker-metrics", "metrics?q=Bytes", &["Worker.BytesReadRemote"]),
    ];
    // Long ones: the part in view is enough.
    for (base, name) in [(master, "config"), (worker, "worker-config")] {
        let mut page = of(base, name, "config", &["alluxio.master.rpc.port"]);
        page["full"] = json!(false);
        pages.push(page);
    }
    pages.push(of(master, "config-found", "config?q=rpc.port&set=1", &["alluxio.master.rpc.port"]));
    for (name, path, status, has) in [
        ("missing-path", "browse?path=/not/there", 404, "does not exist"),
        ("bad-path", "browse?path=relative", 400, "Not a path"),
        ("missing-page", "no-such-page", 404, "No such page"),
        ("missing-log", "logs?path=../journal/x.log", 404, "no log file"),
    ] {
        let mut page = of(master, name, path, &[has]);
        page["status"] = json!(status);
        pages.push(page);
    }
    // Short ones of a kind that others show at all widths.
    let only = [
        ("config-found", "phone"),
        ("directory-deep", "small"),
        ("directory-empty", "phone"),
        ("file-empty", "small"),
        ("worker-logs", "small"),
        ("missing-path", "desk"),
        ("bad-path", "small"),
        ("missing-page", "phone"),
        ("missing-log", "desk"),
    ];
    for (name, view) in only {
        for page in pages.iter_mut().filter(|page| page["name"] == name) {
            page["only"] = json!(view);
        }
    }
    pages
}
