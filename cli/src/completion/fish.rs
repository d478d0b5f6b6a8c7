//! The script for fish.

use super::{Node, all_nodes};
use crate::options::{OptionSpec, Value};

/// One `complete` command for each word and option; a function says in which command the line is.
pub fn script(root: &Node) -> String {
    let nodes = all_nodes(root);
    let known: Vec<_> = nodes.iter().skip(1).map(|(line, _)| quoted(line)).collect();
    let mut text = format!(
        "# Completion of alluxio for fish: alluxio completion fish | source
function __alluxio_line
    set -l known {}
    set -l words (commandline -opc)
    set -l line ''
    for word in $words[2..-1]
        if contains -- \"$line $word\" $known
            set line \"$line $word\"
        end
    end
    echo $line
end
complete -c alluxio -e
",
        known.join(" ")
    );
    for (line, node) in nodes {
        let condition = quoted(&format!("test (__alluxio_line) = \"{line}\""));
        for child in &node.children {
            text.push_str(&format!("complete -c alluxio -n {condition} -f -a {}", quoted(&child.name)));
            if !child.about.is_empty() {
                text.push_str(&format!(" -d {}", quoted(&child.about)));
            }
            text.push('\n');
        }
        for option in node.options {
            let names = names(option);
            let about = quoted(option.description);
            text.push_str(&format!("complete -c alluxio -n {condition}{names} -d {about}\n"));
        }
    }
    text
}

/// `-s R -l recursive`; a word behind one dash is `-o` to fish.
fn names(option: &OptionSpec) -> String {
    let mut names = match option.short {
        Some(short) if short.chars().count() == 1 => format!(" -s {short}"),
        Some(short) => format!(" -o {short}"),
        None => String::new(),
    };
    if let Some(long) = option.long {
        names.push_str(&format!(" -l {long}"));
    }
    if option.value != Value::None {
        names.push_str(" -r");
    }
    names
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
