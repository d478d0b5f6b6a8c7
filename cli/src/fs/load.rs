//! `load`: brings files into Alluxio, one after the other, and waits until they are there.

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileInfo, ListStatusPOptions};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

/// What the masters of the original do on their own; here the command itself loads.
const JOB_ACTIONS: [&str; 3] = ["submit", "stop", "progress"];

pub const LOAD: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "load",
        usage: "For backward compatibility: load [--local] <path>\n\
            For distributed load:\n\
            \tload <path> --submit [--bandwidth N] [--verify] [--partial-listing]\n\
            \tload <path> --stop\n\
            \tload <path> --progress [--format TEXT|JSON] [--verbose]\n",
        description: "Reads a file, or all files in a directory, from the under storage into Alluxio, and waits \
            until they are there. The options for load jobs (--submit and those below it) are not part of this \
            version.",
        options: &[
            OptionSpec::long("bandwidth", "for --submit: how much a worker may read per second")
                .with_value("arg"),
            OptionSpec::long("format", "for --progress: TEXT or JSON").with_value("arg"),
            OptionSpec::long("local", "load onto the worker of this host, whatever other workers have"),
            OptionSpec::long("partial-listing", "for --submit: begin before the whole directory is listed"),
            OptionSpec::long("progress", "print how far a load job is (not in this version)"),
            OptionSpec::long("stop", "stop a load job (not in this version)"),
            OptionSpec::long("submit", "let the master load in the background (not in this version)"),
            OptionSpec::long("verbose", "for --progress: with all errors"),
            OptionSpec::long("verify", "for --submit: look for new files at the end"),
        ],
        arguments: ArgumentCount::AtLeast(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let text = &call.given.arguments[0];
    if !is_synchronous(call.given) {
        if JOB_ACTIONS.iter().filter(|action| call.given.has(action)).count() != 1 {
            return Err(CommandError::Usage("Must have one of submit / stop / progress".to_owned()));
        }
        call.shell.out.line(format_args!(
            "Load jobs (--submit, --stop, --progress) are not part of this version. `alluxio fs load {text}` loads \
             at once and returns when all is in Alluxio."
        ))?;
        return Ok(SHELL_FAILURE);
    }
    let local = call.given.has("local");
    call.shell
        .each_path(text, async |path| {
            let info = call.shell.status(&path.path).await?;
            load(call, path, &info, local).await
        })
        .await?;
    Ok(SUCCESS)
}

fn is_synchronous(given: &Parsed) -> bool {
    given.option_count() == 0 || (given.option_count() == 1 && given.has("local"))
}

/// Loads a file, or what is in a directory; a directory is told after its entries.
async fn load(call: Call<'_>, path: &ShellPath, info: &FileInfo, local: bool) -> Result<(), CommandError> {
    /// What is still to be done, the next at the end.
    enum Step {
        Load(ShellPath, Box<FileInfo>),
        Tell(ShellPath),
    }
    let out = &call.shell.out;
    let mut steps = vec![Step::Load(path.clone(), Box::new(info.clone()))];
    while let Some(step) = steps.pop() {
        match step {
            Step::Load(path, info) if info.folder() => {
                let found = call.shell.list(&path.path, ListStatusPOptions::default()).await?;
                steps.push(Step::Tell(path));
                for info in found.into_iter().rev() {
                    let path = ShellPath::plain(AlluxioPath::parse(info.path())?);
                    steps.push(Step::Load(path, Box::new(info)));
                }
            }
            Step::Load(path, info) => load_file(call, &path, &info, local).await?,
            Step::Tell(path) => out.line(format_args!("{path} loaded"))?,
        }
        // A long load shows what is done.
        out.flush()?;
    }
    Ok(())
}

async fn load_file(
    call: Call<'_>,
    path: &ShellPath,
    info: &FileInfo,
    local: bool,
) -> Result<(), CommandError> {
    let (out, fs) = (&call.shell.out, call.shell.fs().await?);
    if local && !fs.has_local_worker().await? {
        return Ok(out.line("When local option is specified, there must be a local worker available")?);
    }
    if !local && info.in_alluxio_percentage() == 100 {
        return Ok(out.line(format_args!("{path} already in Alluxio fully"))?);
    }
    fs.load(info, local).await?;
    Ok(out.line(format_args!("{path} loaded"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_goes_with_a_load_of_the_old_kind() {
        let given = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            LOAD.spec.parse(&words).unwrap()
        };
        assert!(is_synchronous(&given("/a")));
        assert!(is_synchronous(&given("--local /a")));
        assert!(!is_synchronous(&given("/a --submit")));
        assert!(!is_synchronous(&given("/a --local --submit")));
        assert!(!is_synchronous(&given("/a --verify")));
    }
}
