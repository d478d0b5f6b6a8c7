//! What a store's refusals mean, in one line each.
//!
//! Only the store's own code and message are shown, never a request: its headers and address are nobody's business.

use std::error::Error;

use opendal::ErrorKind;

use super::store::Store;
use crate::error::{Operation, UfsError, UfsErrorKind};
use crate::path::UfsPath;

/// Longest text of a store that is passed on.
const LONGEST: usize = 300;

impl Store {
    /// What opendal's error is to our callers.
    pub(super) fn failed(&self, operation: Operation, path: &UfsPath, error: opendal::Error) -> UfsError {
        let said = Said::by(&error);
        let code = said.code.as_str();
        let (kind, reason) = match error.kind() {
            // Before the kinds: these hold for all paths, and stores give them with several statuses.
            _ if NO_BUCKET.contains(&code) => {
                // Not that the path is missing: whoever hears that may forget it.
                (
                    UfsErrorKind::InvalidArgument,
                    Some(format!("the bucket '{}' does not exist", self.bucket())),
                )
            }
            _ if REFUSED_KEYS.contains(&code) => (
                UfsErrorKind::PermissionDenied,
                Some(format!("the store does not accept the credentials ({code}); check {}", self.keys())),
            ),
            _ if code == "RequestTimeTooSkewed" => {
                (UfsErrorKind::PermissionDenied, Some("the clock of this host is wrong".to_owned()))
            }
            _ if MOVED.contains(&code) => (
                UfsErrorKind::InvalidArgument,
                Some(format!("the bucket '{}' is in another region: {}", self.bucket(), said.text())),
            ),
            ErrorKind::NotFound if NO_OBJECT.contains(&code) => (UfsErrorKind::NotFound, None),
            ErrorKind::NotFound => {
                (UfsErrorKind::Io, Some(format!("the under storage failed: {}", said.text())))
            }
            ErrorKind::PermissionDenied => (
                UfsErrorKind::PermissionDenied,
                Some(format!("the store refuses it ({}); check {}", said.or("403"), self.keys())),
            ),
            ErrorKind::AlreadyExists | ErrorKind::ConditionNotMatch => (UfsErrorKind::AlreadyExists, None),
            ErrorKind::Conflict if code == "DirectoryNotEmpty" => (UfsErrorKind::DirectoryNotEmpty, None),
            ErrorKind::IsADirectory => (UfsErrorKind::IsDirectory, None),
            ErrorKind::NotADirectory => (UfsErrorKind::NotDirectory, None),
            ErrorKind::Unsupported => (UfsErrorKind::Unsupported, None),
            ErrorKind::ConfigInvalid => (UfsErrorKind::InvalidArgument, Some(said.text())),
            ErrorKind::RateLimited => (
                UfsErrorKind::Unavailable,
                Some(format!("the store asks for fewer requests ({})", said.or("429"))),
            ),
            _ if error.is_temporary() || error.is_persistent() => (
                UfsErrorKind::Unavailable,
                Some(format!("the under storage does not answer: {}", said.text())),
            ),
            _ => (UfsErrorKind::Io, Some(format!("the under storage failed: {}", said.text()))),
        };
        let failed = self.error(kind, operation, path);
        match reason {
            Some(reason) => failed.because(reason),
            None => failed,
        }
    }

    /// The same for a listing: what is not there lists as nothing, so this is no word about the path.
    pub(super) fn unlisted(&self, operation: Operation, path: &UfsPath, error: opendal::Error) -> UfsError {
        let failed = self.failed(operation, path, error);
        match failed.kind() {
            UfsErrorKind::NotFound => self
                .error(UfsErrorKind::Io, operation, path)
                .because("the under storage failed: it cannot be listed (404)"),
            _ => failed,
        }
    }

    /// Whether the store says that it does not know what was asked for.
    pub(super) fn is_unknown_there(error: &opendal::Error) -> bool {
        error.kind() == ErrorKind::Unsupported || Said::by(error).code == "NotImplemented"
    }

    fn bucket(&self) -> &str {
        self.uri.authority()
    }

    fn keys(&self) -> &'static str {
        match self.ufs_type {
            "s3" => "s3a.accessKeyId and s3a.secretKey",
            "gcs" => "fs.gcs.credential.path, or fs.gcs.accessKeyId and fs.gcs.secretAccessKey",
            "oss" => "fs.oss.accessKeyId and fs.oss.accessKeySecret",
            "cos" => "fs.cos.access.key and fs.cos.secret.key",
            "abfs" => {
                "fs.azure.account.key.<account>.dfs.core.windows.net, or fs.azure.account.oauth2.client.id and .secret"
            }
            "obs" => "fs.obs.accessKey and fs.obs.secretKey",
            _ => "fs.azure.account.key.<account>.blob.core.windows.net",
        }
    }
}

const REFUSED_KEYS: [&str; 9] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "InvalidSecurity",
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    // versitygw, with the status of a missing object.
    "XAdminUserNotFound",
];

const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"];

/// None: an answer without a body.
const NO_OBJECT: [&str; 5] = ["", "NoSuchKey", "BlobNotFound", "PathNotFound", "SourcePathNotFound"];

const MOVED: [&str; 3] = ["PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException"];

/// What the store said, or what kept it from saying anything.
struct Said {
    code: String,
    message: String,
}

impl Said {
    /// opendal keeps the store's answer as the debug text of a structure with these fields.
    fn by(error: &opendal::Error) -> Self {
        let text = error.message();
        let message = field(text, "message: ").unwrap_or_else(|| match root_cause(error) {
            Some(cause) => cause,
            None => text.to_owned(),
        });
        Self { code: field(text, "code: ").unwrap_or_default(), message: one_line(&message) }
    }

    fn text(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => "no reason given".to_owned(),
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }

    fn or(&self, status: &str) -> String {
        if self.code.is_empty() { status.to_owned() } else { self.text() }
    }
}

/// The text in quotes behind `name`.
fn field(text: &str, name: &str) -> Option<String> {
    let rest = text.split_once(name)?.1.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value).filter(|value| !value.is_empty()),
            '\\' => value.push(match characters.next()? {
                'n' | 'r' | 't' => ' ',
                other => other,
            }),
            other => value.push(other),
        }
    }
}

fn root_cause(error: &opendal::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_own_words_are_found() {
        let text =
            r#"S3Error { code: "SignatureDoesNotMatch", message: "a \"quoted\"\nword", resource: "" }"#;
        let said = Said::by(&opendal::Error::new(ErrorKind::PermissionDenied, text));
        assert_eq!(said.code, "SignatureDoesNotMatch");
        assert_eq!(said.message, "a \"quoted\" word");
        let said = Said::by(&opendal::Error::new(ErrorKind::Unexpected, "<html>\n no </html>"));
        assert_eq!(said.text(), "<html> no </html>");
        let said = Said::by(&opendal::Error::new(ErrorKind::Unexpected, "x".repeat(1000)));
        assert_eq!(said.text().chars().count(), LONGEST + 1);
    }
}
