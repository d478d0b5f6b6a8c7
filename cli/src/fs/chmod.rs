//! `chmod`: permission bits of files and directories.

use alluxio_fs::{Bits, Mode};
use alluxio_proto::grpc::file::SetAttributePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

pub const CHMOD: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "chmod",
        usage: "chmod [-R/--recursive] <mode> <path>",
        description: "Sets the permission bits of a file or directory, as an octal number (755) or per class \
            (u=rwx,go=rx).",
        options: &[OptionSpec::both("R", "recursive", "change all that is in a directory, too")],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let text = &call.given.arguments[0];
    let mode = parse(text).ok_or_else(|| {
        CommandError::failed(format!(
            "Invalid mode {text}: write it as an octal number (755) or per class (u=rwx,go=rx)"
        ))
    })?;
    let recursive = call.given.has("R");
    call.shell
        .each_path(&call.given.arguments[1], async |path| {
            let options = SetAttributePOptions {
                mode: Some(mode.to_wire()),
                recursive: Some(recursive),
                ..SetAttributePOptions::default()
            };
            call.shell.fs().await?.set_attribute(&path.path, options).await?;
            Ok(call.shell.out.line(format_args!("Changed permission of {path} to {:o}", mode.get()))?)
        })
        .await?;
    Ok(SUCCESS)
}

/// Octal digits, or `targets=permissions` separated by commas. A class that is not named gets nothing.
fn parse(text: &str) -> Option<Mode> {
    if let Some(mode) = Mode::parse_octal(text) {
        return Some(mode);
    }
    let mut classes = [Bits::NONE; 3];
    for segment in text.split(',') {
        let (targets, permissions) = segment.split_once('=')?;
        if targets.is_empty() || permissions.is_empty() {
            return None;
        }
        let bits = permissions.chars().try_fold(Bits::NONE, |bits, letter| {
            Some(bits.union(match letter {
                'r' => Bits::READ,
                'w' => Bits::WRITE,
                'x' => Bits::EXECUTE,
                _ => return None,
            }))
        })?;
        for target in targets.chars() {
            let named = match target {
                'u' => 0..1,
                'g' => 1..2,
                'o' => 2..3,
                'a' => 0..3,
                _ => return None,
            };
            for class in &mut classes[named] {
                *class = class.union(bits);
            }
        }
    }
    Some(Mode::from_bits(classes[0], classes[1], classes[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_or_per_class() {
        for (text, mode) in [
            ("755", 0o755),
            ("0644", 0o644),
            ("7", 0o007),
            ("u=rwx,go=rx", 0o755),
            ("a=r,u=w", 0o644),
            ("o=x", 0o001),
        ] {
            assert_eq!(parse(text), Some(Mode::new(mode)), "{text}");
        }
    }

    #[test]
    fn other_modes_are_refused() {
        for text in ["", "888", "u+x", "u=", "=r", "u=rwx,", "z=r", "u=s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
