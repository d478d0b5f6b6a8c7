//! The results: a table for people, JSON for programs.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One measured figure.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// The most it should be.
    aim: Option<f64>,
}

/// All figures, in the order in which they were measured.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure and says so at once: a whole run takes minutes.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, None);
    }

    /// Adds a figure that should be `aim` or less.
    pub fn add_with_aim(&mut self, name: impl Into<String>, value: f64, unit: &'static str, aim: f64) {
        self.push(name.into(), value, unit, Some(aim));
    }

    fn push(&mut self, name: String, value: f64, unit: &'static str, aim: Option<f64>) {
        let figure = Figure { name, value, unit, aim };
        eprintln!("{}: {} {unit}", figure.name, short(value));
        self.figures.push(figure);
    }

    pub fn write_json(&self, path: &Path) -> Result<()> {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({ "name": figure.name, "value": figure.value, "unit": figure.unit, "aim": figure.aim })
            })
            .collect();
        let text = serde_json::to_string_pretty(&figures)?;
        fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }
}

impl Display for Report {
    /// A Markdown table, as `docs/benchmarks.md` holds it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | aim |\n|---|---|---|")?;
        for Figure { name, value, unit, aim } in &self.figures {
            let aim = match aim {
                Some(aim) if value <= aim => format!("≤ {} {unit}", short(*aim)),
                Some(aim) => format!("≤ {} {unit}: **missed**", short(*aim)),
                None => String::new(),
            };
            writeln!(f, "| {name} | {} {unit} | {aim} |", short(*value))?;
        }
        Ok(())
    }
}

/// Three digits are more than any of these figures is worth.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_aim_is_seen() {
        let mut report = Report::default();
        report.add_with_aim("memory", 39.96, "MB", 40.0);
        report.add_with_aim("start", 0.75, "s", 0.5);
        report.add("rate", 12_345.6, "per second");
        let text = report.to_string();
        assert!(text.contains("| memory | 40.0 MB | ≤ 40.0 MB |"), "{text}");
        assert!(text.contains("| start | 0.750 s | ≤ 0.500 s: **missed** |"), "{text}");
        assert!(text.contains("| rate | 12346 per second |  |"), "{text}");
    }

    #[test]
    fn json_holds_the_whole_value() -> Result<()> {
        let file = std::env::temp_dir().join(format!("alluxio-bench-{}.json", std::process::id()));
        let mut report = Report::default();
        report.add("rate", 12_345.6, "per second");
        report.write_json(&file)?;
        let read: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        fs::remove_file(&file)?;
        assert_eq!(read, json!([{"name": "rate", "value": 12_345.6, "unit": "per second", "aim": null}]));
        Ok(())
    }
}
