//! Every property with its value and where that came from. Secrets are masked by who lists the entries.

use alluxio_conf::Entry;
use serde::Deserialize;

use crate::shell::Shell;
use crate::show;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    /// Part of a name or value.
    pub q: Option<String>,
    /// Only what somebody set.
    pub set: Option<String>,
}

struct Row {
    name: String,
    value: Option<String>,
    source: String,
    set: bool,
}

#[derive(askama::Template)]
#[template(path = "configuration.html")]
pub struct ConfigurationPage {
    shell: Shell,
    rows: Vec<Row>,
    total: String,
    query: String,
    only_set: bool,
    hash: String,
}

impl ConfigurationPage {
    pub fn new(shell: Shell, entries: Vec<Entry>, filter: &Filter, hash: String) -> Self {
        let query = filter.q.as_deref().unwrap_or_default().trim().to_owned();
        let only_set = filter.set.is_some();
        let wanted = query.to_lowercase();
        let total = show::number(entries.len());
        let row = |entry: Entry| {
            let source = entry.source.to_string();
            // What the cluster tells a server are mostly the defaults again.
            let set = source != "DEFAULT" && !source.starts_with("CLUSTER_DEFAULT");
            Row { name: entry.name, value: entry.value, source, set }
        };
        let matches = |row: &Row| {
            let value = row.value.as_deref().unwrap_or_default();
            (!only_set || row.set)
                && (row.name.to_lowercase().contains(&wanted) || value.to_lowercase().contains(&wanted))
        };
        let rows = entries.into_iter().map(row).filter(matches).collect();
        Self { shell, rows, total, query, only_set, hash }
    }

    fn shown(&self) -> String {
        show::number(self.rows.len())
    }
}
