//! `alluxio.own.JournalFeed`: the leader's side.

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_journal::{FIRST_FORMAT, FeedItem, JournalError, Subscription};
use alluxio_proto::own::{FollowRequest, FollowResponse, journal_feed_server::JournalFeed};
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tonic::{Request, Response, Status};

use super::to_wire;
use crate::{fs::FileSystemMaster, namespace::Namespace};

/// A message ends with the payload that goes beyond this.
const MESSAGE_BYTES: usize = 1 << 20;

/// Sends the journal to standbys.
pub struct JournalFeedService {
    fs: Arc<FileSystemMaster>,
    namespace: Arc<Namespace>,
}

impl JournalFeedService {
    pub fn new(fs: Arc<FileSystemMaster>, namespace: Arc<Namespace>) -> Self {
        Self { fs, namespace }
    }
}

#[tonic::async_trait]
impl JournalFeed for JournalFeedService {
    type FollowStream = BoxStream<'static, Result<FollowResponse, Status>>;

    async fn follow(&self, request: Request<FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        // All metadata goes over this stream, whoever may read it.
        self.fs.require_privileged(&alluxio_rpc::caller(&request)?).await?;
        let journal = self.namespace.journal();
        let cluster = journal.status().cluster.to_string();
        let request = request.into_inner();
        let wanted = request.cluster_id.unwrap_or_default();
        if wanted != cluster {
            return Err(FsError::failed_precondition(format!(
                "This master leads cluster {cluster}, you follow cluster {wanted}: give each cluster a ZooKeeper path \
                 and a journal folder of its own."
            ))
            .into());
        }
        readable(journal.format(), request.reads.unwrap_or(FIRST_FORMAT))?;
        let subscription = journal.subscribe().await.map_err(refused)?;
        let first = FollowResponse {
            term: Some(subscription.term()),
            start: Some(to_wire(subscription.start())),
            ..FollowResponse::default()
        };
        let rest = stream::unfold(subscription, next).flat_map(stream::iter);
        Ok(Response::new(stream::iter([first]).chain(rest).map(Ok).boxed()))
    }
}

/// On some stores the header that says the format cannot be read yet: whoever does not know the format would take the records for its own.
fn readable(written: u32, reads: u32) -> Result<(), FsError> {
    if written > reads {
        return Err(FsError::failed_precondition(format!(
            "The journal is written in format {written}, and this master reads up to {reads}: run it with the \
             release of the leader, or a later one."
        )));
    }
    Ok(())
}

async fn next(mut subscription: Subscription) -> Option<(Vec<FollowResponse>, Subscription)> {
    let item = subscription.next().await?;
    Some((messages(item), subscription))
}

/// An item in messages of moderate size. Only the last says where it ends.
fn messages(item: FeedItem) -> Vec<FollowResponse> {
    let mut messages = Vec::new();
    let (mut message, mut bytes) = (FollowResponse::default(), 0);
    for payload in item.payloads {
        if bytes >= MESSAGE_BYTES {
            messages.push(std::mem::take(&mut message));
            bytes = 0;
        }
        bytes += payload.len();
        message.payloads.push(payload);
    }
    message.end = Some(to_wire(item.end));
    messages.push(message);
    messages
}

fn refused(error: JournalError) -> Status {
    FsError::unavailable(format!("The journal cannot be followed live: {error}")).into()
}

#[cfg(test)]
mod tests {
    use alluxio_journal::Position;
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_large_batch_goes_in_several_messages_and_only_the_last_ends_it() {
        let end = Position { sequence: 9, term: 2, chain: 3 };
        let payloads: Vec<_> = (0..9u8).map(|n| Bytes::from(vec![n; 400 << 10])).collect();
        let messages = messages(FeedItem { payloads: payloads.clone(), end });
        assert_eq!(messages.iter().map(|m| m.payloads.len()).collect::<Vec<_>>(), [3, 3, 3]);
        assert_eq!(messages.iter().map(|m| m.end.is_some()).collect::<Vec<_>>(), [false, false, true]);
        assert!(messages.into_iter().flat_map(|m| m.payloads).eq(payloads));
    }

    #[test]
    fn who_does_not_read_the_format_does_not_follow() {
        assert!(readable(1, 1).is_ok() && readable(1, 2).is_ok());
        let error = readable(2, 1).unwrap_err();
        assert!(error.to_string().contains("format 2"), "{error}");
    }

    #[test]
    fn that_there_is_nothing_new_is_one_message() {
        let end = Position { sequence: 9, term: 2, chain: 3 };
        let messages = messages(FeedItem { payloads: Vec::new(), end });
        assert_eq!(messages, [FollowResponse { end: Some(to_wire(end)), ..FollowResponse::default() }]);
    }
}
