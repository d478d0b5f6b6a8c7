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
    /// The most that ours should be.
    aim: Option<f64>,
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
        let known = self.figures.iter().position(|figure| figure.name == name);
        let at = known.unwrap_or_else(|| {
            self.figures.push(Figure { name: name.to_owned(), unit, ours: None, original: None, aim: None });
            self.figures.len() - 1
        });
        let Some(figure) = self.figures.get_mut(at) else { return };
        match side {
            Side::Ours => figure.ours = Some(value),
            Side::Original => figure.original = Some(value),
        }
    }

    /// Adds a figure; ours should be `aim` or less.
    pub fn add_with_aim(&mut self, side: Side, name: &str, value: f64, unit: &'static str, aim: f64) {
        self.add(side, name, value, unit);
        if let Some(figure) = self.figures.iter_mut().find(|figure| figure.name == name) {
            figure.aim = Some(aim);
        }
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
        self.ours.zip(self.aim).map(|(ours, aim)| ours <= aim)
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "original": self.original,
            "ratio": self.ratio(),
            "aim": self.aim,
            "met": self.met(),
        })
    }
}

impl Display for Report {
    /// A Markdown table, as `docs/benchmarks.md` holds it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | unit | ours | original | ours : original | aim |\n|---|---|---|---|---|---|")?;
        for figure in &self.figures {
            let cell = |value: Option<f64>| value.map(short).unwrap_or_default();
            let aim = match (figure.aim, figure.met()) {
                (Some(aim), Some(false)) => format!("≤ {}: **missed**", short(aim)),
                (Some(aim), _) => format!("≤ {}", short(aim)),
                (None, _) => String::new(),
            };
            let (ours, original, ratio) = (cell(figure.ours), cell(figure.original), cell(figure.ratio()));
            writeln!(f, "| {} | {} | {ours} | {original} | {ratio} | {aim} |", figure.name, figure.unit)?;
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
