//! The script for zsh.

use super::{Node, all_nodes, tree::spellings};

/// As the script for bash; zsh also shows what each word means.
pub fn script(root: &Node) -> String {
    let nodes = all_nodes(root);
    let known: Vec<_> = nodes.iter().skip(1).map(|(line, _)| quoted(line)).collect();
    let offers = |words: &dyn Fn(&Node) -> Vec<String>| -> String {
        nodes
            .iter()
            .map(|(line, node)| (line, words(node)))
            .filter(|(_, words)| !words.is_empty())
            .map(|(line, words)| {
                let words: Vec<_> =
                    words.iter().map(|word| format!("                {}\n", quoted(word))).collect();
                format!("            {}) offers=(\n{}            ) ;;\n", quoted(line), words.concat())
            })
            .collect()
    };
    let options = offers(&|node| {
        let described = |option: &crate::options::OptionSpec| {
            spellings(option).into_iter().map(|name| item(&name, option.description)).collect::<Vec<_>>()
        };
        node.options.iter().flat_map(described).collect()
    });
    let children =
        offers(&|node| node.children.iter().map(|child| item(&child.name, &child.about)).collect());
    format!(
        "#compdef alluxio
# Completion of alluxio for zsh: source <(alluxio completion zsh)
_alluxio() {{
    local line='' word typed=$PREFIX
    local -a offers
    for word in ${{words[2,CURRENT-1]}}; do
        case \"$line $word\" in
            {}) line=\"$line $word\" ;;
        esac
    done
    _alluxio_offers \"$typed\" \"$line\"
    if (( $#offers == 0 )); then
        _files
    elif [[ $typed == -* ]]; then
        _describe -o option offers
    else
        _describe command offers
    fi
}}
_alluxio_offers() {{
    if [[ $1 == -* ]]; then
        case $2 in
{options}        esac
    else
        case $2 in
{children}        esac
    fi
}}
compdef _alluxio alluxio
",
        known.join("|")
    )
}

/// A word with its meaning, as `_describe` reads it.
fn item(word: &str, about: &str) -> String {
    let word = word.replace(':', "\\:");
    if about.is_empty() { word } else { format!("{word}:{about}") }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
