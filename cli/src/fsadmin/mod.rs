//! `alluxio fsadmin`: what administrators ask of a cluster and change in it.

mod backup;
mod block_info;
mod decommission;
mod doctor;
mod enable_worker;
mod journal;
mod metrics;
mod path_conf;
mod report;
mod state_lock;
mod ufs;
mod update_conf;
mod worker_address;
mod workers;

use crate::{
    absent::Absent,
    shell::{self, CommandSet, Group, ShellCommand},
    top::{Inside, TopCommand},
};

pub const FSADMIN: TopCommand = TopCommand {
    name: "fsadmin",
    shown: "fsadmin",
    summary: "Report on the cluster and administer it",
    inside: Inside::Shell(&SET),
    run: |line, out| shell::process(&SET, line, out),
};

const COMMANDS: &[ShellCommand] = &[
    backup::BACKUP,
    block_info::GET_BLOCK_INFO,
    decommission::DECOMMISSION_WORKER,
    doctor::DOCTOR,
    enable_worker::ENABLE_WORKER,
    report::REPORT,
    state_lock::STATE_LOCK,
    ufs::UFS,
    update_conf::UPDATE_CONF,
];

const GROUPS: &[Group] = &[journal::GROUP, metrics::GROUP, path_conf::GROUP];

/// What this version does not do, and what does instead.
const ABSENT: &[Absent] = &[];

pub static SET: CommandSet =
    CommandSet { name: "fsadmin", commands: COMMANDS, groups: GROUPS, aliases: &[], absent: ABSENT };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitStatus;

    async fn fsadmin(line: &str) -> (ExitStatus, String, String) {
        shell::without_a_master(&SET, line).await
    }

    #[tokio::test]
    async fn without_a_command_all_are_listed_in_order() {
        let (status, text, _) = fsadmin("").await;
        assert_eq!(status, 255);
        let names: Vec<_> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.trim().strip_prefix('[')?.split([' ', ']']).next())
            .collect();
        assert_eq!(
            names,
            [
                "backup",
                "decommissionWorker",
                "doctor",
                "enableWorker",
                "getBlockInfo",
                "journal",
                "metrics",
                "pathConf",
                "report",
                "statelock",
                "ufs",
                "updateConf"
            ]
        );
        assert!(text.starts_with("Usage: alluxio fsadmin [generic options]\n"), "{text}");
    }

    #[tokio::test]
    async fn wrong_words_are_told_with_status_255() {
        for (line, first) in [
            ("report a b", "Command report requires at most 1 arguments (2 provided)"),
            ("report summary -live", "report summary does not support arguments: live"),
            (
                "report capacity -live -lost",
                "fsadmin report capacity [-live|-lost|-decommissioned|-workers <names>]",
            ),
            ("report nothing", "report [category] [category args]"),
            ("doctor nothing", "doctor [category]"),
            ("getBlockInfo", "Command getBlockInfo takes 1 arguments, not 0"),
            ("getBlockInfo x", "x is not a valid block id."),
            ("decommissionWorker", "Failed to parse args for decommissionWorker: Missing required option: a"),
            (
                "decommissionWorker -a a:b",
                "Worker address a:b cannot be recognized: write host or host:webPort.",
            ),
            ("decommissionWorker -a h1 h2", "Command decommissionWorker takes 0 arguments, not 1"),
            ("enableWorker -a h1, h2", "Command enableWorker takes 0 arguments, not 1"),
            ("decommissionWorker -a h --wait soon", "--wait soon must be a duration, such as 30s or 5m."),
            (
                "enableWorker --addresses h,",
                "Worker address  cannot be recognized: write host or host:webPort.",
            ),
            ("journal", "No sub-command is specified"),
            ("journal nothing", "Unknown sub-command: nothing"),
            ("pathConf show", "Command show takes 1 arguments, not 0"),
            ("updateConf", "No config to update"),
            ("ufs /a/b", "The ufs path should have only scheme and authority but no path."),
            ("ufs --mode some hdfs://h:1/", "Unrecognized mode"),
            ("backup a b", "Command backup requires at most 1 arguments (2 provided)"),
        ] {
            let (status, text, errors) = fsadmin(line).await;
            assert_eq!((status, errors.as_str()), (255, ""), "{line}");
            assert_eq!(text.lines().next(), Some(first), "{line}");
        }
        let (status, _, errors) = fsadmin("nothing").await;
        assert_eq!((status, errors.as_str()), (255, "nothing is an unknown command.\n"));
    }

    #[tokio::test]
    async fn a_master_that_is_not_there_is_named_in_one_line() {
        for line in
            ["report", "report capacity", "doctor", "getBlockInfo 1", "journal checkpoint", "pathConf list"]
        {
            let (status, text, _) = fsadmin(line).await;
            assert_eq!((status, text.lines().count()), (255, 1), "{line}: {text}");
            assert!(text.starts_with("Cannot reach the Alluxio master at 127.0.0.1:1: "), "{line}: {text}");
        }
    }
}
