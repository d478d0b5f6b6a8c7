//! The behaviour suite on a local folder.

use std::collections::BTreeMap;

use alluxio_conf::Configuration;
use alluxio_ufs::{UfsPath, behaviour, open_ufs};

#[tokio::test]
async fn a_local_folder_behaves() {
    let folder = tempfile::tempdir().unwrap();
    // The mounted folder itself is made by the first call that needs it.
    let address = folder.path().join("mounted/here");
    let ufs = open_ufs(&Configuration::defaults(), address.to_str().unwrap(), &BTreeMap::new()).unwrap();
    let done = behaviour::run(ufs, &UfsPath::parse("suite").unwrap()).await;
    assert!(done.len() > 25, "{done:?}");
}

#[tokio::test]
async fn the_suite_also_runs_in_the_mounted_folder_itself() {
    let folder = tempfile::tempdir().unwrap();
    let ufs = open_ufs(
        &Configuration::defaults(),
        &format!("file://{}", folder.path().display()),
        &BTreeMap::new(),
    )
    .unwrap();
    behaviour::run(ufs, &UfsPath::root()).await;
}
