//! `getfacl` and `setfacl`: access control lists.

use alluxio_fs::{AclEntry, FsError};
use alluxio_proto::grpc::file::{SetAclAction, SetAclPOptions};

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
    output::acl,
};

pub const GET: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "getfacl",
        usage: "getfacl <path>",
        description: "Prints the access control list of a file or directory.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(get(call)),
};

pub const SET: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "setfacl",
        usage: "setfacl [-d] [-R] [--set | -m | -x <acl_entries> <path>] | [-b | -k <path>]",
        description: "Changes the access control list of a file or directory. Entries are written \
            [default:]user|group|mask|other:[name]:rwx and separated by commas.",
        options: &[
            OptionSpec::short("R", "change all that is in a directory, too"),
            OptionSpec::long("set", "replace the list; user, group and other must be among the entries")
                .with_value("arg"),
            OptionSpec::short("m", "add entries, or change those that are there").with_value("arg"),
            OptionSpec::short("x", "remove entries (written without permissions)").with_value("arg"),
            OptionSpec::short("b", "remove all entries but those of owner, group and other"),
            OptionSpec::short("d", "the entries are for the default list"),
            OptionSpec::short("k", "remove the default list"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(set(call)),
};

async fn get(call: Call<'_>) -> Outcome {
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            let info = call.shell.status(&path.path).await?;
            let out = &call.shell.out;
            out.line(format_args!(
                "# file: {}\n# owner: {}\n# group: {}",
                info.path(),
                info.owner(),
                info.group()
            ))?;
            for list in [&info.acl, &info.default_acl] {
                acl::lines(list.as_ref()).iter().try_for_each(|line| out.line(line))?;
            }
            Ok(())
        })
        .await?;
    Ok(SUCCESS)
}

async fn set(call: Call<'_>) -> Outcome {
    let (action, entries) = change(call.given)?;
    let options = SetAclPOptions { recursive: Some(call.given.has("R")), ..SetAclPOptions::default() };
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            Ok(call.shell.fs().await?.set_acl(&path.path, action, &entries, options).await?)
        })
        .await?;
    Ok(SUCCESS)
}

/// The one change that is asked for.
fn change(given: &Parsed) -> Result<(SetAclAction, Vec<AclEntry>), CommandError> {
    const ACTIONS: [(&str, SetAclAction); 5] = [
        ("set", SetAclAction::Replace),
        ("m", SetAclAction::Modify),
        ("x", SetAclAction::Remove),
        ("b", SetAclAction::RemoveAll),
        ("k", SetAclAction::RemoveDefault),
    ];
    let asked: Vec<_> = ACTIONS.iter().filter(|(name, _)| given.has(name)).collect();
    let (name, action) = match asked[..] {
        [] => return Err(CommandError::failed("No actions specified.")),
        [(name, action)] => (*name, *action),
        ref several => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            return Err(CommandError::failed(format!(
                "Only 1 action can be specified: {}",
                names.join(", ")
            )));
        }
    };
    let entries = given.value(name).map_or(Ok(Vec::new()), |text| {
        text.split(',').map(|entry| parse_entry(entry.trim(), action, given.has("d"))).collect()
    });
    Ok((action, entries?))
}

fn parse_entry(text: &str, action: SetAclAction, default: bool) -> Result<AclEntry, FsError> {
    let removal = action == SetAclAction::Remove;
    // A mask to be removed may be written as one word.
    let text = if removal && (text == "mask" || text == "default:mask") {
        format!("{text}:")
    } else {
        text.to_owned()
    };
    let mut entry = AclEntry::parse(&text, !removal)?;
    entry.is_default |= default;
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<(SetAclAction, Vec<String>), String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        change(&SET.spec.parse(&words).unwrap())
            .map(|(action, entries)| (action, entries.iter().map(AclEntry::to_string).collect()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn entries_are_read_as_they_are_written() {
        let (action, entries) = asked("-m user:ann:rw-,group::r-- /a").unwrap();
        assert_eq!(
            (action, entries),
            (SetAclAction::Modify, vec!["user:ann:rw-".into(), "group::r--".into()])
        );
        let (action, entries) = asked("-d --set user::rwx,group::r-x,other::--- /a").unwrap();
        assert_eq!(action, SetAclAction::Replace);
        assert_eq!(entries[0], "default:user::rwx");
        assert_eq!(asked("-x user:ann,mask /a").unwrap().1, ["user:ann:---", "mask::---"]);
        assert_eq!(asked("-b /a").unwrap(), (SetAclAction::RemoveAll, vec![]));
        assert_eq!(asked("/a -k").unwrap().0, SetAclAction::RemoveDefault);
    }

    #[test]
    fn one_change_at_a_time() {
        assert_eq!(asked("/a").unwrap_err(), "No actions specified.");
        assert_eq!(asked("-b -k /a").unwrap_err(), "Only 1 action can be specified: b, k");
        assert!(asked("-m ann:rw /a").unwrap_err().contains("\"ann:rw\""));
    }
}
