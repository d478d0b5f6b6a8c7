//! `load`: brings files into Alluxio, one after the other, and waits until they are there; or has the master do it, on all
//! workers, in the background.

use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_proto::grpc::file::{
    FileInfo, JobProgressPOptions, JobProgressReportFormat, ListStatusPOptions, LoadJobPOptions,
};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, ExitStatus, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

/// What scripts know from the original: there is no such job.
const NO_JOB: ExitStatus = 254;

/// What is asked of the master about its load jobs.
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
            until they are there. With --submit the master does it in the background, on all workers, and passes over what \
            is there; --progress tells how far it is. When another master takes over, it goes on with the load.",
        options: &[
            OptionSpec::long("bandwidth", "for --submit: how much a worker may read per second (100MB)")
                .with_value("arg"),
            OptionSpec::long("format", "for --progress: TEXT or JSON").with_value("arg"),
            OptionSpec::long("local", "load onto the worker of this host, whatever other workers have"),
            OptionSpec::long("partial-listing", "for --submit: begin before the whole directory is listed"),
            OptionSpec::long("progress", "print how far the load job of this path is"),
            OptionSpec::long("stop", "stop the load job of this path"),
            OptionSpec::long(
                "submit",
                "let the master load in the background, or change the options of a job",
            ),
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
        return job(call, text).await;
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

/// What one of the job actions does.
async fn job(call: Call<'_>, text: &str) -> Outcome {
    let (out, given) = (&call.shell.out, call.given);
    let path = call.shell.path(text)?;
    if path.has_wildcard() {
        return Err(CommandError::Usage("Load does not support wildcard path".to_owned()));
    }
    let fs = call.shell.fs().await?;
    if given.has("submit") {
        let options = job_options(given)?;
        match fs.submit_load(&path.path, options).await? {
            Some(id) => out.line(format_args!("Load '{path}' is successfully submitted. JobId: {id}"))?,
            None => {
                let bandwidth =
                    options.bandwidth.map_or("unlimited".to_owned(), |bandwidth| bandwidth.to_string());
                out.line(format_args!(
                    "Load already running for path '{path}', updated the job with new bandwidth: {bandwidth}, verify: {}",
                    options.verify()
                ))?;
            }
        }
        return Ok(SUCCESS);
    }
    if given.has("stop") {
        if fs.stop_load(&path.path).await? {
            out.line(format_args!("Load '{path}' is successfully stopped."))?;
        } else {
            out.line(format_args!(
                "Cannot find load job for path {path}, it might have already been stopped or finished"
            ))?;
        }
        return Ok(SUCCESS);
    }
    let format = match given.value("format").map(str::to_ascii_uppercase).as_deref() {
        None | Some("TEXT") => JobProgressReportFormat::Text,
        Some("JSON") => JobProgressReportFormat::Json,
        Some(other) => return Err(CommandError::Usage(format!("--format {other}: write TEXT or JSON"))),
    };
    let options = JobProgressPOptions { format: Some(format as i32), verbose: Some(given.has("verbose")) };
    out.line(format_args!("Progress for loading path '{path}':"))?;
    match fs.load_progress(&path.path, options).await {
        Ok(report) => {
            out.line(report)?;
            Ok(SUCCESS)
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            out.line(format_args!("Load for path '{path}' cannot be found."))?;
            Ok(NO_JOB)
        }
        Err(error) => Err(error.into()),
    }
}

fn job_options(given: &Parsed) -> Result<LoadJobPOptions, CommandError> {
    let bandwidth = given.value("bandwidth").map(|text| {
        let bytes = alluxio_conf::parse::size(text).ok().and_then(|bytes| i64::try_from(bytes).ok());
        bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
            CommandError::Usage(format!("--bandwidth {text}: write bytes a second, as 1048576 or 10MB"))
        })
    });
    Ok(LoadJobPOptions {
        bandwidth: bandwidth.transpose()?,
        verify: Some(given.has("verify")),
        partial_listing: Some(given.has("partial-listing")),
    })
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
        let options = |line: &str| job_options(&given(line)).map_err(|error| error.to_string());
        let all = options("/a --submit --bandwidth 2MB --verify --partial-listing").unwrap();
        assert_eq!((all.bandwidth, all.verify, all.partial_listing), (Some(2 << 20), Some(true), Some(true)));
        assert_eq!(options("/a --submit").unwrap().bandwidth, None);
        assert!(options("/a --submit --bandwidth 0").unwrap_err().starts_with("--bandwidth 0: "));
    }
}
