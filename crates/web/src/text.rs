//! Bytes for people: as text, or as a hex dump when they are none.

use std::fmt::Write as _;

/// Bytes in a line of a hex dump.
const LINE: usize = 16;

/// Whether the bytes look like something to read. A part of a file may begin and end within a character.
pub fn is_text(bytes: &[u8]) -> bool {
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b);
    if bytes.iter().any(control) {
        return false;
    }
    let begin = bytes.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
    match std::str::from_utf8(&bytes[begin..]) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// The bytes as text in which nothing is invisible: control characters become their pictures.
pub fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter,
            '\0'..='\u{1f}' => char::from_u32(0x2400 + letter as u32).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            // These change the direction of what follows, and so what a reader takes it for.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ => letter,
        })
        .collect()
}

/// Lines of offset, sixteen bytes, and their letters. `offset` is that of the first byte.
pub fn hex_dump(bytes: &[u8], offset: u64) -> String {
    let mut dump = String::with_capacity(bytes.len() * 5);
    for (at, line) in bytes.chunks(LINE).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(dump, "{:08x} ", offset.saturating_add((at * LINE) as u64));
        for column in 0..LINE {
            let gap = if column == LINE / 2 { " " } else { "" };
            let _ = match line.get(column) {
                Some(byte) => write!(dump, "{gap} {byte:02x}"),
                None => write!(dump, "{gap}   "),
            };
        }
        let letters: String = line
            .iter()
            .map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' })
            .collect();
        let _ = writeln!(dump, "  {letters}");
    }
    dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        assert!(is_text(b"") && is_text("hällo\n\tworld".as_bytes()));
        assert!(is_text(&"hä".as_bytes()[2..]) && is_text(&"hä".as_bytes()[..2]), "cut within a character");
        assert!(!is_text(b"a\0b") && !is_text(&[0xff, 0xfe, b'a', b'b']) && !is_text(&[b'a', 0xff, b'b']));
    }

    #[test]
    fn nothing_is_invisible() {
        assert_eq!(readable(b"a\r\nb\tc\x1b[31m\x00\x7f\xff"), "a\nb\tc\u{241b}[31m\u{2400}\u{2421}\u{fffd}");
        assert_eq!(readable("x\u{202e}gpj.exe".as_bytes()), "x\u{fffd}gpj.exe");
    }

    #[test]
    fn a_hex_dump_keeps_its_columns() {
        let dump = hex_dump(b"0123456789abcdefXY\n", 32);
        let lines: Vec<&str> = dump.lines().collect();
        assert_eq!(lines[0], "00000020  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef");
        assert_eq!(lines[1], format!("00000030  58 59 0a{}  XY.", " ".repeat(40)));
        assert_eq!(lines[0].find("0123"), lines[1].find("XY."));
    }
}
