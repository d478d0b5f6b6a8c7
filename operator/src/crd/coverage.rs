//! The table `tests/e2e/fields.tsv`: which test sets a field, sees it act and sees it cleared. A field, a condition or a reason without a row fails here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::definition::definition;

const OPEN: &str = "open: ";
/// Where tests are that have nodes, and so pods that run.
const ON_NODES: &str = "e2e_nodes/";

struct Table {
    /// How many cells may be open, as its head says.
    open: usize,
    rows: Vec<(String, [String; 3])>,
}

impl Table {
    fn read() -> Self {
        let text = fs::read_to_string(project().join("tests/e2e/fields.tsv")).expect("is there");
        let head = text.lines().find_map(|line| line.strip_prefix("# open "));
        let open = head.and_then(|number| number.parse().ok()).expect("the head says how many are open");
        let row = |line: &str| {
            let mut cells = line.split('\t').map(str::to_owned);
            let what = cells.next().unwrap_or_default();
            let tests: Vec<String> = cells.collect();
            (what, tests.try_into().unwrap_or_else(|_| panic!("{line}: not four columns")))
        };
        Self { open, rows: text.lines().filter(|line| !line.starts_with('#')).map(row).collect() }
    }

    fn cells(&self) -> impl Iterator<Item = (&String, &String)> {
        self.rows.iter().flat_map(|(what, cells)| cells.iter().map(move |cell| (what, cell)))
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All fields without fields of their own, the conditions and their reasons.
fn wanted() -> BTreeSet<String> {
    let definition = serde_json::to_value(definition().expect("is made")).expect("is JSON");
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let mut wanted = BTreeSet::new();
    for part in ["spec", "status"] {
        leaves(&schema[part], part, &mut wanted);
    }
    let condition = &schema["status"]["properties"]["conditions"]["items"]["properties"];
    for (kind, field) in [("condition", "type"), ("reason", "reason")] {
        let words = condition[field]["enum"].as_array().expect("a closed list").iter();
        wanted.extend(words.filter_map(Value::as_str).map(|word| format!("{kind}.{word}")));
    }
    wanted
}

fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(fields) = schema["properties"].as_object() {
        fields.iter().for_each(|(name, field)| leaves(field, &format!("{path}.{name}"), found));
    } else if schema["items"].is_object() {
        leaves(&schema["items"], &format!("{path}[]"), found);
    } else {
        found.insert(path.to_owned());
    }
}

/// Whether the file has a test of that name.
fn exists(test: &str, files: &mut BTreeMap<String, String>) -> bool {
    let Some((file, name)) = test.split_once("::") else { return false };
    let text = files.entry(file.to_owned()).or_insert_with(|| {
        let places =
            ["operator/src", "tests/tests"].map(|folder| project().join(folder).join(format!("{file}.rs")));
        places.iter().find_map(|place| fs::read_to_string(place).ok()).unwrap_or_default()
    });
    let function = format!("fn {name}(");
    text.find(&function).is_some_and(|at| {
        // Its attributes and its visibility stand between the end of what comes before it and its name.
        let before = text[..at].rsplit_once("\n}\n").map_or(&text[..at], |(_, after)| after);
        before.contains("#[test]") || before.contains("#[tokio::test")
    })
}

#[test]
fn every_field_condition_and_reason_has_a_row() {
    let table = Table::read();
    let rows: BTreeSet<String> = table.rows.iter().map(|(what, _)| what.clone()).collect();
    assert_eq!(rows.len(), table.rows.len(), "a row stands twice");
    let wanted = wanted();
    let missing: Vec<_> = wanted.difference(&rows).collect();
    assert!(missing.is_empty(), "without a row in tests/e2e/fields.tsv: {missing:#?}");
    let unknown: Vec<_> = rows.difference(&wanted).collect();
    assert!(
        unknown.is_empty(),
        "rows of tests/e2e/fields.tsv that the definition does not have: {unknown:#?}"
    );
}

#[test]
fn every_test_of_a_row_exists() {
    let table = Table::read();
    let mut files = BTreeMap::new();
    let lost: Vec<_> =
        table.cells().filter(|(_, cell)| !cell.starts_with(OPEN) && !exists(cell, &mut files)).collect();
    assert!(lost.is_empty(), "tests/e2e/fields.tsv names tests that are not there: {lost:#?}");
}

#[test]
fn every_field_is_seen_to_act_on_nodes() {
    let table = Table::read();
    let acts = table.rows.iter().map(|(what, [_, acts, _])| (what, acts));
    let elsewhere: Vec<_> =
        acts.filter(|(_, test)| !test.starts_with(ON_NODES) && !test.starts_with(OPEN)).collect();
    assert!(
        elsewhere.is_empty(),
        "the third column of tests/e2e/fields.tsv names tests without nodes: {elsewhere:#?}"
    );
}

#[test]
fn what_is_open_is_counted_and_does_not_grow() {
    let table = Table::read();
    let open: Vec<_> = table.cells().filter(|(_, cell)| cell.starts_with(OPEN)).collect();
    println!("{} of {} cells are open:", open.len(), table.rows.len() * 3);
    open.iter().for_each(|(what, cell)| println!("  {what}: {}", &cell[OPEN.len()..]));
    assert!(open.len() <= table.open, "{} cells are open, and not {}", open.len(), table.open);
    assert!(
        open.len() == table.open,
        "fewer are open: write `# open {}` at the head of tests/e2e/fields.tsv",
        open.len()
    );
}
