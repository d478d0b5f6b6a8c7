//! `alluxio format` and its parts: empties the journal, and the folders of the worker on this host.

pub(crate) mod journal;
mod worker;

use alluxio_conf::{Configuration, Role, key};
use alluxio_journal::Existing;

use crate::{
    error::{CommandError, ExitStatus, SHELL_FAILURE, SUCCESS},
    generic_options::CommandLine,
    options::OptionSpec,
    output::Output,
    process,
    top::{Inside, TopCommand},
};

pub const FORMAT: TopCommand = TopCommand {
    name: "format",
    shown: "format [-s]",
    summary: "Empty the journal, and the worker's folders on this host (with -s: only before the first use of a local under storage)",
    inside: Inside::Options(OPTIONS),
    run: |line, out| {
        process::run(line, out, Role::Master, async |conf, words, out| format_all(&conf, &words, &out).await)
    },
};

const OPTIONS: &[OptionSpec] =
    &[OptionSpec::short("s", "only when the under storage is a local folder that nobody has made yet")];

pub const FORMAT_MASTERS: TopCommand = TopCommand {
    name: "formatMasters",
    shown: "formatMasters [-s]",
    summary: "The same as formatJournal",
    inside: Inside::Options(JOURNAL_OPTIONS),
    run: format_journal,
};

pub const FORMAT_MASTER: TopCommand = TopCommand {
    name: "formatMaster",
    shown: "formatMaster [-s]",
    summary: "The old name of formatMasters",
    inside: Inside::Options(JOURNAL_OPTIONS),
    run: |line, out| {
        out.note("formatMaster is deprecated - use formatMasters instead");
        format_journal(line, out)
    },
};

pub const FORMAT_JOURNAL: TopCommand = TopCommand {
    name: "formatJournal",
    shown: "formatJournal [-s]",
    summary: "Empty the journal (with -s: make one where there is none, and leave one that is there)",
    inside: Inside::Options(JOURNAL_OPTIONS),
    run: format_journal,
};

const JOURNAL_OPTIONS: &[OptionSpec] =
    &[OptionSpec::short("s", "only where there is no journal yet; one that is there stays as it is")];

pub const FORMAT_WORKER: TopCommand = TopCommand {
    name: "formatWorker",
    shown: "formatWorker",
    summary: "Empty the worker's folders on this host",
    inside: Inside::Nothing,
    run: |line, out| {
        process::run(line, out, Role::Worker, async |conf, words, out| {
            no_arguments(&words, &out).unwrap_or_else(|| done(&out, format_worker(&conf, &out)))
        })
    },
};

fn format_journal(line: CommandLine, out: Output) -> ExitStatus {
    process::run(line, out, Role::Master, async |conf, words, out| {
        let (existing, rest) = match words.split_first() {
            Some((word, rest)) if word == "-s" => (Existing::Keep, rest),
            _ => (Existing::Remove, words.as_slice()),
        };
        match no_arguments(rest, &out) {
            Some(status) => status,
            None => done(&out, format_master(&conf, existing, &out).await),
        }
    })
}

async fn format_all(conf: &Configuration, words: &[String], out: &Output) -> ExitStatus {
    match words {
        [] => {}
        [word] if word == "-s" => {
            if !is_first_use(conf) {
                return SUCCESS;
            }
        }
        _ => {
            out.note("Usage: alluxio format [-s]");
            return WRONG_ARGUMENTS;
        }
    }
    done(
        out,
        async {
            // It is refused while a master uses the journal; the worker must have lost nothing then.
            format_master(conf, Existing::Remove, out).await?;
            format_worker(conf, out)
        }
        .await,
    )
}

/// What the original's script answers to arguments it does not know.
const WRONG_ARGUMENTS: ExitStatus = 2;

fn no_arguments(words: &[String], out: &Output) -> Option<ExitStatus> {
    let word = words.first()?;
    out.note(format_args!("{word}: this command takes no arguments"));
    Some(WRONG_ARGUMENTS)
}

/// Whether the under storage is a local folder that nobody has made yet.
fn is_first_use(conf: &Configuration) -> bool {
    let under_storage = conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
    let local = under_storage.strip_prefix("file://").unwrap_or(&under_storage);
    local.starts_with('/') && !std::path::Path::new(local).exists()
}

fn format_worker(conf: &Configuration, out: &Output) -> Result<(), CommandError> {
    out.line(format_args!("Formatting Alluxio Worker @ {}", host_name()))?;
    worker::format(conf)
}

async fn format_master(conf: &Configuration, existing: Existing, out: &Output) -> Result<(), CommandError> {
    if existing == Existing::Keep
        && let Some(place) = journal::found(conf).await?
    {
        return Ok(out.line(format_args!("There is a journal in {place}: it stays as it is."))?);
    }
    out.line(format_args!("Formatting Alluxio Master @ {}", host_name()))?;
    journal::format(conf, existing, out).await
}

/// Ends a command; a failure is told on standard error, and the status is the original's.
fn done(out: &Output, outcome: Result<(), CommandError>) -> ExitStatus {
    match outcome.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => SUCCESS,
        Err(error) => {
            // What was printed before the failure belongs before it.
            if let Err(lost) = out.flush() {
                tracing::debug!(%lost, "standard output is gone");
            }
            out.note(format_args!("Failed to format: {error}"));
            SHELL_FAILURE
        }
    }
}

fn host_name() -> String {
    nix::unistd::gethostname().map_or("localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_folder_that_is_not_there_is_a_first_use() {
        let dir = tempfile::tempdir().unwrap();
        let first = |ufs: &str| {
            is_first_use(
                &Configuration::defaults().with(&[("alluxio.master.mount.table.root.ufs", ufs)]).unwrap(),
            )
        };
        let path = dir.path().display();
        assert!(first(&format!("{path}/new")));
        assert!(first(&format!("file://{path}/new")));
        assert!(!first(&format!("{path}")));
        assert!(!first("hdfs://namenode:8020/"));
        assert!(!first("s3://bucket/"));
    }
}
