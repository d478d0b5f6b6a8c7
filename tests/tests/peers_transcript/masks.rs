//! What may differ between two runs of one command: times, ids, and the names of the two sides' own folders.

use alluxio_tests::process::Streams;
use anyhow::Result;
use regex::Regex;

/// What one side has for itself.
pub struct Side {
    pub home: String,
    pub local: String,
}

/// Patterns and what stands in their place. A group in the pattern is kept.
const MASKS: &[(&str, &str)] = &[
    // 11-25-2026 15:20:07:123, 2026-11-25 15:20:07
    (r"(JobId: )[0-9a-f-]{36}", "${1}UUID"),
    (r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d:\d{3}", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"(Uptime: ).*", "${1}TIME"),
    (r"(Time elapsed ).*", "${1}TIME"),
    // Seconds since the last heartbeat: 0 or 1.
    (r"\d( +capacity )", "#${1}"),
    // Ids of files and blocks, and milliseconds since 1970, are long; those of directories may be short.
    (r"\d{8,}", "ID"),
    (r"((?:fileId=|file id |\{id=))\d+", "${1}ID"),
    // It holds length and time.
    (r"(ufsFingerprint=).*?(, acl=)", "${1}PRINT${2}"),
    // The disk of this machine is others', too.
    (r"(capacity=\S+, used=)[^,]*", "${1}USED"),
    // How Java prints an address that it has not looked up: since version 14 with this word.
    (r"/<unresolved>:", ":"),
    // The library that finds the width of the terminal, where there is none.
    (r"(?m)^.*org\.jline.*\n|^WARNING: Unable to create a system terminal.*\n", ""),
    // Shown by the original while a backup is not done yet when it looks.
    (r"[ \r]*Backup state: \S+ \| Entries processed: \d+[ \r]*", ""),
    // Counters count on.
    (r"(Value: ).*\)", "${1}#)"),
];

pub struct Masks(Vec<(Regex, &'static str)>);

impl Masks {
    pub fn new() -> Result<Masks> {
        let masks = MASKS.iter().map(|(pattern, with)| Ok((Regex::new(pattern)?, *with)));
        Ok(Masks(masks.collect::<Result<_>>()?))
    }

    pub fn apply(&self, step: &str, side: &Side, streams: Streams) -> Streams {
        let failed_at = format!("failed at {}", side.home.trim_start_matches('/'));
        let mask = |text: String| {
            let text = text.replace(&side.local, "{local}").replace(&side.home, "{home}");
            let text = text.replace(&failed_at, "failed at {home}");
            self.0.iter().fold(text, |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
        };
        let mut output = mask(streams.output);
        if step.contains("fs copyFromLocal") {
            // Files are copied side by side: which is done first is chance.
            let mut lines: Vec<_> = output.split_inclusive('\n').collect();
            lines.sort();
            output = lines.concat();
        }
        Streams { code: streams.code, output, errors: mask(streams.errors) }
    }
}
