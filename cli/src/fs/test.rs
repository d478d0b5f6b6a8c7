//! `test`: asks one thing about a path and answers with the exit status alone.

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::file::FileInfo;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, ExitStatus, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

const NO: ExitStatus = 1;
/// No master could be asked.
const NO_ANSWER: ExitStatus = 2;
/// A master answered with an error. This is also what the original says of a path that does not exist
/// (measured with 2.9.4), though its documentation promises 1.
const REFUSED: ExitStatus = 3;

pub const TEST: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "test",
        usage: "test [-d|-f|-e|-s|-z] <path>",
        description: "Asks one thing about a path: exit status 0 means yes, 1 means no, 3 that there is no such path.",
        options: &[
            OptionSpec::short("d", "is it a directory?"),
            OptionSpec::short("f", "is it a file?"),
            OptionSpec::short("e", "does it exist?"),
            OptionSpec::short("s", "is it a directory with something in it?"),
            OptionSpec::short("z", "is it a file of 0 bytes?"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let Some(question) = question(call) else { return Ok(SHELL_FAILURE) };
    let path = call.shell.path(&call.given.arguments[0])?;
    match call.shell.status(&path.path).await {
        Ok(info) => Ok(if question(&info) { SUCCESS } else { NO }),
        Err(CommandError::FileSystem(error)) if error.kind == ErrorKind::NotFound => Ok(REFUSED),
        Err(error) => {
            call.shell.out.note(&error);
            let refused =
                matches!(&error, CommandError::FileSystem(error) if error.kind != ErrorKind::Unavailable);
            Ok(if refused { REFUSED } else { NO_ANSWER })
        }
    }
}

type Question = fn(&FileInfo) -> bool;

/// What is asked; exactly one option must be given.
fn question(call: Call<'_>) -> Option<Question> {
    let questions: [(&str, Question); 5] = [
        ("d", |info| info.folder()),
        ("f", |info| !info.folder()),
        ("e", |_| true),
        ("s", |info| info.folder() && info.length() > 0),
        ("z", |info| !info.folder() && info.length() == 0),
    ];
    if call.given.option_count() != 1 {
        return None;
    }
    questions.into_iter().find(|(name, _)| call.given.has(name)).map(|(_, question)| question)
}
