//! `webui_blockinfo`: the files of which blocks are here, or the blocks of one file.

use super::super::{Web, held::HeldFile};
use alluxio_fs::ErrorKind;
use alluxio_web::{
    json::{Asked, BlockEntry, FileEntry},
    paging::window,
};
use axum::{
    Json,
    extract::{Query, State},
};
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range};

/// Files of one answer, whatever is asked for: the master is asked about each.
const MOST: usize = 1_000;

/// `WorkerWebUIBlockInfo`
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockInfo {
    block_size_bytes: Option<String>,
    fatal_error: Option<String>,
    /// One map of one tier each, as Java's pairs come out.
    file_blocks_on_tier: Option<Vec<BTreeMap<String, Vec<BlockEntry>>>>,
    file_infos: Option<Vec<FileEntry>>,
    invalid_path_error: Option<String>,
    #[serde(rename = "ntotalFile")]
    total: usize,
    ordered_tier_aliases: Option<Vec<String>>,
    path: Option<String>,
}

pub(super) async fn blocks(State(web): State<Web>, Query(asked): Query<Asked>) -> Json<BlockInfo> {
    if !web.settings.files {
        return Json(BlockInfo::default());
    }
    let tiers = web.core.store.usage().tiers;
    let mut answer = BlockInfo {
        fatal_error: Some(String::new()),
        invalid_path_error: Some(String::new()),
        ordered_tier_aliases: Some(tiers.clone()),
        ..BlockInfo::default()
    };
    if let Some(path) = asked.path.as_deref().filter(|path| !path.is_empty()) {
        match web.held_file(path).await {
            Ok(file) => {
                let entry = entry(&web, &tiers, &file);
                answer.block_size_bytes = Some(entry.block_size_bytes);
                let pair = |(tier, blocks)| BTreeMap::from([(tier, blocks)]);
                answer.file_blocks_on_tier = Some(entry.blocks_on_tier.into_iter().map(pair).collect());
                answer.path = Some(path.to_owned());
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InvalidArgument) => {
                answer.fatal_error = Some(format!("Error: Invalid Path {error}"));
            }
            Err(error) => {
                answer.invalid_path_error = Some(format!("Error: File {path} is not available {error}"));
            }
        }
        // Nobody who asks for a file looks at all others.
        answer.file_infos = Some(Vec::new());
        return Json(answer);
    }
    let files = web.held_files().await;
    answer.total = files.len();
    match window(asked.offset(), asked.limit(), files.len()) {
        Ok(range) => {
            let mut infos = Vec::new();
            for (id, file) in web.ask_master(shown(&files, range)).await {
                match file {
                    Ok(file) if file.blocks.is_empty() => {}
                    Ok(file) => infos.push(entry(&web, &tiers, &file)),
                    // Deleted meanwhile, most likely.
                    Err(error) => tracing::debug!(id, %error, "a file of the block list is left out"),
                }
            }
            answer.file_infos = Some(infos);
        }
        Err(error) => answer.fatal_error = Some(error),
    }
    Json(answer)
}

fn shown(files: &[i64], range: Range<usize>) -> Vec<i64> {
    files[range].iter().take(MOST).copied().collect()
}

/// The file with its blocks here, by tier.
fn entry(web: &Web, tiers: &[String], file: &HeldFile) -> FileEntry {
    let mut entry = FileEntry::of(&file.info, tiers, &web.settings);
    let top = tiers.first();
    for block in &file.blocks {
        entry.block_ids.push(block.id);
        entry.blocks_on_tier.entry(block.tier.clone()).or_default().push(BlockEntry {
            id: block.id,
            block_length: block.length,
            last_access_time_ms: -1,
            locations: Vec::new(),
            is_in_highest_tier: top == Some(&block.tier),
        });
    }
    let length = file.info.length();
    for (tier, percentage) in &mut entry.on_tier_percentages {
        let on_tier: i64 =
            entry.blocks_on_tier.get(tier).map_or(0, |blocks| blocks.iter().map(|b| b.block_length).sum());
        *percentage = alluxio_web::show::percent(on_tier, length);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_an_end() {
        let files: Vec<i64> = (0..3_000).collect();
        assert_eq!(shown(&files, 5..8), [5, 6, 7]);
        assert_eq!(shown(&files, 500..3_000), files[500..1_500]);
    }
}
