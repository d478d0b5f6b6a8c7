//! Java's properties syntax (`java.util.Properties.load`): `key=value`, `key: value`, `key value`, comments with
//! `#` or `!`, a backslash at the end of a line continues it, `\t \n \r \f \uXXXX` and `\` before anything else.

/// One property and the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub line: usize,
    pub name: String,
    pub value: String,
}

/// A line that cannot be read, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub line: usize,
    pub reason: String,
}

/// The text of a file: UTF-8 when it is that, else ISO-8859-1, which Java takes every file for.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Reads all properties of a text, in order, repeated ones included.
pub(crate) fn parse(text: &str) -> Result<Vec<Pair>, Mistake> {
    let mut pairs = Vec::new();
    for (line, text) in logical_lines(text) {
        let (name, value) = split(&text);
        let read = |text| unescape(text).map_err(|reason| Mistake { line, reason });
        pairs.push(Pair { line, name: read(name)?, value: read(value)? });
    }
    Ok(pairs)
}

const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

/// Lines without comments and blank ones, continued ones joined, with the number of the first line of each.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').enumerate();
    let mut logical = Vec::new();
    while let Some((at, line)) = lines.next() {
        let line = line.trim_start_matches(BLANK);
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut joined = line.to_owned();
        while is_continued(&joined) {
            joined.pop();
            // Before anything is written the next line counts as the first one; after it, what looks like a
            // comment is part of the value.
            let next = if joined.is_empty() { None } else { lines.next() };
            let Some((_, next)) = next else { break };
            joined.push_str(next.trim_start_matches(BLANK));
        }
        if joined.is_empty() {
            continue;
        }
        logical.push((at + 1, joined));
    }
    logical
}

/// An odd number of backslashes at the end: the last one is not itself escaped.
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Splits at the first `=`, `:` or blank that is not escaped; a blank may be followed by one `=` or `:`.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && (c == '=' || c == ':' || BLANK.contains(&c));
        escaped = c == '\\' && !escaped;
        ends
    });
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANK);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (name, rest.trim_start_matches(BLANK))
}

fn unescape(text: &str) -> Result<String, String> {
    // Java counts in UTF-16 units: a character beyond the first 65,536 is written as two \u.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = rest.by_ref().take(4).collect();
                    let all_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                    let unit = all_hex.then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
                    units.push(
                        unit.ok_or_else(|| format!("\\u{digits} is not \\u and four hexadecimal digits"))?,
                    );
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units)
        .map_err(|_| "a \\u stands for half of a character: write both halves".to_owned())
}

#[cfg(test)]
#[path = "properties_file_tests.rs"]
mod tests;
