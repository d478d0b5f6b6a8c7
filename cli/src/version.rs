//! `alluxio version`.

use crate::{
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    generic_options::CommandLine,
    options::{self, OptionSpec},
    output::{self, Output},
    top::{Inside, TopCommand, finish},
};

pub const VERSION: TopCommand = TopCommand {
    name: "version",
    shown: "version [-r [length]]",
    summary: "Print the version, with -r also the source revision",
    inside: Inside::Options(OPTIONS),
    run: |line, out| finish(&out, run(&line, &out)),
};

const OPTIONS: &[OptionSpec] =
    &[OptionSpec::both("r", "revision", "also print the source revision, or its first characters")
        .with_optional_value("revision_length")];

/// The commit this was built from, when the build says it.
const REVISION: &str = match option_env!("ALLUXIO_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

fn run(line: &CommandLine, out: &Output) -> Result<ExitStatus, CommandError> {
    match text(&line.words) {
        Ok(text) => {
            out.line(text)?;
            Ok(SUCCESS)
        }
        Err(message) => {
            out.line(message)?;
            let width = output::width();
            out.text(options::usage_line(width, "version") + &options::options_table(width, OPTIONS))?;
            Ok(FAILURE)
        }
    }
}

fn text(words: &[String]) -> Result<String, String> {
    let given = options::parse(OPTIONS, words).map_err(|error| error.to_string())?;
    let version = env!("CARGO_PKG_VERSION");
    if !given.has("r") {
        return Ok(version.to_owned());
    }
    let length = match given.value("r") {
        None => REVISION.len(),
        Some(text) => text.parse().map_err(|_| format!("Couldn't parse <{text}> as an integer"))?,
    };
    Ok(format!("{version}-{}", REVISION.chars().take(length).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(line: &str) -> Result<String, String> {
        text(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_revision_is_printed_on_request() {
        let plain = env!("CARGO_PKG_VERSION");
        assert_eq!(version("").unwrap(), plain);
        assert_eq!(version("-r").unwrap(), format!("{plain}-{REVISION}"));
        assert_eq!(version("-r 3").unwrap(), format!("{plain}-{}", &REVISION[..3]));
        assert_eq!(version("-r x").unwrap_err(), "Couldn't parse <x> as an integer");
        assert!(version("--nope").is_err());
    }
}
