//! S3. Its own client is here opendal's, without Alluxio: one request that streams, or pages of ListObjectsV2.

use std::{
    fs::File,
    io::Read,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use alluxio_tests::{
    links::Link,
    ports::free_port,
    root_mount,
    s3::{S3, options},
};
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;

use super::Store;
use crate::paths;

const BUCKET: &str = "bench";
const AT_ONCE: usize = 32;
/// Parts of an upload.
const PART: usize = 16 << 20;
/// The most that a page holds.
const PAGE: usize = 1_000;

pub struct S3Store {
    handle: Handle,
    server: S3,
    link: Link,
    /// What lies in the bucket: what a listing must find.
    objects: u64,
}

impl S3Store {
    pub fn start(handle: Handle) -> Result<S3Store> {
        let server = S3::start(&[BUCKET])?;
        let link = Link::open(SocketAddr::from(([127, 0, 0, 1], free_port()?)), server.at())?;
        Ok(S3Store { handle, server, link, objects: 0 })
    }
}

impl Store for S3Store {
    fn root(&self) -> Vec<(String, String)> {
        root_mount(&format!("s3://{BUCKET}/"), options(self.link.at()))
    }

    fn link(&self) -> &Link {
        &self.link
    }

    fn make_tree(&mut self, files: u64) -> Result<()> {
        let client = S3::client_at(self.server.at(), BUCKET)?;
        let puts = stream::iter(0..files).map(|number| {
            let client = client.clone();
            async move {
                client.write(paths::file("", number)?.as_str(), "x").await?;
                anyhow::Ok(())
            }
        });
        self.handle.block_on(puts.buffer_unordered(AT_ONCE).try_collect::<()>())?;
        self.objects += files;
        Ok(())
    }

    fn put(&mut self, local: &Path, name: &str) -> Result<()> {
        let client = S3::client_at(self.server.at(), BUCKET)?;
        let mut file = File::open(local).with_context(|| local.display().to_string())?;
        self.handle.block_on(async {
            let mut writer = client.writer_with(name).chunk(PART).await?;
            loop {
                let mut part = Vec::with_capacity(PART);
                if (&mut file).take(PART as u64).read_to_end(&mut part)? == 0 {
                    break;
                }
                writer.write(part).await?;
            }
            writer.close().await?;
            anyhow::Ok(())
        })?;
        self.objects += 1;
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<(&'static str, Duration)>> {
        let client = S3::client_at(self.link.at(), BUCKET)?;
        let began = Instant::now();
        let objects = self.handle.block_on(async {
            let mut found = 0;
            let mut listing = client.lister_with("/").recursive(true).limit(PAGE).await?;
            while let Some(entry) = listing.try_next().await? {
                found += u64::from(entry.metadata().is_file());
            }
            anyhow::Ok(found)
        })?;
        let took = began.elapsed();
        ensure!(objects == self.objects, "{objects} of {} objects were listed", self.objects);
        Ok(vec![("pages of ListObjectsV2", took)])
    }

    fn read(&mut self, name: &str) -> Result<Duration> {
        let client = S3::client_at(self.link.at(), BUCKET)?;
        let began = Instant::now();
        let (length, read) = self.handle.block_on(async {
            let length = client.stat(name).await?.content_length();
            let mut data = client.reader(name).await?.into_stream(0..length).await?;
            let mut read = 0;
            while let Some(piece) = data.try_next().await? {
                read += piece.len() as u64;
            }
            anyhow::Ok((length, read))
        })?;
        ensure!(read == length, "{read} of {length} bytes were read");
        Ok(began.elapsed())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let S3Store { server, link, .. } = *self;
        drop(link);
        server.finish()
    }
}
