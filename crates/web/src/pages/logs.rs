//! The list of log files, and a look into one: its last lines, or any part.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::json::Asked;
use crate::logs::{LogError, LogFile, Logs, Part, Spot};
use crate::pages::Notice;
use crate::paging::{Pager, ROWS, asked, encoded};
use crate::settings::WebSettings;
use crate::shell::{Page, Shell};
use crate::{show, text};

/// Bytes of a log that one page shows.
const PART: u64 = 64 * 1024;

/// How often the last lines are looked at again.
const FOLLOW_MS: u128 = 3_000;

/// What is asked for: the original's parameters, so that its links lead somewhere here.
pub type LogAsked = Asked;

struct File {
    name: String,
    href: String,
    size: String,
    bytes: u64,
    modified: String,
}

#[derive(askama::Template)]
#[template(path = "logs.html")]
struct List {
    shell: Shell,
    folder: String,
    files: Vec<File>,
    pager: Pager,
}

struct Line {
    text: String,
    class: &'static str,
}

#[derive(askama::Template)]
#[template(path = "log.html")]
struct Content {
    shell: Shell,
    name: String,
    lines: Vec<Line>,
    range: String,
    size: String,
    tail: bool,
    first: Option<String>,
    older: Option<String>,
    newer: Option<String>,
    last: String,
}

/// The page.
pub async fn logs(shell: Shell, settings: &WebSettings, query: &LogAsked) -> Response {
    if !settings.files {
        return Notice::new(
            shell,
            StatusCode::FORBIDDEN,
            "Logs are not shown",
            "Files are hidden here: alluxio.web.file.info.enabled is false.",
        )
        .into_response();
    }
    let logs = Logs::new(&settings.logs);
    match query.path.as_deref().filter(|path| !path.is_empty()) {
        None => match logs.list().await {
            Ok(files) => Page(list(shell, settings, &logs, files, query)).into_response(),
            Err(error) => failed(shell, &error),
        },
        Some(path) => {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            match logs.read(path, spot(query), PART).await {
                Ok(part) => Page(content(shell, name, &part, query)).into_response(),
                Err(error) => failed(shell, &error),
            }
        }
    }
}

fn failed(shell: Shell, error: &LogError) -> Response {
    let status = match error {
        LogError::NoLog(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Notice::new(shell, status, "This log cannot be shown", error.to_string())
        .link("logs", "All log files")
        .into_response()
}

fn list(shell: Shell, settings: &WebSettings, logs: &Logs, files: Vec<LogFile>, query: &LogAsked) -> List {
    let (total, offset) = (files.len(), asked(query.offset.as_deref(), 0));
    let file = |file: LogFile| File {
        href: format!("logs?path={}", encoded(&file.name)),
        size: show::size(i64::try_from(file.size).unwrap_or(i64::MAX)),
        bytes: file.size,
        modified: settings.page_dates.format(file.modified_ms),
        name: file.name,
    };
    List {
        shell: shell.live(settings),
        folder: logs.folder().display().to_string(),
        files: files.into_iter().skip(offset).take(ROWS).map(file).collect(),
        pager: Pager::new("logs?limit=100".to_owned(), "files", total, offset, ROWS),
    }
}

fn spot(query: &LogAsked) -> Spot {
    let number = query.offset.as_deref().and_then(|offset| offset.parse().ok());
    match (number, query.end.as_deref()) {
        (None, _) => Spot::LastLines,
        (Some(0), Some(end)) if !end.is_empty() => Spot::LastLines,
        (Some(before), Some(end)) if !end.is_empty() => Spot::BeforeEnd(before),
        (Some(offset), _) => Spot::LinesFrom(offset),
    }
}

fn content(mut shell: Shell, name: String, part: &Part, query: &LogAsked) -> Content {
    let tail = spot(query) == Spot::LastLines;
    if tail {
        shell.refresh_ms = FOLLOW_MS;
    }
    let base = format!("logs?path={}", encoded(&name));
    let at = |offset: u64| format!("{base}&offset={offset}");
    let older = part.offset.saturating_sub(PART);
    let size = |bytes: u64| show::size(i64::try_from(bytes).unwrap_or(i64::MAX));
    Content {
        shell: shell.titled(name.clone()),
        lines: text::readable(&part.data).lines().map(line).collect(),
        range: format!("{}\u{2013}{}", size(part.offset), size(part.end())),
        size: size(part.size),
        tail,
        first: (part.offset > 0).then(|| at(0)),
        older: (part.offset > 0).then(|| at(older)),
        newer: (part.end() < part.size).then(|| at(part.end())),
        last: base.clone(),
        name,
    }
}

/// Warnings and errors stand out: the level is the second word of a line, here and in the original.
fn line(text: &str) -> Line {
    let level = text.split_whitespace().take(4).find(|word| matches!(*word, "ERROR" | "WARN" | "FATAL"));
    let class = match level {
        Some("WARN") => "warn",
        Some(_) => "error",
        None => "",
    };
    Line { text: text.to_owned(), class }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_out() {
        assert_eq!(line("2026-11-25T15:20:09.123Z WARN  alluxio_master: slow").class, "warn");
        assert_eq!(line("2026-11-25 15:20:09,123 ERROR Foo - bad").class, "error");
        assert_eq!(line("2026-11-25T15:20:09.123Z INFO  x: y an ERROR later").class, "");
    }

    fn shell() -> Shell {
        Shell {
            role: "Master",
            address: String::new(),
            title: String::new(),
            nav: Vec::new(),
            current: "logs",
            refresh_ms: 0,
            now: String::new(),
            zone: String::new(),
            version: "",
            assets: 0,
        }
    }

    /// What people do: to the first part, and from each to the next by the link that the page gives.
    #[tokio::test]
    async fn parts_by_lines_join() {
        let home = tempfile::tempdir().unwrap();
        let text: String = (0..20_000).map(|n| format!("line {n} {}\n", "x".repeat(n % 17))).collect();
        std::fs::write(home.path().join("a.log"), &text).unwrap();
        let logs = Logs::new(home.path());
        let mut href = Some("logs?path=a.log&offset=0".to_owned());
        let mut shown = Vec::new();
        while let Some(link) = href {
            let uri = format!("http://localhost/{link}").parse().unwrap();
            let axum::extract::Query(query) = axum::extract::Query::<LogAsked>::try_from_uri(&uri).unwrap();
            let part = logs.read(query.path.as_deref().unwrap(), spot(&query), PART).await.unwrap();
            shown.extend_from_slice(&part.data);
            href = content(shell(), "a.log".to_owned(), &part, &query).newer;
        }
        assert!(String::from_utf8(shown).unwrap() == text, "lines were lost or shown twice");
    }

    #[test]
    fn the_originals_links_mean_the_same_here() {
        let asked = |offset: Option<&str>, end: Option<&str>| {
            spot(&LogAsked {
                offset: offset.map(str::to_owned),
                end: end.map(str::to_owned),
                ..LogAsked::default()
            })
        };
        assert_eq!(asked(None, None), Spot::LastLines);
        assert_eq!(asked(Some("0"), Some("1")), Spot::LastLines);
        assert_eq!(asked(Some("0"), None), Spot::LinesFrom(0));
        assert_eq!(asked(Some("7"), Some("1")), Spot::BeforeEnd(7));
        assert_eq!(asked(Some("7"), Some("")), Spot::LinesFrom(7));
    }
}
