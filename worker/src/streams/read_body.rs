//! ReadBlock's response body: each chunk goes out as it came from the disk, behind the few bytes that make
//! it a gRPC message.
//!
//! The message is `ReadResponse { chunk: Chunk { data } }` (grpc/block_worker.proto): both fields have
//! number 1 and are length-delimited, so on the wire it is `0a <length> 0a <length> <data>`, behind gRPC's
//! prefix of a zero (not compressed) and the length in four bytes.

use super::{read_block::Listening, reply_queue::ReplyChunks};
use bytes::{BufMut, Bytes, BytesMut};
use futures::Stream;
use http::HeaderMap;
use http_body::{Body, Frame};
use prost::encoding::{encode_varint, encoded_len_varint};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Code, Status};

/// Field 1, length-delimited.
const FIELD_ONE: u8 = 0x0a;

/// See the module.
pub struct ReadBody {
    chunks: ReplyChunks,
    /// The data whose head was sent.
    data: Option<Bytes>,
    ended: bool,
    /// The transport drops this body once all of it is sent. The client's side must go with it: a client that
    /// never ends its side would otherwise keep an answered stream, and with it the server's end, waiting.
    _listening: Listening,
}

impl ReadBody {
    pub fn new(chunks: ReplyChunks, listening: Listening) -> ReadBody {
        ReadBody { chunks, data: None, ended: false, _listening: listening }
    }
}

impl Body for ReadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.chunks).poll_next(context)) {
            Some(Ok(data)) => {
                let head = head(data.len());
                // An empty frame would be sent as such.
                self.data = Some(data).filter(|data| !data.is_empty());
                Frame::data(head)
            }
            Some(Err(status)) => {
                self.ended = true;
                Frame::trailers(trailers(&status))
            }
            None => {
                self.ended = true;
                Frame::trailers(trailers(&Status::new(Code::Ok, "")))
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

fn head(data: usize) -> Bytes {
    let chunk = 1 + encoded_len_varint(data as u64) + data;
    let message = 1 + encoded_len_varint(chunk as u64) + chunk;
    let mut head = BytesMut::with_capacity(5 + message - data);
    head.put_u8(0);
    // Chunks are bounded by 2 MB, far below four bytes.
    head.put_u32(message as u32);
    head.put_u8(FIELD_ONE);
    encode_varint(chunk as u64, &mut head);
    head.put_u8(FIELD_ONE);
    encode_varint(data as u64, &mut head);
    head.freeze()
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // A message that cannot be a header: the code alone must still arrive.
        trailers = HeaderMap::new();
        trailers.insert(Status::GRPC_STATUS, (status.code() as i32).into());
    }
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use alluxio_proto::grpc::block::{Chunk, ReadResponse};
    use proptest::prelude::*;
    use prost::Message;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_generated_encoder(length in prop_oneof![0..300_usize, 16_000..17_000_usize, Just(2 << 20)]) {
            let data = Bytes::from(vec![7; length]);
            let message = ReadResponse { chunk: Some(Chunk { data: Some(data.clone()) }) };
            let mut expected = vec![0];
            expected.extend((message.encoded_len() as u32).to_be_bytes());
            expected.extend(message.encode_to_vec());
            let written = [head(length), data].concat();
            prop_assert!(written == expected);
        }
    }

    #[test]
    fn errors_are_trailers() {
        let trailers = trailers(&Status::not_found("block 5 ist weg"));
        assert_eq!(trailers["grpc-status"], "5");
        assert_eq!(trailers["grpc-message"], "block%205%20ist%20weg");
    }
}
