//! `alluxio.own.JournalFeed`: the standby's side.

use std::time::Duration;

use alluxio_fs::FsError;
use alluxio_journal::{FORMAT_VERSION, Feed, FeedItem, Uuid};
use alluxio_proto::own::{FollowRequest, FollowResponse, journal_feed_client::JournalFeedClient};
use alluxio_rpc::SessionChannel;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::from_wire;
use crate::namespace::MAX_RECORD_BYTES;

/// Items that are read ahead of the follower; the leader keeps the others, and drops who does not take them.
const ITEMS_AHEAD: usize = 4;
/// Bytes of a message beside its payloads, of which the last may be as long as a record.
const MESSAGE_SLACK: usize = 4 << 20;
/// The leader sends something several times a second.
const SILENCE: Duration = Duration::from_secs(5);

/// Opens the live feed of the master behind `channel`, one of the service `MetaMasterMasterService`. It ends with
/// the connection; whoever follows then asks for another one.
///
/// # Errors
/// UNAVAILABLE when that master does not lead, or cannot take one more at the moment.
pub async fn follow_leader(channel: SessionChannel, cluster: Uuid) -> Result<Feed, FsError> {
    channel.connect().await?;
    let mut client =
        JournalFeedClient::new(channel).max_decoding_message_size(MAX_RECORD_BYTES + MESSAGE_SLACK);
    let request = FollowRequest { cluster_id: Some(cluster.to_string()), reads: Some(FORMAT_VERSION) };
    let opened = async {
        let mut stream = client.follow(request).await?.into_inner();
        let first = stream.message().await?;
        Ok::<_, Status>((stream, first))
    };
    let opened = tokio::time::timeout(SILENCE, opened).await;
    let (stream, first) = opened
        .map_err(|_| FsError::unavailable("The leading master does not answer who wants to follow it."))?
        .map_err(FsError::from)?;
    let begin = first.and_then(|first| Some((first.term?, from_wire(first.start?)?)));
    let (term, start) =
        begin.ok_or_else(|| FsError::internal("The live feed does not say where it begins."))?;
    let (sender, items) = mpsc::channel(ITEMS_AHEAD);
    tokio::spawn(carry(stream, sender));
    Ok(Feed { term, start, items })
}

/// Hands items over until either side ends.
async fn carry(mut stream: Streaming<FollowResponse>, sender: mpsc::Sender<FeedItem>) {
    let mut payloads = Vec::new();
    loop {
        let message = tokio::select! {
            () = sender.closed() => return,
            message = tokio::time::timeout(SILENCE, stream.message()) => message,
        };
        let message = match message {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => return,
            Ok(Err(status)) => {
                tracing::info!(%status, "the live feed of the leading master has ended");
                return;
            }
            Err(_elapsed) => {
                tracing::warn!(
                    "the leading master has sent nothing for {SILENCE:?}; its live feed is given up"
                );
                return;
            }
        };
        payloads.extend(message.payloads);
        let Some(end) = message.end else { continue };
        let Some(end) = from_wire(end) else { return };
        let item = FeedItem { payloads: std::mem::take(&mut payloads), end };
        if sender.send(item).await.is_err() {
            return;
        }
    }
}
