//! A file written through to the under storage by a client's stream.

use super::{still_there::Place, write_stream::Sink};
use crate::{core::Core, failure, under::Mount};
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{WriteRequestCommand, WriteResponse};
use alluxio_ufs::{Attributes, CreateOptions, UfsPath, UfsWriter, UnderFs};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tonic::Status;

pub struct UfsFileSink {
    core: Arc<Core>,
    mount_id: i64,
    mount: Arc<Mount>,
    under: Arc<dyn UnderFs>,
    path: UfsPath,
    options: CreateOptions,
    /// Made with the first data, or at the end for an empty file: a client that gives up before leaves
    /// nothing.
    writer: Option<Box<dyn UfsWriter>>,
    position: u64,
}

impl UfsFileSink {
    pub async fn start(core: &Arc<Core>, command: &WriteRequestCommand) -> Result<UfsFileSink, Status> {
        let asked = command.create_ufs_file_options.as_ref();
        let asked = asked.ok_or_else(|| FsError::invalid_argument("create_ufs_file_options are missing."))?;
        let mount_id = asked.mount_id.unwrap_or(alluxio_fs::ids::ROOT_MOUNT_ID);
        let mount = core.mounts.get(mount_id).await?;
        let address = asked.ufs_path.clone().unwrap_or_default();
        // Refused before any data is taken.
        let under = mount.to_write(&address)?;
        let path = under.uri().relative(&address).map_err(|error| failure::of_ufs(&error))?;
        let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        // An ACL comes along, too. As in the original only HDFS would keep it; no under storage here does.
        let attributes = Attributes {
            owner: named(&asked.owner),
            group: named(&asked.group),
            mode: asked.mode.map(|mode| (mode & 0o777) as u16),
        };
        // The master checked that the file may be made; what an earlier attempt left is replaced.
        let options = CreateOptions {
            attributes,
            parents: Some(Attributes::default()),
            overwrite: true,
            ..CreateOptions::default()
        };
        let core = Arc::clone(core);
        Ok(UfsFileSink { core, mount_id, mount, under, path, options, writer: None, position: 0 })
    }

    async fn writer(&mut self) -> Result<&mut Box<dyn UfsWriter>, Status> {
        if self.writer.is_none() {
            let made = self.under.create(&self.path, self.options.clone()).await;
            self.writer = Some(made.map_err(|error| failure::of_ufs(&error))?);
        }
        self.writer.as_mut().ok_or_else(|| Status::internal("The file was completed already."))
    }
}

#[async_trait]
impl Sink for UfsFileSink {
    fn position(&self) -> u64 {
        self.position
    }

    async fn write(&mut self, data: Bytes) -> Result<(), Status> {
        let length = data.len() as u64;
        let written = self.writer().await?.write(data).await;
        written.map_err(|error| failure::of_ufs(&error))?;
        self.position += length;
        self.mount.bytes.written.add(length);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Status> {
        // Nothing is promised before the file is complete, as for the original.
        Ok(())
    }

    async fn complete(mut self: Box<Self>) -> Result<Option<WriteResponse>, Status> {
        self.writer().await?;
        let Some(writer) = self.writer.take() else { return Ok(None) };
        let place = Place::find(&self.core, self.mount_id, &self.under, &self.path).await;
        if let Some(place) = &place
            && place.is_gone().await
        {
            self.writer = Some(writer);
            self.cancel().await;
            return Err(place.take_back(None).await.into());
        }
        let status = writer.close().await.map_err(|error| failure::of_ufs(&error))?;
        if let Some(place) = place
            && place.is_gone().await
        {
            return Err(place.take_back(Some(&status)).await.into());
        }
        if !self.under.capabilities().strong_content_hash {
            return Ok(None);
        }
        Ok(Some(WriteResponse { offset: Some(self.position as i64), content_hash: status.content_hash }))
    }

    async fn cancel(mut self: Box<Self>) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.abort().await
        {
            tracing::warn!(%error, "file of a cancelled write not discarded");
        }
    }
}
