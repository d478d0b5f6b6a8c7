//! `mount`, `unmount` and `updateMount`: under storages in the namespace.

use std::collections::BTreeMap;

use alluxio_proto::grpc::file::MountPOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
    output::mounts,
};

const READ_ONLY: OptionSpec = OptionSpec::long("readonly", "refuse changes below the mount point");
const SHARED: OptionSpec = OptionSpec::long("shared", "let all users read and write what is below");
const OPTION: OptionSpec =
    OptionSpec::long("option", "a property of this under storage; may be given several times")
        .with_value("key=value");

pub const MOUNT: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "mount",
        usage: "mount [--readonly] [--shared] [--remount] [--option <key=val>] <alluxioPath> <ufsURI>",
        description: "Shows a folder of an under storage at a path of Alluxio. Without arguments it lists what is \
            mounted.",
        options: &[
            READ_ONLY,
            SHARED,
            OptionSpec::long("remount", "take the place of what is mounted there"),
            OPTION,
        ],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(mount(call)),
};

pub const UNMOUNT: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "unmount",
        usage: "unmount <alluxioPath>",
        description: "Takes a mount point away; the under storage keeps its files.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(unmount(call)),
};

pub const UPDATE: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "updateMount",
        usage: "updateMount [--readonly] [--shared] [--option <key=val>] <alluxioPath>",
        description: "Sets the options of a mount point anew: read-only, shared and properties that are not given \
            again are taken away. What Alluxio knows of the files below it stays.",
        options: &[READ_ONLY, SHARED, OPTION],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(update(call)),
};

async fn mount(call: Call<'_>) -> Outcome {
    let (shell, given) = (call.shell, call.given);
    let (at, storage) = match &given.arguments[..] {
        [] => {
            let table = shell.fs().await?.get_mount_table(true).await?;
            mounts::lines(&table).iter().try_for_each(|line| shell.out.line(line))?;
            return Ok(SUCCESS);
        }
        [at, storage] => (shell.path(at)?, without_slash(storage)),
        other => {
            return Err(CommandError::Usage(format!(
                "Command mount takes 0 or 2 arguments, not {}",
                other.len()
            )));
        }
    };
    shell.fs().await?.mount(&at.path, storage, options(given)?).await?;
    shell.out.line(format_args!("Mounted {storage} at {at}"))?;
    Ok(SUCCESS)
}

async fn unmount(call: Call<'_>) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            call.shell.fs().await?.unmount(&path.path).await?;
            Ok(call.shell.out.line(format_args!("Unmounted {path}"))?)
        })
        .await?;
    Ok(SUCCESS)
}

async fn update(call: Call<'_>) -> Outcome {
    let [at] = &call.given.arguments[..] else {
        return Err(CommandError::Usage(format!(
            "Command updateMount takes 1 argument, not {}",
            call.given.arguments.len()
        )));
    };
    let at = call.shell.path(at)?;
    call.shell.fs().await?.update_mount(&at.path, options(call.given)?).await?;
    call.shell.out.line(format_args!("Updated mount point options at {at}"))?;
    Ok(SUCCESS)
}

/// Without a slash at its end, unless it is the root of an under storage: `/`, `file:///`.
fn without_slash(storage: &str) -> &str {
    let trimmed = storage.trim_end_matches('/');
    if trimmed.is_empty() || trimmed.ends_with(':') { storage } else { trimmed }
}

fn options(given: &Parsed) -> Result<MountPOptions, CommandError> {
    let mut properties = BTreeMap::new();
    for text in given.values("option") {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            CommandError::Usage(format!("--option {text}: write a property as name=value, in one word"))
        })?;
        properties.insert(name.to_owned(), value.to_owned());
    }
    let flag = |name| given.has(name).then_some(true);
    Ok(MountPOptions {
        read_only: flag("readonly"),
        shared: flag("shared"),
        remount: flag("remount"),
        properties,
        ..MountPOptions::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Result<MountPOptions, CommandError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        options(&MOUNT.spec.parse(&words).unwrap())
    }

    #[test]
    fn the_root_of_an_under_storage_keeps_its_slashes() {
        for (storage, mounted) in
            [("/", "/"), ("file:///", "file:///"), ("/a/", "/a"), ("s3://b//", "s3://b"), ("/a", "/a")]
        {
            assert_eq!(without_slash(storage), mounted);
        }
    }

    #[test]
    fn options_may_be_given_several_times() {
        let options = given("--readonly --option a=1 --option=b=x=y /m /u").unwrap();
        assert_eq!((options.read_only, options.shared), (Some(true), None));
        assert_eq!(
            options.properties.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())]
        );
        assert!(given("--option a /m /u").unwrap_err().to_string().starts_with("--option a: "));
    }
}
