//! What the command line says.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use crate::{failover::Fault, stores::Kind, system::Side};

const USAGE: &str = "alluxio-bench [PART...] [--quick] [--sides ours,original] [--clients N] [--seconds N] [--files N] \
    [--original-files N] [--growth-seconds N] [--rounds N] [--faults sigterm,restart,death,datanode] \
    [--tree N] [--journal folder|hdfs] [--stores s3,hdfs] [--objects N] [--megabytes N] [--json FILE]\n\
    parts: startup, rates, growth when none is named; failover, listing, cold-read";

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Startup,
    Rates,
    Growth,
    /// These take their time: only when they are named.
    Failover,
    Listing,
    ColdRead,
}

/// Where a journal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalPlace {
    /// A folder that all masters see.
    Folder,
    Hdfs,
}

impl FromStr for JournalPlace {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "folder" => Ok(Self::Folder),
            "hdfs" => Ok(Self::Hdfs),
            _ => bail!("{word} is neither folder nor hdfs"),
        }
    }
}

const UNASKED: [Part; 3] = [Part::Startup, Part::Rates, Part::Growth];

/// What to measure, and how much of it.
#[derive(Debug)]
pub struct Arguments {
    pub parts: Vec<Part>,
    pub sides: Vec<Side>,
    /// Starts of which the median is reported.
    pub starts: usize,
    /// A process that holds nothing is idle for so long before its memory is read.
    pub idle: Duration,
    /// Clients at once, each with a connection and a session of its own.
    pub clients: usize,
    /// How long each operation is called before it is measured.
    pub warm_up: Duration,
    /// How long a rate is measured.
    pub time: Duration,
    /// Files that are there before the tree.
    pub files_before: u64,
    /// Files of our large tree.
    pub files: u64,
    /// Files of the original's: it makes them more slowly.
    pub original_files: u64,
    /// The tree is as large as it is after this time.
    pub growth_time: Duration,
    /// How long memory may take to settle.
    pub settle: Duration,
    /// Faults of each kind.
    pub rounds: usize,
    /// How leaders go.
    pub faults: Vec<Fault>,
    /// Files that the masters hold when their leaders go.
    pub tree: u64,
    /// Where ours keep their journal when their leaders go.
    pub journal: JournalPlace,
    /// Under storages that are listed and read.
    pub stores: Vec<Kind>,
    /// Files of the tree that is listed there.
    pub objects: u64,
    /// The size of the file that is read there.
    pub megabytes: u64,
    /// Where the results go.
    pub json: PathBuf,
}

impl Arguments {
    /// The values that `docs/benchmarks.md` names.
    fn in_full() -> Arguments {
        Arguments {
            parts: Vec::new(),
            sides: vec![Side::Ours, Side::Original],
            starts: 3,
            idle: Duration::from_secs(5),
            clients: 64,
            warm_up: Duration::from_secs(8),
            time: Duration::from_secs(15),
            files_before: 10_000,
            files: 1_000_000,
            original_files: 100_000,
            growth_time: Duration::from_secs(240),
            settle: Duration::from_secs(40),
            rounds: 20,
            faults: Fault::ALL.to_vec(),
            tree: 0,
            journal: JournalPlace::Folder,
            stores: vec![Kind::S3, Kind::Hdfs],
            objects: 100_000,
            megabytes: 1_024,
            json: PathBuf::from("benchmarks.json"),
        }
    }

    /// Everything of ours, each part as small as it can be: a test that it works, no figures.
    fn quick() -> Arguments {
        Arguments {
            sides: vec![Side::Ours],
            starts: 1,
            idle: Duration::ZERO,
            clients: 8,
            warm_up: Duration::from_millis(100),
            time: Duration::from_secs(1),
            files_before: 1_000,
            files: 1_000,
            growth_time: Duration::from_secs(10),
            settle: Duration::ZERO,
            rounds: 1,
            objects: 2_000,
            megabytes: 64,
            ..Self::in_full()
        }
    }

    /// Reads the arguments. What is said counts, wherever `--quick` stands.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Arguments> {
        let words: Vec<String> = words.collect();
        let quick = words.iter().any(|word| word == "--quick");
        let mut arguments = if quick { Self::quick() } else { Self::in_full() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "startup" => arguments.parts.push(Part::Startup),
                "rates" => arguments.parts.push(Part::Rates),
                "growth" => arguments.parts.push(Part::Growth),
                "failover" => arguments.parts.push(Part::Failover),
                "listing" => arguments.parts.push(Part::Listing),
                "cold-read" => arguments.parts.push(Part::ColdRead),
                "--quick" => {}
                "--sides" => arguments.sides = list(&word, words.next())?,
                "--stores" => arguments.stores = list(&word, words.next())?,
                "--objects" => arguments.objects = value(&word, words.next())?,
                "--megabytes" => arguments.megabytes = value(&word, words.next())?,
                "--clients" => arguments.clients = value(&word, words.next())?,
                "--seconds" => arguments.time = Duration::from_secs(value(&word, words.next())?),
                "--files" => arguments.files = value(&word, words.next())?,
                "--original-files" => arguments.original_files = value(&word, words.next())?,
                "--growth-seconds" => {
                    arguments.growth_time = Duration::from_secs(value(&word, words.next())?)
                }
                "--tree" => arguments.tree = value(&word, words.next())?,
                "--journal" => arguments.journal = value::<String>(&word, words.next())?.parse()?,
                "--faults" => arguments.faults = list(&word, words.next())?,
                "--rounds" => arguments.rounds = value(&word, words.next())?,
                "--json" => arguments.json = value(&word, words.next())?,
                _ => bail!("unknown argument {word}\n{USAGE}"),
            }
        }
        // A rate needs a second at least; the tree, one full directory.
        ensure!((1..=10_000).contains(&arguments.clients), "--clients takes 1 to 10000");
        for (name, time) in [("--seconds", arguments.time), ("--growth-seconds", arguments.growth_time)] {
            ensure!((1..=3_600).contains(&time.as_secs()), "{name} takes 1 to 3600");
        }
        for (name, files) in [("--files", arguments.files), ("--original-files", arguments.original_files)] {
            ensure!((1_000..=100_000_000).contains(&files), "{name} takes 1000 to 100000000");
        }
        ensure!((1..=10_000_000).contains(&arguments.objects), "--objects takes 1 to 10000000");
        ensure!((1..=10_240).contains(&arguments.megabytes), "--megabytes takes 1 to 10240");
        ensure!(arguments.tree <= 100_000_000, "--tree takes 0 to 100000000");
        ensure!(
            arguments.journal == JournalPlace::Folder || arguments.sides == [Side::Ours],
            "--journal hdfs goes with --sides ours: the published programs of the original here know no HDFS"
        );
        ensure!((1..=1_000).contains(&arguments.rounds), "--rounds takes 1 to 1000");
        if arguments.parts.is_empty() {
            arguments.parts = UNASKED.to_vec();
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

fn list<T: FromStr<Err = anyhow::Error>>(name: &str, words: Option<String>) -> Result<Vec<T>> {
    let words: String = value(name, words)?;
    words.split(',').map(str::parse).collect()
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
        assert_eq!(arguments.parts, UNASKED);
        assert_eq!(arguments.sides, [Side::Ours, Side::Original]);
        assert_eq!((arguments.clients, arguments.files), (64, 1_000_000));
    }

    #[test]
    fn what_is_said_counts() {
        let arguments = parse("rates --clients 3 --seconds 5 --json out.json --sides original").unwrap();
        assert_eq!((arguments.parts, arguments.sides), (vec![Part::Rates], vec![Side::Original]));
        assert_eq!((arguments.clients, arguments.time.as_secs()), (3, 5));
        assert_eq!(arguments.json, PathBuf::from("out.json"));
        let arguments = parse("--seconds 2 --quick").unwrap();
        assert_eq!((arguments.time.as_secs(), arguments.files), (2, 1_000));
        let arguments = parse("listing cold-read --stores hdfs --objects 7").unwrap();
        assert_eq!(arguments.parts, [Part::Listing, Part::ColdRead]);
        assert_eq!((arguments.stores, arguments.objects), (vec![Kind::Hdfs], 7));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, named) in [
            ("--clients", "--clients"),
            ("--clients x", "--clients x"),
            ("rate", "rate"),
            ("--files 0", "--files"),
            ("failover --rounds 0", "--rounds"),
            ("failover --journal s3", "s3"),
            ("failover --faults fire", "fire"),
            ("failover --journal hdfs", "--sides ours"),
            ("--growth-seconds 0", "--growth-seconds"),
            ("--sides theirs", "theirs"),
            ("--stores nfs", "nfs"),
            ("--objects 0", "--objects"),
            ("--megabytes 0", "--megabytes"),
        ] {
            let text = format!("{:#}", parse(line).unwrap_err());
            assert!(text.contains(named), "{line}: {text}");
        }
    }
}
