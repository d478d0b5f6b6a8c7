//! That going through much neither holds the lock long nor keeps a thread.

use alluxio_proto::grpc::file::{CompleteFilePOptions, WritePType};

use super::{assign::Cursor, tests::worker};
use crate::fs::fixture::{Rig, large, polls};

#[tokio::test]
async fn many_new_files_are_looked_at_in_steps() {
    let rig = Rig::new().await;
    for n in 0..1_000 {
        let at = format!("/some/directories/further/down/f{n}");
        rig.create(&at, WritePType::AsyncThrough).await.unwrap();
        let asked =
            CompleteFilePOptions { async_persist_options: Some(Default::default()), ..Default::default() };
        rig.complete(&at, asked).await.unwrap();
    }
    let (turns, found) = polls(rig.fs.find_new_files(&mut Cursor::default())).await;
    found.unwrap();
    assert!(turns > 5, "{turns}");
    assert_eq!(rig.fs.persist.jobs.lock().room(), super::jobs::MAX_FILES - 1_000);
    let most = rig.fs.namespace.longest_hold_cpu_nanos();
    assert!(most < 5_000_000, "a hold of the lock took {most} ns of processor time");
}

#[tokio::test]
async fn the_blocks_of_a_large_file_are_looked_up_in_steps() {
    let rig = Rig::new().await;
    worker(&rig, "w").await;
    large(&rig, "/large", WritePType::AsyncThrough, 1 << 19, true).await;
    rig.fs.find_new_files(&mut Cursor::default()).await.unwrap();
    let (turns, assigned) = polls(rig.fs.assign_jobs()).await;
    assigned.unwrap();
    assert!(turns > 100, "{turns}");
}
