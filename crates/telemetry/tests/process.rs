//! Logs of a whole process, as seen through its stdout: the test runs its own program again as that process.

// All of this file is test code; clippy's exception for tests covers only functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use alluxio_conf::Configuration;
use alluxio_telemetry::logs::{self, LogLevel, Program};

const ROLE: &str = "TELEMETRY_TEST_PROCESS";
const LINES: usize = 20_000;

/// Not a test by itself: what the other process does.
#[test]
fn other_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let conf = Configuration::defaults();
    let handle = logs::init(Program::Master, &conf).unwrap();
    assert!(logs::init(Program::Master, &conf).is_err(), "once in a process");
    match role.as_str() {
        "last lines" => {
            for number in 0..LINES {
                tracing::info!(number, "line");
            }
        }
        "panic" => {
            tracing::debug!("not at this level");
            handle.set_level("process", LogLevel::Debug).unwrap();
            tracing::debug!("before");
            panic!("it\nbroke");
        }
        other => panic!("unknown role {other}"),
    }
    drop(handle);
}

fn start(role: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["other_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env_remove(logs::LEVEL_VARIABLE)
        .env_remove(logs::FOLDER_VARIABLE)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn the_last_lines_reach_a_slow_reader() {
    let mut process = start("last lines");
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    // The pipe holds 64 KiB: the process is at its end long before we read.
    std::thread::sleep(Duration::from_millis(500));
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert!(process.wait().unwrap().success());
    let numbers: Vec<usize> = text
        .lines()
        .filter_map(|line| line.split_once("process: line number=").and_then(|(_, n)| n.parse().ok()))
        .collect();
    assert_eq!(numbers, (0..LINES).collect::<Vec<_>>());
}

#[test]
fn a_panic_is_one_line_and_levels_change() {
    let mut process = start("panic");
    let stdout = BufReader::new(process.stdout.take().unwrap());
    let lines: Vec<String> = stdout.lines().map(Result::unwrap).collect();
    assert!(!process.wait().unwrap().success());
    // The test harness writes to the same stdout.
    let events = ["DEBUG process: ", "ERROR panic: "];
    let ours: Vec<&String> =
        lines.iter().filter(|line| events.iter().any(|event| line.contains(event))).collect();
    assert_eq!(ours.len(), 2, "{lines:?}");
    assert!(ours[0].ends_with("DEBUG process: before"), "{ours:?}");
    assert!(ours[1].contains("ERROR panic: it\\nbroke thread="), "{ours:?}");
    assert!(ours[1].contains("process.rs:"), "{ours:?}");
}
