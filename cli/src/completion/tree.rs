//! What can be typed, as a tree: the program, its commands, what is below them.

use crate::{
    options::OptionSpec,
    shell::{CommandSet, ShellCommand},
    top::{self, Inside},
};

/// A word that can be typed, with what can follow it.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub about: String,
    pub options: &'static [OptionSpec],
    pub children: Vec<Node>,
}

/// The program itself.
pub fn root() -> Node {
    let children = top::COMMANDS.iter().map(|command| {
        let (options, children): (&[OptionSpec], _) = match command.inside {
            Inside::Nothing => (&[], Vec::new()),
            Inside::Options(options) => (options, Vec::new()),
            Inside::Words(words) => (&[], words.iter().map(|word| word_node(word)).collect()),
            Inside::Shell(set) => (&[], shell(set)),
        };
        Node { name: command.name.to_owned(), about: first_line(command.summary), options, children }
    });
    let mut children: Vec<_> = children.collect();
    children.push(Node { about: "Print all commands".to_owned(), ..word_node("help") });
    Node { name: "alluxio".to_owned(), about: String::new(), options: &[], children: sorted(children) }
}

fn word_node(word: &str) -> Node {
    Node { name: word.to_owned(), about: String::new(), options: &[], children: Vec::new() }
}

fn shell(set: &'static CommandSet) -> Vec<Node> {
    let mut nodes: Vec<_> = set.commands.iter().map(command).collect();
    nodes.extend(set.groups.iter().map(|group| Node {
        name: group.name.to_owned(),
        about: first_line(group.description),
        options: &[],
        children: sorted(group.commands.iter().map(command).collect()),
    }));
    nodes.extend(set.aliases.iter().filter_map(|(other, meant)| {
        let named = Node { name: (*other).to_owned(), ..command(set.command(meant)?) };
        Some(named)
    }));
    sorted(nodes)
}

fn command(command: &ShellCommand) -> Node {
    let spec = &command.spec;
    Node {
        name: spec.name.to_owned(),
        about: first_line(spec.description),
        options: spec.options,
        // The options stay possible behind such a word.
        children: spec.words.iter().map(|word| Node { options: spec.options, ..word_node(word) }).collect(),
    }
}

/// The first sentence: there is one line for it.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.split(". ").next().unwrap_or_default().trim_end_matches(['.', ':']).to_owned()
}

fn sorted(mut nodes: Vec<Node>) -> Vec<Node> {
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// How an option may be typed.
pub fn spellings(option: &OptionSpec) -> Vec<String> {
    let short = option.short.map(|name| format!("-{name}"));
    short.into_iter().chain(option.long.map(|name| format!("--{name}"))).collect()
}
