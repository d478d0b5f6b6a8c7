//! `alluxio getConf`: what a property is set to, and where.

use alluxio_conf::{ConfError, Configuration, Role, Unit};

use crate::{
    connection,
    error::{CommandError, ExitStatus, FAILURE, SHELL_FAILURE, SUCCESS},
    options::{self, OptionSpec, Parsed},
    output::{self, Output},
    process,
    top::{Inside, TopCommand, finish},
};

pub const GET_CONF: TopCommand = TopCommand {
    name: "getConf",
    shown: "getConf [key]",
    summary: "Print the value of a property, or of all",
    inside: Inside::Options(OPTIONS),
    run: |line, out| {
        process::run(line, out, Role::Client, async |conf, words, out| {
            finish(&out, run(&words, &conf, &out).await)
        })
    },
};

const USAGE: &str = "getConf [--unit <arg>] [--source] [--master] [key]";

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::long("master", "print what the leading master uses"),
    OptionSpec::long("source", "print where the value comes from"),
    OptionSpec::long("unit", "print the value in this unit: B, KB, MB, GB, TB, PB, MS, S, M, H or D")
        .with_value("arg"),
];

/// A property as this command shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    name: String,
    value: String,
    source: String,
}

async fn run(words: &[String], conf: &Configuration, out: &Output) -> Result<ExitStatus, CommandError> {
    let given = match options::parse(OPTIONS, words) {
        Ok(given) => given,
        Err(error) => return help(out, &format!("Unable to parse input args: {error}")),
    };
    if given.arguments.len() > 1 {
        return help(out, &format!("More arguments than expected. Args: [{}]", given.arguments.join(", ")));
    }
    let master = if given.has("master") {
        match of_master(conf, out).await {
            Ok(all) => Some(all),
            Err(error) => {
                out.line(format_args!("Unable to get master-side configuration: {error}"))?;
                return Ok(SHELL_FAILURE);
            }
        }
    } else {
        None
    };
    let Some(name) = given.arguments.first() else {
        let all = master.unwrap_or_else(|| of_this_host(conf));
        all.iter().try_for_each(|shown| out.line(line(shown, given.has("source"))))?;
        return Ok(SUCCESS);
    };
    match one(name, &given, conf, master) {
        Ok(text) => {
            out.line(text)?;
            Ok(SUCCESS)
        }
        Err(message) => help(out, &message),
    }
}

fn help(out: &Output, message: &str) -> Result<ExitStatus, CommandError> {
    out.note(message);
    let width = output::width();
    out.text(options::usage_line(width, USAGE) + &options::options_table(width, OPTIONS))?;
    Ok(FAILURE)
}

fn line(shown: &Shown, source: bool) -> String {
    let Shown { name, value, source: from } = shown;
    if source { format!("{name}={value} ({from})") } else { format!("{name}={value}") }
}

/// What the command prints for one property; an empty line when it has no value.
fn one(
    name: &str,
    given: &Parsed,
    conf: &Configuration,
    master: Option<Vec<Shown>>,
) -> Result<String, String> {
    let unit: Option<Unit> =
        given.value("unit").map(str::parse).transpose().map_err(|error: ConfError| error.to_string())?;
    // Also refuses names that are no properties, whoever is asked.
    let value = conf.display(name, unit.filter(|_| master.is_none())).map_err(|error| error.to_string())?;
    let Some(master) = master else {
        return Ok(if given.has("source") {
            conf.source_of(name).to_string()
        } else {
            value.unwrap_or_default()
        });
    };
    let main_name = alluxio_conf::canonical(name);
    let shown = master
        .into_iter()
        .find(|shown| shown.name == main_name)
        .ok_or_else(|| format!("{name} is not found"))?;
    match unit {
        _ if given.has("source") => Ok(shown.source),
        Some(unit) => unit.of(name, &shown.value).map_err(|error| error.to_string()),
        None => Ok(shown.value),
    }
}

fn of_this_host(conf: &Configuration) -> Vec<Shown> {
    let shown = |entry: alluxio_conf::Entry| Shown {
        name: entry.name,
        value: entry.value.unwrap_or_default(),
        source: entry.source.to_string(),
    };
    conf.resolved_entries().into_iter().map(shown).collect()
}

async fn of_master(conf: &Configuration, out: &Output) -> Result<Vec<Shown>, CommandError> {
    let all = connection::master_configuration(conf, out).await?;
    let mut shown: Vec<_> = all
        .into_iter()
        .map(|property| Shown {
            name: property.name.unwrap_or_default(),
            value: property.value.unwrap_or_default(),
            source: property.source.unwrap_or_default(),
        })
        .collect();
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Captured;

    async fn get(line: &str) -> (ExitStatus, String, String) {
        let conf = Configuration::defaults()
            .with(&[("alluxio.master.hostname", "m1"), ("aws.secretKey", "hidden")])
            .unwrap();
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let seen = Captured::default();
        let status = run(&words, &conf, &seen.output()).await.unwrap();
        (status, seen.text(), seen.errors())
    }

    #[tokio::test]
    async fn one_property() {
        assert_eq!(get("alluxio.master.hostname").await, (0, "m1\n".into(), "".into()));
        assert_eq!(get("alluxio.worker.hostname").await, (0, "\n".into(), "".into()));
        assert_eq!(get("--source alluxio.master.hostname").await.1, "RUNTIME\n");
        assert_eq!(get("--source alluxio.master.rpc.port").await.1, "DEFAULT\n");
        assert_eq!(get("--unit KB alluxio.user.block.size.bytes.default").await.1, "65536\n");
        assert_eq!(get("alluxio.user.rpc.retry.max.duration --unit S").await.1, "120\n");
        assert_eq!(get("aws.secretKey").await.1, "******\n");
    }

    #[tokio::test]
    async fn all_properties() {
        let (status, text, _) = get("").await;
        assert_eq!(status, 0);
        assert!(text.contains("\nalluxio.master.hostname=m1\n"));
        assert!(text.contains("\nalluxio.worker.hostname=\n"));
        assert!(!text.contains("hidden"));
        assert!(get("--source").await.1.contains("\nalluxio.master.hostname=m1 (RUNTIME)\n"));
        let names: Vec<_> = text.lines().map(|line| line.split('=').next().unwrap()).collect();
        assert!(names.is_sorted());
    }

    #[tokio::test]
    async fn mistakes_are_told_on_standard_error() {
        for (line, message) in [
            ("alluxio.nope", "alluxio.nope is not a valid configuration key"),
            ("a b", "More arguments than expected. Args: [a, b]"),
            ("--unit parsec alluxio.master.rpc.port", "parsec is not a valid unit"),
            ("--nope", "Unable to parse input args: Unrecognized option: --nope"),
        ] {
            let (status, text, errors) = get(line).await;
            assert_eq!(status, 1, "{line}");
            assert!(errors.starts_with(message), "{errors}");
            assert!(text.starts_with("usage: getConf"), "{text}");
        }
    }
}
