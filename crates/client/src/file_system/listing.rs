//! Listings, which may be larger than one message or one memory.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::file::{
    FileInfo, ListStatusPOptions, ListStatusPRequest, ListStatusPResponse, ListStatusPartialPOptions,
    ListStatusPartialPRequest, ListStatusPartialPResponse,
};
use futures::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use tonic::{Response, Status, Streaming};

use super::{FileSystem, ask, defaults, entry::text};
use crate::stubs::FILES;

/// The entries of a listing as they come. What is not taken is not sent: the connection's flow
/// control holds the master back.
pub struct Listing(BoxStream<'static, FsResult<FileInfo>>);

impl Stream for Listing {
    type Item = FsResult<FileInfo>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Listing {
    fn of(first: Option<ListStatusPResponse>, rest: Streaming<ListStatusPResponse>) -> Self {
        let messages = stream::iter(first.map(Ok)).chain(rest);
        let entries =
            messages.map_err(FsError::from).map_ok(|message| stream::iter(message.file_infos).map(Ok));
        Self(entries.try_flatten().boxed())
    }
}

impl FileSystem {
    /// The entries of a directory, or the file itself. Tried again until the first entries have come;
    /// a listing that breaks off later ends with the error.
    ///
    /// # Errors
    /// What the master answers.
    pub async fn list_status(
        &self,
        path: &AlluxioPath,
        mut options: ListStatusPOptions,
    ) -> FsResult<Listing> {
        options.load_metadata_type.get_or_insert_with(|| defaults::load_metadata(&self.conf()).into());
        options.load_metadata_only.get_or_insert(false);
        options.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        let request = ListStatusPRequest { path: text(path), options: Some(options) };
        let open = |mut client: Client| {
            let request = request.clone();
            async move {
                let mut entries = client.list_status(request).await?.into_inner();
                // An error of the listing itself comes in place of the first message.
                let first = entries.message().await?;
                Ok::<_, Status>(Response::new((first, entries)))
            }
        };
        let (first, rest) = self.cluster.call(&FILES, open).await?;
        Ok(Listing::of(first, rest))
    }

    /// One page of a listing.
    ///
    /// # Errors
    /// What the master answers.
    pub async fn list_status_partial(
        &self,
        path: &AlluxioPath,
        mut options: ListStatusPartialPOptions,
    ) -> FsResult<ListStatusPartialPResponse> {
        let listing = options.options.get_or_insert_default();
        listing.load_metadata_type.get_or_insert_with(|| defaults::load_metadata(&self.conf()).into());
        listing.common_options.get_or_insert_with(|| defaults::common(&self.conf()));
        ask!(self.list_status_partial(ListStatusPartialPRequest { path: text(path), options: Some(options) }))
    }
}

type Client =
    alluxio_proto::grpc::file::file_system_master_client_service_client::FileSystemMasterClientServiceClient<
        alluxio_rpc::SessionChannel,
    >;
