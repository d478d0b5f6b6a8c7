use proptest::prelude::*;

use super::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = parse(text).unwrap_or_else(|mistake| panic!("{text:?}: {mistake:?}"));
    pairs.into_iter().map(|pair| (pair.name, pair.value)).collect()
}

/// (text, name, value)
const JAVA: [(&str, &str, &str); 24] = [
    ("a=b", "a", "b"),
    ("a:b", "a", "b"),
    ("a b", "a", "b"),
    ("a = b", "a", "b"),
    ("a   :   b", "a", "b"),
    ("a\tb", "a", "b"),
    ("a\u{c}b", "a", "b"),
    ("a==b", "a", "=b"),
    ("a= =b", "a", "=b"),
    ("a : = b", "a", "= b"),
    ("a\\=b=c", "a=b", "c"),
    ("a\\ b c", "a b", "c"),
    ("a=\\tx\\n", "a", "\tx\n"),
    ("a=\\u0041\\u00e9", "a", "Aé"),
    ("a=\\q\\\\", "a", "q\\"),
    ("a=b\\\n   c", "a", "bc"),
    ("a=b\\\\\n", "a", "b\\"),
    ("a=b\\", "a", "b"),
    ("a", "a", ""),
    ("a=", "a", ""),
    ("=b", "", "b"),
    ("  a=b  ", "a", "b  "),
    ("a=b\\\n#c", "a", "b#c"),
    ("a=b\\\r\n\r\n", "a", "b"),
];

/// What `java.util.Properties.load` of Java 17 made of these texts.
#[test]
fn texts_are_read_as_java_reads_them() {
    for (text, name, value) in JAVA {
        assert_eq!(pairs(text), [(name.to_owned(), value.to_owned())], "{text:?}");
    }
}

/// Random texts and what `java.util.Properties.load` of Java 17 read from them, in hexadecimal: on each line the
/// text, a blank, and `name=value` for each property.
const RANDOM: &str = include_str!("testdata/java-properties.txt");

#[test]
fn random_texts_are_read_as_java_reads_them() {
    let plain = |hex: &str| -> String {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(|at| char::from(byte(at))).collect()
    };
    let mut compared = 0;
    for line in RANDOM.lines() {
        let (text, java) = line.split_once(' ').expect("two columns");
        let java = java.split(',').map(|pair| pair.split_once('=').expect("a pair"));
        let java: Vec<_> = java.map(|(name, value)| (plain(name), plain(value))).collect();
        assert_eq!(pairs(&plain(text)), java, "{:?}", plain(text));
        compared += 1;
    }
    assert_eq!(compared, 400);
}

#[test]
fn comments_and_blank_lines_hold_nothing() {
    assert_eq!(pairs("# a=b\n  ! c=d\n\n \t\x0c\n#x\\\ne=f"), [("e".to_owned(), "f".to_owned())]);
}

#[test]
fn a_property_stands_on_the_line_it_begins_on() {
    let lines: Vec<usize> =
        parse("\n#\r\na=1\\\r\n  2\rb=3\n\nc=4").expect("right").iter().map(|pair| pair.line).collect();
    assert_eq!(lines, [3, 5, 7]);
}

#[test]
fn a_broken_escape_names_its_line() {
    for text in ["a=1\nb=\\u12", "a=1\nb=\\u12g4", "a=1\n\\u+123=b", "\n\\u==="] {
        assert!(parse(text).is_err_and(|m| m.line == 2 && m.reason.contains("four hexadecimal")), "{text}");
    }
    assert!(parse("a=\\ud83d").is_err_and(|mistake| mistake.reason.contains("both halves")));
}

#[test]
fn files_are_utf_8_or_latin_1() {
    assert_eq!(decode("a=é".as_bytes()), "a=é");
    assert_eq!(decode(b"a=\xe9"), "a=é");
    assert_eq!(decode("\u{feff}a=1".as_bytes()), "a=1");
}

/// Writes a property with everything escaped that can be, by its own rules.
fn written(name: &str, value: &str) -> String {
    let escape = |text: &str| -> String {
        let mut units = String::new();
        for c in text.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' => units.push(c),
                '\\' | ' ' | ':' | '=' | '#' | '!' => units.extend(['\\', c]),
                _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| units += &format!("\\u{unit:04X}")),
            }
        }
        units
    };
    format!("{}={}", escape(name), escape(value))
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in "\\PC{1,20}|[ \t\u{c}\r\na=:#!\\\\]{1,8}", value in "\\PC{0,30}|[ \t\r\n=:#!\\\\]{0,8}") {
        prop_assert_eq!(pairs(&written(&name, &value)), [(name, value)]);
    }

    #[test]
    fn no_text_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        // Mistakes are results; only a panic would be wrong.
        let _ = parse(&decode(&bytes));
    }
}
