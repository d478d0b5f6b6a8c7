//! What the configuration says about the pages.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alluxio_conf::{Configuration, KeyName, Source, key};
use alluxio_fs::print::DateFormat;
use axum::Router;
use axum::middleware::from_fn;

use crate::cors::Cors;
use crate::guard;

/// What dates look like on pages when nobody asked for another pattern: in an order that sorts, without
/// milliseconds. The JSON keeps the original's default.
const PAGE_DATES: &str = "yyyy-MM-dd HH:mm:ss";

/// Read once at start.
#[derive(Debug)]
pub struct WebSettings {
    /// `alluxio.web.ui.enabled`: without pages there are still the JSON endpoints, health and metrics.
    pub pages: bool,
    /// `alluxio.web.file.info.enabled`: whether files, their data and logs are shown.
    pub files: bool,
    /// `alluxio.security.authorization.permission.enabled`: whether owners and modes mean something.
    pub permissions: bool,
    pub debug: bool,
    /// `alluxio.web.refresh.interval`
    pub refresh: Duration,
    /// Where log files lie.
    pub logs: PathBuf,
    /// Dates of the JSON.
    pub dates: DateFormat,
    /// Dates of the pages.
    pub page_dates: DateFormat,
    cors: Cors,
}

impl WebSettings {
    /// `logs` is where this process writes its log; else it is where `alluxio.logs.dir` says.
    pub fn new(conf: &Configuration, logs: Option<&Path>) -> Self {
        let pattern = conf.get(key::USER_DATE_FORMAT_PATTERN);
        let chosen = conf.source_of(key::USER_DATE_FORMAT_PATTERN.name()) != Source::Default;
        Self {
            pages: conf.get(key::WEB_UI_ENABLED),
            files: conf.get(key::WEB_FILE_INFO_ENABLED),
            permissions: conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_ENABLED),
            debug: conf.get(key::DEBUG),
            refresh: conf.get(key::WEB_REFRESH_INTERVAL).duration().unwrap_or(Duration::from_secs(15)),
            logs: logs.map_or_else(|| PathBuf::from(conf.get(key::LOGS_DIR)), Path::to_owned),
            dates: dates(&pattern),
            page_dates: dates(if chosen { &pattern } else { PAGE_DATES }),
            cors: Cors::from_conf(conf),
        }
    }

    /// What every answer carries.
    pub fn protect(&self, router: Router) -> Router {
        let cors = self.cors.clone();
        router
            .layer(from_fn(guard::headers))
            .layer(from_fn(move |request, next| cors.clone().add(request, next)))
    }
}

/// A pattern that cannot be used stops no server.
fn dates(pattern: &str) -> DateFormat {
    DateFormat::local(pattern).unwrap_or_else(|error| {
        tracing::warn!(%error, "the web pages write dates in another pattern");
        DateFormat::iso()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_dates_of_their_own_until_a_pattern_is_chosen() {
        let settings =
            |pairs: &[(&str, &str)]| WebSettings::new(&Configuration::defaults().with(pairs).unwrap(), None);
        let of = |pairs: &[(&str, &str)]| {
            let settings = settings(pairs);
            (settings.dates.format(0).len(), settings.page_dates.format(0).len())
        };
        assert_eq!(of(&[]), ("01-01-1970 00:00:00:000".len(), "1970-01-01 00:00:00".len()));
        let pattern = "alluxio.user.date.format.pattern";
        assert_eq!(of(&[(pattern, "yyyy")]), (4, 4));
        assert_eq!(of(&[(pattern, "QQ")]).0, "1970-01-01 00:00:00".len());
        assert_eq!(settings(&[]).logs, Path::new("/opt/alluxio/logs"));
    }
}
