//! The files of which this worker holds blocks, or those blocks of one file.

use super::{super::Web, super::held::HeldFile, shell};
use alluxio_fs::FsError;
use alluxio_web::{
    Page, Shell,
    pages::Notice,
    paging::{Pager, ROWS, asked, encoded},
    reply::code_name,
    show,
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Asked {
    path: Option<String>,
    offset: Option<String>,
}

struct Row {
    name: String,
    href: String,
    size: String,
    here: String,
    blocks: String,
    tiers: String,
    state: String,
    modified: String,
}

#[derive(askama::Template)]
#[template(path = "worker_files.html")]
struct Files {
    shell: Shell,
    rows: Vec<Row>,
    /// Files of which the master told nothing.
    unknown: Vec<i64>,
    why: String,
    pager: Pager,
}

struct Block {
    id: i64,
    tier: String,
    length: String,
}

#[derive(askama::Template)]
#[template(path = "worker_file.html")]
struct File {
    shell: Shell,
    path: String,
    total: usize,
    blocks: Vec<Block>,
    here: String,
    pager: Pager,
}

pub(super) async fn blocks(State(web): State<Web>, Query(query): Query<Asked>) -> Response {
    if !web.settings.files {
        let text = "Files are hidden here: alluxio.web.file.info.enabled is false.";
        return Notice::new(shell(&web, "blockInfo"), StatusCode::FORBIDDEN, "Blocks are not shown", text)
            .into_response();
    }
    let offset = asked(query.offset.as_deref(), 0);
    match query.path.as_deref().filter(|path| !path.is_empty()) {
        None => Page(files(&web, offset).await).into_response(),
        Some(path) => match file(&web, path, offset).await {
            Ok(page) => Page(page).into_response(),
            Err(error) => failed(&web, &error),
        },
    }
}

fn failed(web: &Web, error: &FsError) -> Response {
    let status = match code_name(error.kind) {
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "INVALID_ARGUMENT" => StatusCode::BAD_REQUEST,
        "PERMISSION_DENIED" => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Notice::new(shell(web, "blockInfo"), status, "This file cannot be shown", error.to_string())
        .link("blockInfo", "All files of this worker")
        .into_response()
}

async fn files(web: &Web, offset: usize) -> Files {
    let held = web.held_files().await;
    let total = held.len();
    let ids: Vec<i64> = held.iter().skip(offset).take(ROWS).copied().collect();
    let shown = ids.len();
    let (mut rows, mut unknown, mut why) = (Vec::new(), Vec::new(), String::new());
    for (id, file) in web.ask_master(ids).await {
        match file {
            Ok(file) => rows.push(row(web, &file)),
            Err(error) => {
                unknown.push(id);
                why = error.to_string();
            }
        }
    }
    Files {
        // Not live: each renewal would ask the master about every file shown.
        shell: shell(web, "blockInfo"),
        rows,
        unknown,
        why,
        pager: Pager::new("blockInfo?list=all".to_owned(), "files", total, offset, ROWS).showing(shown),
    }
}

fn row(web: &Web, file: &HeldFile) -> Row {
    let here = file.blocks.iter().fold(0_i64, |sum, block| sum.saturating_add(block.length));
    let mut tiers: Vec<&str> = file.blocks.iter().map(|block| block.tier.as_str()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    Row {
        name: file.info.path().to_owned(),
        href: format!("blockInfo?path={}", encoded(file.info.path())),
        size: show::size(file.info.length()),
        here: show::size(here),
        blocks: format!("{} of {}", show::number(file.blocks.len()), show::number(file.info.block_ids.len())),
        tiers: tiers.join(", "),
        state: file.info.persistence_state().to_ascii_lowercase().replace('_', " "),
        modified: web.settings.page_dates.format(file.info.last_modification_time_ms()),
    }
}

async fn file(web: &Web, path: &str, offset: usize) -> Result<File, FsError> {
    let file = web.held_file(path).await?;
    let here = file.blocks.iter().fold(0_i64, |sum, block| sum.saturating_add(block.length));
    let base = format!("blockInfo?path={}", encoded(path));
    Ok(File {
        shell: shell(web, "blockInfo").titled(path),
        path: path.to_owned(),
        total: file.info.block_ids.len(),
        pager: Pager::new(base, "blocks", file.blocks.len(), offset, ROWS),
        blocks: file
            .blocks
            .into_iter()
            .skip(offset)
            .take(ROWS)
            .map(|block| Block { id: block.id, tier: block.tier, length: show::size(block.length) })
            .collect(),
        here: show::size(here),
    })
}
