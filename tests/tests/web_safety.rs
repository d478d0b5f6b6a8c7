//! What the pages must not do: run what a name says, show what is not theirs, give away secrets.

use std::fs;

use alluxio_proto::grpc::file::WritePType;
use alluxio_tests::{
    Cluster,
    client::{connect, write},
    web::{Answer, get, get_json},
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::task::block_in_place;

const PAGES: [&str; 7] =
    ["/overview", "/browse", "/browse?path=/names", "/workers", "/config", "/metrics", "/logs"];
const MARKUP: &str = "<script>alert(1)</script>\"'&";
const ENCODED: &str = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%26";

fn page(port: u16, path: &str, status: u16) -> Result<Answer> {
    let answer = get(port, path)?;
    ensure!(answer.status == status, "{path} answered {}:\n{}", answer.status, answer.text);
    ensure!(!answer.text.contains("<script>alert"), "{path} has markup of a name:\n{}", answer.text);
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_text_and_headers_forbid_the_rest() -> Result<()> {
    let cluster = Cluster::plan().start()?;
    let client = connect(&cluster).await?;
    // A slash ends a name.
    let name = MARKUP.replace('/', "");
    write(&client, &format!("/names/{name}"), Bytes::from(MARKUP), WritePType::MustCache).await?;
    block_in_place(|| {
        let (master, worker) = (cluster.master_web_port(), cluster.worker_web_port(0));
        for path in PAGES {
            let answer = page(master, path, 200)?;
            let policy = answer.headers.get("content-security-policy").cloned().unwrap_or_default();
            ensure!(
                policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
            for (header, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("cache-control", "no-store"),
            ] {
                ensure!(
                    answer.headers.get(header).is_some_and(|found| found == value),
                    "{path}: {:?}",
                    answer.headers
                );
            }
            let elsewhere = ["href=\"http", "src=\"http", "action=\"http", "//cdn"]
                .iter()
                .any(|text| answer.text.contains(text));
            ensure!(!elsewhere || path == "/workers", "{path} refers to another place");
            ensure!(
                !answer.text.contains("style=") && !answer.text.contains("onclick"),
                "{path} has what the policy forbids"
            );
        }
        let shown = page(master, "/browse?path=/names", 200)?;
        ensure!(
            shown.text.contains("&lt;script&gt;") || shown.text.contains("&#60;script&#62;"),
            "{}",
            shown.text
        );
        let file = ENCODED.replace("%2F", "");
        let data = page(master, &format!("/browse?path=/names/{file}"), 200)?;
        ensure!(data.text.contains("alert(1)"), "the data is not shown: {}", data.text);
        for (port, path, status) in [
            (master, format!("/browse?path=/{ENCODED}"), 404),
            (master, format!("/browse?path={ENCODED}"), 400),
            (master, format!("/browse?path=/names&from={ENCODED}"), 200),
            (master, format!("/config?q={ENCODED}"), 200),
            (master, format!("/metrics?q={ENCODED}"), 200),
            (master, format!("/logs?path={ENCODED}"), 404),
            (master, format!("/{ENCODED}"), 404),
            (worker, format!("/blockInfo?path=/names/{file}"), 200),
            (worker, format!("/blockInfo?path=/{ENCODED}"), 404),
            (worker, "/blockInfo".to_owned(), 200),
        ] {
            page(port, &path, status)?;
        }
        let root = get(master, "/")?;
        ensure!(root.status == 307 && root.headers["location"] == "overview", "{root:?}");
        ensure!(
            get(master, "/assets/style.css")?.headers["cache-control"].contains("immutable"),
            "styles are not kept"
        );
        cluster.finish()
    })
}

#[test]
fn only_log_files_of_the_log_folder() -> Result<()> {
    let home = tempfile::tempdir()?;
    let logs = home.path().join("logs");
    fs::create_dir(&logs)?;
    fs::write(home.path().join("outside.log"), "outside-secret")?;
    fs::write(logs.join("key.pem"), "pem-secret")?;
    std::os::unix::fs::symlink(home.path().join("outside.log"), logs.join("link.log"))?;
    let cluster = Cluster::plan().set("alluxio.logs.dir", &logs.display().to_string()).start()?;
    for (port, role) in [(cluster.master_web_port(), "master"), (cluster.worker_web_port(0), "worker")] {
        let own = format!("/logs?path={role}.log");
        ensure!(page(port, &own, 200)?.text.contains("alluxio_"), "its own log is not shown");
        for name in [
            "../outside.log",
            "..%2Foutside.log",
            "%2e%2e%2foutside.log",
            "link.log",
            "key.pem",
            "/etc/passwd",
            "..",
            "%00.log",
        ] {
            page(port, &format!("/logs?path={name}"), 404)?;
            let answer = get_json(port, &format!("/api/v1/{role}/webui_logs?path={name}"))?;
            ensure!(!answer.to_string().contains("-secret"), "{name}: {answer}");
            ensure!(answer["fileData"].is_null() && answer["invalidPathError"] != "", "{name}: {answer}");
        }
        let listed = get_json(port, &format!("/api/v1/{role}/webui_logs"))?;
        ensure!(
            !listed.to_string().contains("link.log") && !listed.to_string().contains("key.pem"),
            "{listed}"
        );
        ensure!(listed["ntotalFile"] == 2, "{listed}");
    }
    cluster.finish()
}

#[test]
fn secrets_are_masked_everywhere() -> Result<()> {
    let cluster = Cluster::plan()
        .set("s3a.secretKey", "plain-secret")
        .set("alluxio.master.mount.table.root.option.s3a.secretKey", "mount-secret")
        .start()?;
    for (port, paths) in [
        (
            cluster.master_web_port(),
            ["/config", "/overview", "/api/v1/master/webui_mounttable", "/api/v1/master/info"],
        ),
        (
            cluster.worker_web_port(0),
            ["/config", "/overview", "/api/v1/worker/webui_config", "/api/v1/worker/info"],
        ),
    ] {
        for path in paths {
            let answer = page(port, path, 200)?;
            ensure!(
                !answer.text.contains("plain-secret") && !answer.text.contains("mount-secret"),
                "{path} shows a secret"
            );
        }
        let found = page(port, "/config?q=s3a.secretKey&set=1", 200)?;
        ensure!(found.text.contains("******"), "{}", found.text);
    }
    cluster.finish()
}

#[test]
fn what_is_switched_off_is_off() -> Result<()> {
    let cluster = Cluster::plan().set("alluxio.web.file.info.enabled", "false").start()?;
    let master = cluster.master_web_port();
    for path in ["/browse", "/logs", "/browse?path=/x"] {
        page(master, path, 403)?;
    }
    let browse = get_json(master, "/api/v1/master/webui_browse?path=/")?;
    ensure!(browse["fileInfos"].is_null() && browse["currentPath"].is_null(), "{browse}");
    let overview = page(master, "/overview", 200)?;
    ensure!(!overview.text.contains("href=\"browse"), "a link leads to what is hidden");
    page(cluster.worker_web_port(0), "/blockInfo", 403)?;
    cluster.finish()?;

    let cluster = Cluster::plan()
        .set("alluxio.web.ui.enabled", "false")
        .set("alluxio.web.cors.enabled", "true")
        .start()?;
    for port in [cluster.master_web_port(), cluster.worker_web_port(0)] {
        page(port, "/overview", 404)?;
        page(port, "/readyz", 200)?;
    }
    let init = get(cluster.master_web_port(), "/api/v1/master/webui_init")?;
    ensure!(init.status == 200 && init.headers["access-control-allow-origin"] == "*", "{init:?}");
    cluster.finish()
}
