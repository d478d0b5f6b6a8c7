//! `fsadmin backup`: all metadata in one file, while the cluster goes on.

use std::time::Duration;

use alluxio_client::MetaMasterClient;
use alluxio_fs::FsError;
use alluxio_proto::grpc::meta::{BackupPOptions, BackupState};
use tokio::time::sleep;

use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, ShellCommand},
};

/// Pause between two looks at it.
const POLL: Duration = Duration::from_millis(500);

pub const BACKUP: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "backup",
        usage: "backup [directory] [--local] [--allow-leader] [--bypass-delegation]",
        description: "Writes all metadata into a file of the original's format, which alluxio.master.journal.init.from.backup \
                      reads, here and there. Without a directory: into alluxio.master.backup.directory, in the store of the \
                      root's under storage. Where there are several masters, a standby makes it.",
        options: &[
            OptionSpec::long(
                "local",
                "into a directory of the host of the master that makes it, not of the root's under storage",
            ),
            OptionSpec::long("allow-leader", "by the leader where there is no standby"),
            OptionSpec::long("bypass-delegation", "by the leader, also where there are standbys"),
        ],
        arguments: ArgumentCount::AtMost(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (out, given) = (&call.shell.out, call.given);
    let master = MetaMasterClient::new(call.shell.fs().await?.cluster());
    let options = BackupPOptions {
        local_file_system: Some(given.has("local")),
        run_async: Some(true),
        allow_leader: Some(given.has("allow-leader")),
        bypass_delegation: Some(given.has("bypass-delegation")),
    };
    let directory = given.arguments.first().map(String::as_str);
    let mut status = master.backup(directory, options).await?;
    let id = status.backup_id().to_owned();
    loop {
        match status.backup_state() {
            BackupState::Completed => break,
            BackupState::Initiating | BackupState::Transitioning | BackupState::Running => {}
            // Masters of the original put an exception of Java in the status.
            BackupState::None | BackupState::Failed => {
                return Err(FsError::unknown(
                    "The backup failed, or its master is gone. The log of the master says more.",
                )
                .into());
            }
        }
        sleep(POLL).await;
        status = master.get_backup_status(&id).await?;
    }
    out.line(format_args!("Backup Host        : {}", status.backup_host()))?;
    out.line(format_args!("Backup URI         : {}", status.backup_uri()))?;
    out.line(format_args!("Backup Entry Count : {}", status.entry_count()))?;
    Ok(SUCCESS)
}
