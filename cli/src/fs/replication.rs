//! `setReplication`: how many workers shall hold a file.

use alluxio_proto::grpc::file::SetAttributePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

pub const SET: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "setReplication",
        usage: "setReplication [-R] [--max <num> | --min <num>] <path>",
        description: "Sets how many copies of a file, or with -R of the files in a directory, Alluxio keeps at \
            least and at most. A --max of -1 means no limit.",
        options: &[
            OptionSpec::short("R", "change all that is in a directory, too"),
            OptionSpec::long("max", "the most copies; -1 for no limit").with_value("arg"),
            OptionSpec::long("min", "the least copies").with_value("arg"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, given) = (call.shell, call.given);
    let path = shell.path(&given.arguments[0])?;
    let (max, min) = limits(given)?;
    let options = SetAttributePOptions {
        replication_max: max,
        replication_min: min,
        recursive: Some(given.has("R")),
        ..SetAttributePOptions::default()
    };
    shell.fs().await?.set_attribute(&path.path, options).await?;
    shell.out.line(format_args!("Changed the replication level of {path}"))?;
    for (name, limit) in [("replicationMax", max), ("replicationMin", min)] {
        if let Some(limit) = limit {
            shell.out.line(format_args!("{name} was set to {limit}"))?;
        }
    }
    shell.out.line("")?;
    Ok(SUCCESS)
}

/// The most and the least copies that are asked for.
fn limits(given: &Parsed) -> Result<(Option<i32>, Option<i32>), CommandError> {
    let number = |name: &str| {
        let parse = |text: &str| {
            text.parse::<i32>().map_err(|_| CommandError::failed(format!("--{name} {text}: write a number")))
        };
        given.value(name).map(parse).transpose()
    };
    match (number("max")?, number("min")?) {
        (None, None) => {
            Err(CommandError::failed("At least one option of '--max' or '--min' must be specified"))
        }
        (Some(max), Some(min)) if max >= 0 && max < min => {
            Err(CommandError::failed("Invalid values for '--max' and '--min' options"))
        }
        limits => Ok(limits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Result<(Option<i32>, Option<i32>), String> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        limits(&SET.spec.parse(&words).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_numbers_in_order() {
        assert_eq!(given("--max 3 --min 1 /f"), Ok((Some(3), Some(1))));
        assert_eq!(given("--max -1 --min 5 /f"), Ok((Some(-1), Some(5))));
        assert_eq!(given("--min 5 /f"), Ok((None, Some(5))));
        assert!(given("--max 1 --min 2 /f").unwrap_err().starts_with("Invalid values"));
        assert!(given("/f").unwrap_err().starts_with("At least one option"));
        assert_eq!(given("--max x /f").unwrap_err(), "--max x: write a number");
    }
}
