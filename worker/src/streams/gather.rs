//! Pieces of an under storage, gathered into chunks.

use alluxio_ufs::{Result, UfsReader};
use bytes::{Bytes, BytesMut};
use std::time::{Duration, Instant};

/// A client of a slow store gets what is there after this time.
const PATIENCE: Duration = Duration::from_millis(50);

/// Up to `most` bytes; none at the end. Stores give small pieces (HDFS packets of 64 KB, HTTP what a socket holds), and each
/// that goes on costs a write to the cache, a message and the client's answer to it, with a change of threads for each.
pub async fn gather(reader: &mut dyn UfsReader, most: usize) -> Result<Bytes> {
    let first = reader.read(most).await?;
    if first.is_empty() || first.len() == most {
        return Ok(first);
    }
    let began = Instant::now();
    let mut chunk = BytesMut::with_capacity(most);
    chunk.extend_from_slice(&first);
    while chunk.len() < most && began.elapsed() < PATIENCE {
        let piece = reader.read(most - chunk.len()).await?;
        if piece.is_empty() {
            break;
        }
        chunk.extend_from_slice(&piece);
    }
    // It may wait for its client, and counts with its length only.
    Ok(if chunk.len() < most / 2 { Bytes::copy_from_slice(&chunk) } else { chunk.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    /// The letters of a text, one after the other.
    struct Letters {
        text: &'static [u8],
        pause: Duration,
    }

    #[async_trait::async_trait]
    impl UfsReader for Letters {
        async fn read(&mut self, max: usize) -> Result<Bytes> {
            sleep(self.pause);
            let (letter, rest) = self.text.split_at(self.text.len().min(max).min(1));
            self.text = rest;
            Ok(Bytes::from_static(letter))
        }

        async fn content_hash(&mut self) -> Result<Option<String>> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn pieces_come_as_chunks() {
        let mut letters = Letters { text: b"gathered", pause: Duration::ZERO };
        assert_eq!(gather(&mut letters, 3).await.unwrap(), "gat");
        let rest = gather(&mut letters, 100).await.unwrap();
        assert_eq!(rest, "hered");
        assert!(BytesMut::from(rest).capacity() < 100, "it holds what it has room for, not what it has");
        assert_eq!(gather(&mut letters, 100).await.unwrap(), "");
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_full_chunk() {
        let mut letters = Letters { text: b"gathered", pause: PATIENCE };
        assert_eq!(gather(&mut letters, 100).await.unwrap(), "ga");
    }
}
