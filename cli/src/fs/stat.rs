//! `stat`: all that is known of a file or directory.

use alluxio_proto::grpc::file::FileInfo;

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::{date::DateFormat, status},
};

/// How `%y` prints, whatever the configured date format.
const MODIFICATION_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

pub const STAT: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "stat",
        usage: "stat [-f <format>] <path> or stat [-f <format>] --file-id <file-id>",
        description: "Prints the status of a file or directory, and the blocks of a file. With -f only what the \
            format names:\n   %N name, %z size in bytes, %u owner, %g group, %i file id, %b number of blocks,\n   \
            %y last modification as yyyy-MM-dd HH:mm:ss, %Y the same in milliseconds since 1970.",
        options: &[
            OptionSpec::short("f", "what to print").with_value("arg"),
            OptionSpec::long("file-id", "the argument is a file id, not a path"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let argument = &call.given.arguments[0];
    let mut path = argument.clone();
    if call.given.has("file-id") {
        let id: i64 = argument.parse().map_err(|_| {
            CommandError::failed(format!(
                "{argument} is not a file id: ids are numbers, as `stat -f %i <path>` prints them"
            ))
        })?;
        path = call.shell.fs().await?.get_file_path(id).await?.to_string();
        call.shell.out.line(format_args!("The specified file ID {id} is {path}"))?;
    }
    call.shell.each_path(&path, async |path| stat(call, path).await).await?;
    Ok(SUCCESS)
}

async fn stat(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let out = &call.shell.out;
    let info = call.shell.status(&path.path).await?;
    if let Some(format) = call.given.value("f") {
        let dates = DateFormat::local(MODIFICATION_PATTERN)
            .map_err(|error| CommandError::failed(error.to_string()))?;
        return Ok(out.line(formatted(format, &info, &dates))?);
    }
    let kind = if info.folder() { "directory" } else { "file" };
    out.line(format_args!("{path} is a {kind} path.\n{}", status::file(&info)))?;
    if info.folder() {
        return Ok(());
    }
    if info.block_ids.is_empty() {
        return Ok(out.line("This file does not contain any blocks.")?);
    }
    out.line("Containing the following blocks: ")?;
    for id in &info.block_ids {
        let block = call.shell.blocks().await?.get_block_info(*id).await?;
        out.line(status::block(&block))?;
    }
    Ok(())
}

/// The format with its specifiers filled in; `%` before any other letter is printed as it is.
fn formatted(format: &str, info: &FileInfo, dates: &DateFormat) -> String {
    let unless_folder = |value: i64| if info.folder() { "NA".to_owned() } else { value.to_string() };
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let specifier = rest[at + 1..].chars().next();
        let value = match specifier {
            Some('N') => info.name().to_owned(),
            Some('z') => unless_folder(info.length()),
            Some('u') => info.owner().to_owned(),
            Some('g') => info.group().to_owned(),
            Some('i') => info.file_id().to_string(),
            Some('b') => unless_folder(info.file_block_infos.len() as i64),
            Some('y') => dates.format(info.last_modification_time_ms()),
            Some('Y') => info.last_modification_time_ms().to_string(),
            _ => {
                text.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        };
        text.push_str(&value);
        rest = &rest[at + 2..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::file::FileBlockInfo;
    use jiff::tz::TimeZone;

    use super::*;

    fn print(format: &str, folder: bool) -> String {
        let info = FileInfo {
            name: Some("f".to_owned()),
            length: Some(80),
            owner: Some("o".to_owned()),
            group: Some("g".to_owned()),
            file_id: Some(7),
            folder: Some(folder),
            last_modification_time_ms: Some(1_582_301_159_725),
            file_block_infos: vec![FileBlockInfo::default()],
            ..FileInfo::default()
        };
        formatted(format, &info, &DateFormat::new(MODIFICATION_PATTERN, TimeZone::UTC).unwrap())
    }

    #[test]
    fn every_specifier_is_filled_in() {
        assert_eq!(
            print("%N %z %u:%g #%i %b|%y|%Y", false),
            "f 80 o:g #7 1|2020-02-21 16:05:59|1582301159725"
        );
        assert_eq!(print("%z-%b", true), "NA-NA");
    }

    #[test]
    fn what_is_no_specifier_stays() {
        assert_eq!(print("100%% of %q, %ä, %", false), "100%% of %q, %ä, %");
        assert_eq!(print("%%N", false), "%f");
    }
}
