//! `chown` and `chgrp`: whom files and directories belong to.

use alluxio_proto::grpc::file::SetAttributePOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
};

const RECURSIVE: OptionSpec = OptionSpec::both("R", "recursive", "change all that is in a directory, too");

pub const CHOWN: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "chown",
        usage: "chown [-R/--recursive] <owner>[:<group>] <path>",
        description: "Gives a file or directory to another owner, and to a group when one is named.",
        options: &[RECURSIVE],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(chown(call)),
};

pub const CHGRP: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "chgrp",
        usage: "chgrp [-R/--recursive] <group> <path>",
        description: "Gives a file or directory to another group.",
        options: &[RECURSIVE],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(chgrp(call)),
};

async fn chown(call: Call<'_>) -> Outcome {
    let text = &call.given.arguments[0];
    let Some((owner, group)) = owner_and_group(text) else {
        call.shell.out.line(format_args!("Failed to parse {text} as user or user:group"))?;
        return Ok(SHELL_FAILURE);
    };
    call.shell
        .each_path(&call.given.arguments[1], async |path| {
            let options = SetAttributePOptions {
                owner: Some(owner.to_owned()),
                group: group.map(str::to_owned),
                recursive: Some(call.given.has("R")),
                ..SetAttributePOptions::default()
            };
            call.shell.fs().await?.set_attribute(&path.path, options).await?;
            let done = match group {
                None => format!("Changed owner of {path} to {owner}"),
                Some(group) => format!("Changed owner:group of {path} to {owner}:{group}."),
            };
            Ok(call.shell.out.line(done)?)
        })
        .await?;
    Ok(SUCCESS)
}

async fn chgrp(call: Call<'_>) -> Outcome {
    let group = &call.given.arguments[0];
    call.shell
        .each_path(&call.given.arguments[1], async |path| {
            let options = SetAttributePOptions {
                group: Some(group.clone()),
                recursive: Some(call.given.has("R")),
                ..SetAttributePOptions::default()
            };
            call.shell.fs().await?.set_attribute(&path.path, options).await?;
            Ok(call.shell.out.line(format_args!("Changed group of {path} to {group}"))?)
        })
        .await?;
    Ok(SUCCESS)
}

fn owner_and_group(text: &str) -> Option<(&str, Option<&str>)> {
    let (owner, group) = match text.split_once(':') {
        Some((owner, group)) => (owner, Some(group)),
        None => (text, None),
    };
    (is_name(owner) && group.is_none_or(is_name)).then_some((owner, group))
}

/// A Unix name: letters, digits and `_`, later also `-` and `.`, at the end perhaps a `$`.
fn is_name(text: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let name = text.strip_suffix('$').unwrap_or(text);
    name.starts_with(word) && name.chars().all(|letter| word(letter) || letter == '-' || letter == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_may_come_with_a_group() {
        assert_eq!(owner_and_group("ann"), Some(("ann", None)));
        assert_eq!(owner_and_group("a.b-c$:team_1"), Some(("a.b-c$", Some("team_1"))));
        for text in ["", "ann:", ":team", "a b", "-x", "a:b:c", "ä", "$"] {
            assert_eq!(owner_and_group(text), None, "{text}");
        }
    }
}
