//! `fsadmin doctor`: what is wrong with the configuration of the servers and the storage of the workers.

use std::collections::BTreeMap;

use alluxio_client::MetaMasterClient;
use alluxio_proto::grpc::{
    block::WorkerLostStorageInfo,
    meta::{ConfigCheckReport, ConfigStatus, InconsistentProperties},
};

use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, ShellCommand},
};

pub const DOCTOR: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "doctor",
        usage: "doctor [category]",
        description: "Prints what is wrong in the cluster: in all categories, or in one of these:\n    \
            configuration    properties that differ between servers\n    \
            storage          folders that workers have lost",
        options: &[OptionSpec::short("h", "print this text")],
        arguments: ArgumentCount::AtMost(1),
        words: &["configuration", "storage"],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, out) = (call.shell, &call.shell.out);
    let explained = || out.line(format_args!("{}\n{}", DOCTOR.spec.usage, DOCTOR.spec.description));
    if call.given.has("h") {
        explained()?;
        return Ok(SUCCESS);
    }
    let category = call.given.arguments.first().map(String::as_str);
    if !matches!(category, None | Some("configuration" | "storage")) {
        explained()?;
        return Err(CommandError::failed("doctor category is invalid."));
    }
    if category != Some("storage") {
        let report = MetaMasterClient::new(shell.fs().await?.cluster()).get_config_report().await?;
        configuration(&report).iter().try_for_each(|line| out.line(line))?;
    }
    if category != Some("configuration") {
        let lost = shell.blocks().await?.get_worker_lost_storage().await?;
        storage(&lost).iter().try_for_each(|line| out.line(line))?;
    }
    Ok(SUCCESS)
}

fn configuration(report: &ConfigCheckReport) -> Vec<String> {
    if report.status() == ConfigStatus::Passed {
        return vec!["No server-side configuration errors or warnings.".to_owned()];
    }
    let mut lines = Vec::new();
    if !report.errors.is_empty() {
        lines.push(
            "Server-side configuration errors (those properties are required to be identical): ".to_owned(),
        );
        lines.extend(properties(&report.errors));
    }
    if !report.warns.is_empty() {
        lines.push(
            "\nServer-side configuration warnings (those properties are recommended to be identical): "
                .to_owned(),
        );
        lines.extend(properties(&report.warns));
    }
    lines
}

fn properties(found: &BTreeMap<String, InconsistentProperties>) -> Vec<String> {
    let mut lines = Vec::new();
    for property in found.values().flat_map(|scope| &scope.properties) {
        lines.push(format!("key: {}", property.name()));
        for (value, servers) in &property.values {
            lines.push(format!("    value: {value} ({})", servers.values.join(", ")));
        }
    }
    lines
}

fn storage(lost: &[WorkerLostStorageInfo]) -> Vec<String> {
    if lost.is_empty() {
        return vec!["All worker storage paths are in working state.".to_owned()];
    }
    let mut lines = Vec::new();
    for worker in lost.iter().filter(|worker| !worker.lost_storage.is_empty()) {
        let host = worker.address.as_ref().map(|address| address.host()).unwrap_or_default();
        lines.push(format!("The following storage paths are lost in worker {host}: "));
        for (tier, folders) in &worker.lost_storage {
            lines.extend(folders.storage.iter().map(|folder| format!("{folder} ({tier})")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{
        WorkerNetAddress,
        block::StorageList,
        meta::{InconsistentProperty, InconsistentPropertyValues},
    };

    use super::*;

    #[test]
    fn properties_that_differ_are_told_with_their_servers() {
        let mut report =
            ConfigCheckReport { status: Some(ConfigStatus::Passed as i32), ..Default::default() };
        assert_eq!(configuration(&report), ["No server-side configuration errors or warnings."]);
        let values = InconsistentPropertyValues { values: vec!["h1:1".to_owned(), "h2:1".to_owned()] };
        let property = InconsistentProperty {
            name: Some("alluxio.k".to_owned()),
            values: [("v".to_owned(), values)].into(),
        };
        report.status = Some(ConfigStatus::Warn as i32);
        report.warns = [("MASTER".to_owned(), InconsistentProperties { properties: vec![property] })].into();
        let lines = configuration(&report);
        assert!(lines[0].starts_with("\nServer-side configuration warnings "), "{lines:?}");
        assert_eq!(lines[1..], ["key: alluxio.k", "    value: v (h1:1, h2:1)"]);
    }

    #[test]
    fn lost_folders_are_told_by_worker() {
        assert_eq!(storage(&[]), ["All worker storage paths are in working state."]);
        let lost = WorkerLostStorageInfo {
            address: Some(WorkerNetAddress { host: Some("w1".to_owned()), ..Default::default() }),
            lost_storage: [("MEM".to_owned(), StorageList { storage: vec!["/mnt/a".to_owned()] })].into(),
        };
        assert_eq!(storage(&[lost]), ["The following storage paths are lost in worker w1: ", "/mnt/a (MEM)"]);
    }
}
