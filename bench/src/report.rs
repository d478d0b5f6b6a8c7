//! The results: a table for people, JSON for programs.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::system::Side;

/// One measured thing, of whoever was measured.
struct Figure {
    name: String,
    unit: &'static str,
    ours: Option<f64>,
    original: Option<f64>,
    /// The same without either, by the store's own client.
    plain: Option<f64>,
    aim: Option<Aim>,
}

/// What ours should be.
#[derive(Clone, Copy)]
enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    fn bound(self) -> f64 {
        let (Aim::AtMost(bound) | Aim::AtLeast(bound)) = self;
        bound
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Aim::AtMost(bound) => value <= bound,
            Aim::AtLeast(bound) => value >= bound,
        }
    }
}

impl Display for Aim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = if matches!(self, Aim::AtMost(_)) { '≤' } else { '≥' };
        write!(f, "{sign} {}", short(self.bound()))
    }
}

/// All figures, in the order in which they were measured.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure and says so at once: a whole run takes minutes.
    pub fn add(&mut self, side: Side, name: &str, value: f64, unit: &'static str) {
        eprintln!("{side}: {name}: {} {unit}", short(value));
        let figure = self.figure(name, unit);
        match side {
            Side::Ours => figure.ours = Some(value),
            Side::Original => figure.original = Some(value),
        }
    }

    /// Adds what the store's own client takes for the same.
    pub fn add_plain(&mut self, name: &str, value: f64, unit: &'static str) {
        eprintln!("the store's own client: {name}: {} {unit}", short(value));
        self.figure(name, unit).plain = Some(value);
    }

    fn figure(&mut self, name: &str, unit: &'static str) -> &mut Figure {
        let known = self.figures.iter().position(|figure| figure.name == name);
        let at = known.unwrap_or(self.figures.len());
        if known.is_none() {
            let (ours, original, plain, aim) = (None, None, None, None);
            self.figures.push(Figure { name: name.to_owned(), unit, ours, original, plain, aim });
        }
        &mut self.figures[at]
    }

    /// Adds a figure; ours should be `aim` or less.
    pub fn add_with_aim(&mut self, side: Side, name: &str, value: f64, unit: &'static str, aim: f64) {
        self.add(side, name, value, unit);
        self.figure(name, unit).aim = Some(Aim::AtMost(aim));
    }

    /// The same; ours should be `aim` or more.
    pub fn add_with_floor(&mut self, side: Side, name: &str, value: f64, unit: &'static str, aim: f64) {
        self.add(side, name, value, unit);
        self.figure(name, unit).aim = Some(Aim::AtLeast(aim));
    }

    pub fn write_json(&self, path: &Path) -> Result<()> {
        let figures: Vec<Value> = self.figures.iter().map(Figure::to_json).collect();
        let text = serde_json::to_string_pretty(&figures)?;
        fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }
}

impl Figure {
    /// Ours for each one of the original's.
    fn ratio(&self) -> Option<f64> {
        let (ours, original) = self.ours.zip(self.original)?;
        (original != 0.0).then_some(ours / original)
    }

    fn met(&self) -> Option<bool> {
        self.ours.zip(self.aim).map(|(ours, aim)| aim.is_met(ours))
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "original": self.original,
            "plain": self.plain,
            "ratio": self.ratio(),
            "aim": self.aim.map(Aim::bound),
            "met": self.met(),
        })
    }
}

impl Display for Report {
    /// A Markdown table, as `docs/benchmarks.md` holds it. The store's own client has a column where it was measured.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let with_plain = self.figures.iter().any(|figure| figure.plain.is_some());
        let (plain, line) = if with_plain { (" plain |", "---|") } else { ("", "") };
        writeln!(f, "| what | unit |{plain} ours | original | ours : original | aim |")?;
        writeln!(f, "|---|---|{line}---|---|---|---|")?;
        for figure in &self.figures {
            let cell = |value: Option<f64>| value.map(short).unwrap_or_default();
            let missed = if figure.met() == Some(false) { ": **missed**" } else { "" };
            let aim = figure.aim.map(|aim| format!("{aim}{missed}")).unwrap_or_default();
            let plain = if with_plain { format!(" {} |", cell(figure.plain)) } else { String::new() };
            let (ours, original, ratio) = (cell(figure.ours), cell(figure.original), cell(figure.ratio()));
            let (name, unit) = (&figure.name, figure.unit);
            writeln!(f, "| {name} | {unit} |{plain} {ours} | {original} | {ratio} | {aim} |")?;
        }
        Ok(())
    }
}

/// As many digits as mean something.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.add_with_aim(Side::Ours, "start", 0.25, "s", 0.5);
        report.add(Side::Ours, "rate", 3_456.7, "per second");
        report.add_with_aim(Side::Ours, "memory", 250.0, "bytes", 200.0);
        report.add_with_aim(Side::Original, "start", 10.0, "s", 0.5);
        report.add(Side::Original, "rate", 1_000.0, "per second");
        report
    }

    #[test]
    fn the_table_sets_both_beside_each_other_and_tells_what_missed_its_aim() {
        let table = report().to_string();
        assert!(table.contains("| start | s | 0.25 | 10.0 | 0.0250 | ≤ 0.50 |\n"), "{table}");
        assert!(table.contains("| rate | per second | 3457 | 1000 | 3.46 |  |\n"), "{table}");
        assert!(table.contains("| memory | bytes | 250 |  |  | ≤ 200: **missed** |\n"), "{table}");
    }

    #[test]
    fn what_the_store_itself_reaches_has_a_column_when_it_is_known() {
        let mut report = report();
        report.add_plain("rate", 5_000.0, "per second");
        report.add_with_floor(Side::Ours, "share", 79.0, "%", 80.0);
        report.add_with_floor(Side::Ours, "other share", 80.0, "%", 80.0);
        let table = report.to_string();
        assert!(table.starts_with("| what | unit | plain | ours |"), "{table}");
        assert!(table.contains("\n|---|---|---|---|---|---|---|\n"), "{table}");
        assert!(table.contains("| rate | per second | 5000 | 3457 | 1000 | 3.46 |  |\n"), "{table}");
        assert!(table.contains("| share | % |  | 79.0 |  |  | ≥ 80.0: **missed** |\n"), "{table}");
        assert!(table.contains("| other share | % |  | 80.0 |  |  | ≥ 80.0 |\n"), "{table}");
    }

    #[test]
    fn json_has_the_figures_in_full() {
        let folder = std::env::temp_dir().join(format!("alluxio-bench-report-{}", std::process::id()));
        report().write_json(&folder).unwrap();
        let text = fs::read_to_string(&folder).unwrap();
        fs::remove_file(&folder).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read[1]["ours"], 3_456.7);
        assert_eq!((&read[0]["ratio"], &read[0]["met"]), (&json!(0.025), &json!(true)));
        assert_eq!((&read[2]["original"], &read[2]["met"]), (&Value::Null, &json!(false)));
    }
}
