//! What the pages say when something is missing.

use std::{fs, time::Duration};

use alluxio_tests::{
    Cluster,
    waiting::wait_until,
    web::{get, get_json},
};
use anyhow::{Result, ensure};

#[test]
fn without_workers() -> Result<()> {
    let cluster =
        Cluster::plan().workers(0).set("alluxio.master.worker.connect.wait.time", "100ms").start()?;
    fs::write(cluster.under_storage().join("f"), "only in the under storage")?;
    let master = cluster.master_web_port();
    wait_until(Duration::from_secs(10), "the overview says that no worker is there", || {
        Ok(get(master, "/overview")?.text.contains("No worker is registered"))
    })?;
    let workers = get(master, "/workers")?;
    ensure!(workers.text.contains("No worker has registered"), "{}", workers.text);
    // The file is known, its data cannot be had.
    let file = get(master, "/browse?path=/f")?;
    ensure!(file.status == 200 && file.text.contains("The data cannot be read now"), "{}", file.text);
    ensure!(file.text.contains("none: it is read from the under storage"), "{}", file.text);
    let json = get_json(master, "/api/v1/master/webui_browse?path=/f")?;
    ensure!(json["currentDirectory"]["size"] == "25B" && json["fileData"].is_null(), "{json}");
    ensure!(
        json["invalidPathError"]
            .as_str()
            .is_some_and(|error| error.starts_with("Error: ") || error.starts_with("The service")),
        "{json}"
    );
    cluster.finish()
}
