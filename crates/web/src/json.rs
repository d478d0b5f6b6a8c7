//! What is alike in the JSON of masters and workers. Names of fields are those that Alluxio 2.9.4 answers with
//! (measured: `ntotalFile` and `id`, where its classes say `nTotalFile` and `iD`).

use std::collections::BTreeMap;

use alluxio_conf::Entry;
use alluxio_fs::print::{permission, size};
use alluxio_proto::grpc::file::FileInfo;
use alluxio_telemetry::metrics::{MetricKind, Metrics, SampleValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::logs::{LogFile, Logs, Spot};
use crate::paging::window;
use crate::settings::WebSettings;

/// Bytes of a file or log that one answer shows.
pub const DATA_BYTES: u64 = 5 * 1024;

/// `path`, `offset`, `end`, `limit`: text, because what is no number is answered in the body.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    pub path: Option<String>,
    pub offset: Option<String>,
    pub end: Option<String>,
    pub limit: Option<String>,
}

impl Asked {
    pub fn offset(&self) -> &str {
        self.offset.as_deref().unwrap_or("0")
    }

    pub fn limit(&self) -> &str {
        self.limit.as_deref().unwrap_or("20")
    }

    /// Where in a file of `length` bytes to begin: counted from its end when `end` is there.
    pub fn position(&self, length: i64) -> i64 {
        let relative: i64 = self.offset().parse().unwrap_or(0);
        let offset = match self.end.as_deref() {
            None | Some("") => relative,
            Some(_) => length.saturating_sub(relative),
        };
        offset.clamp(0, length.max(0))
    }
}

/// `UIFileBlockInfo`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockEntry {
    pub id: i64,
    pub block_length: i64,
    /// Not known, here as there.
    pub last_access_time_ms: i64,
    pub locations: Vec<String>,
    pub is_in_highest_tier: bool,
}

/// `UIFileInfo`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    pub id: i64,
    pub name: String,
    pub absolute_path: String,
    pub block_size_bytes: String,
    pub size: String,
    pub creation_time: String,
    pub modification_time: String,
    pub in_alluxio: bool,
    pub in_alluxio_percentage: i32,
    pub is_directory: bool,
    pub pinned: bool,
    pub owner: String,
    pub group: String,
    pub mode: String,
    pub persistence_state: String,
    pub file_locations: Vec<String>,
    pub blocks_on_tier: BTreeMap<String, Vec<BlockEntry>>,
    pub on_tier_percentages: BTreeMap<String, i64>,
    pub block_ids: Vec<i64>,
}

impl FileEntry {
    /// `tiers` are the aliases to count on.
    pub fn of(info: &FileInfo, tiers: &[String], settings: &WebSettings) -> Self {
        let folder = info.folder();
        let sized = |bytes| if folder { String::new() } else { size::human(bytes) };
        Self {
            id: info.file_id(),
            name: if info.path() == "/" { "root".to_owned() } else { info.name().to_owned() },
            absolute_path: info.path().to_owned(),
            block_size_bytes: sized(info.block_size_bytes()),
            size: sized(info.length()),
            creation_time: settings.dates.format(info.creation_time_ms()),
            modification_time: settings.dates.format(info.last_modification_time_ms()),
            in_alluxio: info.in_alluxio_percentage() == 100,
            in_alluxio_percentage: info.in_alluxio_percentage(),
            is_directory: folder,
            pinned: info.pinned(),
            owner: info.owner().to_owned(),
            group: info.group().to_owned(),
            mode: permission(info),
            persistence_state: info.persistence_state().to_owned(),
            file_locations: Vec::new(),
            blocks_on_tier: BTreeMap::new(),
            on_tier_percentages: tiers.iter().map(|tier| (tier.clone(), 0)).collect(),
            block_ids: Vec::new(),
        }
    }

    fn of_log(file: &LogFile, tiers: &[String], settings: &WebSettings) -> Self {
        let info = FileInfo {
            name: Some(file.name.clone()),
            path: Some(file.name.clone()),
            file_id: Some(-1),
            length: Some(i64::try_from(file.size).unwrap_or(i64::MAX)),
            last_modification_time_ms: Some(file.modified_ms),
            persistence_state: Some("NOT_PERSISTED".to_owned()),
            ..FileInfo::default()
        };
        let mut entry = Self::of(&info, tiers, settings);
        // The original says so of every log.
        entry.mode = "d---------".to_owned();
        entry.creation_time = String::new();
        entry
    }
}

/// `MasterWebUILogs`, `WorkerWebUILogs`
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsAnswer {
    pub current_path: Option<String>,
    pub debug: bool,
    pub fatal_error: Option<String>,
    pub file_data: Option<String>,
    pub file_infos: Option<Vec<FileEntry>>,
    pub invalid_path_error: Option<String>,
    #[serde(rename = "ntotalFile")]
    pub total: usize,
    pub viewing_offset: u64,
}

/// `webui_logs`: the list of log files, or 5 KB of one.
pub async fn logs(settings: &WebSettings, asked: &Asked, tiers: &[String]) -> LogsAnswer {
    if !settings.files {
        return LogsAnswer::default();
    }
    let logs = Logs::new(&settings.logs);
    let mut answer = LogsAnswer {
        debug: settings.debug,
        current_path: Some(String::new()),
        invalid_path_error: Some(String::new()),
        ..LogsAnswer::default()
    };
    match asked.path.as_deref().filter(|path| !path.is_empty()) {
        None => match logs.list().await {
            Ok(files) => {
                answer.total = files.len();
                match window(asked.offset(), asked.limit(), files.len()) {
                    Ok(range) => {
                        let entry = |file: &LogFile| FileEntry::of_log(file, tiers, settings);
                        answer.file_infos = Some(files[range].iter().map(entry).collect());
                    }
                    Err(error) => answer.fatal_error = Some(error),
                }
            }
            Err(error) => answer.fatal_error = Some(error.to_string()),
        },
        Some(path) => {
            answer.current_path = Some(path.rsplit('/').next().unwrap_or_default().to_owned());
            let relative: u64 = asked.offset().parse().unwrap_or(0);
            let from_end = asked.end.as_deref().is_some_and(|end| !end.is_empty());
            let spot = if from_end { Spot::BeforeEnd(relative) } else { Spot::From(relative) };
            match logs.read(path, spot, DATA_BYTES).await {
                Ok(part) => {
                    answer.viewing_offset = part.offset;
                    answer.file_data = Some(String::from_utf8_lossy(&part.data).into_owned());
                }
                Err(error) => answer.invalid_path_error = Some(format!("Error: {error}")),
            }
        }
    }
    answer
}

/// The rows of `webui_config`. Secrets are masked by those who list the entries.
pub fn configuration(entries: Vec<Entry>) -> Vec<Value> {
    // It is in `whitelist`.
    let told = |entry: &Entry| entry.name != "alluxio.master.whitelist";
    let row = |entry: Entry| json!({ "left": entry.name, "middle": entry.value.unwrap_or_default(), "right": entry.source.to_string() });
    entries.into_iter().filter(told).map(row).collect()
}

/// Counters by name, without the name of what counts: `{"FilesCreated": {"count": 3}}`.
pub fn counters(metrics: &Metrics) -> Vec<(String, i64)> {
    let counter = |sample: alluxio_telemetry::metrics::Sample| match (sample.kind, sample.value) {
        (MetricKind::Counter, SampleValue::Number(value)) => {
            let name = sample.name.split_once('.').map_or(sample.name.as_str(), |(_, rest)| rest);
            Some((name.to_owned(), value as i64))
        }
        _ => None,
    };
    metrics.samples().into_iter().filter_map(counter).collect()
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;

    use super::*;

    #[test]
    fn an_offset_counts_from_the_end_when_that_is_asked() {
        let asked = |offset: &str, end: Option<&str>| Asked {
            offset: Some(offset.to_owned()),
            end: end.map(str::to_owned),
            ..Asked::default()
        };
        assert_eq!(asked("10", None).position(100), 10);
        assert_eq!(asked("10", Some("1")).position(100), 90);
        assert_eq!(asked("10", Some("")).position(100), 10);
        assert_eq!(asked("1000", None).position(100), 100);
        assert_eq!(asked("-9223372036854775808", Some("1")).position(100), 100);
        assert_eq!(asked("none", None).position(100), 0);
    }

    #[test]
    fn secrets_stay_masked() {
        let conf = Configuration::defaults().with(&[("s3a.secretKey", "hidden")]).unwrap();
        let rows = configuration(conf.entries());
        let row = rows.iter().find(|row| row["left"] == "s3a.secretKey").unwrap();
        assert_eq!((&row["middle"], &row["right"]), (&json!("******"), &json!("RUNTIME")));
    }

    #[tokio::test]
    async fn logs_are_listed_and_read_with_the_originals_keys() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("master.log"), "0123456789").unwrap();
        let conf = Configuration::defaults();
        let settings = WebSettings::new(&conf, Some(home.path()));
        let listed = serde_json::to_value(logs(&settings, &Asked::default(), &[]).await).unwrap();
        assert_eq!(listed["ntotalFile"], 1);
        let file = &listed["fileInfos"][0];
        assert_eq!(
            (&file["name"], &file["size"], &file["id"]),
            (&json!("master.log"), &json!("10B"), &json!(-1))
        );
        assert_eq!((&file["creationTime"], &file["mode"]), (&json!(""), &json!("d---------")));
        let asked = Asked {
            path: Some("../x/master.log".into()),
            offset: Some("3".into()),
            end: Some("1".into()),
            ..Asked::default()
        };
        let read = logs(&settings, &asked, &[]).await;
        assert_eq!((read.file_data.as_deref(), read.viewing_offset), (Some("789"), 7));
        let hidden = conf.with(&[("alluxio.web.file.info.enabled", "false")]).unwrap();
        let none = logs(&WebSettings::new(&hidden, Some(home.path())), &asked, &[]).await;
        assert_eq!((none.file_data, none.current_path), (None, None));
    }
}
