//! `alluxio clusterMarker`: whose journal it is. The operator runs it in Jobs, so it answers with one line of JSON, also in a file.

mod decide;

use std::{fmt::Display, path::Path, time::Duration};

use alluxio_conf::{Configuration, Role, key};
use alluxio_election::{ZooKeeper, candidates, remove_cluster};
use alluxio_journal::{
    Existing, FORMAT_VERSION, JournalError, Marker, Owner,
    store::{Store, StoreError},
};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use self::decide::{Act, Claim, Refused, Seen};
use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    format::journal,
    journal_folder,
    options::{self, OptionSpec},
    output::{self, Output},
    process,
    top::{Inside, TopCommand, finish},
};

pub const CLUSTER_MARKER: TopCommand = TopCommand {
    name: "clusterMarker",
    shown: "clusterMarker (claim|reads|remove|show)",
    summary: "Make the journal this cluster's, or remove it; for operators of Kubernetes",
    inside: Inside::Words(&["claim", "reads", "remove", "show"]),
    run: |line, out| {
        process::run(line, out, Role::Master, async |conf, words, out| {
            finish(&out, run(&words, &conf, &out).await)
        })
    },
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::long("owner", "claim, remove: who the journal belongs to, as <namespace>/<name>")
        .with_value("name"),
    OptionSpec::long("uid", "claim: what tells this owner from earlier ones of the same name")
        .with_value("uid"),
    OptionSpec::long("known", "claim: the cluster that the journal must be of; nothing is formatted")
        .with_value("id"),
    OptionSpec::long("adopt", "claim: take over the journal of this cluster from another owner")
        .with_value("id"),
    OptionSpec::long(
        "wait",
        "claim: seconds that masters may take which use the journal and end just now; 0",
    )
    .with_value("seconds"),
    OptionSpec::long("cluster", "remove: the cluster whose journal is removed").with_value("id"),
    OptionSpec::long("report", "a file for the answer, beside standard output").with_value("file"),
    OptionSpec::long("help", "print this text"),
];

/// Between two looks at who uses the journal.
const PAUSE: Duration = Duration::from_secs(2);

/// What the command has done, or why it has not.
struct Answer {
    outcome: &'static str,
    cluster: Option<Uuid>,
    message: String,
    done: bool,
}

async fn run(words: &[String], conf: &Configuration, out: &Output) -> Result<ExitStatus, CommandError> {
    let given = match options::parse(OPTIONS, words) {
        Ok(given) if !given.has("help") => given,
        Ok(_) => return help(out, SUCCESS),
        Err(error) => {
            out.note(format_args!("Failed to parse input args: {error}"));
            return help(out, FAILURE);
        }
    };
    let answer = match given.arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["claim"] => claim(conf, &asked(&given)?, seconds(&given, "wait")?, out).await?,
        ["remove"] => remove(conf, required(&given, "owner")?, id(&given, "cluster")?, out).await?,
        ["show"] => show(conf).await?,
        // Of this release, whatever lies anywhere.
        ["reads"] => Answer {
            outcome: "reads",
            cluster: None,
            message: format!("journals up to format {FORMAT_VERSION}"),
            done: true,
        },
        _ => return help(out, FAILURE),
    };
    let line = json!({
        "clusterId": answer.cluster.map(|id| id.to_string()).unwrap_or_default(),
        "outcome": answer.outcome,
        "message": answer.message,
        "readsFormat": FORMAT_VERSION,
    })
    .to_string();
    out.line(&line)?;
    if let Some(file) = given.value("report") {
        std::fs::write(file, &line).map_err(|error| CommandError::local(Path::new(file), error))?;
    }
    Ok(if answer.done { SUCCESS } else { FAILURE })
}

fn help(out: &Output, status: ExitStatus) -> Result<ExitStatus, CommandError> {
    let width = output::width();
    let usage = "clusterMarker (claim|reads|remove|show) [options]";
    out.text(options::usage_line(width, usage) + &options::options_table(width, OPTIONS))?;
    Ok(status)
}

fn required<'a>(given: &'a options::Parsed, name: &str) -> Result<&'a str, CommandError> {
    given.value(name).ok_or_else(|| CommandError::failed(format!("--{name} is missing")))
}

fn id(given: &options::Parsed, name: &str) -> Result<Option<Uuid>, CommandError> {
    let read = |text: &str| {
        text.parse().map_err(|_| CommandError::failed(format!("--{name} {text}: write the id of a cluster")))
    };
    given.value(name).map(read).transpose()
}

fn seconds(given: &options::Parsed, name: &str) -> Result<Duration, CommandError> {
    let read = |text: &str| text.parse().map(Duration::from_secs);
    let wrong = |_| CommandError::failed(format!("--{name}: write a number of seconds"));
    given.value(name).map_or(Ok(Duration::ZERO), read).map_err(wrong)
}

fn asked(given: &options::Parsed) -> Result<Claim, CommandError> {
    let (name, uid) = (required(given, "owner")?, required(given, "uid")?);
    let owner = Owner::new(name, uid)
        .ok_or_else(|| CommandError::failed("--owner and --uid must each be one word".to_owned()))?;
    Ok(Claim { owner, known: id(given, "known")?, adopt: id(given, "adopt")? })
}

async fn claim(
    conf: &Configuration,
    claim: &Claim,
    patience: Duration,
    out: &Output,
) -> Result<Answer, CommandError> {
    let store = journal_folder::open(conf)?;
    let store = store.as_ref();
    let location = store.location();
    let done =
        |outcome, cluster| Answer { outcome, cluster: Some(cluster), message: location.clone(), done: true };
    let refused = |outcome, cluster, why: &dyn Display| {
        let message = format!("{location}: {why}");
        Answer { outcome, cluster, message, done: false }
    };
    let until = Instant::now() + patience;
    loop {
        let decided = decide::decide(&seen(store).await?, claim);
        if let Ok(Act::Leave(_) | Act::HandOver(_)) = decided {
            // A release that cannot read it must not put its masters there.
            alluxio_journal::check_format(store).await.map_err(failed)?;
        }
        return match decided {
            Ok(Act::Format) => {
                let marker = Marker { cluster: Uuid::new_v4(), owner: Some(claim.owner.clone()) };
                let cluster = marker.cluster;
                journal::make(conf, store, marker, Existing::Keep, out).await?;
                Ok(done("formatted", cluster))
            }
            Ok(Act::Leave(cluster)) => Ok(done("adopted", cluster)),
            Ok(Act::HandOver(cluster)) => match hand_over(conf, store, &claim.owner).await? {
                None => Ok(done("adopted", cluster)),
                // An earlier object of the name, whose masters have not ended yet.
                Some(_) if Instant::now() < until => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                // Without an id: to name it would not help.
                Some(by) => Ok(refused(
                    "foreign",
                    None,
                    &format_args!("the journal of cluster {cluster} is in use by {by}: stop that first"),
                )),
            },
            Err(why) => {
                let (outcome, cluster) = match &why {
                    Refused::Missing => ("missing", claim.known),
                    Refused::NothingToAdopt(_) => ("missing", None),
                    Refused::Foreign { cluster, .. } => ("foreign", *cluster),
                };
                Ok(refused(outcome, cluster, &why))
            }
        };
    }
}

/// By the marker alone: whose a journal is can be told, and it can be removed, where its records cannot be read.
async fn seen(store: &dyn Store) -> Result<Seen, CommandError> {
    match alluxio_journal::marker(store).await {
        Ok(marker) => Ok(Seen::Journal(marker)),
        Err(JournalError::NotFormatted { .. }) => Ok(Seen::Nothing),
        Err(JournalError::HalfDeleted { cluster, owner, .. }) => {
            Ok(Seen::HalfDeleted(Marker { cluster, owner }))
        }
        Err(JournalError::Java { found, .. }) => Ok(Seen::Java(found)),
        Err(error) => Err(failed(error)),
    }
}

/// Gives the journal to that owner, unless somebody uses it, who is told then: another cluster may have the same name elsewhere, and the same
/// folder by mistake.
async fn hand_over(
    conf: &Configuration,
    store: &dyn Store,
    owner: &Owner,
) -> Result<Option<String>, CommandError> {
    if conf.get(key::ZOOKEEPER_ENABLED) {
        let masters = candidates(&ZooKeeper::of(conf)?).await?;
        if !masters.is_empty() {
            return Ok(Some(format!("masters that stand for election ({})", masters.join(", "))));
        }
    }
    match alluxio_journal::hand_over(store, owner.clone()).await {
        Ok(_) => Ok(None),
        Err(JournalError::Store(StoreError::InUse { by, .. })) => Ok(Some(by)),
        Err(error) => Err(failed(error)),
    }
}

async fn remove(
    conf: &Configuration,
    owner: &str,
    cluster: Option<Uuid>,
    out: &Output,
) -> Result<Answer, CommandError> {
    let cluster = cluster.ok_or_else(|| CommandError::failed("--cluster is missing".to_owned()))?;
    let store = journal_folder::open(conf)?;
    let location = store.location();
    let answer = |outcome, done, message| Answer { outcome, cluster: Some(cluster), message, done };
    let outcome = match seen(store.as_ref()).await? {
        Seen::Nothing => "absent",
        Seen::Java(found) => return Err(failed(JournalError::Java { location, found })),
        Seen::Journal(marker) | Seen::HalfDeleted(marker)
            if marker.cluster != cluster || marker.owner.as_ref().is_some_and(|own| own.name != owner) =>
        {
            let whose = marker.owner.map_or("nobody in particular".to_owned(), |owner| owner.name);
            let message = format!(
                "{location} is the journal of cluster {}, of {whose}: it is left alone",
                marker.cluster
            );
            return Ok(answer("foreign", false, message));
        }
        Seen::Journal(_) | Seen::HalfDeleted(_) => {
            alluxio_journal::delete(store.as_ref(), cluster).await.map_err(failed)?;
            "removed"
        }
    };
    out.flush()?;
    if conf.get(key::ZOOKEEPER_ENABLED) {
        remove_cluster(&ZooKeeper::of(conf)?).await?;
    }
    Ok(answer(outcome, true, location))
}

async fn show(conf: &Configuration) -> Result<Answer, CommandError> {
    let store = journal_folder::open(conf)?;
    let location = store.location();
    let (outcome, marker) = match seen(store.as_ref()).await? {
        Seen::Nothing => {
            return Ok(Answer { outcome: "absent", cluster: None, message: location, done: true });
        }
        Seen::Java(found) => return Err(failed(JournalError::Java { location, found })),
        Seen::Journal(marker) => ("present", marker),
        Seen::HalfDeleted(marker) => ("deleting", marker),
    };
    let whose = marker.owner.map_or(String::new(), |owner| format!(" of {}", owner.name));
    let message = format!("{location}{whose}");
    Ok(Answer { outcome, cluster: Some(marker.cluster), message, done: true })
}

fn failed(error: JournalError) -> CommandError {
    CommandError::failed(error.to_string())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
