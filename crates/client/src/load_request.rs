//! What `submitJob` carries: a `LoadJobRequest` of the original, in the format of Java's `ObjectOutputStream`. All but the
//! options and the path is the same in each request: descriptions of the classes, as 2.9.4 and 2.9.6 write them.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::file::LoadJobPOptions;
use prost::Message;

/// The kind of such a job, as it is asked for.
pub const KIND: &str = "load";

/// What is to be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadRequest {
    pub path: String,
    pub options: LoadJobPOptions,
}

/// A piece of the stream.
enum Piece {
    Bytes(&'static [u8]),
    /// Two bytes of length, then the text.
    Text(&'static str),
}

use Piece::{Bytes, Text};

/// Up to the length of the options.
const HEAD: &[Piece] = &[
    // Magic and version; a new object; its class.
    Bytes(&[0xac, 0xed, 0, 5, 0x73, 0x72]),
    Text("alluxio.job.LoadJobRequest"),
    // Its version; serializable; two fields.
    Bytes(&[0xc7, 0x16, 0xbc, 0xd5, 0x5b, 0x62, 0x7e, 0x37, 2, 0, 2]),
    Bytes(b"L"),
    Text("mOptions"),
    Bytes(b"t"),
    Text("Lalluxio/grpc/LoadJobPOptions;"),
    Bytes(b"L"),
    Text("mPath"),
    Bytes(b"t"),
    Text("Ljava/lang/String;"),
    // No annotation, no parent. The options stand in a form of protobuf's own.
    Bytes(&[0x78, 0x70, 0x73, 0x72]),
    Text("com.google.protobuf.GeneratedMessageLite$SerializedForm"),
    Bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3]),
    Bytes(b"["),
    Text("asBytes"),
    Bytes(b"t"),
    Text("[B"),
    Bytes(b"L"),
    Text("messageClass"),
    Bytes(b"t"),
    Text("Ljava/lang/Class;"),
    Bytes(b"L"),
    Text("messageClassName"),
    // The type of the path, again; no annotation, no parent; an array of bytes.
    Bytes(&[0x71, 0, 0x7e, 0, 2, 0x78, 0x70, 0x75, 0x72]),
    Text("[B"),
    Bytes(&[0xac, 0xf3, 0x17, 0xf8, 0x06, 0x08, 0x54, 0xe0, 2, 0, 0, 0x78, 0x70]),
];

/// From the end of the options to the length of the path.
const MIDDLE: &[Piece] = &[
    // A class.
    Bytes(&[0x76, 0x72]),
    Text("alluxio.grpc.LoadJobPOptions"),
    Bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 5]),
    Bytes(b"J"),
    Text("bandwidth_"),
    Bytes(b"I"),
    Text("bitField0_"),
    Bytes(b"B"),
    Text("memoizedIsInitialized"),
    Bytes(b"Z"),
    Text("partialListing_"),
    Bytes(b"Z"),
    Text("verify_"),
    // Its parent, which has none.
    Bytes(&[0x78, 0x72]),
    Text("com.google.protobuf.GeneratedMessageV3"),
    Bytes(&[0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1]),
    Bytes(b"L"),
    Text("unknownFields"),
    Bytes(b"t"),
    Text("Lcom/google/protobuf/UnknownFieldSet;"),
    Bytes(&[0x78, 0x70, 0x74]),
    Text("alluxio.grpc.LoadJobPOptions"),
    // The path, a text.
    Bytes(b"t"),
];

fn laid_out(pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Bytes(bytes) => out.extend_from_slice(bytes),
            Text(text) => {
                out.extend_from_slice(&(text.len() as u16).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
    out
}

/// The request as the original's client writes it.
///
/// # Errors
/// When the path is longer than Java can write, or has characters that Java writes otherwise than we do.
pub fn encode(request: &LoadRequest) -> FsResult<Vec<u8>> {
    let path = &request.path;
    let length = u16::try_from(path.len()).ok().filter(|_| is_plain(path));
    let length =
        length.ok_or_else(|| FsError::invalid_argument(format!("{path} cannot be loaded by a job.")))?;
    let options = request.options.encode_to_vec();
    let mut out = laid_out(HEAD);
    out.extend_from_slice(&(options.len() as u32).to_be_bytes());
    out.extend_from_slice(&options);
    out.extend(laid_out(MIDDLE));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(path.as_bytes());
    Ok(out)
}

/// Java's own kind of UTF-8 differs for the character 0 and beyond the first 65,536.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c != '\0' && u32::from(c) < 0x1_0000)
}

/// # Errors
/// When it is no load request.
pub fn decode(body: &[u8]) -> FsResult<LoadRequest> {
    parse(body).ok_or_else(|| {
        FsError::invalid_argument(
            "This is no request of a load job. Copy and move jobs are not part of this version: `alluxio fs cp -R` copies.",
        )
    })
}

fn parse(body: &[u8]) -> Option<LoadRequest> {
    let body = body.strip_prefix(laid_out(HEAD).as_slice())?;
    let (length, body) = body.split_first_chunk::<4>()?;
    let (options, body) = body.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let body = body.strip_prefix(laid_out(MIDDLE).as_slice())?;
    let (length, path) = body.split_first_chunk::<2>()?;
    let path = std::str::from_utf8(path)
        .ok()
        .filter(|path| path.len() == usize::from(u16::from_be_bytes(*length)))?;
    Some(LoadRequest { path: path.to_owned(), options: LoadJobPOptions::decode(options).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by the client of 2.9.6: `LoadJobRequest("/a", bandwidth 100, verify, no partial listing)`.
    const OF_JAVA: &[u8] = include_bytes!("load_request.bin");

    #[test]
    fn it_is_read_and_written_as_java_does() {
        let options =
            LoadJobPOptions { bandwidth: Some(100), verify: Some(true), partial_listing: Some(false) };
        let request = LoadRequest { path: "/a".to_owned(), options };
        assert_eq!(encode(&request).unwrap(), OF_JAVA);
        assert_eq!(decode(OF_JAVA).unwrap(), request);
        let other = LoadRequest { path: "/\u{6587}\u{4ef6}".to_owned(), options: LoadJobPOptions::default() };
        assert_eq!(decode(&encode(&other).unwrap()).unwrap(), other);
    }

    #[test]
    fn what_is_something_else_is_refused() {
        for end in 0..OF_JAVA.len() {
            assert!(decode(&OF_JAVA[..end]).is_err(), "{end}");
        }
        let longer = [OF_JAVA, b"x"].concat();
        assert!(decode(&longer).is_err());
        let crab = LoadRequest { path: "/\u{1f980}".to_owned(), options: LoadJobPOptions::default() };
        assert!(encode(&crab).is_err());
    }
}
