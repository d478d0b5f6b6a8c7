//! `webui_browse`: a directory's entries, or a file's blocks and some of its data.

use std::ops::Range;

use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::grpc::file::{FileBlockInfo, FileInfo, GetStatusPOptions};
use alluxio_web::json::{Asked, BlockEntry, DATA_BYTES, FileEntry};
use alluxio_web::paging::{MOST_ENTRIES, window};
use axum::Json;
use axum::extract::{Query, State};
use serde::Serialize;

use super::super::{MasterWeb, PageSources};
use super::{Answer, Web};
use crate::fs::{Looked, Start, Subject};

/// `MasterWebUIBrowse`
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Browse {
    access_control_exception: Option<String>,
    block_size_bytes: Option<String>,
    current_directory: Option<FileEntry>,
    current_path: Option<String>,
    debug: bool,
    fatal_error: Option<String>,
    file_blocks: Option<Vec<BlockEntry>>,
    file_data: Option<String>,
    file_does_not_exist_exception: Option<String>,
    file_infos: Option<Vec<FileEntry>>,
    highest_tier_alias: Option<String>,
    invalid_path_error: Option<String>,
    invalid_path_exception: Option<String>,
    master_node_address: Option<String>,
    #[serde(rename = "ntotalFile")]
    total: usize,
    path_infos: Option<Vec<FileEntry>>,
    show_permissions: bool,
    viewing_offset: i64,
}

pub(super) async fn browse(State(web): Web, Query(asked): Query<Asked>) -> Answer<Browse> {
    if !web.settings.files {
        return Ok(Json(Browse::default()));
    }
    let (info, pages) = web.sources()?;
    let mut answer = Browse {
        debug: web.settings.debug,
        show_permissions: web.settings.permissions,
        master_node_address: Some(info.facts.rpc_address()),
        invalid_path_error: Some(String::new()),
        ..Browse::default()
    };
    let path = match path_of(asked.path.as_deref().unwrap_or_default()) {
        Ok(path) => path,
        Err(error) => {
            answer.current_path = asked.path.clone();
            answer.invalid_path_error = Some(format!("Error: Invalid Path {error}"));
            return Ok(Json(answer));
        }
    };
    answer.current_path = Some(path.to_string());
    if let Err(error) = fill(&web, &pages, &path, &asked, &mut answer).await {
        answer.invalid_path_error = Some(told(&path, &error));
    }
    Ok(Json(answer))
}

/// The original decodes its parameter twice, so there are callers that encode it twice.
fn path_of(text: &str) -> Result<AlluxioPath, FsError> {
    if text.is_empty() {
        return Ok(AlluxioPath::root());
    }
    if text.starts_with('/') || !text.contains('%') {
        return AlluxioPath::parse(text);
    }
    AlluxioPath::parse(&percent_encoding::percent_decode_str(text).decode_utf8_lossy())
}

fn told(path: &AlluxioPath, error: &FsError) -> String {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::InvalidArgument => format!("Error: Invalid Path {error}"),
        ErrorKind::Unavailable => format!("The service is temporarily unavailable. {error}"),
        ErrorKind::PermissionDenied => format!("Error: File {path} cannot be accessed {error}"),
        _ => format!("Error: File {path} is not available {error}"),
    }
}

async fn fill(
    web: &MasterWeb,
    pages: &PageSources,
    path: &AlluxioPath,
    asked: &Asked,
    answer: &mut Browse,
) -> Result<(), FsError> {
    let subject = pages.subject().await?;
    let entry = |info: &FileInfo| FileEntry::of(info, &pages.tiers, &web.settings);
    pages.fs.bring_in(&subject, path).await?;
    let first = match pages.fs.browse(&subject, path, &Start::Position(0), 1, 0..MOST_ENTRIES).await? {
        Looked::File(file) => {
            let info = file.info;
            answer.block_size_bytes = Some(entry(&info).block_size_bytes);
            answer.current_directory = Some(entry(&info));
            answer.highest_tier_alias = pages.tiers.first().cloned();
            answer.viewing_offset = asked.position(info.length());
            let block = |block: &FileBlockInfo| block_entry(block, pages);
            answer.file_blocks = Some(info.file_block_infos.iter().map(block).collect());
            answer.file_data = Some(data(pages, path, &info, answer.viewing_offset).await?);
            return Ok(());
        }
        Looked::Directory(directory) => directory,
    };
    answer.block_size_bytes = Some(String::new());
    answer.current_directory = Some(entry(&first.info));
    answer.path_infos = Some(above(web, pages, &subject, path).await?);
    answer.total = first.total;
    match window(asked.offset(), asked.limit(), first.total) {
        Ok(range) => {
            answer.file_infos =
                Some(entries(pages, &subject, path, range, |info| listed(info, entry(info))).await?);
        }
        Err(error) => answer.fatal_error = Some(error),
    }
    Ok(())
}

/// Looks as often as the window needs it.
async fn entries(
    pages: &PageSources,
    subject: &Subject,
    path: &AlluxioPath,
    range: Range<usize>,
    entry: impl Fn(&FileInfo) -> FileEntry,
) -> Result<Vec<FileEntry>, FsError> {
    let mut entries = Vec::new();
    let mut start = Start::Position(range.start);
    while entries.len() < range.len() {
        let more = match pages.fs.browse(subject, path, &start, range.len() - entries.len(), 0..0).await? {
            Looked::Directory(directory) => directory.entries,
            // It was replaced meanwhile.
            Looked::File(_) => break,
        };
        let Some(last) = more.last() else { break };
        start = Start::After(last.name().to_owned());
        entries.extend(more.iter().map(&entry));
    }
    Ok(entries)
}

/// In a listing a file shows where its first block is.
fn listed(info: &FileInfo, mut entry: FileEntry) -> FileEntry {
    if !info.folder() && info.length() > 0 {
        let first = info.file_block_infos.first().and_then(|block| block.block_info.as_ref());
        let addresses =
            first.iter().flat_map(|block| &block.locations).filter_map(|at| at.worker_address.as_ref());
        entry.file_locations =
            addresses.map(|address| format!("{}:{}", address.host(), address.data_port())).collect();
    }
    entry
}

/// The original begins with the directory itself, and leaves the root out.
async fn above(
    web: &MasterWeb,
    pages: &PageSources,
    subject: &Subject,
    path: &AlluxioPath,
) -> Result<Vec<FileEntry>, FsError> {
    let mut paths = Vec::new();
    let mut parent = path.parent();
    while let Some(above) = parent.filter(|above| !above.is_root()) {
        parent = above.parent();
        paths.push(above);
    }
    if !path.is_root() {
        paths.push(path.clone());
    }
    let mut infos = Vec::new();
    for path in paths.iter().rev() {
        let info = pages.fs.get_status(subject, path, &GetStatusPOptions::default()).await?;
        infos.push(FileEntry::of(&info, &pages.tiers, &web.settings));
    }
    Ok(infos)
}

async fn data(
    pages: &PageSources,
    path: &AlluxioPath,
    info: &FileInfo,
    offset: i64,
) -> Result<String, FsError> {
    if !info.completed() {
        return Ok("The requested file is not complete yet.".to_owned());
    }
    let bytes = pages.preview.read(path, offset.max(0) as u64, DATA_BYTES as usize).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn block_entry(block: &FileBlockInfo, pages: &PageSources) -> BlockEntry {
    let block = block.block_info.clone().unwrap_or_default();
    let top = pages.tiers.first();
    BlockEntry {
        id: block.block_id(),
        block_length: block.length(),
        last_access_time_ms: -1,
        is_in_highest_tier: block.locations.iter().any(|at| top.is_some_and(|top| at.tier_alias() == top)),
        locations: block
            .locations
            .into_iter()
            .filter_map(|at| at.worker_address.and_then(|address| address.host))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_come_encoded_twice() {
        let path = |text: &str| path_of(text).map(|path| path.to_string());
        assert_eq!(path("").unwrap(), "/");
        assert_eq!(path("/a%20b").unwrap(), "/a%20b", "once decoded it is a name with a percent sign");
        assert_eq!(path("%2Fa%20b").unwrap(), "/a b");
        assert!(path("a").is_err());
    }
}
