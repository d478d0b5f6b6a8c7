//! `alluxio completion`: scripts that let a shell complete commands and options. They are printed from
//! the table of commands that the program itself reads.

mod bash;
mod fish;
mod tree;
mod zsh;

use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    generic_options::CommandLine,
    output::Output,
    top::{Inside, TopCommand, finish},
};

use tree::Node;

pub const COMPLETION: TopCommand = TopCommand {
    name: "completion",
    shown: "completion bash|zsh|fish",
    summary: "Print a script that completes commands and options, for example: source <(alluxio completion bash)",
    inside: Inside::Words(&["bash", "zsh", "fish"]),
    run: |line, out| finish(&out, run(&line, &out)),
};

fn run(line: &CommandLine, out: &Output) -> Result<ExitStatus, CommandError> {
    let words: Vec<_> = line.words.iter().map(String::as_str).collect();
    let script = match words[..] {
        ["bash"] => bash::script,
        ["zsh"] => zsh::script,
        ["fish"] => fish::script,
        _ => {
            out.note(
                "Usage: alluxio completion bash|zsh|fish\n\
                 \x20 bash   source <(alluxio completion bash)     in ~/.bashrc\n\
                 \x20 zsh    source <(alluxio completion zsh)      in ~/.zshrc, after compinit\n\
                 \x20 fish   alluxio completion fish | source      in ~/.config/fish/config.fish",
            );
            return Ok(FAILURE);
        }
    };
    out.text(script(&tree::root()))?;
    Ok(SUCCESS)
}

/// A node and all below it, each with the words that lead to it (` fs ls`; nothing for the root).
fn all_nodes(root: &Node) -> Vec<(String, &Node)> {
    let mut found = vec![(String::new(), root)];
    let mut at = 0;
    while let Some((line, node)) = found.get(at).map(|(line, node)| (line.clone(), *node)) {
        found.extend(node.children.iter().map(|child| (format!("{line} {}", child.name), child)));
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash offers for a line whose last word is being typed.
    fn offered(words: &[&str]) -> Vec<String> {
        let script = format!(
            "{}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _alluxio; echo \"${{COMPREPLY[@]}}\"",
            bash::script(&tree::root())
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script, "test", "alluxio"])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_and_options() {
        assert_eq!(
            offered(&["form"]),
            ["format", "formatJournal", "formatMaster", "formatMasters", "formatWorker"]
        );
        assert_eq!(offered(&["fs", "ch"]), ["checkConsistency", "checksum", "chgrp", "chmod", "chown"]);
        assert_eq!(offered(&["fs", "ls", "--s"]), ["--sort"]);
        assert_eq!(offered(&["fs", "ls", "-R", "/a", "--rec"]), ["--recursive"]);
        assert_eq!(offered(&["-Da=b", "fs", "setT"]), ["setTtl"]);
        assert_eq!(offered(&["fsadmin", "report", "cap"]), ["capacity"]);
        assert_eq!(offered(&["fsadmin", "report", "capacity", "-l"]), ["-live", "-lost"]);
        assert_eq!(offered(&["fsadmin", "journal", ""]), ["checkpoint", "quorum"]);
        assert_eq!(offered(&["completion", "z"]), ["zsh"]);
        assert_eq!(offered(&["getConf", "--m"]), ["--master"]);
        // Behind a command's name come paths: bash itself completes files.
        assert!(offered(&["fs", "cat", "l"]).is_empty());
    }

    #[test]
    fn every_command_of_the_tables_is_in_every_script() {
        let root = tree::root();
        for script in [bash::script(&root), zsh::script(&root), fish::script(&root)] {
            for (line, node) in all_nodes(&root) {
                assert!(script.contains(&node.name), "{line}");
            }
        }
        let lines: Vec<_> = all_nodes(&root).into_iter().map(|(line, _)| line).collect();
        for line in [" fs ls", " fsadmin pathConf show", " runTests", " completion fish", " fs umount"] {
            assert!(lines.iter().any(|known| known == line), "{line}");
        }
    }

    /// The other shells read their scripts without complaint, where they are installed.
    #[test]
    fn the_other_shells_can_read_their_scripts() {
        let root = tree::root();
        for (shell, script) in [("zsh", zsh::script(&root)), ("fish", fish::script(&root))] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("script");
            std::fs::write(&file, script).unwrap();
            match Command::new(shell).arg("-n").arg(&file).output() {
                Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
                Err(error) => eprintln!("{shell} is not installed ({error}): its script is not tried"),
            }
        }
    }
}
