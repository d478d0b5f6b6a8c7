//! Makes `:authority` of calls over a unix domain socket one that HTTP/2 allows.
//!
//! gRPC for Java sends the socket's path there, as `/opt/domain/…`. That is no authority (RFC 9110, 7.2), and h2 resets each
//! such stream with PROTOCOL_ERROR (hyperium/h2 pull request 487 is open since 2020). Nobody reads the value, so its
//! characters that may be forbidden are overwritten in place, while the bytes come in: no length changes, and HPACK's
//! tables on both sides stay equal.
//!
//! Only plain strings are looked at. Netty, the Java client's transport, compresses none below 512 bytes, and a
//! socket's path has 107 at most.

/// What may stand for any character that may be forbidden.
const FILLER: u8 = b'-';

/// The connection preface (RFC 9113, 3.4), which comes before the first frame.
const PREFACE: usize = 24;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// `:authority` in HPACK's static table (RFC 7541, appendix A).
const AUTHORITY: usize = 1;

/// Follows one connection's incoming bytes, in pieces of any size.
#[derive(Debug)]
pub(super) struct SocketAuthority {
    place: Place,
    field: Field,
}

/// Where in HTTP/2's framing the next byte lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Bytes to pass over; then a frame begins.
    Skip(usize),
    /// So many bytes of a frame's head.
    Head(usize, [u8; 9]),
    /// The first byte of a padded frame with headers: how long its padding is.
    PadLength { length: usize, priority: bool },
    /// Bytes before the header block, bytes of it, bytes after it.
    Block { before: usize, block: usize, after: usize },
}

/// Where in a header block (RFC 7541, 6) the next byte lies. A block may go on in the next frame.
#[derive(Debug, Clone, Copy)]
enum Field {
    Start,
    /// Further bytes of an index; how it goes on after them.
    Index {
        number: Number,
        literal: bool,
    },
    /// The first byte of a string: the name, or the value.
    Text {
        name: bool,
        authority: bool,
    },
    /// Further bytes of a string's length.
    Length {
        number: Number,
        name: bool,
        authority: bool,
        plain: bool,
    },
    /// So many bytes of a string.
    Bytes {
        left: usize,
        name: bool,
        authority: bool,
    },
}

/// An integer that does not fit into its first byte (RFC 7541, 5.1).
#[derive(Debug, Clone, Copy)]
struct Number {
    value: usize,
    shift: u32,
}

impl Number {
    /// With another byte; true: that was the last one. What is absurdly large is refused by h2.
    fn add(&mut self, byte: u8) -> bool {
        let part = usize::from(byte & 0x7f).checked_shl(self.shift).unwrap_or(usize::MAX);
        self.value = self.value.saturating_add(part);
        self.shift = self.shift.saturating_add(7);
        byte & 0x80 == 0
    }
}

impl SocketAuthority {
    pub(super) fn new() -> Self {
        Self { place: Place::Skip(PREFACE), field: Field::Start }
    }

    /// Edits the next piece of the connection's bytes.
    pub(super) fn edit(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let used = self.step(bytes);
            bytes = &mut bytes[used..];
        }
    }

    /// Takes at least one byte; tells how many.
    fn step(&mut self, bytes: &mut [u8]) -> usize {
        match &mut self.place {
            Place::Skip(left) => {
                let used = bytes.len().min(*left);
                *left -= used;
                if *left == 0 {
                    self.place = Place::Head(0, [0; 9]);
                }
                used
            }
            Place::Head(have, head) => {
                head[*have] = bytes[0];
                *have += 1;
                if *have == head.len() {
                    if head[3] == HEADERS {
                        // A header block begins with a field, however the one before ended.
                        self.field = Field::Start;
                    }
                    self.place = after_head(*head);
                }
                1
            }
            Place::PadLength { length, priority } => {
                let after = usize::from(bytes[0]);
                self.place = block(*length, *priority, after);
                1
            }
            Place::Block { before, block, .. } => {
                if *before > 0 {
                    let used = bytes.len().min(*before);
                    *before -= used;
                    self.skip_when_done();
                    return used;
                }
                let used = bytes.len().min(*block);
                *block -= used;
                for byte in &mut bytes[..used] {
                    self.field = self.field.next(byte);
                }
                self.skip_when_done();
                used
            }
        }
    }

    fn skip_when_done(&mut self) {
        if let Place::Block { before: 0, block: 0, after } = self.place {
            self.place = skip(after);
        }
    }
}

fn skip(bytes: usize) -> Place {
    if bytes == 0 { Place::Head(0, [0; 9]) } else { Place::Skip(bytes) }
}

fn after_head(head: [u8; 9]) -> Place {
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let (kind, flags) = (head[3], head[4]);
    match kind {
        HEADERS if flags & PADDED != 0 && length > 0 => {
            Place::PadLength { length: length - 1, priority: flags & PRIORITY != 0 }
        }
        HEADERS => block(length, flags & PRIORITY != 0, 0),
        CONTINUATION => block(length, false, 0),
        _ => skip(length),
    }
}

/// A header block in `length` bytes, the last `after` of which are padding.
fn block(length: usize, priority: bool, after: usize) -> Place {
    let before = if priority { 5 } else { 0 };
    match length.checked_sub(before + after) {
        Some(0) | None => skip(length),
        Some(block) => Place::Block { before, block, after },
    }
}

impl Field {
    /// What comes after this byte, which is overwritten if it must be.
    fn next(self, byte: &mut u8) -> Field {
        match self {
            Field::Start => start(*byte),
            Field::Index { mut number, literal } => match number.add(*byte) {
                true => after_index(number.value, literal),
                false => Field::Index { number, literal },
            },
            Field::Text { name, authority } => {
                let plain = *byte & 0x80 == 0;
                let value = usize::from(*byte & 0x7f);
                if value == 0x7f {
                    return Field::Length { number: Number { value, shift: 0 }, name, authority, plain };
                }
                text(value, name, authority && plain)
            }
            Field::Length { mut number, name, authority, plain } => match number.add(*byte) {
                true => text(number.value, name, authority && plain),
                false => Field::Length { number, name, authority, plain },
            },
            Field::Bytes { left, name, authority } => {
                if authority && !byte.is_ascii_alphanumeric() {
                    *byte = FILLER;
                }
                text(left - 1, name, authority)
            }
        }
    }
}

/// A field's first byte: its kind, and the beginning of an index.
fn start(byte: u8) -> Field {
    let (bits, literal) = match byte {
        0x80.. => (7, false),      // a whole field of the table
        0x40..=0x7f => (6, true),  // to be added to the table
        0x20..=0x3f => (5, false), // another size of the table
        _ => (4, true),            // not to be added
    };
    let most = (1 << bits) - 1;
    let value = usize::from(byte) & most;
    if value == most {
        return Field::Index { number: Number { value, shift: 0 }, literal };
    }
    after_index(value, literal)
}

fn after_index(index: usize, literal: bool) -> Field {
    if !literal {
        return Field::Start;
    }
    // 0: the name is not in the table and comes first.
    Field::Text { name: index == 0, authority: index == AUTHORITY }
}

/// A string with so many bytes to come.
fn text(left: usize, name: bool, authority: bool) -> Field {
    match (left, name) {
        (0, true) => Field::Text { name: false, authority: false },
        (0, false) => Field::Start,
        _ => Field::Bytes { left, name, authority },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/opt/domain/d44ff0a2-e865.sock";
    const ALLOWED: &str = "-opt-domain-d44ff0a2-e865-sock";

    /// What gRPC 1.54.1 for Java on Netty 4.1.87 sends over a socket at [`PATH`]: its settings and two calls, recorded.
    const NETTY: &str = "\
        505249202a20485454502f322e300d0a0d0a534d0d0a0d0a00001804000000000000020000000000030000000000040010000000060000\
        2000000004080000000000000f00010000000401000000000000c7012400000003000000000f411e2f6f70742f646f6d61696e2f643434\
        66663061322d653836352e736f636b44392f616c6c7578696f2e677270632e7361736c2e5361736c41757468656e7469636174696f6e53\
        6572766963652f61757468656e74696361746583865f106170706c69636174696f6e2f677270634002746508747261696c6572737a1667\
        7270632d6a6176612d6e657474792f312e35342e31400a6368616e6e656c2d696406336632612f624014677270632d6163636570742d65\
        6e636f64696e6704677a697000000800010000000300000000032f782f00000e012400000005000000000fc4c38386c2c1c0bfbe000008\
        00000000000500000000032f782f000000000100000005\
    ";

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u32;
        [&length.to_be_bytes()[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn string(text: &str) -> Vec<u8> {
        let mut bytes = match text.len() {
            length @ 0..127 => vec![length as u8],
            // Fits for the lengths here.
            length => vec![127, (length - 127) as u8],
        };
        bytes.extend(text.as_bytes());
        bytes
    }

    /// A call as Netty writes it: another size of the table, fields of the table, `:path` and `:authority` added to
    /// it, `user-agent` with a long value, a field with a name of its own, and one that is Huffman-coded.
    fn block_of(authority: &str) -> Vec<u8> {
        let long = "/".repeat(200);
        [
            &[0x3f, 0xe1, 0x1f, 0x83, 0x86][..],
            &[0x44],
            &string("/a/b"),
            &[0x41],
            &string(authority),
            &[0x0f, 0x2b], // index 58, not added
            &string(&long),
            &[0x40],
            &string("te/x"),
            &string("/v/"),
            &[0x00],
            &string(""),
            &string("/w/"),
            &[0x41, 0x82, 0x61, 0x2f], // Huffman: left alone
            &[0xff, 0x00],
            &[0x41],
            &string(authority),
        ]
        .concat()
    }

    fn connection(authority: &str) -> Vec<u8> {
        let block = block_of(authority);
        let (first, rest) = block.split_at(15);
        let padded = [&[3u8][..], &[b'/'; 5], &block, b"///"].concat();
        [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(4, 0, &[0, 3, 0, 0, 0, 1]),
            frame(HEADERS, 4, &block),
            // What looks like a field in data is none.
            frame(0, 0, &[&[0x41][..], &string(PATH)].concat()),
            frame(HEADERS, 0, first),
            frame(CONTINUATION, 4, rest),
            frame(HEADERS, 4 | PADDED | PRIORITY, &padded),
            frame(6, 0, b"/ping/12"),
            frame(HEADERS, 4 | PADDED, &[]),
            frame(HEADERS, 4, &block),
        ]
        .concat()
    }

    fn edited(mut bytes: Vec<u8>, piece: usize) -> Vec<u8> {
        let mut editor = SocketAuthority::new();
        bytes.chunks_mut(piece).for_each(|piece| editor.edit(piece));
        bytes
    }

    #[test]
    fn only_the_authority_is_changed_however_the_bytes_come() {
        let expected = connection(ALLOWED);
        for piece in 1..200 {
            assert!(edited(connection(PATH), piece) == expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_it_makes_is_an_authority() {
        for path in [PATH, "/a b/ä%:[@]", "localhost:29999"] {
            let bytes = edited(connection(path), 7);
            let block = block_of(path);
            let start = bytes.windows(5).position(|window| window == &block[..5]).unwrap() + 13;
            let value = &bytes[start..start + path.len()];
            assert!(
                value.iter().all(u8::is_ascii) && http::uri::Authority::try_from(value).is_ok(),
                "{:?}",
                String::from_utf8_lossy(value)
            );
        }
    }

    #[test]
    fn of_what_netty_sends_the_authority_alone_is_changed() {
        let digits: Vec<char> = NETTY.chars().collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
        let sent: Vec<u8> = digits.chunks(2).map(byte).collect();
        let at = sent.windows(PATH.len()).position(|window| window == PATH.as_bytes()).unwrap();
        let mut expected = sent.clone();
        expected[at..at + PATH.len()].copy_from_slice(ALLOWED.as_bytes());
        for piece in 1..sent.len() {
            assert!(edited(sent.clone(), piece) == expected, "in pieces of {piece}");
        }
    }

    /// A block that is cut off is refused by h2; what comes after it is not mistaken for its rest.
    #[test]
    fn a_block_that_breaks_off_does_not_reach_into_the_next() {
        let connection = |authority: &str| {
            [
                vec![b' '; PREFACE],
                frame(HEADERS, 4, &[0x41, 40, b'a']),
                frame(HEADERS, 4, &block_of(authority)),
            ]
            .concat()
        };
        assert!(edited(connection(PATH), 9) == connection(ALLOWED));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000), piece in 1..50usize) {
            let framed = [&[0u8; PREFACE][..], &frame(HEADERS, bytes.first().copied().unwrap_or(0), &bytes), &bytes].concat();
            let whole = edited(framed.clone(), framed.len());
            prop_assert_eq!(whole, edited(framed, piece));
        }
    }
}
