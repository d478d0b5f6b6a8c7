//! How far a load job is, as text and as JSON with the original's names.

use std::{collections::BTreeMap, fmt::Write};

use tokio::time::Instant;

/// Files whose failure is told with its reason.
const MAX_REASONS: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Once through, and looking for what was added meanwhile.
    Verifying,
    Stopped,
    Succeeded,
    Failed,
}

impl Phase {
    fn text(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Verifying => "VERIFYING",
            Self::Stopped => "STOPPED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Bytes a second that each worker may read.
    pub bandwidth: Option<u64>,
    pub verify: bool,
    /// Begin before all is listed.
    pub partial_listing: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub settings: Settings,
    pub phase: Phase,
    pub reason: Option<String>,
    pub files: u64,
    pub bytes: u64,
    /// Known once all is listed.
    pub total_bytes: Option<u64>,
    pub blocks: u64,
    pub blocks_failed: u64,
    pub files_failed: u64,
    reasons: BTreeMap<String, String>,
    begun: Instant,
    ended: Option<Instant>,
}

impl Progress {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Running,
            reason: None,
            files: 0,
            bytes: 0,
            total_bytes: None,
            blocks: 0,
            blocks_failed: 0,
            files_failed: 0,
            reasons: BTreeMap::new(),
            begun: Instant::now(),
            ended: None,
        }
    }

    pub fn end(&mut self, phase: Phase, reason: Option<String>) {
        (self.phase, self.reason, self.ended) = (phase, reason, Some(Instant::now()));
    }

    /// A block of this file could not be loaded.
    pub fn failed(&mut self, file: &str, reason: &str) {
        self.blocks_failed += 1;
        if self.reasons.contains_key(file) {
            return;
        }
        self.files_failed += 1;
        if self.reasons.len() < MAX_REASONS {
            self.reasons.insert(file.to_owned(), reason.to_owned());
        }
    }

    fn throughput(&self) -> Option<u64> {
        let took = self.ended.unwrap_or_else(Instant::now).duration_since(self.begun).as_secs_f64();
        (took > 0.0).then(|| (self.bytes as f64 / took) as u64)
    }

    fn failure_rate(&self) -> f64 {
        let tried = self.blocks + self.blocks_failed;
        if tried == 0 { 0.0 } else { 100.0 * self.blocks_failed as f64 / tried as f64 }
    }

    /// Without its errors unless `verbose`.
    pub fn text(&self, verbose: bool) -> String {
        let Settings { bandwidth, verify, .. } = self.settings;
        let bandwidth = bandwidth.map_or("unlimited".to_owned(), |bandwidth| bandwidth.to_string());
        let reason = self.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        let total = self.total_bytes.map_or(String::new(), |total| format!(" out of {}", size(total)));
        let mut text = format!(
            "\tSettings:\tbandwidth: {bandwidth}\tverify: {verify}\n\tJob State: {}{reason}\n\tFiles Processed: {}\n\
             \tBytes Loaded: {}{total}\n",
            self.phase.text(),
            self.files,
            size(self.bytes),
        );
        if let Some(throughput) = self.throughput() {
            text += &format!("\tThroughput: {}/s\n", size(throughput));
        }
        text += &format!(
            "\tBlock load failure rate: {:.2}%\n\tFiles Failed: {}\n",
            self.failure_rate(),
            self.files_failed
        );
        for (file, reason) in self.reasons.iter().filter(|_| verbose) {
            // Writing into a String does not fail.
            let _ = writeln!(text, "\t\t{file}: {reason}");
        }
        text
    }

    pub fn json(&self, verbose: bool) -> String {
        let mut report = serde_json::json!({
            "mVerbose": verbose,
            "mJobState": self.phase.text(),
            "mVerificationEnabled": self.settings.verify,
            "mProcessedFileCount": self.files,
            "mLoadedByteCount": self.bytes,
            "mFailurePercentage": self.failure_rate(),
            "mFailedFileCount": self.files_failed,
        });
        let mut add = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                report[name] = value;
            }
        };
        add("mBandwidth", self.settings.bandwidth.map(Into::into));
        add("mTotalByteCount", self.total_bytes.map(Into::into));
        add("mThroughput", self.throughput().map(Into::into));
        add("mFailureReason", self.reason.clone().map(Into::into));
        add("mFailedFilesWithReasons", verbose.then(|| serde_json::json!(self.reasons)));
        report.to_string()
    }
}

/// With the original's units: 512B, 1.50KB.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes}B") } else { format!("{value:.2}{unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.2}PB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_report_tells_all_that_is_known() {
        let settings = Settings { bandwidth: Some(100), verify: true, partial_listing: false };
        let mut progress = Progress::new(settings);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        progress.files = 3;
        progress.bytes = 3_072;
        progress.blocks = 3;
        progress.total_bytes = Some(4_096);
        progress.failed("/a", "gone");
        progress.failed("/a", "gone again");
        progress.end(Phase::Failed, Some("1 files could not be loaded".to_owned()));
        let text = "\tSettings:\tbandwidth: 100\tverify: true\n\tJob State: FAILED (1 files could not be loaded)\n\
                    \tFiles Processed: 3\n\tBytes Loaded: 3.00KB out of 4.00KB\n\tThroughput: 1.50KB/s\n\
                    \tBlock load failure rate: 40.00%\n\tFiles Failed: 1\n";
        assert_eq!(progress.text(false), text);
        assert_eq!(progress.text(true), format!("{text}\t\t/a: gone\n"));
        let json: serde_json::Value = serde_json::from_str(&progress.json(true)).unwrap();
        assert_eq!((&json["mJobState"], &json["mThroughput"]), (&"FAILED".into(), &1536.into()));
        assert_eq!(json["mFailedFilesWithReasons"]["/a"], "gone");
        assert!(!progress.json(false).contains("gone\""), "only when asked for");
    }
}
