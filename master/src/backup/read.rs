//! The entries of a backup, one after the other: a gzip stream of delimited messages, read by a thread of its own.

use std::io::{self, BufReader, Read};

use alluxio_proto::journal::JournalEntry;
use alluxio_ufs::{UfsErrorKind, UfsReader};
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use prost::Message;
use tokio::runtime::Handle;

use super::{
    delimited::read_delimited,
    error::BackupError,
    kind::{Kind, kind_of, name_of},
    place::Place,
};

/// What is asked of the store at once.
const READ_BYTES: usize = 1 << 20;

/// Whoever is shown the entries of a backup, on a thread that may block.
pub trait Visitor: Send + 'static {
    /// An entry and its number, from 1 on. An error ends the reading.
    fn take(&mut self, number: u64, entry: JournalEntry) -> Result<(), BackupError>;

    /// An entry is of something that there is not here.
    fn left_out(&mut self, _what: &'static str) {}
}

/// Shows all entries, and returns how many there were.
pub async fn visit<V: Visitor>(place: &Place, mut visitor: V) -> Result<(V, u64), BackupError> {
    let uri = place.uri();
    let reader = place.ufs.open(&place.path, 0, None).await.map_err(|error| match error.kind() {
        UfsErrorKind::NotFound => BackupError::Missing { uri: uri.clone() },
        _ => error.into(),
    })?;
    let handle = Handle::current();
    let read = tokio::task::spawn_blocking(move || {
        let stored = Stored { reader, handle, chunk: Bytes::new() };
        let mut file = BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(BufReader::new(stored)));
        let (mut buffer, mut entries) = (Vec::new(), 0);
        loop {
            let told = |error| broken(&uri, entries, error);
            let Some(message) = read_delimited(&mut file, &mut buffer).map_err(told)? else {
                return Ok((visitor, entries));
            };
            let damaged = |error: prost::DecodeError| BackupError::Damaged {
                uri: uri.clone(),
                entries,
                reason: error.to_string(),
            };
            match kind_of(message).map_err(damaged)? {
                Kind::Taken => visitor.take(entries + 1, JournalEntry::decode(message).map_err(damaged)?)?,
                Kind::LeftOut(what) => visitor.left_out(what),
                Kind::Unknown(field) => {
                    let name = name_of(field).to_owned();
                    return Err(BackupError::UnknownKind { uri, entry: entries + 1, field, name });
                }
            }
            entries += 1;
        }
    });
    // It fails only when the runtime ends.
    read.await.unwrap_or(Err(BackupError::GivenUp))
}

fn broken(uri: &str, entries: u64, error: io::Error) -> BackupError {
    let uri = uri.to_owned();
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<alluxio_fs::FsError>()) {
        return BackupError::Fs(error.clone());
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Torn { uri, entries },
        // The first bytes are not gzip's.
        io::ErrorKind::InvalidInput if entries == 0 => BackupError::NotGzip { uri },
        _ => BackupError::Damaged { uri, entries, reason: error.to_string() },
    }
}

/// The file in its store, for code that blocks.
struct Stored {
    reader: Box<dyn UfsReader>,
    handle: Handle,
    chunk: Bytes,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let read = self.handle.block_on(self.reader.read(READ_BYTES));
            self.chunk = read.map_err(|error| io::Error::other(crate::fs::ufs_error(error)))?;
        }
        let length = buffer.len().min(self.chunk.len());
        buffer[..length].copy_from_slice(&self.chunk[..length]);
        self.chunk.advance(length);
        Ok(length)
    }
}
