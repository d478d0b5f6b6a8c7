//! `checkConsistency`: whether what Alluxio knows of the under storage is true.

use std::num::NonZero;

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CheckConsistencyPOptions, ExistsPOptions, FileSystemMasterCommonPOptions};
use futures::{StreamExt, stream};

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

pub const CHECK: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "checkConsistency",
        usage: "checkConsistency [-r] [-t|--threads <threads>] <Alluxio path>",
        description: "Compares a persisted file, or all files and directories below a path, with the under storage, and \
            names those that are gone from there or look different. With -r Alluxio takes over what the under storage has; \
            the under storage is not changed, and what is only in Alluxio stays.",
        options: &[
            OptionSpec::short("r", "take over what the under storage has"),
            OptionSpec::both("t", "threads", "for -r: how many paths at a time (twice the processors)")
                .with_value("threads"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let threads = threads(call.given)?;
    let out = &call.shell.out;
    let mut status = SUCCESS;
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            let options = CheckConsistencyPOptions::default();
            let mut found = call.shell.fs().await?.check_consistency(&path.path, options).await?;
            found.sort();
            let found: Vec<_> =
                found.iter().map(|path| AlluxioPath::parse(path)).collect::<Result<_, _>>()?;
            if found.is_empty() {
                return Ok(out.line(format_args!("{path} is consistent with the under storage system."))?);
            }
            if !call.given.has("r") {
                out.line("The following files are inconsistent:")?;
                return found.iter().try_for_each(|path| Ok(out.line(path)?));
            }
            out.line(format_args!(
                "{path} has: {} inconsistent files. Repairing with {threads} threads.",
                found.len()
            ))?;
            if !repair(call, &found, threads).await? {
                status = SHELL_FAILURE;
            }
            Ok(())
        })
        .await?;
    Ok(status)
}

fn threads(given: &Parsed) -> Result<usize, CommandError> {
    let Some(text) = given.value("t") else {
        return Ok(2 * std::thread::available_parallelism().map_or(1, NonZero::get));
    };
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| {
        CommandError::failed(format!("The threads option must be a positive integer but was \"{text}\""))
    })
}

/// False when some could not be repaired; which and why is told.
async fn repair(call: Call<'_>, found: &[AlluxioPath], threads: usize) -> Result<bool, CommandError> {
    let out = &call.shell.out;
    let mut all = true;
    let mut repairs = stream::iter(found)
        .map(|path| async move { (path, repair_one(call, path).await) })
        .buffer_unordered(threads);
    while let Some((path, repaired)) = repairs.next().await {
        out.line(format_args!("repairing path: {path}"))?;
        match repaired {
            Ok(()) => out.line(format_args!("{path} repaired"))?,
            Err(error) => {
                all = false;
                out.line(format_args!("{path} is not repaired: {error}"))?;
            }
        }
        out.line("")?;
        out.flush()?;
    }
    Ok(all)
}

/// By a sync of this one path: what is cached of a file that is the same stays.
async fn repair_one(call: Call<'_>, path: &AlluxioPath) -> Result<(), CommandError> {
    let fs = call.shell.fs().await?;
    let common = FileSystemMasterCommonPOptions { sync_interval_ms: Some(0), ..Default::default() };
    let options = ExistsPOptions { common_options: Some(common), ..ExistsPOptions::default() };
    if !fs.exists(path, options).await? {
        return Ok(());
    }
    let status = call.shell.status(path).await?;
    if status.completed() && !status.persisted() {
        return Err(CommandError::failed(
            "it is only in Alluxio, and the under storage has something else of this name. Move one of them away.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_a_number_above_0() {
        let given = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            threads(&CHECK.spec.parse(&words).unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(given("-t 3 /a"), Ok(3));
        assert!(given("/a").unwrap() >= 2);
        let wrong = "The threads option must be a positive integer but was \"0\"";
        assert_eq!(given("--threads 0 /a").unwrap_err(), wrong);
    }
}
