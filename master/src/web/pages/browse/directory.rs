//! A part of a directory.

use alluxio_fs::{AlluxioPath, print::permission};
use alluxio_proto::grpc::file::FileInfo;
use alluxio_web::paging::Pager;
use alluxio_web::{Shell, show};

use super::super::super::MasterWeb;
use super::super::shell;
use super::{Asked, Crumb, common_facts, crumbs, href, state, title};
use crate::fs::Directory;

struct Row {
    name: String,
    href: String,
    folder: bool,
    size: String,
    bytes: String,
    cached: i32,
    state: String,
    mode: String,
    owner: String,
    group: String,
    modified: String,
    pinned: bool,
    mount: bool,
}

#[derive(askama::Template)]
#[template(path = "directory.html")]
pub(super) struct DirectoryPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    path: String,
    name: String,
    facts: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    total: usize,
    pager: Pager,
    from: String,
    limit: usize,
    permissions: bool,
}

pub(super) fn page(
    web: &MasterWeb,
    path: &AlluxioPath,
    directory: Directory,
    query: &Asked,
    limit: usize,
) -> DirectoryPage {
    let row = |info: &FileInfo| Row {
        href: href(&path.join(info.name())),
        name: info.name().to_owned(),
        folder: info.folder(),
        size: if info.folder() { String::new() } else { show::size(info.length()) },
        bytes: if info.folder() { String::new() } else { format!("{} bytes", show::count(info.length())) },
        cached: info.in_alluxio_percentage(),
        state: state(info),
        mode: permission(info),
        owner: info.owner().to_owned(),
        group: info.group().to_owned(),
        modified: web.settings.page_dates.format(info.last_modification_time_ms()),
        pinned: info.pinned(),
        mount: info.mount_point(),
    };
    let rows: Vec<Row> = directory.entries.iter().map(row).collect();
    let base = format!("{}&limit={limit}", href(path));
    let pager = Pager::new(base, "entries", directory.total, directory.offset, limit).showing(rows.len());
    DirectoryPage {
        shell: shell(web, "browse").titled(path.to_string()).live(&web.settings),
        crumbs: crumbs(path),
        path: path.to_string(),
        name: title(path),
        facts: common_facts(web, &directory.info),
        total: directory.total,
        rows,
        pager,
        from: query.from.clone().unwrap_or_default(),
        limit,
        permissions: web.settings.permissions,
    }
}
