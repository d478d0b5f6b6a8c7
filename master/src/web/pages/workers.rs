//! The workers: those that serve, those that were lost, those taken out of service.

use alluxio_fs::FsError;
use alluxio_web::paging::{Pager, ROWS, asked};
use alluxio_web::show::{self, Fill};
use alluxio_web::{Page, Shell};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::MasterWeb;
use super::{Web, failed, shell};
use crate::block::{Standing, WorkerReport};

#[derive(Deserialize)]
pub(super) struct Asked {
    offset: Option<String>,
}

struct Row {
    name: String,
    /// Its own pages.
    href: Option<String>,
    state: &'static str,
    class: &'static str,
    contact: String,
    fill: Fill,
    tiers: String,
    blocks: String,
    up: String,
    version: String,
    id: i64,
    lost_folders: Vec<String>,
}

#[derive(askama::Template)]
#[template(path = "workers.html")]
struct Workers {
    shell: Shell,
    live: usize,
    lost: usize,
    out: usize,
    capacity: Fill,
    rows: Vec<Row>,
    pager: Pager,
}

pub(super) async fn workers(State(web): Web, Query(query): Query<Asked>) -> Response {
    match look(&web, asked(query.offset.as_deref(), 0)) {
        Ok(page) => Page(page).into_response(),
        Err(error) => failed(&web, "workers", &error),
    }
}

/// Who needs attention first.
fn order(standing: Standing) -> u8 {
    match standing {
        Standing::Lost => 0,
        Standing::Active => 1,
        _ => 2,
    }
}

fn look(web: &MasterWeb, offset: usize) -> Result<Workers, FsError> {
    let (info, _) = web.sources()?;
    let mut reports = info.blocks.worker_reports();
    let count = |of: u8| reports.iter().filter(|one| order(one.standing) == of).count();
    let (lost, live, out) = (count(0), count(1), count(2));
    reports.sort_by_key(|report| order(report.standing));
    let capacity = info.blocks.capacity();
    let total = reports.len();
    Ok(Workers {
        shell: shell(web, "workers").live(&web.settings),
        live,
        lost,
        out,
        capacity: Fill::new(capacity.used, capacity.total),
        rows: reports.into_iter().skip(offset).take(ROWS).map(row).collect(),
        pager: Pager::new("workers?list=all".to_owned(), "workers", total, offset, ROWS),
    })
}

fn row(report: WorkerReport) -> Row {
    let info = report.info;
    let address = info.address.clone().unwrap_or_default();
    let active = report.standing == Standing::Active;
    let (state, class) = match report.standing {
        Standing::Active => ("Live", "good"),
        Standing::Lost => ("Lost", "bad"),
        Standing::Decommissioned => ("Decommissioned", "warn"),
        Standing::Disabled => ("Disabled", "warn"),
        Standing::Unregistered | Standing::Forgotten => ("Not registered", ""),
    };
    let contact = show::duration(i64::from(info.last_contact_sec()).saturating_mul(1000));
    let tier = |(alias, total): (&String, &i64)| {
        let used = info.used_bytes_on_tiers.get(alias).copied().unwrap_or(0);
        format!("{alias} {} of {}", show::size(used), show::size(*total))
    };
    let storages = report.lost_storage.iter();
    Row {
        name: format!("{}:{}", address.host(), address.rpc_port()),
        href: (active && address.web_port() > 0)
            .then(|| format!("http://{}:{}/", url_host(address.host()), address.web_port())),
        state,
        class,
        contact: format!("{contact} ago"),
        fill: Fill::new(info.used_bytes(), info.capacity_bytes()),
        tiers: info.capacity_bytes_on_tiers.iter().map(tier).collect::<Vec<_>>().join(", "),
        blocks: show::count(report.block_count),
        up: if active {
            show::duration(show::now_ms().saturating_sub(info.start_time_ms()))
        } else {
            String::new()
        },
        version: info.build_version.as_ref().map_or("", |build| build.version()).to_owned(),
        id: info.id(),
        lost_folders: storages
            .flat_map(|(tier, list)| list.storage.iter().map(move |folder| format!("{tier} {folder}")))
            .collect(),
    }
}

/// A host as an address has it. What workers call themselves is not to be trusted: anything else is left out.
fn url_host(host: &str) -> String {
    let plain: String =
        host.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-._:".contains(*letter)).collect();
    if plain.contains(':') { format!("[{plain}]") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_lead_elsewhere() {
        assert_eq!(url_host("w-1.example"), "w-1.example");
        assert_eq!(url_host("::1"), "[::1]");
        assert_eq!(url_host("evil.example/x?\"<"), "evil.examplex");
    }
}
