//! `cp`, `copyFromLocal` and `copyToLocal`: copies inside Alluxio, and between it and this machine.

mod from_local;
mod inside;
mod to_local;

use std::{
    fmt,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

use alluxio_proto::grpc::file::FileInfo;

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
};

/// How much is read from a local file at a time.
const DEFAULT_BUFFER: usize = 8 << 20;
/// The largest buffer that is taken from the command line.
const MAX_BUFFER: usize = 1 << 30;

const THREAD: OptionSpec =
    OptionSpec::long("thread", "how many files are copied at a time (twice the number of processors)")
        .with_value("threads");
const BUFFER_SIZE: OptionSpec =
    OptionSpec::long("buffersize", "how many bytes of a local file are read at a time (8 MB)")
        .with_value("buffer size");

pub const COPY: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "cp",
        usage: "cp [-R/-r/--recursive] [--buffersize <bytes>] <src> <dst>",
        description: "Copies files, and with -R directories, inside Alluxio, from this machine or to it. Paths on \
            this machine are written file:///path.",
        options: &[
            OptionSpec::both("R", "recursive", "copy directories with all that is in them"),
            OptionSpec::short("r", "the same as -R"),
            THREAD,
            BUFFER_SIZE,
            OptionSpec::both("p", "preserve", "keep owner, group, permissions and access control list"),
        ],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(copy(call)),
};

pub const FROM_LOCAL: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "copyFromLocal",
        usage: "copyFromLocal [--thread <num>] [--buffersize <bytes>] <src> <remoteDst>",
        description: "Copies a file or directory of this machine to Alluxio.",
        options: &[THREAD, BUFFER_SIZE],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(copy_from_local(call)),
};

pub const TO_LOCAL: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "copyToLocal",
        usage: "copyToLocal [--buffersize <bytes>]  <src> <localDst>",
        description: "Copies a file or directory of Alluxio to this machine.",
        options: &[BUFFER_SIZE],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(copy_to_local(call)),
};

/// A path on this machine, absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LocalPath(PathBuf);

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file://{}", self.0.display())
    }
}

impl LocalPath {
    fn absolute(text: &str) -> Result<Self, CommandError> {
        let path = Path::new(text);
        let absolute = std::path::absolute(path).map_err(|error| CommandError::local(path, error))?;
        // The path is shown without the slash that may end it.
        Ok(Self(absolute.components().collect()))
    }

    /// The path in `file:///path`, when the text is one.
    fn of_uri(text: &str) -> Option<Result<Self, CommandError>> {
        text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).map(Self::absolute)
    }
}

/// The length of the only file that is copied is how much there is to do.
fn expect_file(call: Call<'_>, info: &FileInfo) {
    if let (false, Ok(length)) = (info.folder(), u64::try_from(info.length())) {
        call.shell.progress.expect(length);
    }
}

/// What the options say about how to copy.
#[derive(Clone, Copy, Debug)]
struct Manner {
    parallelism: usize,
    buffer: usize,
    recursive: bool,
    preserve: bool,
}

impl Manner {
    fn of(given: &Parsed) -> Result<Self, CommandError> {
        let number = |name: &str, default: usize, most: usize| match given.value(name) {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number > 0 && number <= most => Ok(number),
                Ok(0) => Err(CommandError::Usage(format!("{name} must be > 0"))),
                Ok(_) => Err(CommandError::Usage(format!("{name} must be at most {most}"))),
                Err(_) => Err(CommandError::Usage(format!("Failed to parse option {name} into an integer"))),
            },
        };
        let processors = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            parallelism: number("thread", processors * 2, 1024)?,
            buffer: number("buffersize", DEFAULT_BUFFER, MAX_BUFFER)?,
            recursive: given.has("R") || given.has("r"),
            preserve: given.has("p"),
        })
    }
}

async fn copy(call: Call<'_>) -> Outcome {
    let manner = Manner::of(call.given)?;
    let (source, target) = (&call.given.arguments[0], &call.given.arguments[1]);
    match (LocalPath::of_uri(source).transpose()?, LocalPath::of_uri(target).transpose()?) {
        (Some(source), None) => from_local::copy(call, &source, &call.shell.path(target)?, manner).await?,
        (None, Some(target)) => to_local::copy(call, source, &target).await?,
        (None, None) => inside::copy(call, source, &call.shell.path(target)?, manner).await?,
        (Some(_), Some(_)) => {
            return Err(CommandError::failed(
                "Both paths are on this machine: one of them must be in Alluxio (/path or alluxio://...)",
            ));
        }
    }
    Ok(SUCCESS)
}

async fn copy_from_local(call: Call<'_>) -> Outcome {
    let manner = Manner::of(call.given)?;
    let source = LocalPath::absolute(&call.given.arguments[0])?;
    let target = call.shell.path(&call.given.arguments[1])?;
    from_local::copy(call, &source, &target, manner).await?;
    Ok(SUCCESS)
}

async fn copy_to_local(call: Call<'_>) -> Outcome {
    // Checked, though files are written in the chunks in which they arrive.
    Manner::of(call.given)?;
    let target = LocalPath::absolute(&call.given.arguments[1])?;
    to_local::copy(call, &call.given.arguments[0], &target).await?;
    Ok(SUCCESS)
}

fn copied(source: &impl fmt::Display, target: &impl fmt::Display) -> String {
    format!("Copied {source} to {target}")
}

fn not_a_directory(target: &impl fmt::Display) -> CommandError {
    CommandError::failed(format!(
        "The destination cannot be an existing file when the source is a directory or a list of files: {target}"
    ))
}

/// Where a file goes: into the target, when that is a directory.
async fn file_target(call: Call<'_>, target: &ShellPath, name: &str) -> Result<ShellPath, CommandError> {
    let is_directory = call.shell.status_if_any(&target.path).await?.is_some_and(|info| info.folder());
    Ok(if is_directory { target.child(name) } else { target.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner(line: &str) -> Result<Manner, String> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Manner::of(&COPY.spec.parse(&words).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_checked() {
        let usual = manner("/a /b").unwrap();
        assert_eq!((usual.buffer, usual.recursive), (8 << 20, false));
        let other = manner("-r --thread 3 --buffersize=1024 /a /b").unwrap();
        assert_eq!((other.parallelism, other.buffer, other.recursive), (3, 1024, true));
        assert_eq!(manner("--thread 0 /a /b").unwrap_err(), "thread must be > 0");
        assert_eq!(manner("--thread x /a /b").unwrap_err(), "Failed to parse option thread into an integer");
        assert!(manner("--buffersize 99999999999 /a /b").unwrap_err().contains("at most"));
    }

    #[test]
    fn local_paths_are_absolute() {
        assert_eq!(LocalPath::absolute("/a/b/").unwrap().to_string(), "file:///a/b");
        let here = std::env::current_dir().unwrap();
        assert_eq!(LocalPath::absolute("x y").unwrap().0, here.join("x y"));
        assert_eq!(LocalPath::of_uri("file:///a").unwrap().unwrap().0, Path::new("/a"));
        assert!(LocalPath::of_uri("/a").is_none());
    }
}
