//! `alluxio clusterMarker`: whose journal it is. The operator runs it in Jobs, so it answers with one line of JSON, also in a file.

mod decide;

use std::path::Path;

use alluxio_conf::{Configuration, Role, key};
use alluxio_election::{ZooKeeper, forget_cluster, remove_cluster};
use alluxio_fs::ErrorKind;
use alluxio_journal::{Existing, JournalError, Marker, Owner, store::FolderState};
use serde_json::json;
use uuid::Uuid;

use self::decide::{Act, Claim, Refused, Seen};
use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    journal_folder,
    options::{self, OptionSpec},
    output::{self, Output},
    process,
    top::{Inside, TopCommand, finish},
};

pub const CLUSTER_MARKER: TopCommand = TopCommand {
    name: "clusterMarker",
    shown: "clusterMarker (claim|remove|show)",
    summary: "Make the journal this cluster's, or remove it; for operators of Kubernetes",
    inside: Inside::Words(&["claim", "remove", "show"]),
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
    OptionSpec::long("cluster", "remove: the cluster whose journal is removed").with_value("id"),
    OptionSpec::long("report", "a file for the answer, beside standard output").with_value("file"),
    OptionSpec::long("help", "print this text"),
];

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
        ["claim"] => claim(conf, &asked(&given)?, out).await?,
        ["remove"] => remove(conf, required(&given, "owner")?, id(&given, "cluster")?, out).await?,
        ["show"] => show(conf).await?,
        _ => return help(out, FAILURE),
    };
    let line = json!({
        "clusterId": answer.cluster.map(|id| id.to_string()).unwrap_or_default(),
        "outcome": answer.outcome,
        "message": answer.message,
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
    let usage = "clusterMarker (claim|remove|show) [options]";
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

fn asked(given: &options::Parsed) -> Result<Claim, CommandError> {
    let (name, uid) = (required(given, "owner")?, required(given, "uid")?);
    let owner = Owner::new(name, uid)
        .ok_or_else(|| CommandError::failed("--owner and --uid must each be one word".to_owned()))?;
    Ok(Claim { owner, known: id(given, "known")?, adopt: id(given, "adopt")? })
}

async fn claim(conf: &Configuration, claim: &Claim, out: &Output) -> Result<Answer, CommandError> {
    let store = journal_folder::open(conf)?;
    let seen = match store.state().await.map_err(|error| CommandError::failed(error.to_string()))? {
        FolderState::Formatted => {
            Seen::Journal(alluxio_journal::marker(store.as_ref()).await.map_err(failed)?)
        }
        FolderState::NotFormatted => Seen::Nothing,
        FolderState::Java(found) => Seen::Java(found),
    };
    let location = store.location();
    let done =
        |outcome, cluster| Answer { outcome, cluster: Some(cluster), message: location.clone(), done: true };
    match decide::decide(&seen, claim) {
        Ok(Act::Format) => {
            if conf.get(key::ZOOKEEPER_ENABLED) {
                free_election(conf, out).await?;
            }
            let marker = Marker { cluster: Uuid::new_v4(), owner: Some(claim.owner.clone()) };
            let cluster = marker.cluster;
            alluxio_journal::format_for(store.as_ref(), marker, Existing::Keep).await.map_err(failed)?;
            Ok(done("formatted", cluster))
        }
        Ok(Act::Leave(cluster)) => Ok(done("adopted", cluster)),
        Ok(Act::HandOver(cluster)) => {
            alluxio_journal::hand_over(store.as_ref(), claim.owner.clone()).await.map_err(failed)?;
            Ok(done("adopted", cluster))
        }
        Err(refused) => {
            let (outcome, cluster) = match &refused {
                Refused::Missing => ("missing", claim.known),
                Refused::Foreign { cluster, .. } => ("foreign", *cluster),
            };
            Ok(Answer { outcome, cluster, message: format!("{location}: {refused}"), done: false })
        }
    }
}

/// As before every format: the new cluster may elect there.
async fn free_election(conf: &Configuration, out: &Output) -> Result<(), CommandError> {
    match forget_cluster(&ZooKeeper::of(conf)?).await {
        Err(error) if error.kind == ErrorKind::Unavailable => {
            out.note(format_args!("{} The journal is formatted all the same.", error.message));
            Ok(())
        }
        outcome => Ok(outcome?),
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
    let outcome = match alluxio_journal::marker(store.as_ref()).await {
        Err(JournalError::NotFormatted { .. }) => "absent",
        Ok(marker)
            if marker.cluster != cluster || marker.owner.as_ref().is_some_and(|own| own.name != owner) =>
        {
            let whose = marker.owner.map_or("nobody in particular".to_owned(), |owner| owner.name);
            let message = format!(
                "{location} is the journal of cluster {}, of {whose}: it is left alone",
                marker.cluster
            );
            return Ok(answer("foreign", false, message));
        }
        Ok(_) => {
            alluxio_journal::delete(store.as_ref(), cluster).await.map_err(failed)?;
            "removed"
        }
        Err(error) => return Err(failed(error)),
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
    match alluxio_journal::marker(store.as_ref()).await {
        Ok(marker) => {
            let whose = marker.owner.map_or(String::new(), |owner| format!(" of {}", owner.name));
            let message = format!("{location}{whose}");
            Ok(Answer { outcome: "present", cluster: Some(marker.cluster), message, done: true })
        }
        Err(JournalError::NotFormatted { .. }) => {
            Ok(Answer { outcome: "absent", cluster: None, message: location, done: true })
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: JournalError) -> CommandError {
    CommandError::failed(error.to_string())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
