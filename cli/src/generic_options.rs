//! The options that every `alluxio` command takes, anywhere in its line: `-Dkey=value` for
//! properties, and the options for a Java process, which mean nothing here.

use thiserror::Error;

/// A command line, split into what configures the process and what the command reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `-Dkey=value`, as given.
    pub properties: Vec<String>,
    pub words: Vec<String>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum GenericOptionError {
    #[error(
        "{0} is not a property: write -Dname=value in one word, for example -Dalluxio.master.hostname=host1"
    )]
    NoProperty(String),
}

/// Takes the generic options out of `arguments`. Nothing is taken behind `--`.
pub fn split(arguments: impl IntoIterator<Item = String>) -> Result<CommandLine, GenericOptionError> {
    let mut line = CommandLine::default();
    let mut arguments = arguments.into_iter();
    while let Some(word) = arguments.next() {
        if word == "--" {
            line.words.push(word);
            line.words.extend(arguments);
            break;
        }
        if let Some(property) = word.strip_prefix("-D") {
            if !property.contains('=') || property.starts_with('=') {
                return Err(GenericOptionError::NoProperty(word));
            }
            line.properties.push(word);
        } else if !(word == "-debug" || word.starts_with("-X") || word.starts_with("-agentlib")) {
            line.words.push(word);
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(line: &[&str]) -> Vec<String> {
        line.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn properties_are_found_anywhere() {
        let line = split(strings(&["-Da=1", "fs", "ls", "-d", "-Xmx1g", "/a", "-Db=x=y", "-debug"])).unwrap();
        assert_eq!(line.properties, ["-Da=1", "-Db=x=y"]);
        assert_eq!(line.words, ["fs", "ls", "-d", "/a"]);
    }

    #[test]
    fn behind_two_dashes_everything_is_an_argument() {
        let line = split(strings(&["fs", "cat", "--", "-Da=1"])).unwrap();
        assert_eq!(line.words, ["fs", "cat", "--", "-Da=1"]);
        assert!(line.properties.is_empty());
    }

    #[test]
    fn a_property_without_a_value_is_refused() {
        for word in ["-D", "-Dalluxio.user", "-D=x"] {
            assert!(split(strings(&["fs", word])).unwrap_err().to_string().starts_with(word));
        }
    }
}
