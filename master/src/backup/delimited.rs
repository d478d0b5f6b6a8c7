//! Messages one after the other, each behind its length, as protobuf's Java library writes them.

use std::io::{self, Read};

/// Longer than any entry: what claims to be is no backup, and is not given memory.
const LONGEST: u64 = 256 << 20;

/// The bytes of the next message; `None` at the end. A stream that ends inside a message is an error of the kind
/// `UnexpectedEof`.
pub fn read_delimited<'a>(from: &mut impl Read, buffer: &'a mut Vec<u8>) -> io::Result<Option<&'a [u8]>> {
    let Some(length) = read_length(from)? else { return Ok(None) };
    if length > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("an entry claims to have {length} bytes"),
        ));
    }
    buffer.clear();
    // Grows with what is there, not with what is claimed.
    from.take(length).read_to_end(buffer)?;
    if buffer.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(buffer))
}

fn read_length(from: &mut impl Read) -> io::Result<Option<u64>> {
    let mut length = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        // Not `read_exact`: it cannot tell a stream that is over from one that is torn.
        if from.read(&mut byte)? == 0 {
            return if shift == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(Some(length));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "an entry has no length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let (mut from, mut buffer, mut all) = (bytes, Vec::new(), Vec::new());
        while let Some(message) = read_delimited(&mut from, &mut buffer)? {
            all.push(message.to_vec());
        }
        Ok(all)
    }

    #[test]
    fn messages_are_cut_apart() {
        let mut bytes = vec![0, 2, 1, 2, 0x80, 1];
        bytes.extend([7; 128]);
        assert_eq!(all(&bytes).unwrap(), [vec![], vec![1, 2], vec![7; 128]]);
        assert_eq!(all(&[]).unwrap(), Vec::<Vec<u8>>::new());
        for torn in [3, 5, bytes.len() - 1] {
            assert_eq!(all(&bytes[..torn]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{torn}");
        }
        for wrong in [&[0xff; 11][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            assert_eq!(all(wrong).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
