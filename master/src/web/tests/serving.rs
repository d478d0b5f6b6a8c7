//! What needs a master that serves.

use super::*;
use crate::checkpoint::{Checkpointer, Every};
use alluxio_ufs::{Operation, faults::Fault};

fn pages(rig: &Rig) -> Arc<MasterWeb> {
    served(rig).1
}

fn served(rig: &Rig) -> (Arc<TestMaster>, Arc<MasterWeb>) {
    let (master, web) = web();
    *master.serving.lock() = true;
    let conf = rig.conf();
    let checkpointer = Arc::new(Checkpointer::new(rig.fs.namespace.clone(), Every::NEVER, 0));
    let info = InfoSources {
        facts: Arc::new(MasterFacts::new(conf, "m1".to_owned(), 19998, 19999, "c".to_owned())),
        configuration: Arc::new(ClusterConfiguration::new(conf.clone())),
        blocks: rig.fs.blocks.clone(),
        mounts: master.clone(),
        hashes: checkpointer,
    };
    let standbys = Arc::new(Peers::new(None, None));
    let pages = PageSources::new(conf, &info, rig.fs.clone(), standbys);
    web.show(info, pages);
    (master, web)
}

/// A leader without a lease: another one may lead by now.
#[tokio::test]
async fn who_may_not_answer_shows_no_files() {
    let rig = Rig::new().await;
    let (master, web) = served(&rig);
    let path = "/api/v1/master/webui_browse?path=/";
    assert_eq!(get(&web, "/browse").await.0, StatusCode::OK);
    assert!(get_json(&web, path).await["fileInfos"].is_array());
    *master.serving.lock() = false;
    assert_eq!(get(&web, "/browse").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(get(&web, path).await.1.contains("replaying the journal"));
}

async fn get_json(web: &Arc<MasterWeb>, path: &str) -> Value {
    serde_json::from_str(&get(web, path).await.1).unwrap()
}

/// Each look at all files remembers up to 100,000 of them.
#[tokio::test]
async fn all_files_are_looked_at_for_one_caller_at_a_time() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write("/f", worker, 10).await.unwrap();
    let web = pages(&rig);
    let (_, sources) = web.sources().unwrap();
    let turn = sources.whole_looks.acquire().await.unwrap();
    tokio::time::pause();
    let late = get_json(&web, "/api/v1/master/webui_data").await;
    tokio::time::resume();
    assert!(late["fatalError"].as_str().unwrap().contains("Try again"), "{late}");
    drop(turn);
    let found = get_json(&web, "/api/v1/master/webui_data").await;
    assert_eq!((&found["inAlluxioFileNum"], &found["fatalError"]), (&json!(1), &json!("")), "{found}");
}

/// In parts of 100 on the page, the first 10,000 in JSON.
#[tokio::test]
async fn a_file_of_many_blocks_is_shown_in_parts() {
    let rig = Rig::new().await;
    let write_type = alluxio_proto::grpc::file::WritePType::CacheThrough;
    crate::fs::fixture::large(&rig, "/f", write_type, 20_000, false).await;
    let web = pages(&rig);
    let file = get_json(&web, "/api/v1/master/webui_browse?path=/f").await;
    assert_eq!(file["fileBlocks"].as_array().unwrap().len(), 10_000);
    let (status, page) = get(&web, "/browse?path=/f&block=19900").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("19,901\u{2013}20,000 of 20,000 blocks") && page.contains(">20,000<"), "{page}");
    let listed = get_json(&web, "/api/v1/master/webui_browse?path=/").await;
    assert_eq!(listed["fileInfos"][0]["name"], "f");
}

/// The first look into a large directory takes long: the page says so, and shows what is there when it is known.
#[tokio::test]
async fn a_directory_is_shown_loading() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/f", "x");
    rig.faulty().inject(Fault::delay(Operation::List, Duration::from_secs(2)).on("d"));
    let web = pages(&rig);
    let (status, page) = get(&web, "/browse?path=/d").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("0 entries so far") && page.contains("data-refresh=\"1000\""), "{page}");
    let limit = Instant::now() + Duration::from_secs(30);
    let shown = loop {
        let (_, page) = get(&web, "/browse?path=/d").await;
        if !page.contains("entries so far") {
            break page;
        }
        assert!(Instant::now() < limit, "it loads for ever");
    };
    assert!(shown.contains("path=/d/f"), "{shown}");
    let (status, page) = get(&web, "/browse?path=/none").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{page}");
}
