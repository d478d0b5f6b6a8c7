//! A file that is read and one that is written, slowly, over minutes: the streams of their blocks stay open.

use std::time::Duration;

use alluxio_client::{FileReader, FileSystem, FileWriter};
use alluxio_conf::Configuration;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CreateFilePOptions, WritePType};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Each file is one block, larger than what a client has room for while nobody reads.
const LENGTH: usize = 64 << 20;
const PIECE: usize = 64 << 10;
/// Between two pieces. So fast the reader is not at the end after two minutes.
const PAUSE: Duration = Duration::from_millis(150);

/// What moved last, and how much.
#[derive(Clone, Copy)]
struct Moved {
    at: Instant,
    bytes: usize,
}

pub struct Streams {
    fs: FileSystem,
    /// The file that is written.
    path: AlluxioPath,
    stop: watch::Sender<bool>,
    read: watch::Receiver<Moved>,
    written: watch::Receiver<Moved>,
    reads: JoinHandle<Result<usize>>,
    writes: JoinHandle<Result<FileWriter>>,
}

/// What lies at that place of both files.
fn piece(place: usize) -> Bytes {
    Bytes::from(vec![u8::try_from(place / PIECE % 251).unwrap_or_default(); PIECE])
}

impl Streams {
    /// Opens both streams in a new folder, and waits until bytes move.
    pub async fn open(conf: &Configuration, folder: &str) -> Result<Streams> {
        let fs = FileSystem::connect(conf).await?;
        let (source, path) = (
            AlluxioPath::parse(&format!("{folder}/read"))?,
            AlluxioPath::parse(&format!("{folder}/written"))?,
        );
        let options = || CreateFilePOptions {
            recursive: Some(true),
            block_size_bytes: Some(LENGTH as i64),
            write_type: Some(WritePType::MustCache.into()),
            ..Default::default()
        };
        let mut writer = fs.create(&source, options()).await?;
        for place in (0..LENGTH).step_by(PIECE) {
            writer.write(piece(place)).await?;
        }
        writer.close().await?;
        let (stop, stopped) = watch::channel(false);
        let began = Moved { at: Instant::now(), bytes: 0 };
        let ((tell_read, mut read), (tell_written, mut written)) =
            (watch::channel(began), watch::channel(began));
        let reader = fs.open(&source, Default::default()).await?;
        let writer = fs.create(&path, options()).await?;
        let reads = tokio::spawn(read_slowly(reader, stopped.clone(), tell_read));
        let writes = tokio::spawn(write_slowly(writer, stopped, tell_written));
        read.wait_for(|moved| moved.bytes > 0).await.context("the reader has ended")?;
        written.wait_for(|moved| moved.bytes > 0).await.context("the writer has ended")?;
        Ok(Streams { fs, path, stop, read, written, reads, writes })
    }

    /// Both have moved bytes until just now, and did so since then; they go on.
    pub fn went_on(self, since: Instant) -> Result<Streams> {
        let lately = Instant::now() - super::patient(Duration::from_secs(10));
        for (what, moved) in [("read", *self.read.borrow()), ("written", *self.written.borrow())] {
            ensure!(
                moved.at > since && moved.at > lately,
                "nothing was {what} for {:.1?}",
                moved.at.elapsed()
            );
            ensure!(moved.bytes < LENGTH, "all was {what} too early");
        }
        ensure!(!self.reads.is_finished() && !self.writes.is_finished(), "a stream has ended");
        Ok(self)
    }

    /// Ends both, and looks into what was written; how many bytes were read and written.
    pub async fn finish(self) -> Result<usize> {
        self.stop.send_replace(true);
        let read = self.reads.await??;
        let writer = self.writes.await??;
        let written = usize::try_from(writer.written())?;
        writer.close().await?;
        let mut again = self.fs.open(&self.path, Default::default()).await?;
        let found = again.read_to_end().await?;
        ensure!(found.len() == written, "{written} bytes were written, and {} are there", found.len());
        for place in (0..written).step_by(PIECE) {
            ensure!(found[place..place + PIECE] == piece(place), "other bytes at {place} than were written");
        }
        Ok(read + written)
    }
}

async fn read_slowly(
    mut reader: FileReader,
    stopped: watch::Receiver<bool>,
    tell: watch::Sender<Moved>,
) -> Result<usize> {
    let mut place = 0;
    while !*stopped.borrow() {
        let data = reader.read().await?.context("the file has ended early")?;
        for (at, byte) in (place..).zip(&data) {
            ensure!(*byte == u8::try_from(at / PIECE % 251)?, "another byte at {at} than was written");
        }
        place += data.len();
        tell.send_replace(Moved { at: Instant::now(), bytes: place });
        // Pieces are as large as the worker likes them.
        let pieces = u32::try_from(data.len().div_ceil(PIECE))?;
        sleep(PAUSE * pieces).await;
    }
    Ok(place)
}

async fn write_slowly(
    mut writer: FileWriter,
    stopped: watch::Receiver<bool>,
    tell: watch::Sender<Moved>,
) -> Result<FileWriter> {
    let mut place = 0;
    while !*stopped.borrow() {
        writer.write(piece(place)).await?;
        // Until the worker has it.
        writer.flush().await?;
        place += PIECE;
        tell.send_replace(Moved { at: Instant::now(), bytes: place });
        sleep(PAUSE).await;
    }
    Ok(writer)
}
