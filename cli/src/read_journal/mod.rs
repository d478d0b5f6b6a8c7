//! `alluxio readJournal`: the records of a journal as text.

mod owner;
mod text;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use alluxio_conf::{Configuration, Role};
use alluxio_journal::{JournalReader, ReadOptions};

use self::owner::Owner;
use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    journal_folder,
    options::{self, OptionSpec},
    output::{self, Output},
    process,
    top::{Inside, TopCommand, finish},
};

pub const READ_JOURNAL: TopCommand = TopCommand {
    name: "readJournal",
    shown: "readJournal",
    summary: "Print the records of a journal as text",
    inside: Inside::Options(OPTIONS),
    run: |line, out| {
        process::run(line, out, Role::Master, async |conf, words, out| {
            finish(&out, run(&words, &conf, &out).await)
        })
    },
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::short("help", "print this text"),
    OptionSpec::short(
        "master",
        "only records of this master (FileSystemMaster, BlockMaster, MetaMaster); all when missing",
    )
    .with_value("arg"),
    OptionSpec::short("start", "the first sequence number (0)").with_value("arg"),
    OptionSpec::short("end", "the sequence number to stop before (none)").with_value("arg"),
    OptionSpec::short("inputDir", "the journal folder (alluxio.master.journal.folder)").with_value("arg"),
    OptionSpec::short("outputDir", "the folder to write edits.txt to (journal_dump-<time>)")
        .with_value("arg"),
    OptionSpec::short("stdout", "print the records instead of writing them to a folder"),
];

/// Stands before each record.
const SEPARATOR_LENGTH: usize = 80;

/// What to read and where to write it.
#[derive(Debug)]
struct Asked {
    owner: Option<Owner>,
    range: ReadOptions,
    input: Option<String>,
    /// None: standard output.
    output: Option<PathBuf>,
}

fn asked(words: &[String]) -> Result<Option<Asked>, String> {
    let given =
        options::parse(OPTIONS, words).map_err(|error| format!("Failed to parse input args: {error}"))?;
    if given.has("help") {
        return Ok(None);
    }
    if let Some(word) = given.arguments.first() {
        return Err(format!("{word} is not an option of readJournal"));
    }
    let sequence = |name: &str| match given.value(name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<u64>().map(Some).map_err(|_| format!("-{name} {text}: write a sequence number"))
        }
    };
    let output = match given.value("outputDir") {
        _ if given.has("stdout") => None,
        Some(dir) => Some(dir.into()),
        None => Some(format!("journal_dump-{}", now_ms()).into()),
    };
    Ok(Some(Asked {
        owner: given.value("master").map(str::parse).transpose()?,
        range: ReadOptions { start: sequence("start")?.unwrap_or(0), end: sequence("end")? },
        input: given.value("inputDir").map(str::to_owned),
        output,
    }))
}

async fn run(words: &[String], conf: &Configuration, out: &Output) -> Result<ExitStatus, CommandError> {
    let asked = match asked(words) {
        Ok(Some(asked)) => asked,
        Ok(None) => return help(out, SUCCESS),
        Err(message) => {
            out.note(message);
            return help(out, FAILURE);
        }
    };
    let Some(folder) = &asked.output else {
        dump(&asked, conf, |text| Ok(out.text(text)?)).await?;
        return Ok(SUCCESS);
    };
    let folder = std::path::absolute(folder).map_err(|error| CommandError::local(folder, error))?;
    out.line(format_args!("Dumping journal of type UFS to {}", folder.display()))?;
    out.flush()?;
    let mut edits = Edits::create(&folder)?;
    let read = dump(&asked, conf, |text| edits.write(text)).await;
    // What was read before the damage is kept, too.
    edits.end()?;
    read.map(|()| SUCCESS)
}

fn help(out: &Output, status: ExitStatus) -> Result<ExitStatus, CommandError> {
    let width = output::width();
    out.text(options::usage_line(width, "readJournal [options]") + &options::options_table(width, OPTIONS))?;
    Ok(status)
}

/// Hands the text of each record to `write`. Damage ends it with file, offset and sequence.
async fn dump(
    asked: &Asked,
    conf: &Configuration,
    mut write: impl FnMut(&str) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let store = match &asked.input {
        Some(folder) => journal_folder::open_folder(conf, folder)?,
        None => journal_folder::open(conf)?,
    };
    let failed =
        |error: alluxio_journal::JournalError| CommandError::failed(format!("Journal tool failed: {error}"));
    let mut reader = JournalReader::open(store, asked.range).await.map_err(failed)?;
    let separator = "-".repeat(SEPARATOR_LENGTH);
    while let Some(record) = reader.next().await.map_err(failed)? {
        let entry = text::decode(&record).map_err(CommandError::Failed)?;
        if asked.owner.is_none_or(|owner| owner.has(&entry)) {
            write(&format!("{separator}\n{}", text::of(&entry)))?;
        }
    }
    Ok(())
}

/// The file that the records are written to.
struct Edits {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Edits {
    fn create(folder: &Path) -> Result<Self, CommandError> {
        std::fs::create_dir_all(folder).map_err(|error| CommandError::local(folder, error))?;
        let path = folder.join("edits.txt");
        let file = File::create(&path).map_err(|error| CommandError::local(&path, error))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, text: &str) -> Result<(), CommandError> {
        self.file.write_all(text.as_bytes()).map_err(|error| CommandError::local(&self.path, error))
    }

    fn end(mut self) -> Result<(), CommandError> {
        self.file.flush().map_err(|error| CommandError::local(&self.path, error))
    }
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis())
}

#[cfg(test)]
#[path = "read_journal_tests.rs"]
mod tests;
