//! The file system: directories in parts ([`directory`]), and single files with their blocks and some of their
//! data ([`file`]). The first look into a directory may take long ([`loading`]).

mod directory;
mod file;
mod loading;

pub(in crate::web) use loading::Loads;

use alluxio_fs::{AlluxioPath, FsError, print::permission};
use alluxio_proto::grpc::file::FileInfo;
use alluxio_web::pages::Notice;
use alluxio_web::paging::{MOST_ROWS, ROWS, asked, encoded};
use alluxio_web::{Page, show};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::MasterWeb;
use super::{Web, failed, shell};
use crate::fs::{Looked, Start};

/// The original's parameters, and three of ours: `from`, a name to go to, `block`, the first block to list, and
/// `as`, how to show data.
#[derive(Deserialize)]
pub(in crate::web::pages) struct Asked {
    path: Option<String>,
    offset: Option<String>,
    limit: Option<String>,
    from: Option<String>,
    block: Option<String>,
    #[serde(rename = "as")]
    form: Option<String>,
}

struct Crumb {
    name: String,
    href: String,
}

pub(in crate::web::pages) async fn browse(State(web): Web, Query(query): Query<Asked>) -> Response {
    if !web.settings.files {
        let text = "Files are hidden here: alluxio.web.file.info.enabled is false.";
        return Notice::new(shell(&web, "browse"), StatusCode::FORBIDDEN, "Files are not shown", text)
            .link("overview", "Go to the overview")
            .into_response();
    }
    match look(&web, &query).await {
        Ok(page) => page,
        Err(error) => failed(&web, "browse", &error),
    }
}

async fn look(web: &MasterWeb, query: &Asked) -> Result<Response, FsError> {
    let (_, pages) = web.sources()?;
    let path = match query.path.as_deref().filter(|path| !path.is_empty()) {
        None => AlluxioPath::root(),
        Some(path) => AlluxioPath::parse(path)?,
    };
    if !pages.brought_in(&path).await? {
        return Ok(loading::page(web, &pages, &path));
    }
    let subject = pages.subject().await?;
    let limit = asked(query.limit.as_deref(), ROWS).clamp(1, MOST_ROWS);
    let start = match query.from.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => Start::Name(name.to_owned()),
        None => Start::Position(asked(query.offset.as_deref(), 0)),
    };
    let first = asked(query.block.as_deref(), 0);
    let blocks = first..first.saturating_add(ROWS);
    Ok(match pages.fs.browse(&subject, &path, &start, limit, blocks).await? {
        Looked::Directory(directory) => {
            Page(directory::page(web, &path, *directory, query, limit)).into_response()
        }
        Looked::File(file) => Page(file::page(web, &pages, &path, &file, first, query).await).into_response(),
    })
}

fn href(path: &AlluxioPath) -> String {
    format!("browse?path={}", encoded(path.as_str()))
}

/// From the root down to the path itself, which is no link.
fn crumbs(path: &AlluxioPath) -> Vec<Crumb> {
    let mut crumbs = Vec::new();
    let mut above = path.parent();
    while let Some(path) = above {
        let name = if path.is_root() { "Root".to_owned() } else { path.name().to_owned() };
        crumbs.push(Crumb { name, href: href(&path) });
        above = path.parent();
    }
    crumbs.reverse();
    crumbs
}

fn title(path: &AlluxioPath) -> String {
    if path.is_root() { "Root directory".to_owned() } else { path.name().to_owned() }
}

/// `NOT_PERSISTED` in plain words.
fn state(info: &FileInfo) -> String {
    match info.persistence_state() {
        "PERSISTED" => "persisted",
        "NOT_PERSISTED" => "not persisted",
        "TO_BE_PERSISTED" => "to be persisted",
        "LOST" => "lost",
        other => other,
    }
    .to_owned()
}

/// What files and directories have alike.
fn common_facts(web: &MasterWeb, info: &FileInfo) -> Vec<(&'static str, String)> {
    let dates = &web.settings.page_dates;
    let mut facts = vec![
        ("Modified", dates.format(info.last_modification_time_ms())),
        ("Created", dates.format(info.creation_time_ms())),
        ("Persistence", state(info)),
        ("Pinned", if info.pinned() { "yes" } else { "no" }.to_owned()),
        ("Time to live", ttl(info)),
        ("Under storage", info.ufs_path().to_owned()),
    ];
    if web.settings.permissions {
        facts.push(("Permissions", permission(info)));
        facts.push(("Owner and group", format!("{}:{}", info.owner(), info.group())));
    }
    facts.push(("Id", info.file_id().to_string()));
    facts
}

fn ttl(info: &FileInfo) -> String {
    if info.ttl() < 0 {
        return "none".to_owned();
    }
    let action = info.ttl_action().as_str_name().to_ascii_lowercase();
    format!("{}, then {}", show::duration(info.ttl()), action.replace('_', " "))
}
