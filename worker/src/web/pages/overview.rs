//! Whether this worker serves, and how full its folders are.

use super::{super::Web, shell};
use alluxio_conf::key;
use alluxio_web::{
    Page, Shell,
    show::{self, Fill},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

struct Folder {
    path: String,
    tier: String,
    medium: String,
    fill: Fill,
}

#[derive(askama::Template)]
#[template(path = "worker_overview.html")]
struct Overview {
    shell: Shell,
    /// Why it cannot be used.
    trouble: Option<&'static str>,
    lost: Vec<String>,
    capacity: Fill,
    blocks: String,
    readers: String,
    writers: String,
    tiers: Vec<(String, Fill)>,
    folders: Vec<Folder>,
    facts: Vec<(&'static str, String)>,
    files: bool,
}

pub(super) async fn overview(State(web): State<Web>) -> Response {
    let usage = web.core.store.usage();
    let (capacity, used) = (usage.capacity_by_tier(), usage.used_by_tier());
    let bytes = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let of = |alias: &String| {
        let fill =
            Fill::new(used.get(alias).copied().unwrap_or(0), capacity.get(alias).copied().unwrap_or(0));
        (alias.clone(), fill)
    };
    let id = web.registered.id().map_or_else(|| "none: not registered".to_owned(), |id| id.to_string());
    let master = web.conf.opt(key::MASTER_HOSTNAME).filter(|host| !host.is_empty());
    let admission = &web.core.admission;
    Page(Overview {
        shell: shell(&web, "overview").live(&web.settings),
        trouble: web.not_ready(),
        lost: usage
            .lost
            .iter()
            .flat_map(|(tier, folders)| folders.iter().map(move |folder| format!("{tier} {folder}")))
            .collect(),
        capacity: Fill::new(bytes(usage.used()), bytes(usage.capacity())),
        blocks: show::number(usage.blocks),
        readers: show::number(admission.active_readers()),
        writers: show::number(admission.active_writers()),
        tiers: usage.tiers.iter().map(of).collect(),
        folders: usage
            .dirs
            .iter()
            .map(|dir| Folder {
                path: web.core.settings.layout.data_root(&dir.path).display().to_string(),
                tier: dir.tier.clone(),
                medium: dir.medium.clone(),
                fill: Fill::new(bytes(dir.used), bytes(dir.quota)),
            })
            .collect(),
        facts: vec![
            ("Worker", web.address()),
            ("Worker id", id),
            ("Started", web.settings.page_dates.format(web.start_time_ms)),
            ("Up", show::duration(web.uptime_ms())),
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Master", master.unwrap_or_else(|| "found through the configuration".to_owned())),
        ],
        files: web.settings.files,
    })
    .into_response()
}
