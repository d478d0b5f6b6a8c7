//! WriteBlock: blocks and files of the under storage.

use super::{
    Rig, block,
    cancel::{RawCall, frame},
    client::{block_command, chunk, command, file_command, read_request},
    content, until,
};
use alluxio_proto::grpc::block::{RequestType, WriteRequestCommand};
use alluxio_proto::shared::{AccessControlList, AclActions, NamedAclActions};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tonic::Code;

const MB: usize = 1 << 20;

#[tokio::test]
async fn a_written_block_is_committed_before_the_stream_ends() {
    let rig = Rig::new(64 << 20).await;
    let (id, data) = (block(1, 0), content(3 * MB + 5));
    rig.client.write_block(id, &data).await.unwrap();
    assert_eq!(rig.master.mind.lock().lengths[&id], data.len() as i64);
    assert!(rig.master.blocks().contains(&id));
    assert_eq!(std::fs::read(rig.blocks().join(id.to_string())).unwrap(), data);
    // Written a second time it is refused.
    let again = rig.client.write_block(id, &data).await.unwrap_err();
    assert_eq!(again.code(), Code::Internal);
}

#[tokio::test]
async fn flushes_are_answered_with_the_position() {
    let rig = Rig::new(64 << 20).await;
    let first = block_command(block(1, 0), 2000);
    let writing = rig.client.writing(first.clone()).await.unwrap();
    writing.requests.send(chunk(&content(1000))).await.unwrap();
    let flush = WriteRequestCommand { offset: Some(1000), flush: Some(true), ..first };
    writing.requests.send(command(flush)).await.unwrap();
    writing.requests.send(chunk(&content(500))).await.unwrap();
    let replies = writing.finish().await.unwrap();
    assert_eq!(replies.iter().map(|reply| reply.offset).collect::<Vec<_>>(), vec![Some(1000)]);
    assert_eq!(rig.master.mind.lock().lengths[&block(1, 0)], 1500);
}

#[tokio::test]
async fn wrong_requests_are_told_in_the_originals_words() {
    let rig = Rig::new(64 << 20).await;
    let first = block_command(block(1, 0), 2000);
    let writing = rig.client.writing(first.clone()).await.unwrap();
    writing.requests.send(chunk(b"x")).await.unwrap();
    let wrong = WriteRequestCommand { offset: Some(7), flush: Some(true), ..first.clone() };
    writing.requests.send(command(wrong)).await.unwrap();
    let error = writing.finish().await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.message(), "Offsets do not match [received: 7, expected: 1].");

    let empty = rig.client.writing(first.clone()).await.unwrap();
    empty.requests.send(chunk(b"")).await.unwrap();
    assert_eq!(empty.finish().await.unwrap_err().code(), Code::Unknown);

    let fallback = WriteRequestCommand { r#type: Some(RequestType::UfsFallbackBlock.into()), ..first };
    let error = rig.client.write(fallback, b"x").await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains("alluxio.user.file.ufs.tier.enabled"));
    until("nothing is left", || rig.worker.core.store.usage().used() == 0).await;
}

/// A block under write whose first 1000 bytes have arrived.
async fn half_written(rig: &Rig, first: WriteRequestCommand) -> RawCall {
    let flush = WriteRequestCommand { flush: Some(true), ..first.clone() };
    let messages = vec![frame(&command(first)), frame(&chunk(&content(1000))), frame(&command(flush))];
    let mut call = RawCall::start(rig, "WriteBlock", messages).await;
    call.replies.data().await.unwrap().unwrap();
    call
}

#[tokio::test]
async fn a_cancelled_write_leaves_nothing() {
    let rig = Rig::new(64 << 20).await;
    let id = block(1, 0);
    for broken in [false, true] {
        let call = half_written(&rig, block_command(id, 2000)).await;
        assert_eq!(rig.worker.core.store.usage().used(), 2000);
        if broken {
            call.break_connection();
        } else {
            call.cancel();
        }
        until("the room is free again", || rig.worker.core.store.usage().used() == 0).await;
        assert!(rig.worker.core.store.length_of(id).is_none());
        assert_eq!(rig.master.mind.lock().commits, 0);
    }
    rig.client.write_block(id, b"again").await.unwrap();
}

#[tokio::test]
async fn out_of_space_is_told_with_the_block() {
    let rig = Rig::new(MB as u64).await;
    let id = block(1, 0);
    let error = rig.client.write_block(id, &content(2 * MB)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.message().starts_with("Not enough space left on worker 127.0.0.1:"), "{error}");
    assert!(error.message().contains(&format!("to store blockId {id}")), "{error}");
    // Growing beyond what was reserved ends the same way.
    let error = rig.client.write(block_command(id, 10), &content(2 * MB)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    until("the room is free again", || rig.worker.core.store.usage().used() == 0).await;
}

#[tokio::test]
async fn cold_blocks_make_room_but_pinned_ones_and_those_to_be_persisted_stay() {
    let rig = Rig::new(3 * MB as u64).await;
    for container in 1..=3 {
        rig.client.write_block(block(container, 0), &content(MB)).await.unwrap();
    }
    rig.master.mind.lock().keep.insert(block(1, 0));
    rig.master.mind.lock().pinned.push(alluxio_fs::ids::file_id_of_block(block(2, 0)));
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    rig.client.write_block(block(4, 0), &content(MB)).await.unwrap();
    assert!(rig.worker.core.store.length_of(block(3, 0)).is_none());
    until("the master hears of it", || rig.master.blocks() == [1, 2, 4].map(|c| block(c, 0)).into()).await;
}

#[tokio::test]
async fn a_block_to_be_persisted_is_never_evicted_before() {
    let rig = Rig::new(2 * MB as u64).await;
    let guarded = WriteRequestCommand { pin_on_create: Some(true), ..block_command(block(1, 0), MB as i64) };
    rig.client.write(guarded, &content(MB)).await.unwrap();
    rig.master.mind.lock().not_persisted.extend([block(1, 0), block(2, 0)]);
    rig.client.write_block(block(2, 0), &content(MB)).await.unwrap();
    rig.client.write_block(block(3, 0), &content(MB)).await.unwrap();
    assert!(rig.worker.core.store.length_of(block(2, 0)).is_none(), "only in Alluxio: goes last, but goes");
    rig.master.mind.lock().keep.insert(block(3, 0));
    let error = rig.client.write_block(block(4, 0), &content(MB)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    rig.master.mind.lock().not_persisted.clear();
    rig.client.write_block(block(4, 0), &content(MB)).await.unwrap();
}

#[tokio::test]
async fn files_are_written_through() {
    let rig = Rig::new(MB as u64).await;
    let path = rig.under("deep/down/file");
    let data = content(3 * MB);
    rig.client.write(file_command(&path), &data).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), data);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // An empty file is made when the stream ends.
    let empty = rig.under("empty");
    rig.client.write(file_command(&empty), b"").await.unwrap();
    assert_eq!(std::fs::metadata(&empty).unwrap().len(), 0);
    let outside = rig.client.write(file_command(std::path::Path::new("/elsewhere/x")), b"x").await;
    assert_eq!(outside.unwrap_err().code(), Code::InvalidArgument);
}

/// As the master says it, and before any data is taken.
#[tokio::test]
async fn a_read_only_mount_is_not_written_through() {
    let rig = Rig::new(MB as u64).await;
    rig.master.mind.lock().read_only = true;
    let refused = rig.client.write(file_command(&rig.under("file")), b"x").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("readonly mount point"), "{refused}");
    assert!(std::fs::read_dir(rig.under("")).unwrap().next().is_none());
}

/// Owner, group and mode are applied. An ACL is taken and, as in the original, kept by HDFS alone: a local folder
/// has the mode.
#[tokio::test]
async fn a_file_gets_the_owner_and_group_that_are_asked_for() {
    let rig = Rig::new(MB as u64).await;
    // Only root may give files away.
    let (uid, gid) = if geteuid().is_root() { (Uid::from(1), Gid::from(1)) } else { (geteuid(), getegid()) };
    let path = rig.under("file");
    let mut command = file_command(&path);
    let options = command.create_ufs_file_options.as_mut().unwrap();
    options.owner = Some(User::from_uid(uid).unwrap().unwrap().name);
    options.group = Some(Group::from_gid(gid).unwrap().unwrap().name);
    let everything = AclActions { actions: (0..3).collect() };
    options.acl = Some(AccessControlList {
        user_actions: vec![NamedAclActions { name: Some("ann".into()), actions: Some(everything.clone()) }],
        mask_actions: Some(everything),
        ..Default::default()
    });
    rig.client.write(command, b"x").await.unwrap();
    let made = std::fs::metadata(&path).unwrap();
    assert_eq!((made.uid(), made.gid()), (uid.as_raw(), gid.as_raw()));
    assert_eq!(made.permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_cancelled_file_is_not_there() {
    let rig = Rig::new(MB as u64).await;
    let call = half_written(&rig, file_command(&rig.under("file"))).await;
    call.cancel();
    until("nothing is left", || std::fs::read_dir(rig.under("")).unwrap().next().is_none()).await;
}

#[tokio::test]
async fn blocks_survive_a_killed_worker() {
    let rig = Rig::new(64 << 20).await;
    let (id, data) = (block(1, 0), content(MB));
    rig.client.write_block(id, &data).await.unwrap();
    let unfinished = rig.client.writing(block_command(block(2, 0), 100)).await.unwrap();
    unfinished.requests.send(chunk(b"half")).await.unwrap();
    rig.master.forget_workers();
    let rig = rig.restart_worker().await;
    assert_eq!(rig.client.read(read_request(id, 0, MB as i64)).await.unwrap(), data);
    until("the master knows the block", || rig.master.blocks() == [id].into()).await;
    assert_eq!(rig.worker.core.store.usage().used(), MB as u64);
}

#[tokio::test]
async fn a_stream_that_says_nothing_does_not_keep_its_place() {
    let rig = Rig::with(1 << 20, &[("alluxio.worker.network.block.writer.threads.max", "1")], |settings| {
        settings.first_request = std::time::Duration::from_millis(200);
    })
    .await;
    let (_silent, receiver) = tokio::sync::mpsc::channel(1);
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut replies = rig.client.stub().write_block(stream).await.unwrap().into_inner();
    assert_eq!(replies.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    until("its place is free", || rig.worker.core.admission.active_writers() == 0).await;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
}

#[tokio::test]
async fn a_negative_block_id_is_refused() {
    let rig = Rig::new(1 << 20).await;
    let error = rig.client.write_block(-5, b"x").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(!rig.blocks().join("-5").exists());
}
