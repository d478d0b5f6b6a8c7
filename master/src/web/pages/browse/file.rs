//! A file: what it is, some of its data, its blocks and where they are.

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileBlockInfo, FileInfo};
use alluxio_web::paging::{Pager, ROWS};
use alluxio_web::{Shell, show, text};

use super::super::super::{MasterWeb, PageSources};
use super::super::shell;
use super::{Asked, Crumb, common_facts, crumbs, href, state, title};
use crate::fs::File;

/// Bytes of a file that a page shows.
const DATA: usize = 4 * 1024;

struct Block {
    index: String,
    id: i64,
    offset: String,
    length: String,
    places: Vec<Place>,
}

struct Place {
    worker: String,
    tier: String,
}

enum Data {
    Text(String),
    Hex(String),
    None(String),
}

#[derive(askama::Template)]
#[template(path = "file.html")]
pub(super) struct FilePage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    path: String,
    name: String,
    facts: Vec<(&'static str, String)>,
    cached_percent: i32,
    state: String,
    blocks: Vec<Block>,
    block_pager: Pager,
    data: Data,
    offset: i64,
    range: String,
    size: String,
    other_form: Option<(String, &'static str)>,
    first: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    last: Option<String>,
}

pub(super) async fn page(
    web: &MasterWeb,
    pages: &PageSources,
    path: &AlluxioPath,
    file: &File,
    first_block: usize,
    query: &Asked,
) -> FilePage {
    let info = &file.info;
    let length = info.length().max(0);
    let given: i64 = query.offset.as_deref().and_then(|offset| offset.trim().parse().ok()).unwrap_or(0);
    let offset = given.clamp(0, length);
    let hex = query.form.as_deref() == Some("hex");
    let (data, read) = data(pages, path, info, offset, query.form.as_deref()).await;
    let form = if hex { "&as=hex" } else { "" };
    let base = href(path);
    let at = |offset: i64| format!("{base}&offset={offset}{form}");
    let (step, end) = (DATA as i64, offset.saturating_add(read));
    let other_form = match &data {
        Data::Text(_) => Some((format!("{base}&offset={offset}&as=hex"), "Show as bytes")),
        Data::Hex(_) => Some((format!("{base}&offset={offset}&as=text"), "Show as text")),
        Data::None(_) => None,
    };
    let first_block = first_block.min(file.blocks);
    let mut facts = vec![
        ("Size", format!("{} ({} bytes)", show::size(length), show::count(length))),
        ("Block size", show::size(info.block_size_bytes())),
    ];
    facts.extend(common_facts(web, info));
    if !info.completed() {
        facts.insert(0, ("Complete", "no, it is being written".to_owned()));
    }
    FilePage {
        shell: shell(web, "browse").titled(path.to_string()),
        crumbs: crumbs(path),
        path: path.to_string(),
        name: title(path),
        facts,
        cached_percent: info.in_alluxio_percentage(),
        state: state(info),
        blocks: (first_block..).zip(&info.file_block_infos).map(block).collect(),
        block_pager: Pager::new(format!("{base}&blocks=all"), "blocks", file.blocks, first_block, ROWS)
            .named("block"),
        data,
        offset,
        range: format!("bytes {}\u{2013}{}", show::count(offset), show::count(end)),
        size: show::count(length),
        other_form,
        first: (offset > 0).then(|| at(0)),
        previous: (offset > 0).then(|| at((offset - step).max(0))),
        next: (read > 0 && end < length).then(|| at(end)),
        last: (end < length).then(|| at((length - 1) / step * step)),
    }
}

fn block((index, block): (usize, &FileBlockInfo)) -> Block {
    let info = block.block_info.clone().unwrap_or_default();
    let place = |at: &alluxio_proto::grpc::BlockLocation| {
        let address = at.worker_address.clone().unwrap_or_default();
        Place {
            worker: format!("{}:{}", address.host(), address.rpc_port()),
            tier: at.tier_alias().to_owned(),
        }
    };
    Block {
        index: show::number(index + 1),
        id: info.block_id(),
        offset: show::count(block.offset()),
        length: show::size(info.length()),
        places: info.locations.iter().map(place).collect(),
    }
}

/// The data, and how many bytes of the file it stands for.
async fn data(
    pages: &PageSources,
    path: &AlluxioPath,
    info: &FileInfo,
    offset: i64,
    form: Option<&str>,
) -> (Data, i64) {
    if !info.completed() {
        return (
            Data::None("The file is still being written: its data is shown when it is complete.".to_owned()),
            0,
        );
    }
    if info.length() == 0 {
        return (Data::None("The file is empty.".to_owned()), 0);
    }
    match pages.preview.read(path, offset.max(0) as u64, DATA).await {
        Ok(bytes) if bytes.is_empty() => (Data::None("There is no more data.".to_owned()), 0),
        Ok(bytes) => {
            let as_text = form == Some("text") || (form != Some("hex") && text::is_text(&bytes));
            let shown = if as_text {
                Data::Text(text::readable(&bytes))
            } else {
                Data::Hex(text::hex_dump(&bytes, offset.max(0) as u64))
            };
            (shown, bytes.len() as i64)
        }
        Err(error) => (Data::None(format!("The data cannot be read now. {error}")), 0),
    }
}
