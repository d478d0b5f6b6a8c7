//! What the table calls `used` is read by some code, and what code reads is called `used`. An operator who sets a
//! property without effect is told so; that must be true.
#![allow(clippy::unwrap_used, reason = "all of this is a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const TABLE: &str = include_str!("../properties.tsv");

/// Read by a name that is not a constant: how its name begins, the file that reads it, and the code that does.
const BY_NAME: [(&str, &str, &str); 13] = [
    ("alluxio.conf.dir", "crates/conf/src/load.rs", "\"alluxio.conf.dir\""),
    ("alluxio.locality.<word>", "worker/src/address.rs", "alluxio.locality.{tier}"),
    ("alluxio.locality.node", "worker/src/address.rs", "alluxio.locality.{tier}"),
    ("alluxio.locality.rack", "worker/src/address.rs", "alluxio.locality.{tier}"),
    (
        "alluxio.master.journal.ufs.option",
        "master/src/start/journal_store.rs",
        "alluxio.master.journal.ufs.option",
    ),
    // Of the mounts only the root's is in the configuration.
    ("alluxio.master.mount.table.<word>.option.", "master/src/start/sources.rs", "mount.table.root.option"),
    ("alluxio.master.mount.table.root.option", "master/src/start/sources.rs", "mount.table.root.option"),
    (
        "alluxio.master.security.impersonation.<dotted>.",
        "crates/rpc/src/session/impersonation.rs",
        "alluxio.master.security.impersonation.{user}.{kind}",
    ),
    ("alluxio.master.tieredstore.global.level", "master/src/block/options.rs", "global.level{level}.alias"),
    ("alluxio.site.conf.dir", "crates/conf/src/load.rs", "\"alluxio.site.conf.dir\""),
    // The name of the account is known only from the mount's address.
    (
        "fs.azure.account.key.<word>.blob",
        "crates/ufs/src/object/stores/azure.rs",
        "fs.azure.account.key.{account}.blob",
    ),
    (
        "fs.azure.account.key.<word>.dfs",
        "crates/ufs/src/object/stores/lake.rs",
        "fs.azure.account.key.{account}.dfs",
    ),
    ("alluxio.worker.tieredstore.level", "crates/conf/src/tiers.rs", "tieredstore.level{level}.{which}"),
];

/// Only told in the JSON of the web ports, as the original tells them: nothing else follows from them here.
const ONLY_TOLD: [&str; 3] = ["alluxio.debug", "alluxio.master.whitelist", "alluxio.worker.whitelist"];

/// Only begins like one of those.
const NOT_SO: &str = "alluxio.worker.tieredstore.levels";

struct Row {
    name: &'static str,
    default: &'static str,
    effect: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        Row { name: cells[0], default: cells[2], effect: cells[5] }
    })
}

/// As the build names it.
fn constant(name: &str) -> String {
    name.strip_prefix("alluxio.").unwrap_or(name).to_uppercase().replace(['.', '-'], "_")
}

/// The program's own sources: what only tests do is no reading.
fn sources(folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "rig", "target", "examples"].contains(&name.as_str()) {
                sources(&path, into);
            }
        } else if name.ends_with(".rs") && !name.contains("test") && !name.contains("fixture") {
            let text = fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            into.insert(path.to_string_lossy().into_owned(), text[..end].to_owned());
        }
    }
}

fn program() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = BTreeMap::new();
    for part in ["crates", "master", "worker", "cli"] {
        sources(&root.join(part), &mut all);
    }
    all
}

/// The words after each `key::`.
fn keys(text: &str, into: &mut BTreeSet<String>) {
    for rest in text.split("key::").skip(1) {
        let word = rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_');
        into.insert(word.collect());
    }
}

/// Names that are read, directly or because the default of one that is read refers to them.
fn read(program: &BTreeMap<String, String>) -> BTreeSet<&'static str> {
    let mut constants = BTreeSet::new();
    program.values().for_each(|text| keys(text, &mut constants));
    let by_name =
        |name: &str| name != NOT_SO && BY_NAME.iter().any(|(beginning, ..)| name.starts_with(beginning));
    let mut read: BTreeSet<&str> = rows()
        .filter(|row| constants.contains(&constant(row.name)) || by_name(row.name))
        .map(|row| row.name)
        .collect();
    loop {
        let referred = rows().filter(|row| read.contains(row.name)).flat_map(|row| {
            row.default.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        });
        let before = read.len();
        read = read.iter().copied().chain(referred).collect();
        if read.len() == before {
            return read;
        }
    }
}

#[test]
fn what_is_called_used_is_read_and_nothing_else() {
    let program = program();
    assert!(program.len() > 300, "only {} source files were found", program.len());
    let read = read(&program);
    let wrong: Vec<String> = rows()
        .filter_map(|row| match (row.effect, read.contains(row.name)) {
            ("used", false) => Some(format!("{}: called used, but nothing reads it", row.name)),
            ("used", true) if ONLY_TOLD.contains(&row.name) => {
                Some(format!("{}: called used, but it is only told", row.name))
            }
            ("used" | "deprecated", _) | (_, false) => None,
            _ if ONLY_TOLD.contains(&row.name) => None,
            (other, true) => Some(format!("{}: called {other}, but it is read", row.name)),
        })
        .collect();
    assert!(wrong.is_empty(), "mend properties.tsv:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_read_by_another_way_is_read_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (beginning, file, code) in BY_NAME {
        let text = fs::read_to_string(root.join(file)).unwrap();
        assert!(text.contains(code), "{file} does not read {beginning} any more");
        assert!(rows().any(|row| row.name.starts_with(beginning)), "no property begins with {beginning}");
    }
}
