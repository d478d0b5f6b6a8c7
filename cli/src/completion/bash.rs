//! The script for bash.

use super::{Node, all_nodes, tree::spellings};

/// Finds out which command the line is in, and offers its options for a word that begins with a dash,
/// its sub-commands for another. Where there is nothing to offer bash completes files.
pub fn script(root: &Node) -> String {
    let nodes = all_nodes(root);
    let known: Vec<_> = nodes.iter().skip(1).map(|(line, _)| format!("'{line}'")).collect();
    let offers = |words: &dyn Fn(&Node) -> Vec<String>| -> String {
        nodes
            .iter()
            .map(|(line, node)| (line, words(node)))
            .filter(|(_, words)| !words.is_empty())
            .map(|(line, words)| format!("                '{line}') words='{}' ;;\n", words.join(" ")))
            .collect()
    };
    let options = offers(&|node| node.options.iter().flat_map(spellings).collect());
    let children = offers(&|node| node.children.iter().map(|child| child.name.clone()).collect());
    format!(
        "# Completion of alluxio for bash: source <(alluxio completion bash)
_alluxio() {{
    local typed=${{COMP_WORDS[COMP_CWORD]}} line='' words='' i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case \"$line ${{COMP_WORDS[i]}}\" in
            {}) line=\"$line ${{COMP_WORDS[i]}}\" ;;
        esac
    done
    case $typed in
        -*)
            case $line in
{options}            esac
            ;;
        *)
            case $line in
{children}            esac
            ;;
    esac
    COMPREPLY=($(compgen -W \"$words\" -- \"$typed\"))
}}
complete -o default -F _alluxio alluxio
",
        known.join("|")
    )
}
