//! `fsadmin report summary`: masters, workers and space at a glance.

use std::collections::BTreeMap;

use alluxio_client::MetaMasterClient;
use alluxio_conf::key;
use alluxio_fs::print::uptime;
use alluxio_proto::grpc::{block::BlockMasterInfo, meta::MasterInfo};

use super::tier_order;
use crate::{
    error::CommandError,
    output::{date::DateFormat, size},
    shell::Call,
};

pub async fn report(call: Call<'_>) -> Result<(), CommandError> {
    let shell = call.shell;
    let cluster = shell.fs().await?.cluster();
    let master = MetaMasterClient::new(cluster).get_master_info(&[]).await?;
    let blocks = shell.blocks().await?.get_block_master_info(&[]).await?;
    let dates = DateFormat::local(&shell.conf().get(key::USER_DATE_FORMAT_PATTERN))
        .map_err(|error| CommandError::failed(error.to_string()))?;
    shell.out.line("Alluxio cluster summary: ")?;
    let lines = master_lines(&master, &dates).into_iter().chain(space_lines(&blocks));
    for line in lines {
        shell.out.line(line)?;
    }
    Ok(())
}

const INDENT: &str = "    ";

fn master_lines(master: &MasterInfo, dates: &DateFormat) -> Vec<String> {
    let mut lines = vec![
        format!("{INDENT}Master Address: {}", master.leader_master_address()),
        format!("{INDENT}Web Port: {}", master.web_port()),
        format!("{INDENT}Rpc Port: {}", master.rpc_port()),
        format!("{INDENT}Started: {}", dates.format(master.start_time_ms())),
        format!("{INDENT}Uptime: {}", uptime(master.up_time_ms())),
        format!("{INDENT}Version: {}", master.version()),
        format!("{INDENT}Safe Mode: {}", master.safe_mode()),
    ];
    let zookeeper = !master.zookeeper_addresses.is_empty();
    lines.push(format!("{INDENT}Zookeeper Enabled: {zookeeper}"));
    if zookeeper {
        lines.push(format!("{INDENT}Zookeeper Addresses: "));
        lines.extend(master.zookeeper_addresses.iter().map(|address| format!("{INDENT}{INDENT}{address}")));
    }
    lines.push(format!("{INDENT}Raft-based Journal: {}", master.raft_journal()));
    if master.raft_journal() {
        lines.push(format!("{INDENT}Raft Journal Addresses: "));
        lines.extend(master.raft_address.iter().map(|address| format!("{INDENT}{INDENT}{address}")));
    }
    let row =
        |address: &str, state: &str, version: &str| format!("{INDENT}{address:<32} {state:<8} {version:<32}");
    lines.push(row("Master Address", "State", "Version"));
    lines.extend(master.master_versions.iter().map(|other| {
        let address = other.addresses.clone().unwrap_or_default();
        row(&format!("{}:{}", address.host(), address.rpc_port()), other.state(), other.version())
    }));
    lines
}

fn space_lines(blocks: &BlockMasterInfo) -> Vec<String> {
    let mut lines = vec![
        format!("{INDENT}Live Workers: {}", blocks.live_worker_num()),
        format!("{INDENT}Lost Workers: {}", blocks.lost_worker_num()),
    ];
    lines.push(format!("{INDENT}Total Capacity: {}", size::human(blocks.capacity_bytes())));
    lines.extend(tiers(&blocks.capacity_bytes_on_tiers));
    lines.push(format!("{INDENT}Used Capacity: {}", size::human(blocks.used_bytes())));
    lines.extend(tiers(&blocks.used_bytes_on_tiers));
    lines.push(format!("{INDENT}Free Capacity: {}", size::human(blocks.free_bytes())));
    lines
}

/// A line for each tier, two steps to the right.
pub fn tiers(bytes: &BTreeMap<String, i64>) -> Vec<String> {
    let mut tiers: Vec<_> = bytes.iter().collect();
    tiers.sort_by_key(|(name, _)| tier_order(name));
    tiers
        .into_iter()
        .map(|(name, bytes)| format!("{INDENT}{INDENT}Tier: {name}  Size: {}", size::human(*bytes)))
        .collect()
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{NetAddress, meta::MasterVersion};
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn the_summary_has_the_lines_of_the_original() {
        let master = MasterInfo {
            leader_master_address: Some("host:19998".to_owned()),
            web_port: Some(19999),
            rpc_port: Some(19998),
            start_time_ms: Some(0),
            up_time_ms: Some(((25 * 60 + 6) * 60 + 22) * 1000),
            version: Some("2.9.4".to_owned()),
            zookeeper_addresses: vec!["zk-0:2181".to_owned()],
            master_versions: vec![MasterVersion {
                addresses: Some(NetAddress { host: Some("host".to_owned()), rpc_port: Some(19998) }),
                state: Some("PRIMARY".to_owned()),
                version: Some("2.9.4-r".to_owned()),
            }],
            ..MasterInfo::default()
        };
        let dates = DateFormat::new("MM-dd-yyyy HH:mm:ss:SSS", TimeZone::UTC).unwrap();
        assert_eq!(
            master_lines(&master, &dates),
            [
                "    Master Address: host:19998",
                "    Web Port: 19999",
                "    Rpc Port: 19998",
                "    Started: 01-01-1970 00:00:00:000",
                "    Uptime: 1 day(s), 1 hour(s), 6 minute(s), and 22 second(s)",
                "    Version: 2.9.4",
                "    Safe Mode: false",
                "    Zookeeper Enabled: true",
                "    Zookeeper Addresses: ",
                "        zk-0:2181",
                "    Raft-based Journal: false",
                "    Master Address                   State    Version                         ",
                "    host:19998                       PRIMARY  2.9.4-r                         ",
            ]
        );
    }

    #[test]
    fn space_is_told_by_tier() {
        let gb = 1 << 30;
        let blocks = BlockMasterInfo {
            capacity_bytes: Some(10 * gb),
            used_bytes: Some(0),
            free_bytes: Some(10 * gb),
            live_worker_num: Some(2),
            lost_worker_num: Some(1),
            capacity_bytes_on_tiers: [("SSD".to_owned(), 6 * gb), ("MEM".to_owned(), 4 * gb)].into(),
            ..BlockMasterInfo::default()
        };
        assert_eq!(
            space_lines(&blocks),
            [
                "    Live Workers: 2",
                "    Lost Workers: 1",
                "    Total Capacity: 10.00GB",
                "        Tier: MEM  Size: 4096.00MB",
                "        Tier: SSD  Size: 6.00GB",
                "    Used Capacity: 0B",
                "    Free Capacity: 10.00GB",
            ]
        );
    }
}
