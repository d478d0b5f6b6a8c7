//! `alluxio fsadmin`: what administrators ask of a cluster and change in it.

mod block_info;
mod doctor;
mod journal;
mod metrics;
mod path_conf;
mod report;
mod state_lock;
mod ufs;
mod update_conf;

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
    block_info::GET_BLOCK_INFO,
    doctor::DOCTOR,
    report::REPORT,
    state_lock::STATE_LOCK,
    ufs::UFS,
    update_conf::UPDATE_CONF,
];

const GROUPS: &[Group] = &[journal::GROUP, metrics::GROUP, path_conf::GROUP];

/// What this version does not do, and what does instead.
const ABSENT: &[Absent] = &[
    Absent {
        name: "backup",
        instead: "`alluxio fsadmin journal checkpoint` stores the present state in the journal folder; copy that folder to keep it.",
    },
    Absent {
        name: "decommissionWorker",
        instead: "Stop the worker (SIGTERM): it first writes what is only on it to the under storage.",
    },
    Absent { name: "enableWorker", instead: "A worker that is started registers by itself." },
];

pub static SET: CommandSet =
    CommandSet { name: "fsadmin", commands: COMMANDS, groups: GROUPS, aliases: &[], absent: ABSENT };

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;

    use super::*;
    use crate::{error::ExitStatus, output::Captured};

    /// Runs a line against a master that is not there.
    async fn fsadmin(line: &str) -> (ExitStatus, String, String) {
        let conf = Configuration::defaults()
            .with(&[
                ("alluxio.master.hostname", "127.0.0.1"),
                ("alluxio.master.rpc.port", "1"),
                ("alluxio.user.rpc.retry.max.duration", "0"),
            ])
            .unwrap();
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let seen = Captured::default();
        let status = shell::run(&SET, &words, conf, seen.output()).await;
        (status, seen.text(), seen.errors())
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
                "doctor",
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
            ("journal", "No sub-command is specified"),
            ("journal nothing", "Unknown sub-command: nothing"),
            ("pathConf show", "Command show takes 1 arguments, not 0"),
            ("updateConf", "No config to update"),
            ("ufs /a/b", "The ufs path should have only scheme and authority but no path."),
            ("ufs --mode some hdfs://h:1/", "Unrecognized mode"),
            (
                "backup",
                "backup is not part of this version. `alluxio fsadmin journal checkpoint` stores the \
                present state in the journal folder; copy that folder to keep it.",
            ),
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
