//! The pages and the JSON of a worker, and what they say when the master is of no help.

use super::{Rig, block, conf, content, web_port::http};
use crate::worker::Worker;

#[tokio::test]
async fn blocks_of_files_that_the_master_does_not_know_are_said_to_be_there() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), &content(1000)).await.unwrap();
    rig.client.write_block(block(1, 1), &content(10)).await.unwrap();
    let (status, page) = http(&rig.worker, "GET", "/blockInfo").await;
    assert_eq!(status, 200);
    let file = alluxio_fs::ids::file_id_of_block(block(1, 0));
    assert!(page.contains("told nothing of 1 of these files") && page.contains(&file.to_string()), "{page}");
    let (status, json) = http(&rig.worker, "GET", "/api/v1/worker/webui_blockinfo").await;
    assert_eq!(status, 200);
    assert!(json.contains("\"ntotalFile\":1") && json.contains("\"fileInfos\":[]"), "{json}");
}

#[tokio::test]
async fn an_unregistered_worker_shows_that_it_is() {
    let home = tempfile::tempdir().unwrap();
    let worker = Worker::start(conf(home.path(), 1000, 1, &[])).await.unwrap();
    let (status, page) = http(&worker, "GET", "/overview").await;
    assert_eq!(status, 200);
    assert!(page.contains("not registered with a master"), "{page}");
    let (status, page) = http(&worker, "GET", "/blockInfo").await;
    assert!(status == 200 && page.contains("holds no blocks yet"), "{page}");
    assert_eq!(http(&worker, "GET", "/nothing-here").await.0, 404);
    worker.shutdown().await;
}

#[tokio::test]
async fn the_list_is_not_made_for_who_asks_for_a_path_and_does_not_renew_itself() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), &content(10)).await.unwrap();
    let blocks = "/api/v1/worker/webui_blockinfo";
    let (_, json) = http(&rig.worker, "GET", &format!("{blocks}?path=/nope")).await;
    assert!(json.contains("\"ntotalFile\":0") && json.contains("\"fileInfos\":[]"), "{json}");
    let (_, page) = http(&rig.worker, "GET", "/blockInfo").await;
    assert!(!page.contains("data-refresh"), "{page}");
}

/// Forty files, one master that does not answer: the page does not wait for it forty times.
#[tokio::test]
async fn a_silent_master_is_asked_once() {
    let properties = [("alluxio.user.rpc.retry.max.duration", "300ms")];
    let rig = Rig::with(1 << 20, &properties, |_| {}).await;
    for file in 1..=40 {
        rig.client.write_block(block(file, 0), &content(10)).await.unwrap();
    }
    rig.master.mind.lock().lose_questions = usize::MAX;
    let (status, page) = http(&rig.worker, "GET", "/blockInfo").await;
    assert_eq!(status, 200);
    assert!(page.contains("told nothing of 40 of these files"), "{page}");
    let asked = usize::MAX - rig.master.mind.lock().lose_questions;
    rig.master.mind.lock().lose_questions = usize::MAX;
    let one = alluxio_fs::ids::file_id_of_block(block(1, 0));
    rig.worker.core.link.file_info(one).await.unwrap_err();
    let of_one = usize::MAX - rig.master.mind.lock().lose_questions;
    assert!(asked < 30 * of_one, "{asked} questions, {of_one} for one file");
}
