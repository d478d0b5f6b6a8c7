//! Turns `properties.tsv` into Rust: one typed constant per property (`keys.rs`), and the static tables of
//! properties, parameterised names and removed names (`table.rs`). A mistake in a table stops the build.
//!
//! The columns of `properties.tsv`, sorted by name:
//! - name: may hold `<n>` (a number), `<word>`, `<dotted>` (words with dots), then it stands for many names;
//! - kind: `bool`, `int`, `int>=1`, `port`, `double`, `ratio`, `size`, `size>=1`, `span`, `span>=0`, `span>0`,
//!   `str`, `class`, `secret`, `list`, or the words to choose from, `A|B`;
//! - default: empty for none; may refer to others with `${name}`; `@max(4,cpus)` is computed (`computed.rs`);
//! - scope, aliases (separated by commas, `!` before a deprecated one);
//! - effect: `used` (some code reads it, which `tests/readers.rs` checks), `passed` (others read it),
//!   `accepted:<reason>` (no effect, see `Idle`), `deprecated`;
//! - meaning: what it is for; differs: why the default is not Java's, or that Java lacks it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One line of `properties.tsv`.
struct Row {
    name: String,
    kind: String,
    default: String,
    scope: String,
    aliases: Vec<String>,
    effect: String,
    meaning: String,
    differs: String,
}

fn main() -> Outcome<()> {
    println!("cargo::rerun-if-changed=properties.tsv");
    println!("cargo::rerun-if-changed=removed.tsv");
    let rows = read_rows(&fs::read_to_string("properties.tsv")?)?;
    let (templates, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.name.contains('<'));
    check_names(&rows)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("keys.rs"), keys(&rows)?)?;
    let mut table = table("PROPERTIES", &rows)?;
    table += &self::table("TEMPLATES", &templates)?;
    table += &aliases(&rows);
    table += &removed(&fs::read_to_string("removed.tsv")?)?;
    fs::write(out.join("table.rs"), table)?;
    Ok(())
}

fn read_rows(text: &str) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        if !(6..=8).contains(&cells.len()) {
            return Err(
                format!("properties.tsv line {}: {} cells, not 6 to 8", number + 1, cells.len()).into()
            );
        }
        let cell = |i: usize| cells.get(i).copied().unwrap_or_default().to_owned();
        rows.push(Row {
            name: cell(0),
            kind: cell(1),
            default: cell(2),
            scope: cell(3),
            aliases: cells[4].split(',').filter(|a| !a.is_empty()).map(str::to_owned).collect(),
            effect: cell(5),
            meaning: cell(6),
            differs: cell(7),
        });
    }
    Ok(rows)
}

/// The run-time lookup is a binary search, so names must be sorted; every name and alias must be unique.
fn check_names(rows: &[Row]) -> Outcome<()> {
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].name >= pair[1].name) {
        return Err(format!("properties.tsv: {} must stand before {}", pair[1].name, pair[0].name).into());
    }
    let mut seen: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    for alias in rows.iter().flat_map(|row| &row.aliases) {
        if !seen.insert(alias.trim_start_matches('!')) {
            return Err(format!("properties.tsv: {alias} is named twice").into());
        }
    }
    Ok(())
}

fn keys(rows: &[Row]) -> Outcome<String> {
    let by_name: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let mut constants = BTreeSet::new();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let constant = constant_name(&row.name);
        if !constants.insert(constant.clone()) {
            return Err(
                format!("properties.tsv: {} gives the constant {constant} a second time", row.name).into()
            );
        }
        let holder = if has_value(&row.default, &by_name, 0)? { "Key" } else { "UnsetKey" };
        writeln!(text, "/// `{}`{} {}", row.name, default_words(&row.default), row.meaning)?;
        writeln!(text, "pub const {constant}: {holder}<{}> = {holder}::at({index});", kind_type(&row.kind))?;
    }
    Ok(text)
}

fn default_words(default: &str) -> String {
    if default.is_empty() { ":".to_owned() } else { format!(" (default `{default}`):") }
}

fn constant_name(name: &str) -> String {
    name.strip_prefix("alluxio.").unwrap_or(name).to_uppercase().replace(['.', '-'], "_")
}

/// Whether a default always ends in a value: not empty, and everything it refers to has one too.
fn has_value(default: &str, rows: &BTreeMap<&str, &Row>, depth: usize) -> Outcome<bool> {
    if depth > 20 {
        return Err(format!("properties.tsv: the default {default} refers to itself").into());
    }
    let mut rest = default;
    while let Some((_, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or_else(|| format!("{default}: no closing brace"))?;
        if !name.starts_with("user.") {
            let row = rows.get(name).ok_or_else(|| format!("{default}: refers to no property"))?;
            if !has_value(&row.default, rows, depth + 1)? {
                return Ok(false);
            }
        }
        rest = tail;
    }
    Ok(!default.is_empty())
}

/// The marker type of a constant, see `key.rs`.
fn kind_type(kind: &str) -> &'static str {
    match kind.split(['>', '|']).next() {
        _ if kind.contains('|') => "Str",
        Some("bool") => "Bool",
        Some("int" | "port") => "Int",
        Some("double" | "ratio") => "Double",
        Some("size") => "Size",
        Some("span") => "Span",
        Some("list") => "List",
        _ => "Str",
    }
}

/// The `Kind` expression of a row, see `kind.rs`.
fn kind_expression(kind: &str) -> Outcome<String> {
    Ok(match kind {
        "bool" => "Kind::Bool".to_owned(),
        "int" => "Kind::Int { min: i64::MIN, max: i64::MAX }".to_owned(),
        "port" => "Kind::Int { min: 0, max: 65535 }".to_owned(),
        "double" => "Kind::Double { ratio: false }".to_owned(),
        "ratio" => "Kind::Double { ratio: true }".to_owned(),
        "size" => "Kind::Size { min: 0 }".to_owned(),
        "span" => "Kind::Span { min: i64::MIN }".to_owned(),
        "span>0" => "Kind::Span { min: 1 }".to_owned(),
        "str" | "class" => "Kind::Str".to_owned(),
        "secret" => "Kind::Secret".to_owned(),
        "list" => "Kind::List".to_owned(),
        _ if kind.contains('|') => format!("Kind::Choice(&{:?})", kind.split('|').collect::<Vec<_>>()),
        _ => match kind.split_once(">=") {
            Some(("int", min)) => format!("Kind::Int {{ min: {}, max: i64::MAX }}", min.parse::<i64>()?),
            Some(("size", min)) => format!("Kind::Size {{ min: {} }}", min.parse::<u64>()?),
            Some(("span", min)) => format!("Kind::Span {{ min: {} }}", min.parse::<i64>()?),
            _ => return Err(format!("properties.tsv: no kind {kind}").into()),
        },
    })
}

fn effect_expression(effect: &str) -> Outcome<String> {
    Ok(match effect.split_once(':') {
        None if effect == "used" => "Effect::Used".to_owned(),
        None if effect == "passed" => "Effect::Passed".to_owned(),
        None if effect == "deprecated" => "Effect::Deprecated".to_owned(),
        Some(("accepted", reason)) => format!("Effect::Accepted(Idle::{})", capitalised(reason)),
        _ => return Err(format!("properties.tsv: no effect {effect}").into()),
    })
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn table(name: &str, rows: &[Row]) -> Outcome<String> {
    let mut text = format!("pub(crate) static {name}: [Property; {}] = [\n", rows.len());
    for row in rows {
        writeln!(
            text,
            "    Property {{ name: {:?}, kind: {}, default: {:?}, scope: Scope::{}, effect: {}, meaning: {:?}, \
             differs: {:?} }},",
            row.name,
            kind_expression(&row.kind)?,
            row.default,
            capitalised(&row.scope.to_lowercase()),
            effect_expression(&row.effect)?,
            row.meaning,
            row.differs
        )?;
    }
    text += "];\n";
    Ok(text)
}

/// Sorted (alias, index of its property, whether it is deprecated); `!` marks the deprecated ones in the table.
fn aliases(rows: &[Row]) -> String {
    let mut all: Vec<(&str, usize, bool)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        all.extend(row.aliases.iter().map(|a| (a.trim_start_matches('!'), index, a.starts_with('!'))));
    }
    all.sort_unstable();
    format!("pub(crate) static ALIASES: [(&str, usize, bool); {}] = {all:?};\n", all.len())
}

fn removed(text: &str) -> Outcome<String> {
    let mut all: Vec<(&str, &str, &str)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap_or_default();
        let since = cells.next().ok_or_else(|| format!("removed.tsv: {name} has no version"))?;
        all.push((name, since, cells.next().unwrap_or_default()));
    }
    if let Some(pair) = all.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        return Err(format!("removed.tsv: {} must stand before {}", pair[1].0, pair[0].0).into());
    }
    Ok(format!("pub(crate) static REMOVED: [(&str, &str, &str); {}] = {all:?};\n", all.len()))
}
