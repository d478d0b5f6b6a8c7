//! A page that says what is the matter and what to do.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::shell::{Page, Shell};

#[derive(askama::Template)]
#[template(path = "notice.html")]
pub struct Notice {
    shell: Shell,
    heading: String,
    text: String,
    /// Where to go on, and how that is called.
    link: Option<(String, &'static str)>,
    status: StatusCode,
}

impl Notice {
    pub fn new(
        shell: Shell,
        status: StatusCode,
        heading: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        let heading = heading.into();
        Self { shell: shell.titled(heading.clone()), heading, text: text.into(), link: None, status }
    }

    pub fn link(mut self, href: impl Into<String>, label: &'static str) -> Self {
        self.link = Some((href.into(), label));
        self
    }
}

impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        let status = self.status;
        (status, Page(self)).into_response()
    }
}

/// For an address that no page has.
pub fn absent(shell: Shell) -> Response {
    Notice::new(shell, StatusCode::NOT_FOUND, "No such page", "There is nothing at this address.")
        .link("overview", "Go to the overview")
        .into_response()
}
