//! What an API server was asked, by its own audit log: who changed what, and how often.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The log of one server. A request is in it when its answer is complete, so a moment after the client has it: wait for
/// what must come before counting what must not.
pub struct AuditLog {
    file: PathBuf,
}

/// A place in the log.
#[derive(Clone, Copy, Debug)]
pub struct Position(u64);

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who acted: the impersonated user where there is one.
    pub user: String,
    /// The pod in which it runs, where the user is one of a pod.
    pub pod: String,
    /// get, list, watch, create, update, patch, delete or deletecollection.
    pub verb: String,
    /// As permissions call it, with the group: `statefulsets.apps/status`; the path of what is no resource.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    /// Of the answer.
    pub code: u64,
}

/// User, verb and resource of a change.
pub type Kind = (String, String, String);

impl AuditLog {
    pub fn new(file: PathBuf) -> AuditLog {
        AuditLog { file }
    }

    /// The end of the log as it is now.
    pub fn end(&self) -> Result<Position> {
        Ok(Position(fs::metadata(&self.file).with_context(|| self.file.display().to_string())?.len()))
    }

    /// All that was answered since then.
    pub fn since(&self, position: Position) -> Result<Vec<Request>> {
        self.since_by(position, "")
    }

    /// The same of users whose names begin so.
    pub fn since_by(&self, position: Position, users: &str) -> Result<Vec<Request>> {
        let mut file = File::open(&self.file).with_context(|| self.file.display().to_string())?;
        file.seek(SeekFrom::Start(position.0.saturating_sub(1)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let is_newline = |byte: &u8| *byte == b'\n';
        // The last line may be half written, as the one may have been that was the last at `position`.
        let end = bytes.iter().rposition(is_newline).map_or(0, |newline| newline + 1);
        let start = match position.0 {
            0 => 0,
            _ => bytes.iter().position(is_newline).map_or(end, |newline| newline + 1),
        };
        let text = std::str::from_utf8(&bytes[start..end])?;
        // Most lines are others': they need not be understood.
        let lines = text.lines().filter(|line| line.contains(users));
        let requests = lines.map(|line| request(line).with_context(|| line.to_owned()));
        requests.filter(|request| request.as_ref().map_or(true, |it| it.user.starts_with(users))).collect()
    }

    /// The changes among them, refused ones included.
    pub fn changes_since(&self, position: Position) -> Result<Vec<Request>> {
        Ok(self.since(position)?.into_iter().filter(Request::is_change).collect())
    }
}

impl Request {
    pub fn is_change(&self) -> bool {
        ["create", "update", "patch", "delete", "deletecollection"].contains(&&*self.verb)
    }
}

/// How many requests there are of each kind.
pub fn count<'a>(requests: impl IntoIterator<Item = &'a Request>) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    for Request { user, verb, resource, .. } in requests {
        *counts.entry((user.clone(), verb.clone(), resource.clone())).or_default() += 1;
    }
    counts
}

fn request(line: &str) -> Result<Request> {
    let event: Value = serde_json::from_str(line)?;
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let user = match text("/impersonatedUser/username") {
        nobody if nobody.is_empty() => text("/user/username"),
        other => other,
    };
    let (verb, uri) = (text("/verb"), text("/requestURI"));
    if user.is_empty() || verb.is_empty() || uri.is_empty() {
        bail!("no user, verb or path in a line of the audit log");
    }
    let group = text("/objectRef/apiGroup");
    let mut resource = text("/objectRef/resource");
    if resource.is_empty() {
        resource = uri.split('?').next().unwrap_or_default().to_owned();
    } else if !group.is_empty() {
        resource = format!("{resource}.{group}");
    }
    let part = text("/objectRef/subresource");
    if !part.is_empty() {
        resource = format!("{resource}/{part}");
    }
    let code =
        event.pointer("/responseStatus/code").and_then(Value::as_u64).context("no status of the answer")?;
    let (namespace, name) = (text("/objectRef/namespace"), text("/objectRef/name"));
    let pod = text("/user/extra/authentication.kubernetes.io~1pod-name/0");
    Ok(Request { user, pod, verb, resource, namespace, name, code })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const PATCH: &str = r#"{"stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/a/statefulsets/m/status?force=true",
        "verb":"patch","user":{"username":"admin"},"impersonatedUser":{"username":"op"},"responseStatus":{"code":200},
        "objectRef":{"resource":"statefulsets","namespace":"a","name":"m","apiGroup":"apps","subresource":"status"}}"#;
    const READY: &str = r#"{"requestURI":"/readyz?verbose","verb":"get","user":{"username":"admin"},"responseStatus":{"code":200}}"#;

    fn log(content: &str) -> Result<(tempfile::TempDir, AuditLog)> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("audit.log");
        fs::write(&file, content)?;
        Ok((folder, AuditLog::new(file)))
    }

    #[test]
    fn changes_are_counted_by_user_verb_and_resource() -> Result<()> {
        let patch = PATCH.replace('\n', "");
        let (_folder, log) = log(&format!("{patch}\n{READY}\n{patch}\n"))?;
        let changes = log.changes_since(Position(0))?;
        let kind = ("op".to_owned(), "patch".to_owned(), "statefulsets.apps/status".to_owned());
        assert_eq!(count(&changes), BTreeMap::from([(kind, 2)]));
        assert_eq!((&*changes[0].namespace, &*changes[0].name, changes[0].code), ("a", "m", 200));
        assert_eq!(log.since(Position(0))?[1].resource, "/readyz");
        let of = |users| anyhow::Ok(log.since_by(Position(0), users)?.len());
        assert_eq!((of("op")?, of("adm")?, of("statefulsets")?), (2, 1, 0));
        Ok(())
    }

    #[test]
    fn a_line_that_is_being_written_is_left_for_later() -> Result<()> {
        let (_folder, log) = log(&format!("{READY}\n{}", &READY[..40]))?;
        assert_eq!(log.since(Position(0))?.len(), 1);
        let half = log.end()?;
        assert!(log.since(half)?.is_empty());
        let mut file = File::options().append(true).open(&log.file)?;
        write!(file, "{}\n{READY}\n", &READY[40..])?;
        assert_eq!(log.since(half)?.len(), 1, "the line that had begun before counts as before");
        Ok(())
    }

    #[test]
    fn a_line_without_a_user_is_an_error_that_shows_it() -> Result<()> {
        let (_folder, log) = log("{\"verb\":\"get\"}\n")?;
        let error = log.since(Position(0)).map(drop).map_err(|error| format!("{error:#}"));
        assert_eq!(
            error,
            Err("{\"verb\":\"get\"}: no user, verb or path in a line of the audit log".to_owned())
        );
        Ok(())
    }
}
