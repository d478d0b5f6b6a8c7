//! The original's commands and ours run the same lines against the same cluster: exit codes and both outputs must be
//! equal, but for what the masks take out and the table of differences lists.

mod differences;
mod masks;
mod steps;

use std::{fs, path::Path, time::Duration};

use alluxio_tests::{
    Cluster,
    java::{JavaClient, Kind, Locality, ShellSession},
    process::{Streams, our_binary, run_apart},
    waiting::wait_until,
};
use anyhow::{Result, bail, ensure};

use differences::{DIFFERENCES, Part};
use masks::{Masks, Side};
use steps::STEPS;

const VERSION: &str = "2.9.4";
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn the_same_lines_have_the_same_answers() -> Result<()> {
    let cluster = Cluster::plan().start()?;
    let mut client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
    // What is written is in the under storage at once: no state changes between the two sides' looks at it.
    client.set("alluxio.user.file.writetype.default", "CACHE_THROUGH");
    // For the master that is not there; any other call has its answer at once.
    client.set("alluxio.user.rpc.retry.max.duration", "1s");
    let mut original = Original {
        session: ShellSession::start(&client, Kind::Tools, LIMIT)?,
        side: side(cluster.folder(), "orig")?,
    };
    let ours = Ours {
        properties: client.properties(),
        folder: cluster.folder(),
        side: side(cluster.folder(), "ours")?,
    };
    let masks = Masks::new()?;
    // A master that has just started does not report on its workers yet.
    wait_until(LIMIT, "the safe mode ends", || {
        Ok(ours.run("fsadmin report")?.output.contains("Safe Mode: false"))
    })?;

    let mut wrong = Vec::new();
    for step in STEPS {
        let (expected, answer) = (original.run(step)?, ours.run(step)?);
        let (expected, answer) =
            (masks.apply(step, &original.side, expected), masks.apply(step, &ours.side, answer));
        wrong.extend(judge(step, &expected, &answer));
    }
    wrong.extend(unknown_entries());
    if !wrong.is_empty() {
        bail!("{} of {} lines:\n\n{}", wrong.len(), STEPS.len(), wrong.join("\n\n"));
    }
    drop(original);
    cluster.finish()
}

/// The two sides have names of one length, so that columns stand where they would stand anyway.
fn side(folder: &Path, name: &str) -> Result<Side> {
    let local = folder.join(name);
    fs::create_dir_all(local.join("tree/deep"))?;
    fs::create_dir_all(local.join("mounted"))?;
    for (file, content) in [
        ("small", "one\ntwo\nthree\n".to_owned()),
        ("tree/one", "1\n".repeat(3000)),
        ("tree/deep/two", "2\n".to_owned()),
        ("mounted/under", "u\n".to_owned()),
    ] {
        fs::write(local.join(file), content)?;
    }
    Ok(Side { home: format!("/{name}"), local: local.display().to_string() })
}

struct Original {
    session: ShellSession,
    side: Side,
}

impl Original {
    fn run(&mut self, step: &str) -> Result<Streams> {
        let words = words(step, &self.side)?;
        let done = self.session.try_run(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
        // A shell sees the low eight bits of a status.
        Ok(Streams { code: done.code & 0xff, output: done.text()?, errors: done.errors })
    }
}

struct Ours<'a> {
    properties: Vec<String>,
    folder: &'a Path,
    side: Side,
}

impl Ours<'_> {
    fn run(&self, step: &str) -> Result<Streams> {
        let mut command = our_binary("alluxio")?;
        // The line's own properties come last: they decide.
        command.args(&self.properties).args(words(step, &self.side)?).env_remove("COLUMNS");
        run_apart(step, command, self.folder, LIMIT)
    }
}

/// The words of a line, with the side's own names in them.
fn words(step: &str, side: &Side) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (at, part) in step.split('\'').enumerate() {
        if !at.is_multiple_of(2) { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    ensure!(step.matches('\'').count().is_multiple_of(2), "a quote is not closed in {step}");
    Ok(words
        .into_iter()
        .map(|word| word.replace("{home}", &side.home).replace("{local}", &side.local))
        .collect())
}

/// What is wrong with a pair of answers, if anything.
fn judge(step: &str, expected: &Streams, answer: &Streams) -> Option<String> {
    let found: Vec<Part> = [
        (Part::Code, expected.code != answer.code),
        (Part::Output, expected.output != answer.output),
        (Part::Errors, expected.errors != answer.errors),
    ]
    .into_iter()
    .filter_map(|(part, differs)| differs.then_some(part))
    .collect();
    let entry = DIFFERENCES.iter().find(|difference| difference.steps.contains(&step));
    if found == entry.map_or(&[][..], |entry| entry.parts) {
        return None;
    }
    let listed = entry.map_or("nothing".to_owned(), |entry| format!("{:?} ({})", entry.parts, entry.reason));
    Some(format!(
        "$ alluxio {step}\ndiffers in {found:?}, listed is {listed}\n--- the original: {}\n{}{}--- ours: {}\n{}{}",
        expected.code,
        expected.output,
        marked(expected),
        answer.code,
        answer.output,
        marked(answer)
    ))
}

fn marked(streams: &Streams) -> String {
    streams.errors.lines().map(|line| format!("(errors) {line}\n")).collect()
}

/// Entries of the table that name no step, or a step twice.
fn unknown_entries() -> Vec<String> {
    let all: Vec<_> = DIFFERENCES.iter().flat_map(|difference| difference.steps).collect();
    let wrong = |step: &&&&str| !STEPS.contains(step) || all.iter().filter(|other| other == step).count() > 1;
    all.iter().filter(wrong).map(|step| format!("the table of differences: {step}")).collect()
}

#[test]
fn there_are_enough_lines() {
    assert!(STEPS.len() >= 100);
}

#[test]
fn a_difference_must_be_listed_and_a_listed_one_must_be_there() {
    let answer = |output: &str| Streams { code: 0, output: output.to_owned(), errors: String::new() };
    let listed = DIFFERENCES.iter().find(|entry| entry.parts == [Part::Output]).map(|entry| entry.steps[0]);
    let listed = listed.unwrap_or_default();
    assert!(judge(listed, &answer("a"), &answer("b")).is_none());
    assert!(judge(listed, &answer("a"), &answer("a")).is_some());
    assert!(judge(listed, &answer("a"), &Streams { code: 1, ..answer("b") }).is_some());
    assert!(judge("fs leader", &answer("a"), &answer("a")).is_none());
    assert!(judge("fs leader", &answer("a"), &answer("b")).is_some());
    assert!(unknown_entries().is_empty());
}
