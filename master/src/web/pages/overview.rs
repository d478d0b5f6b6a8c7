//! Whether the cluster runs, how full it is, and what somebody should look at.

use alluxio_fs::FsError;
use alluxio_proto::grpc::meta::{ConfigCheckReport, ConfigStatus, InconsistentProperties};
use alluxio_web::show::{self, Fill};
use alluxio_web::{Page, Shell};
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::super::MasterWeb;
use super::{Web, failed, shell};
use crate::block::Standing;

struct Alert {
    class: &'static str,
    text: String,
    /// A page that says more.
    link: Option<&'static str>,
}

struct Tier {
    alias: String,
    fill: Fill,
}

struct Mount {
    path: String,
    href: String,
    uri: String,
    kind: String,
    fill: Fill,
    mode: &'static str,
    options: String,
}

#[derive(askama::Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    alerts: Vec<Alert>,
    capacity: Fill,
    disk: Fill,
    live: usize,
    lost: usize,
    out: usize,
    paths: String,
    blocks: String,
    replicas: String,
    tiers: Vec<Tier>,
    mounts: Vec<Mount>,
    facts: Vec<(&'static str, String)>,
    files: bool,
}

pub(super) async fn overview(State(web): Web) -> Response {
    match look(&web).await {
        Ok(page) => Page(page).into_response(),
        Err(error) => failed(&web, "overview", &error),
    }
}

async fn look(web: &MasterWeb) -> Result<Overview, FsError> {
    let (info, pages) = web.sources()?;
    let (facts, blocks) = (&info.facts, &info.blocks);
    let reports = blocks.worker_reports();
    let count = |standing: &[Standing]| reports.iter().filter(|one| standing.contains(&one.standing)).count();
    let (live, lost) = (count(&[Standing::Active]), count(&[Standing::Lost]));
    let out = count(&[Standing::Decommissioned, Standing::Disabled]);
    let failed_folders: usize =
        reports.iter().flat_map(|one| one.lost_storage.values()).map(|list| list.storage.len()).sum();
    let capacity = blocks.capacity();
    let mounts = pages.mounts().await?;
    let root = mounts.get("/");
    let disk =
        root.map_or(Fill::new(-1, -1), |root| Fill::new(root.ufs_used_bytes(), root.ufs_capacity_bytes()));
    let used_on = |alias: &str| capacity.used_on_tiers.get(alias).copied().unwrap_or(0);
    // Tiers under names of their own come last.
    let known = pages.tiers.iter().filter(|alias| capacity.total_on_tiers.contains_key(*alias));
    let others = capacity.total_on_tiers.keys().filter(|alias| !pages.tiers.contains(alias));
    let tiers: Vec<Tier> = known
        .chain(others)
        .map(|alias| Tier {
            alias: alias.clone(),
            fill: Fill::new(used_on(alias), capacity.total_on_tiers[alias]),
        })
        .collect();
    let report = info.config_check();
    let fill = Fill::new(capacity.used, capacity.total);
    let role = web.role.status();
    Ok(Overview {
        alerts: alerts(live, lost, failed_folders, blocks.safe_mode(), &report),
        capacity: fill,
        disk,
        live,
        lost,
        out,
        paths: show::number(pages.inode_count()),
        blocks: show::count(blocks.located_block_count()),
        replicas: show::count(blocks.replica_count()),
        tiers,
        mounts: mounts
            .into_iter()
            .map(|(path, mount)| Mount {
                href: format!("browse?path={}", alluxio_web::paging::encoded(&path)),
                uri: mount.ufs_uri().to_owned(),
                kind: mount.ufs_type().to_owned(),
                fill: Fill::new(mount.ufs_used_bytes(), mount.ufs_capacity_bytes()),
                mode: match (mount.read_only(), mount.shared()) {
                    (true, true) => "read only, shared",
                    (true, false) => "read only",
                    (false, true) => "read and write, shared",
                    (false, false) => "read and write",
                },
                options: mount
                    .properties
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                path,
            })
            .collect(),
        facts: vec![
            ("Master", facts.rpc_address()),
            ("Role", if role.serving { role.role.clone() } else { format!("{}, not serving", role.role) }),
            ("Started", web.settings.page_dates.format(facts.start_time_ms)),
            ("Up", show::duration(facts.uptime_ms())),
            ("Version", facts.full_version()),
            ("Cluster id", facts.cluster_id.clone()),
            ("Journal term", show::count(i64::try_from(role.term).unwrap_or(i64::MAX))),
            ("Durable record", show::count(i64::try_from(role.durable_sequence).unwrap_or(i64::MAX))),
            (
                "Records since the last checkpoint",
                show::count(i64::try_from(pages.fs.namespace.records_since_checkpoint()).unwrap_or(i64::MAX)),
            ),
            ("Servers' configurations", check_text(&report)),
        ],
        files: web.settings.files,
        shell: shell(web, "overview").live(&web.settings),
    })
}

fn check_text(report: &ConfigCheckReport) -> String {
    match report.status() {
        ConfigStatus::Passed => "go together",
        ConfigStatus::Warn => "differ",
        ConfigStatus::Failed => "do not go together",
    }
    .to_owned()
}

fn alerts(
    live: usize,
    lost: usize,
    folders: usize,
    safe_mode: bool,
    report: &ConfigCheckReport,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut add = |class, text, link| alerts.push(Alert { class, text, link });
    if lost > 0 {
        let text = if lost == 1 {
            "1 worker is lost: the master has not heard of it for too long. What only it holds cannot be read.".to_owned()
        } else {
            format!(
                "{lost} workers are lost: the master has not heard of them for too long. What only they hold cannot be read."
            )
        };
        add("bad", text, Some("workers"));
    }
    if folders > 0 {
        let text = if folders == 1 {
            "1 storage folder has".to_owned()
        } else {
            format!("{folders} storage folders have")
        };
        add("bad", format!("{text} failed on the workers."), Some("workers"));
    }
    if live == 0 && !safe_mode {
        add("warn", "No worker is registered: files cannot be read or written. Start workers, and look at their logs.".to_owned(), None);
    }
    if safe_mode {
        add("warn", "Safe mode: the master has just started and waits for its workers.".to_owned(), None);
    }
    for (class, of) in [("bad", &report.errors), ("warn", &report.warns)] {
        let names: Vec<&str> = of
            .values()
            .flat_map(|list: &InconsistentProperties| &list.properties)
            .map(|one| one.name())
            .collect();
        if !names.is_empty() {
            add(
                class,
                format!(
                    "Servers differ in {}. Give them the same value; `alluxio fsadmin doctor configuration` lists who has which.",
                    names.join(", ")
                ),
                None,
            );
        }
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_somebody_is_said() {
        let passed = ConfigCheckReport::default();
        assert!(alerts(1, 0, 0, false, &passed).is_empty());
        let all = alerts(0, 2, 1, false, &passed);
        let texts: Vec<&str> = all.iter().map(|alert| alert.text.as_str()).collect();
        assert!(
            texts[0].starts_with("2 workers are lost") && texts[1].starts_with("1 storage folder has failed")
        );
        assert!(texts[2].starts_with("No worker is registered"));
        assert_eq!(alerts(0, 0, 0, true, &passed).len(), 1, "in safe mode workers may be on their way");
    }
}
