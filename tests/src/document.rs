//! Commands and their outputs in a Markdown document, so that tests run what a reader types.

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The word behind the fence: `sh`, `text`, …
    pub kind: String,
    pub text: String,
}

/// All fenced blocks, in order.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in document.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => {
                open = Some(Block { kind: kind.trim().to_owned(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Whether `output` has the lines of `expected`, in that order and perhaps with others between. In an expected
/// line `…` stands for anything, and blanks for any number of blanks. Else the first line that is missing.
pub fn has_lines<'a>(output: &str, expected: &'a str) -> Result<(), &'a str> {
    let mut lines = output.lines();
    for wanted in expected.lines().filter(|line| !line.trim().is_empty()) {
        if !lines.any(|line| is_like(line, wanted)) {
            return Err(wanted);
        }
    }
    Ok(())
}

fn is_like(line: &str, wanted: &str) -> bool {
    let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, wanted) = (blanks(line), blanks(wanted));
    let parts: Vec<&str> = wanted.split('…').map(str::trim).collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_a_kind_and_a_text() {
        let found = blocks("a\n```sh\nls\n\ncd x\n```\nb\n```\nplain\n```\n");
        let expected = [("sh", "ls\n\ncd x\n"), ("", "plain\n")]
            .map(|(kind, text)| Block { kind: kind.to_owned(), text: text.to_owned() });
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_are_found_in_order() {
        let output = "x\nStarting master @ h. Logging to /a/logs\n-rw-r--r--  me   us  5 /f\n";
        assert_eq!(has_lines(output, "Starting master @ … Logging to …/logs\n-rw-r--r-- … /f\n"), Ok(()));
        assert_eq!(has_lines(output, "-rw-r--r-- … /f\nx"), Err("x"));
        for missing in ["Starting master", "Starting worker @ …", "… /g", "…/log", "x…y"] {
            assert_eq!(has_lines(output, missing), Err(missing));
        }
        assert_eq!(has_lines(output, "x…"), Ok(()));
    }
}
