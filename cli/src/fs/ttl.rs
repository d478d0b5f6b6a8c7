//! `setTtl` and `unsetTtl`: files that go by themselves after a time.

use alluxio_proto::grpc::{
    TtlAction,
    file::{FileSystemMasterCommonPOptions, SetAttributePOptions},
};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::status,
};

const NO_TTL: i64 = -1;

pub const SET: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "setTtl",
        usage: "setTtl [--action delete|free] <path> <time to live>",
        description: "Removes a file or directory when the given time (500ms, 30s, 10m, 2h, 7d) has passed. The \
            default action, delete, removes it from the under storage, too; free only takes it out of Alluxio.",
        options: &[OptionSpec::long("action", "delete (the default) or free").with_value("arg")],
        arguments: ArgumentCount::Exactly(2),
        words: &[],
    },
    run: |call| Box::pin(set_ttl(call)),
};

pub const UNSET: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "unsetTtl",
        usage: "unsetTtl <path>",
        description: "Keeps a file or directory that had a time to live.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(unset_ttl(call)),
};

async fn set_ttl(call: Call<'_>) -> Outcome {
    let action = match call.given.value("action") {
        None => TtlAction::Delete,
        Some(text) => action(text)
            .ok_or_else(|| CommandError::Usage(format!("TTL action should be DELETE OR FREE, not {text}")))?,
    };
    let text = call.given.arguments[1].trim_matches(['"', '\'']);
    let ms = alluxio_conf::parse::span(text)
        .map_err(|_| CommandError::failed(format!("{text} is not valid time")))?
        .ms();
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            set(call, path, ms, action).await?;
            Ok(call.shell.out.line(format_args!(
                "TTL of path '{path}' was successfully set to {ms} milliseconds, with expiry action set to {}",
                status::ttl_action(action)
            ))?)
        })
        .await?;
    Ok(SUCCESS)
}

async fn unset_ttl(call: Call<'_>) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            // Without a time to live the action means nothing.
            set(call, path, NO_TTL, TtlAction::Delete).await?;
            Ok(call.shell.out.line(format_args!("TTL of file '{path}' was successfully removed."))?)
        })
        .await?;
    Ok(SUCCESS)
}

async fn set(call: Call<'_>, path: &ShellPath, ms: i64, action: TtlAction) -> Result<(), CommandError> {
    let common = FileSystemMasterCommonPOptions {
        ttl: Some(ms),
        ttl_action: Some(action as i32),
        ..FileSystemMasterCommonPOptions::default()
    };
    let options = SetAttributePOptions {
        recursive: Some(false),
        common_options: Some(common),
        ..SetAttributePOptions::default()
    };
    Ok(call.shell.fs().await?.set_attribute(&path.path, options).await?)
}

fn action(text: &str) -> Option<TtlAction> {
    [TtlAction::Delete, TtlAction::Free, TtlAction::DeleteAlluxio]
        .into_iter()
        .find(|action| status::ttl_action(*action).eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_in_any_case() {
        assert_eq!(action("delete"), Some(TtlAction::Delete));
        assert_eq!(action("Free"), Some(TtlAction::Free));
        assert_eq!(action("delete_alluxio"), Some(TtlAction::DeleteAlluxio));
        assert_eq!(action("keep"), None);
    }
}
