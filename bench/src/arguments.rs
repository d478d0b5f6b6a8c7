//! What the command line says.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context, Result, bail, ensure};

const USAGE: &str = "alluxio-bench [PART...] [--clients N] [--seconds N] [--files N] [--json FILE]\n\
    parts: startup, rates, growth; all when none is named";

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Startup,
    Rates,
    Growth,
}

const ALL: [Part; 3] = [Part::Startup, Part::Rates, Part::Growth];

/// What to measure, and how much of it.
#[derive(Debug)]
pub struct Arguments {
    pub parts: Vec<Part>,
    /// Clients at once, each with a connection and a session of its own.
    pub clients: usize,
    /// How long a rate is measured.
    pub time: Duration,
    /// Files of the large tree.
    pub files: u64,
    /// Where the results go.
    pub json: PathBuf,
}

impl Arguments {
    /// Reads the arguments; what is not said has the value that `docs/benchmarks.md` names.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments> {
        let mut arguments = Arguments {
            parts: Vec::new(),
            clients: 64,
            time: Duration::from_secs(20),
            files: 1_000_000,
            json: PathBuf::from("benchmarks.json"),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "startup" => arguments.parts.push(Part::Startup),
                "rates" => arguments.parts.push(Part::Rates),
                "growth" => arguments.parts.push(Part::Growth),
                "--clients" => arguments.clients = value(&word, words.next())?,
                "--seconds" => arguments.time = Duration::from_secs(value(&word, words.next())?),
                "--files" => arguments.files = value(&word, words.next())?,
                "--json" => arguments.json = value(&word, words.next())?,
                _ => bail!("unknown argument {word}\n{USAGE}"),
            }
        }
        // A rate needs a second at least; the tree, one full directory.
        ensure!((1..=10_000).contains(&arguments.clients), "--clients takes 1 to 10000");
        ensure!((1..=3_600).contains(&arguments.time.as_secs()), "--seconds takes 1 to 3600");
        ensure!((1_000..=100_000_000).contains(&arguments.files), "--files takes 1000 to 100000000");
        if arguments.parts.is_empty() {
            arguments.parts = ALL.to_vec();
        }
        Ok(arguments)
    }
}

fn value<T>(name: &str, word: Option<String>) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let word = word.with_context(|| format!("{name} needs a value\n{USAGE}"))?;
    word.parse().with_context(|| format!("{name} {word}\n{USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_said_means_everything() {
        let arguments = parse("").unwrap();
        assert_eq!(arguments.parts, ALL);
        assert_eq!((arguments.clients, arguments.files), (64, 1_000_000));
    }

    #[test]
    fn what_is_said_counts() {
        let arguments = parse("rates --clients 3 --seconds 5 --json out.json").unwrap();
        assert_eq!(arguments.parts, [Part::Rates]);
        assert_eq!((arguments.clients, arguments.time.as_secs()), (3, 5));
        assert_eq!(arguments.json, PathBuf::from("out.json"));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, named) in [
            ("--clients", "--clients"),
            ("--clients x", "--clients x"),
            ("rate", "rate"),
            ("--files 0", "--files"),
        ] {
            let text = format!("{:#}", parse(line).unwrap_err());
            assert!(text.contains(named), "{line}: {text}");
        }
    }
}
