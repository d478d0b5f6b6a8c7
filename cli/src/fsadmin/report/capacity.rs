//! `fsadmin report capacity`: the space of all workers together, and of each.

use std::collections::{BTreeMap, BTreeSet};

use alluxio_proto::grpc::block::{GetWorkerReportPOptions, WorkerInfo, WorkerInfoField, WorkerRange};

use super::{summary, tier_order};
use crate::{
    error::{CommandError, SUCCESS},
    options::Parsed,
    output::size,
    shell::{Call, Outcome},
};

pub const USAGE: &str = "fsadmin report capacity [-live|-lost|-decommissioned|-workers <names>]\n\
    Reports the space of the workers: of all of them, or of those that the option names.\n    \
    -live              workers that serve\n    \
    -lost              workers that do not report any more\n    \
    -decommissioned    workers that were taken out\n    \
    -workers <names>   these workers, as host names or addresses separated by commas";

pub async fn report(call: Call<'_>) -> Outcome {
    let (out, given) = (&call.shell.out, call.given);
    if given.option_count() > 1 {
        out.line(USAGE)?;
        return Err(CommandError::failed("Too many arguments passed in."));
    }
    let (range, addresses) = range(given);
    let fields = [
        WorkerInfoField::Address,
        WorkerInfoField::WorkerCapacityBytes,
        WorkerInfoField::WorkerCapacityBytesOnTiers,
        WorkerInfoField::LastContactSec,
        WorkerInfoField::WorkerUsedBytes,
        WorkerInfoField::WorkerUsedBytesOnTiers,
        WorkerInfoField::BuildVersion,
        WorkerInfoField::Id,
        WorkerInfoField::State,
        WorkerInfoField::NumVcpu,
    ];
    let options = GetWorkerReportPOptions {
        addresses,
        field_ranges: fields.map(|field| field as i32).to_vec(),
        worker_range: Some(range as i32),
    };
    let mut workers = call.shell.blocks().await?.get_worker_report(options).await?;
    // Those that were heard of last come first.
    workers.sort_by_key(WorkerInfo::last_contact_sec);
    if workers.is_empty() {
        out.line("No workers found.")?;
        return Ok(SUCCESS);
    }
    let lines = sums(&workers, range).into_iter().chain(table(&workers));
    for line in lines {
        out.line(line)?;
    }
    Ok(SUCCESS)
}

/// Which workers are asked for.
fn range(given: &Parsed) -> (WorkerRange, Vec<String>) {
    if let Some(names) = given.value("workers") {
        return (WorkerRange::Specified, names.split(',').map(str::to_owned).collect());
    }
    let flags = [
        ("live", WorkerRange::Live),
        ("lost", WorkerRange::Lost),
        ("decommissioned", WorkerRange::Decommissioned),
    ];
    let range =
        flags.into_iter().find(|(name, _)| given.has(name)).map_or(WorkerRange::All, |(_, range)| range);
    (range, Vec::new())
}

fn sums(workers: &[WorkerInfo], range: WorkerRange) -> Vec<String> {
    let capacity = sum(workers, WorkerInfo::capacity_bytes);
    let used = sum(workers, WorkerInfo::used_bytes);
    let processors = sum(workers, |worker| worker.num_v_cpu().into());
    let mut lines = vec![
        format!("Capacity information for {} workers: ", range.as_str_name().to_lowercase()),
        format!("    Total vCPUs: {processors}"),
        format!("    Total Capacity: {}", size::human(capacity)),
    ];
    lines.extend(summary::tiers(&by_tier(workers, |worker| &worker.capacity_bytes_on_tiers)));
    lines.push(format!("    Used Capacity: {}", size::human(used)));
    lines.extend(summary::tiers(&by_tier(workers, |worker| &worker.used_bytes_on_tiers)));
    if let Some(percent) = percent(used, capacity) {
        lines.push(format!("    Used Percentage: {percent}%"));
        lines.push(format!("    Free Percentage: {}%", 100 - percent));
    }
    lines
}

fn sum(workers: &[WorkerInfo], bytes: impl Fn(&WorkerInfo) -> i64) -> i64 {
    workers.iter().map(bytes).fold(0, i64::saturating_add)
}

fn by_tier(
    workers: &[WorkerInfo],
    bytes: impl Fn(&WorkerInfo) -> &BTreeMap<String, i64>,
) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for (tier, bytes) in workers.iter().flat_map(bytes) {
        let sum: &mut i64 = sums.entry(tier.clone()).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    sums
}

fn percent(part: i64, whole: i64) -> Option<i64> {
    (whole != 0).then(|| (i128::from(part) * 100 / i128::from(whole)) as i64)
}

/// The shortest first column; a longer host name widens it.
const NAME_WIDTH: usize = 16;

/// Two rows for each worker. With one tier its column takes the place of the total.
fn table(workers: &[WorkerInfo]) -> Vec<String> {
    let mut tiers: Vec<&str> = workers
        .iter()
        .flat_map(|worker| worker.capacity_bytes_on_tiers.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(String::as_str)
        .collect();
    tiers.sort_by_key(|name| tier_order(name));
    if tiers.is_empty() {
        return Vec::new();
    }
    let longest = workers.iter().map(|worker| host(worker).len()).max().unwrap_or_default();
    let width = if longest < NAME_WIDTH { NAME_WIDTH } else { longest + 5 };
    let row = |cells: [&str; 7]| {
        let [name, state, heartbeat, storage, space, version, revision] = cells;
        format!(
            "{name:width$} {state:<15} {heartbeat:<16} {storage:<13} {space} {version:<16} {revision:<40}"
        )
    };
    let space = |total: &str, on_tiers: &dyn Fn(&str) -> String| match tiers[..] {
        [_] => format!("{total:<16}"),
        _ => {
            let columns: String = tiers.iter().map(|tier| format!("{:<14}", on_tiers(tier))).collect();
            format!("{total:<16} {columns}")
        }
    };
    let title = if let [only] = tiers[..] { only } else { "Total" };
    let head = space(title, &|tier| tier.to_owned());
    let mut lines = vec![
        String::new(),
        row(["Worker Name", "State", "Last Heartbeat", "Storage", &head, "Version", "Revision"]),
    ];
    for worker in workers {
        let (capacity, used) = (worker.capacity_bytes(), worker.used_bytes());
        let share = percent(used, capacity).map_or(String::new(), |percent| format!(" ({percent}%)"));
        let on = |bytes: &BTreeMap<String, i64>, tier: &str| {
            bytes.get(tier).map_or("-".to_owned(), |bytes| size::human(*bytes))
        };
        let build = worker.build_version.clone().unwrap_or_default();
        lines.push(row([
            host(worker),
            worker.state(),
            &worker.last_contact_sec().to_string(),
            "capacity",
            &space(&size::human(capacity), &|tier| on(&worker.capacity_bytes_on_tiers, tier)),
            build.version(),
            build.revision(),
        ]));
        let used = format!("{}{share}", size::human(used));
        let used = space(&used, &|tier| on(&worker.used_bytes_on_tiers, tier));
        lines.push(row(["", "", "", "used", &used, "", ""]));
    }
    lines
}

fn host(worker: &WorkerInfo) -> &str {
    worker.address.as_ref().map(|address| address.host()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{BuildVersion, WorkerNetAddress};

    use super::*;

    const MB: i64 = 1 << 20;

    fn worker(host: &str, tiers: &[(&str, i64, i64)]) -> WorkerInfo {
        let part = |at: fn(&(&str, i64, i64)) -> i64| {
            tiers.iter().map(|tier| (tier.0.to_owned(), at(tier))).collect::<BTreeMap<_, _>>()
        };
        let (capacity, used) = (part(|tier| tier.1), part(|tier| tier.2));
        WorkerInfo {
            address: Some(WorkerNetAddress { host: Some(host.to_owned()), ..Default::default() }),
            last_contact_sec: Some(3),
            state: Some("In Service".to_owned()),
            capacity_bytes: Some(capacity.values().sum()),
            used_bytes: Some(used.values().sum()),
            capacity_bytes_on_tiers: capacity,
            used_bytes_on_tiers: used,
            build_version: Some(BuildVersion {
                version: Some("2.9.4".to_owned()),
                revision: Some("abc".to_owned()),
            }),
            num_v_cpu: Some(4),
            ..WorkerInfo::default()
        }
    }

    #[test]
    fn one_tier_needs_no_total() {
        let workers = [worker("w1", &[("MEM", 100 * MB, 25 * MB)]), worker("w2", &[("MEM", 100 * MB, 0)])];
        assert_eq!(
            sums(&workers, WorkerRange::All),
            [
                "Capacity information for all workers: ",
                "    Total vCPUs: 8",
                "    Total Capacity: 200.00MB",
                "        Tier: MEM  Size: 200.00MB",
                "    Used Capacity: 25.00MB",
                "        Tier: MEM  Size: 25.00MB",
                "    Used Percentage: 12%",
                "    Free Percentage: 88%",
            ]
        );
        let lines = table(&workers);
        assert_eq!(
            lines[..4],
            [
                "",
                "Worker Name      State           Last Heartbeat   Storage       MEM              Version          Revision                                ",
                "w1               In Service      3                capacity      100.00MB         2.9.4            abc                                     ",
                "                                                  used          25.00MB (25%)                                                             ",
            ]
        );
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn several_tiers_stand_beside_the_total() {
        let workers = [
            worker("a-worker-with-a-long-name", &[("SSD", 300 * MB, 0), ("MEM", 100 * MB, 0)]),
            worker("w2", &[("MEM", 100 * MB, 0)]),
        ];
        let lines = table(&workers);
        assert_eq!(
            lines[1],
            "Worker Name                    State           Last Heartbeat   Storage       Total            MEM           SSD            Version          Revision                                "
        );
        assert!(lines[2].contains(" 400.00MB         100.00MB      300.00MB       2.9.4 "), "{}", lines[2]);
        assert!(lines[4].contains(" 100.00MB         100.00MB      -              2.9.4 "), "{}", lines[4]);
    }

    #[test]
    fn a_cluster_without_space_has_no_percentage() {
        let workers = [worker("w", &[])];
        assert_eq!(sums(&workers, WorkerRange::Lost).len(), 4);
        assert!(table(&workers).is_empty());
    }

    #[test]
    fn options_choose_the_workers() {
        let of = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            range(&super::super::REPORT.spec.parse(&words).unwrap())
        };
        assert_eq!(of("capacity"), (WorkerRange::All, vec![]));
        assert_eq!(of("capacity -lost"), (WorkerRange::Lost, vec![]));
        assert_eq!(of("capacity -workers a,b"), (WorkerRange::Specified, vec!["a".into(), "b".into()]));
    }
}
