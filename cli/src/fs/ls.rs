//! `ls`: lists files and directories. Without an order the lines are printed as they arrive, so that
//! a directory of millions of files needs no memory here.

use std::cmp::Ordering;

use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::file::{FileInfo, ListStatusPOptions, LoadMetadataPType};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::{
        date::DateFormat,
        listing::{Listing, Time},
    },
};

pub const LS: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "ls",
        usage: "ls [-d|-f|-p|-R/--recursive|-h|--sort=option|--timestamp=option|-r|-m/--omit-mount-info] <path> ...",
        description: "Lists what is in a directory, or a file itself: permission, owner, group, size (of a \
            directory: its number of entries), whether it is in the under storage, last modification, how much of \
            it is in Alluxio, path.",
        options: &[
            OptionSpec::short("f", "look into the under storage for files that are not known yet"),
            OptionSpec::short("d", "list directories themselves, not what is in them"),
            OptionSpec::short("h", "print sizes with units (1.00MB)"),
            OptionSpec::short("p", "list only pinned files"),
            OptionSpec::both("m", "omit-mount-info", "leave out what comes from the mount table, such as the path in the under storage"),
            OptionSpec::both("R", "recursive", "list subdirectories, too"),
            OptionSpec::short("r", "reverse the order of --sort"),
            OptionSpec::long("sort", "order by creationTime, inMemoryPercentage, lastAccessTime, lastModificationTime, name, path or size")
                .with_value("arg"),
            OptionSpec::long("timestamp", "which time to show: creationTime, lastAccessTime or lastModificationTime (the default)")
                .with_value("arg"),
        ],
        arguments: ArgumentCount::AtLeast(1),
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let time = match call.given.value("timestamp") {
        None => Time::LastModification,
        Some(name) => Time::named(name)
            .ok_or_else(|| CommandError::Usage(format!("Unrecognized timestamp option {name}")))?,
    };
    let order = match call.given.value("sort") {
        None => None,
        Some(field) => Some(
            order(field)
                .ok_or_else(|| CommandError::failed(format!("Invalid sort option `{field}` for --sort")))?,
        ),
    };
    for text in &call.given.arguments {
        call.shell.path(text)?;
    }
    // The cluster's defaults (date pattern, security) count here.
    call.shell.fs().await?;
    let conf = call.shell.conf();
    let listing = Listing {
        human_sizes: call.given.has("h"),
        permissions: security_enabled(&conf),
        time,
        dates: DateFormat::local(&conf.get(key::USER_DATE_FORMAT_PATTERN))
            .map_err(|error| CommandError::failed(error.to_string()))?,
    };
    for text in &call.given.arguments {
        call.shell.each_path(text, async |path| list(call, path, &listing, order).await).await?;
    }
    Ok(SUCCESS)
}

type Order = fn(&FileInfo, &FileInfo) -> Ordering;

fn order(field: &str) -> Option<Order> {
    Some(match field {
        "creationTime" => |a, b| a.creation_time_ms().cmp(&b.creation_time_ms()),
        "inMemoryPercentage" => |a, b| a.in_memory_percentage().cmp(&b.in_memory_percentage()),
        "lastAccessTime" => |a, b| a.last_access_time_ms().cmp(&b.last_access_time_ms()),
        "lastModificationTime" => |a, b| a.last_modification_time_ms().cmp(&b.last_modification_time_ms()),
        "name" => |a, b| a.name().to_lowercase().cmp(&b.name().to_lowercase()),
        "path" => |a, b| a.path().cmp(b.path()),
        "size" => |a, b| a.length().cmp(&b.length()),
        _ => return None,
    })
}

async fn list(
    call: Call<'_>,
    path: &ShellPath,
    listing: &Listing,
    order: Option<Order>,
) -> Result<(), CommandError> {
    let (shell, given) = (call.shell, call.given);
    let only_pinned = given.has("p");
    let print = |info: &FileInfo| {
        if only_pinned && !info.pinned() { Ok(()) } else { shell.out.line(listing.line(info)) }
    };
    if given.has("d") {
        return Ok(print(&shell.status(&path.path).await?)?);
    }
    let options = ListStatusPOptions {
        recursive: Some(given.has("R")),
        exclude_mount_info: Some(given.has("m")),
        load_metadata_type: given.has("f").then_some(LoadMetadataPType::Always as i32),
        ..ListStatusPOptions::default()
    };
    let Some(order) = order else {
        return shell
            .list_parts(&path.path, options, |part| {
                part.iter().try_for_each(&print)?;
                Ok(shell.out.flush()?)
            })
            .await;
    };
    let mut all = shell.list(&path.path, options).await?;
    all.sort_by(|a, b| if given.has("r") { order(b, a) } else { order(a, b) });
    Ok(all.iter().try_for_each(print)?)
}

/// Whether the cluster tells users apart and checks their permissions.
fn security_enabled(conf: &Configuration) -> bool {
    conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_ENABLED)
        && conf.get(key::SECURITY_AUTHENTICATION_TYPE) != "NOSASL"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(field: &str) -> Vec<&'static str> {
        let file = |name: &'static str, length, time| FileInfo {
            name: Some(name.to_owned()),
            path: Some(format!("/{name}")),
            length: Some(length),
            creation_time_ms: Some(time),
            ..FileInfo::default()
        };
        let mut all = [(file("b", 3, 1), "b"), (file("A", 2, 3), "A"), (file("c", 1, 2), "c")];
        let order = order(field).unwrap();
        all.sort_by(|(a, _), (b, _)| order(a, b));
        all.map(|(_, name)| name).to_vec()
    }

    #[test]
    fn listings_are_sorted_by_field() {
        assert_eq!(sorted("name"), ["A", "b", "c"]);
        assert_eq!(sorted("path"), ["A", "b", "c"]);
        assert_eq!(sorted("size"), ["c", "A", "b"]);
        assert_eq!(sorted("creationTime"), ["b", "c", "A"]);
        assert!(order("colour").is_none());
    }

    #[test]
    fn permissions_are_shown_when_they_are_checked() {
        let conf = Configuration::defaults();
        assert!(security_enabled(&conf));
        for (name, value) in [
            ("alluxio.security.authentication.type", "NOSASL"),
            ("alluxio.security.authorization.permission.enabled", "false"),
        ] {
            assert!(!security_enabled(&conf.with(&[(name, value)]).unwrap()));
        }
    }
}
