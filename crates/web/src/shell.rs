//! What every page stands in: the heading with its links, the time, the refresh.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::assets;
use crate::settings::WebSettings;

/// A link of the heading. `href` is relative, as all links are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nav {
    pub href: &'static str,
    pub label: &'static str,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Shell {
    /// `Master` or `Worker`.
    pub role: &'static str,
    /// Which one: host and port.
    pub address: String,
    pub title: String,
    pub nav: Vec<Nav>,
    /// The `href` of the page's entry in `nav`.
    pub current: &'static str,
    /// After how many milliseconds the page renews itself; 0: never.
    pub refresh_ms: u128,
    /// When it was rendered, with the zone that all times on it are in.
    pub now: String,
    /// The zone's name.
    pub zone: String,
    pub version: &'static str,
    pub assets: u64,
}

impl Shell {
    /// A page that does not renew itself.
    pub fn new(
        role: &'static str,
        address: String,
        nav: Vec<Nav>,
        current: &'static str,
        settings: &WebSettings,
    ) -> Self {
        let now = crate::show::now_ms();
        Self {
            role,
            address,
            title: nav.iter().find(|entry| entry.href == current).map_or("", |entry| entry.label).to_owned(),
            nav,
            current,
            refresh_ms: 0,
            now: settings.page_dates.format(now),
            zone: settings.page_dates.zone_name(now),
            version: env!("CARGO_PKG_VERSION"),
            assets: assets::VERSION,
        }
    }

    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// For pages that show what changes by itself.
    pub fn live(mut self, settings: &WebSettings) -> Self {
        self.refresh_ms = settings.refresh.as_millis();
        self
    }
}

/// A template on its way to the reader.
pub struct Page<T>(pub T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(text) => Html(text).into_response(),
            Err(error) => {
                tracing::error!(%error, "a web page could not be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be rendered; the log says why.\n")
                    .into_response()
            }
        }
    }
}
