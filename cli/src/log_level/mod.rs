//! `alluxio logLevel`: asks running servers for the level of a logger, or changes it.

mod target;

use alluxio_conf::{Configuration, Role};
use http::Method;
use serde_json::Value;

use self::target::Target;
use crate::{
    connection,
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    options::{self, OptionSpec},
    output::{self, Output},
    process,
    top::{Inside, TopCommand, finish},
    web_request,
};

pub const LOG_LEVEL: TopCommand = TopCommand {
    name: "logLevel",
    shown: "logLevel",
    summary: "Print or change the log level of running servers",
    inside: Inside::Options(OPTIONS),
    run: |line, out| {
        process::run(line, out, Role::Client, async |conf, words, out| {
            finish(&out, run(&words, &conf, &out).await)
        })
    },
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::long("level", "the level to set (TRACE, DEBUG, INFO, WARN, ERROR, OFF); without it the level is printed")
        .with_value("arg"),
    OptionSpec::long("logName", "the logger, for example alluxio_master::block").with_value("arg").required(),
    OptionSpec::long("target", "whom to ask, separated by commas: master, workers or host:webPort[:role]; master and all workers when missing")
        .with_value("arg"),
];

async fn run(words: &[String], conf: &Configuration, out: &Output) -> Result<ExitStatus, CommandError> {
    let given = match options::parse(OPTIONS, words) {
        Ok(given) => given,
        Err(error) => {
            out.note(format_args!("Unable to parse input args: {error}"));
            let width = output::width();
            let usage = "logLevel --logName <arg> [--target <arg>] [--level <arg>]";
            out.text(options::usage_line(width, usage) + &options::options_table(width, OPTIONS))?;
            return Ok(FAILURE);
        }
    };
    let logger = given.value("logName").unwrap_or_default();
    let level = given.value("level").filter(|level| !level.is_empty());
    let mut targets = Vec::new();
    for word in given.value("target").unwrap_or("master,workers").split(',').map(str::trim) {
        targets.extend(find(word, conf, out).await?);
    }
    for target in targets {
        let path = target.request(logger, level);
        let answer = web_request::ask(Method::POST, &target.host, target.port, &path).await;
        let answer = answer.map_err(|reason| {
            CommandError::failed(format!("Failed to set log level on {target}: {reason}"))
        })?;
        out.line(format_args!("{target}{}", shown(&answer)))?;
    }
    Ok(SUCCESS)
}

/// The servers that a word of `--target` means.
async fn find(word: &str, conf: &Configuration, out: &Output) -> Result<Vec<Target>, CommandError> {
    match word {
        "master" | "masters" => {
            if word == "masters" {
                out.line(
                    "The log level is set on the leading master only: the target is master, not masters.",
                )?;
            }
            let host = connection::leader(conf, out).await?.host;
            Ok(vec![Target::master(host, conf)])
        }
        "workers" => {
            let workers = connection::workers(conf, out).await?;
            if workers.is_empty() {
                return Err(CommandError::failed("No workers found"));
            }
            Ok(workers.iter().map(Target::worker).collect())
        }
        word => {
            let target = Target::parse(word, conf).map_err(CommandError::Failed)?;
            out.line(format_args!("Role inferred from port: {target}"))?;
            Ok(vec![target])
        }
    }
}

/// An answer `{"level":…,"logName":…,"message":…}` as the original prints it.
fn shown(answer: &Value) -> String {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("LogInfo{{{}, {}, {}}}", text("level"), text("logName"), text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shown_in_one_line() {
        let answer =
            serde_json::json!({"level": "INFO", "logName": "a::b", "message": "Setting Level to INFO"});
        assert_eq!(shown(&answer), "LogInfo{INFO, a::b, Setting Level to INFO}");
        assert_eq!(
            shown(&serde_json::json!({"level": "WARN", "logName": "a", "message": null})),
            "LogInfo{WARN, a, }"
        );
    }

    #[tokio::test]
    async fn the_logger_must_be_named() {
        let seen = crate::output::Captured::default();
        let status = run(&[], &Configuration::defaults(), &seen.output()).await.unwrap();
        assert_eq!(status, 1);
        assert_eq!(seen.errors(), "Unable to parse input args: Missing required option: logName\n");
    }
}
