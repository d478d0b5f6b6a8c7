//! `webui_data`: the files that are wholly in Alluxio. Like the original it looks at all files to find them;
//! unlike it, it stops after a while.

use std::time::Duration;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::file::{ListStatusPOptions, LoadMetadataPType};
use alluxio_web::json::{Asked, FileEntry};
use alluxio_web::paging::window;
use axum::Json;
use axum::extract::{Query, State};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::super::{MasterWeb, PageSources};
use super::{Answer, Web};

/// For going through the files.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most files that are remembered while looking.
const MOST_FOUND: usize = 100_000;

/// `MasterWebUIData`
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    fatal_error: Option<String>,
    file_infos: Option<Vec<FileEntry>>,
    in_alluxio_file_num: usize,
    master_node_address: Option<String>,
    permission_error: Option<String>,
    show_permissions: bool,
}

pub(super) async fn data(State(web): Web, Query(asked): Query<Asked>) -> Answer<Data> {
    if !web.settings.files {
        return Ok(Json(Data::default()));
    }
    let (info, pages) = web.sources()?;
    let mut answer = Data {
        fatal_error: Some(String::new()),
        master_node_address: Some(info.facts.rpc_address()),
        show_permissions: web.settings.permissions,
        ..Data::default()
    };
    let found = match find(&web, &pages).await {
        Ok(found) => found,
        Err(error) => {
            answer.fatal_error = Some(format!("Error: {error}"));
            return Ok(Json(answer));
        }
    };
    answer.in_alluxio_file_num = found.len();
    match window(asked.offset(), asked.limit(), found.len()) {
        Ok(range) => {
            answer.file_infos = Some(found.into_iter().skip(range.start).take(range.len()).collect())
        }
        Err(error) => answer.fatal_error = Some(error),
    }
    Ok(Json(answer))
}

/// All of them, in the order of their paths.
async fn find(web: &MasterWeb, pages: &PageSources) -> Result<Vec<FileEntry>, FsError> {
    let end = Instant::now() + PATIENCE;
    // Each keeps up to as many files in memory as it may find.
    let busy = |_| FsError::unavailable("Others are looking at all files just now. Try again in a moment.");
    let turn = timeout_at(end, pages.whole_looks.acquire()).await.map_err(busy)?;
    let _turn = turn.map_err(|_| FsError::unavailable("The master is stopping."))?;
    let subject = pages.subject().await?;
    let fs = pages.fs.clone();
    let (sender, mut receiver) = mpsc::channel(1);
    // Ends when nobody listens any more.
    let listing = tokio::spawn(async move {
        let options = ListStatusPOptions {
            recursive: Some(true),
            load_metadata_type: Some(LoadMetadataPType::Never.into()),
            ..Default::default()
        };
        fs.list_status(&subject, &AlluxioPath::root(), &options, &sender).await
    });
    let too_many = || {
        FsError::resource_exhausted(
            "There are too many files to look at all of them for this answer. Browse instead.",
        )
    };
    let mut found = Vec::new();
    while let Some(batch) = timeout_at(end, receiver.recv()).await.map_err(|_| too_many())? {
        let whole = batch.map_err(FsError::from)?.file_infos.into_iter();
        let whole = whole.filter(|info| !info.folder() && info.in_alluxio_percentage() == 100);
        found.extend(whole.map(|info| FileEntry::of(&info, &pages.tiers, &web.settings)));
        if found.len() > MOST_FOUND {
            return Err(too_many());
        }
    }
    listing.await.map_err(|_| FsError::unavailable("The master is stopping."))??;
    found.sort_by(|a, b| a.absolute_path.cmp(&b.absolute_path));
    Ok(found)
}
