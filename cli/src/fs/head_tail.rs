//! `head` and `tail`: the first and the last bytes of a file.

use alluxio_proto::grpc::file::OpenFilePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

/// How much is printed when `-c` does not say.
const DEFAULT_BYTES: u64 = 1024;

const BYTES: OptionSpec = OptionSpec::short("c", "how many bytes (1024, 4KB)").with_value("arg");

pub const HEAD: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "head",
        usage: "head [-c <bytes>] <path>",
        description: "Prints the first bytes of a file, 1 KB when -c does not say how many.",
        options: &[BYTES],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call, |_, _| 0)),
};

pub const TAIL: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "tail",
        usage: "tail [-c <bytes>] <path>",
        description: "Prints the last bytes of a file, 1 KB when -c does not say how many.",
        options: &[BYTES],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call, |length, bytes| length - bytes)),
};

/// Prints as many bytes as asked for, from where `start` says given the file's length and the number.
async fn run(call: Call<'_>, start: fn(u64, u64) -> u64) -> Outcome {
    let wanted = match call.given.value("c") {
        None => DEFAULT_BYTES,
        Some(text) => wanted(text)?,
    };
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            let length = call.shell.file_status(path).await?.length().max(0) as u64;
            let mut left = wanted.min(length);
            let mut reader = call.shell.fs().await?.open(&path.path, OpenFilePOptions::default()).await?;
            reader.seek(start(length, left));
            while left > 0 {
                let Some(mut chunk) = reader.read().await? else { break };
                chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                left -= chunk.len() as u64;
                call.shell.out.bytes(&chunk)?;
            }
            Ok(())
        })
        .await?;
    Ok(SUCCESS)
}

fn wanted(text: &str) -> Result<u64, CommandError> {
    match alluxio_conf::parse::size(text) {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(CommandError::failed(format!(
            "-c {text}: the number of bytes must be more than 0 (1024, 4KB)"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_may_have_a_unit() {
        assert_eq!(wanted("10").unwrap(), 10);
        assert_eq!(wanted("4KB").unwrap(), 4096);
        for text in ["0", "-1", "x", ""] {
            assert!(wanted(text).is_err(), "{text}");
        }
    }
}
