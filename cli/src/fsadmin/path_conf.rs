//! `fsadmin pathConf`: properties that clients use for one path and what is below it.

use std::collections::BTreeMap;

use alluxio_client::MetaMasterClient;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::meta::{ConfigProperties, GetConfigurationPOptions};

use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Group, Outcome, ShellCommand},
};

pub const GROUP: Group = Group {
    name: "pathConf",
    usage: "pathConf [add] [show] [list] [remove]",
    description: "Manages the properties that clients use for one path and what is below it.",
    commands: &[ADD, LIST, REMOVE, SHOW],
};

const ADD: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "add",
        usage: "add [--property <key=value>] [--property <key=value>] <path>",
        description: "Sets properties for a path. They must be properties of clients.",
        options: &[OptionSpec::long("property", "a property for the path").with_value("key=value")],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(add(call)),
};

const LIST: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "list",
        usage: "list",
        description: "Lists the paths that have properties.",
        options: &[],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(list(call)),
};

const REMOVE: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "remove",
        usage: "remove [-R/--recursive] [--keys <key1,key2,key3>] <path>",
        description: "Removes properties of a path: those that are named, or all.",
        options: &[
            OptionSpec::long("keys", "the properties, separated by commas").with_value("arg"),
            OptionSpec::both("R", "recursive", "also those of all paths below it"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(remove(call)),
};

const SHOW: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "show",
        usage: "show [--all] <path>",
        description: "Prints the properties of a path.",
        options: &[OptionSpec::long("all", "also those that it has from the paths above it")],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(show(call)),
};

type PathProperties = BTreeMap<String, ConfigProperties>;

async fn client(call: Call<'_>) -> Result<MetaMasterClient, CommandError> {
    Ok(MetaMasterClient::new(call.shell.fs().await?.cluster()))
}

async fn properties(call: Call<'_>) -> Result<PathProperties, CommandError> {
    let options =
        GetConfigurationPOptions { ignore_cluster_conf: Some(true), ..GetConfigurationPOptions::default() };
    Ok(client(call).await?.get_configuration(options).await?.path_configs)
}

async fn add(call: Call<'_>) -> Outcome {
    let path = call.shell.path(&call.given.arguments[0])?;
    let mut properties = BTreeMap::new();
    for text in call.given.values("property") {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            CommandError::Usage(format!("--property {text}: write a property as name=value, in one word"))
        })?;
        properties.insert(name.to_owned(), value.to_owned());
    }
    client(call).await?.set_path_configuration(path.path.as_str(), properties).await?;
    Ok(SUCCESS)
}

async fn list(call: Call<'_>) -> Outcome {
    properties(call).await?.keys().try_for_each(|path| call.shell.out.line(path))?;
    Ok(SUCCESS)
}

async fn remove(call: Call<'_>) -> Outcome {
    let path = call.shell.path(&call.given.arguments[0])?.path;
    let keys: Vec<_> =
        call.given.value("keys").map_or(Vec::new(), |keys| keys.split(',').map(str::to_owned).collect());
    let paths = if call.given.has("R") {
        properties(call).await?.into_keys().filter(|other| is_at_or_below(other, &path)).collect()
    } else {
        vec![path.as_str().to_owned()]
    };
    let client = client(call).await?;
    for path in paths {
        client.remove_path_configuration(&path, keys.clone()).await?;
    }
    Ok(SUCCESS)
}

async fn show(call: Call<'_>) -> Outcome {
    let path = call.shell.path(&call.given.arguments[0])?.path;
    let all = properties(call).await?;
    shown(&all, &path, call.given.has("all"))
        .iter()
        .try_for_each(|(name, value)| call.shell.out.line(format_args!("{name}={value}")))?;
    Ok(SUCCESS)
}

/// The properties of a path by their names; with `inherited` those of the paths above it, too. The
/// nearest path decides.
fn shown(all: &PathProperties, path: &AlluxioPath, inherited: bool) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    // In the order of names a path comes before what is below it.
    for (other, properties) in all {
        let applies = if inherited {
            AlluxioPath::parse(other).is_ok_and(|other| path.starts_with(&other))
        } else {
            other == path.as_str()
        };
        if applies {
            let entries = properties.properties.iter();
            shown.extend(entries.map(|one| (one.name().to_owned(), one.value().to_owned())));
        }
    }
    shown
}

fn is_at_or_below(path: &str, root: &AlluxioPath) -> bool {
    AlluxioPath::parse(path).is_ok_and(|path| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::ConfigProperty;

    use super::*;

    fn entry(path: &str, properties: &[(&str, &str)]) -> (String, ConfigProperties) {
        let properties = properties
            .iter()
            .map(|(name, value)| ConfigProperty {
                name: Some((*name).to_owned()),
                value: Some((*value).to_owned()),
                source: None,
            })
            .collect();
        (path.to_owned(), ConfigProperties { properties })
    }

    #[test]
    fn the_nearest_path_decides() {
        let all = [
            entry("/", &[("k", "root"), ("l", "root")]),
            entry("/a", &[("k", "a")]),
            entry("/ab", &[("k", "ab")]),
        ]
        .into();
        let shown = |path: &str, inherited| {
            let found = shown(&all, &AlluxioPath::parse(path).unwrap(), inherited);
            found.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(shown("/a", false), ["k=a"]);
        assert_eq!(shown("/a/b", true), ["k=a", "l=root"]);
        assert!(shown("/a/b", false).is_empty());
    }

    #[test]
    fn names_that_only_begin_alike_are_not_below() {
        let root = AlluxioPath::parse("/a").unwrap();
        assert!(is_at_or_below("/a", &root) && is_at_or_below("/a/b", &root));
        assert!(!is_at_or_below("/ab", &root));
    }
}
