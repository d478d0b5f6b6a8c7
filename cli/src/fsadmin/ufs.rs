//! `fsadmin ufs`: keeps masters and workers off an under storage, for its maintenance.

use alluxio_proto::grpc::file::UfsPMode;

use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, ShellCommand},
};

pub const UFS: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "ufs",
        usage: "ufs [--mode <noAccess/readOnly/readWrite>] <ufsPath>",
        description: "Sets what Alluxio may do with an under storage, for example hdfs://namenode:8020/.",
        options: &[OptionSpec::long("mode", "noAccess, readOnly or readWrite").with_value("arg")],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (out, storage) = (&call.shell.out, &call.given.arguments[0]);
    let refused = |message| {
        out.line(message)?;
        Ok(SHELL_FAILURE)
    };
    if !is_root(storage) {
        return refused("The ufs path should have only scheme and authority but no path.");
    }
    let mode = match call.given.value("mode") {
        Some("noAccess") => UfsPMode::NoAccess,
        Some("readOnly") => UfsPMode::ReadOnly,
        Some("readWrite") => UfsPMode::ReadWrite,
        Some(_) => return refused("Unrecognized mode"),
        None => {
            out.line("No attribute to update")?;
            return Ok(SUCCESS);
        }
    };
    call.shell.fs().await?.update_ufs_mode(storage, mode).await?;
    out.line("Ufs mode updated")?;
    Ok(SUCCESS)
}

/// Whether a URI has no path behind scheme and authority.
fn is_root(uri: &str) -> bool {
    let path = match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => uri,
    };
    path.chars().all(|letter| letter == '/')
}

#[cfg(test)]
mod tests {
    use super::is_root;

    #[test]
    fn only_the_whole_storage_has_a_mode() {
        for uri in ["hdfs://h:1", "hdfs://h:1/", "/", "file:///"] {
            assert!(is_root(uri), "{uri}");
        }
        for uri in ["hdfs://h:1/a", "/a", "a"] {
            assert!(!is_root(uri), "{uri}");
        }
    }
}
