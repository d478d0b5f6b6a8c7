//! Who to log in as at ZooKeeper: the section `Client` of a JAAS file, as for a Java client.

use std::{fmt, fs, path::Path};

use alluxio_fs::{FsError, FsResult};

const DIGEST: &str = "org.apache.zookeeper.server.auth.DigestLoginModule";

/// A user of ZooKeeper's DIGEST-MD5.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub user: String,
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Reads the file. `None` when it has no section `Client`: a Java client then does not log in either.
pub(crate) fn read(file: &Path) -> FsResult<Option<Login>> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| {
        FsError::failed_precondition(format!(
            "Cannot read {name} (java.security.auth.login.config): {error}."
        ))
    })?;
    parse(&text).map_err(|reason| FsError::failed_precondition(format!("{name}: {reason}.")))
}

fn parse(text: &str) -> Result<Option<Login>, String> {
    let words = words(text)?;
    let Some(start) = words.windows(2).position(|pair| pair == ["Client", "{"]) else { return Ok(None) };
    let section: Vec<&str> =
        words[start + 2..].iter().map(String::as_str).take_while(|word| *word != "}").collect();
    match section.first() {
        Some(&DIGEST) => {}
        Some(module) => {
            return Err(format!(
                "the section Client names {module}, which is not supported; only {DIGEST} is. Use it, or set \
                 alluxio.zookeeper.auth.enabled=false to connect without logging in"
            ));
        }
        None => return Err("the section Client is empty".to_owned()),
    }
    let option = |name: &str| {
        let found = section.windows(3).find(|part| part[0] == name && part[1] == "=");
        found.map(|part| part[2].to_owned()).ok_or_else(|| format!("the section Client sets no {name}"))
    };
    Ok(Some(Login { user: option("username")?, password: option("password")? }))
}

/// Names, quoted values and the signs between them; comments are left out.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            c if c.is_whitespace() => rest.trim_start(),
            '/' if rest.starts_with("//") => rest.split_once('\n').map_or("", |(_, after)| after),
            '/' if rest.starts_with("/*") => {
                rest.split_once("*/").map(|(_, after)| after).ok_or("a comment does not end")?
            }
            '"' => {
                let (value, after) = quoted(&rest[1..])?;
                words.push(value);
                after
            }
            '{' | '}' | '=' | ';' => {
                words.push(first.to_string());
                &rest[1..]
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "{}=;\"".contains(c));
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                words.push(word.to_owned());
                after
            }
        };
    }
    Ok(words)
}

/// What stands before the closing quotation mark, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    Err("a quotation does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_client_is_read() {
        let text = "Server { x required user_a=\"b\"; };\n// Client { no\n/* Client { */ Client {\n  \
                    org.apache.zookeeper.server.auth.DigestLoginModule required\n  username=\"al lux\"\n  \
                    password=\"p=\\\"{}//;\";\n};\n";
        let login = parse(text).unwrap().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("al lux", "p=\"{}//;"));
        assert!(!format!("{login:?}").contains("p="), "a password is printed");
    }

    #[test]
    fn without_the_section_nobody_logs_in() {
        assert_eq!(parse("Server { x required; };").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (text, reason) in [
            ("Client { com.sun.security.auth.module.Krb5LoginModule required; };", "Krb5LoginModule"),
            ("Client { };", "is empty"),
            (&format!("Client {{ {DIGEST} required username=\"a\"; }};"), "sets no password"),
            ("Client { x \"open", "does not end"),
            ("/* Client", "does not end"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
