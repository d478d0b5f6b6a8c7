//! Help texts laid out as the original's library (commons-cli, HelpFormatter) does.

use super::{OptionSpec, Value};

/// Spaces before an option, and between the longest option and the descriptions.
const LEFT_PAD: usize = 1;
const DESCRIPTION_PAD: usize = 3;

/// `text` in lines of at most `width` characters, its own line breaks kept.
pub fn wrapped(width: usize, text: &str) -> String {
    text.lines().map(|line| wrap_line(width, 0, line) + "\n").collect()
}

/// `usage: …`, with following lines indented to behind the command's name.
pub fn usage_line(width: usize, usage: &str) -> String {
    const PREFIX: &str = "usage: ";
    let indent = PREFIX.len() + usage.find(' ').map_or(0, |at| at + 1);
    wrap_line(width, indent, &format!("{PREFIX}{usage}")) + "\n"
}

/// One line per option, sorted by name.
pub fn options_table(width: usize, options: &[OptionSpec]) -> String {
    let mut sorted: Vec<_> = options.iter().collect();
    sorted.sort_by_key(|spec| spec.key().to_lowercase());
    let rows: Vec<_> = sorted.iter().map(|spec| (option_names(spec), spec.description)).collect();
    let longest = rows.iter().map(|(names, _)| names.len()).max().unwrap_or_default();
    let column = longest + DESCRIPTION_PAD;
    rows.iter()
        .map(|(names, description)| wrap_line(width, column, &format!("{names:column$}{description}")) + "\n")
        .collect()
}

fn option_names(spec: &OptionSpec) -> String {
    let pad = " ".repeat(LEFT_PAD);
    let mut names = match (spec.short, spec.long) {
        (Some(short), Some(long)) => format!("{pad}-{short},--{long}"),
        (Some(short), None) => format!("{pad}-{short}"),
        (None, long) => format!("{pad}   --{}", long.unwrap_or_default()),
    };
    if let Value::Required(name) | Value::Optional(name) = spec.value {
        names.push_str(&format!(" <{name}>"));
    }
    names
}

fn wrap_line(width: usize, indent: usize, line: &str) -> String {
    // An indentation that leaves no room would never end.
    let indent = if indent >= width { 1 } else { indent };
    let mut rest: Vec<char> = line.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > width {
        let start = if lines.is_empty() { 0 } else { indent };
        let space = (start + 1..=width).rev().find(|&at| rest[at] == ' ');
        let at = space.unwrap_or(width);
        lines.push(rest[..at].iter().collect::<String>().trim_end().to_owned());
        let tail: String = rest[at..].iter().collect();
        rest = format!("{}{}", " ".repeat(indent), tail.trim()).chars().collect();
    }
    lines.push(rest.iter().collect::<String>().trim_end().to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_usage_goes_on_behind_the_name() {
        let usage = "copyFromLocal [--thread <num>] [--buffersize <bytes>] <src> <remoteDst>";
        assert_eq!(
            usage_line(60, usage),
            "usage: copyFromLocal [--thread <num>] [--buffersize <bytes>]\n                     <src> <remoteDst>\n"
        );
    }

    #[test]
    fn options_are_sorted_and_aligned() {
        let options = [
            OptionSpec::long("sort", "the order").with_value("arg"),
            OptionSpec::both("R", "recursive", "go down"),
            OptionSpec::short("f", "a description that does not fit into the line"),
        ];
        assert_eq!(
            options_table(40, &options),
            " -f                a description that\n                   does not fit into the\n                   line\n \
             -R,--recursive    go down\n    --sort <arg>   the order\n"
        );
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut() {
        assert_eq!(wrapped(5, "abcdefghij klm"), "abcde\nfghij\nklm\n");
        assert_eq!(wrapped(5, "a b"), "a b\n");
    }

    #[test]
    fn an_indentation_wider_than_the_line_ends_all_the_same() {
        assert!(usage_line(8, "distributedCommand one two three").lines().count() > 3);
    }
}
