//! The `alluxio` binary as a script sees it: exit status, standard output, standard error.

// A test helper that cannot go on has failed the test.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs the binary with nothing of this machine's configuration.
fn alluxio(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alluxio"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("ALLUXIO_HOME", home)
        .current_dir(home)
        .output()
        .unwrap()
}

struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn run(home: &Path, line: &str) -> Ran {
    let output = alluxio(home, &line.split_whitespace().collect::<Vec<_>>());
    Ran {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn without_a_command_the_usage_comes_with_status_1() {
    let ran = run(home().path(), "");
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert!(
        ran.out.starts_with("Usage: alluxio COMMAND [GENERIC_COMMAND_OPTIONS] [COMMAND_ARGS]\n"),
        "{}",
        ran.out
    );
    assert_eq!(run(home().path(), "help").status, 0);
}

#[test]
fn an_unknown_command_has_status_1() {
    let ran = run(home().path(), "frmat");
    assert_eq!((ran.status, ran.err.as_str()), (1, "Unsupported command frmat\nDid you mean format?\n"));
    assert!(ran.out.starts_with("Usage: "));
}

#[test]
fn a_command_of_the_original_that_is_missing_says_what_to_do() {
    let ran = run(home().path(), "job ls");
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("job is not part of this version. "), "{}", ran.err);
}

#[test]
fn completion_is_printed_for_the_known_shells() {
    let home = home();
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(home.path(), &format!("completion {shell}"));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{shell}");
        assert!(ran.out.starts_with('#') && ran.out.contains("copyFromLocal"), "{}", ran.out);
    }
    for line in ["completion", "completion tcsh", "completion bash zsh"] {
        let ran = run(home.path(), line);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{line}");
        assert!(ran.err.contains("source <(alluxio completion bash)"), "{}", ran.err);
    }
}

#[test]
fn the_shell_fails_with_status_255() {
    let home = home();
    for line in ["fs", "fs nope", "fs ls", "fs ls -q /", "fs mv /a", "fs test /a"] {
        assert_eq!(run(home.path(), line).status, 255, "{line}");
    }
    assert_eq!(run(home.path(), "fs help ls").status, 0);
    assert_eq!(run(home.path(), "fs help nope").status, 255);
}

#[test]
fn a_master_that_is_not_there_is_told_in_one_line() {
    let line = "fs -Dalluxio.master.hostname=127.0.0.1 ls / -Dalluxio.master.rpc.port=1 \
                -Dalluxio.user.rpc.retry.max.duration=1ms";
    let ran = run(home().path(), line);
    assert_eq!((ran.status, ran.err.as_str()), (255, ""));
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("127.0.0.1:1"), "{}", ran.out);
}

#[test]
fn properties_that_are_wrong_end_a_command_with_status_1() {
    let home = home();
    for (line, message) in [
        ("fs ls / -Dalluxio.master.rpc.prt=1", "did you mean alluxio.master.rpc.port?"),
        ("fs ls / -Dalluxio.user.block.size.bytes.default=9Q", "alluxio.user.block.size.bytes.default=9Q"),
        ("fs ls / -Dalluxio.user", "-Dalluxio.user is not a property"),
    ] {
        let ran = run(home.path(), line);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{line}");
        assert!(ran.err.contains(message), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn properties_come_from_anywhere_in_the_line() {
    let home = home();
    for line in [
        "-Dalluxio.master.hostname=m1 getConf alluxio.master.hostname",
        "getConf -Dalluxio.master.hostname=m1 -Xmx1g alluxio.master.hostname",
        "getConf alluxio.master.hostname -Dalluxio.master.hostname=m1",
    ] {
        let ran = run(home.path(), line);
        assert_eq!((ran.status, ran.out.as_str()), (0, "m1\n"), "{line}: {}", ran.err);
    }
    assert_eq!(run(home.path(), "getConf alluxio.nope").status, 1);
}

#[test]
fn the_site_file_is_read() {
    let home = home();
    std::fs::create_dir(home.path().join("conf")).unwrap();
    let site = home.path().join("conf/alluxio-site.properties");
    std::fs::write(&site, "alluxio.master.hostname=m2\n").unwrap();
    let ran = run(home.path(), "getConf --source alluxio.master.hostname");
    assert_eq!(ran.out, format!("SITE_PROPERTY ({})\n", site.display()));
}

#[test]
fn formatting_makes_a_journal_and_the_workers_folder() {
    let home = home();
    let path = home.path().display();
    let options = format!(
        "-Dalluxio.master.journal.folder={path}/journal -Dalluxio.worker.tieredstore.level0.dirs.path={path}/tier"
    );
    let ran = run(home.path(), &format!("format {options}"));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("Formatting Alluxio Master @ "));
    assert!(lines[1].starts_with("Formatting Alluxio Worker @ "));
    assert!(home.path().join("tier/alluxioworker").is_dir());

    let ran = run(home.path(), &format!("readJournal -stdout {options}"));
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(run(home.path(), &format!("formatJournal {options}")).status, 0);
    assert_eq!(run(home.path(), &format!("formatJournal extra {options}")).status, 2);
    assert_eq!(run(home.path(), &format!("format -x {options}")).status, 2);
}

#[test]
fn formatting_softly_makes_a_journal_only_where_there_is_none() {
    let home = home();
    let folder = home.path().join("journal");
    let marker = || std::fs::read_to_string(folder.join("format")).unwrap();
    let format = |options: &str| {
        let ran = run(
            home.path(),
            &format!("formatJournal {options} -Dalluxio.master.journal.folder={}", folder.display()),
        );
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    assert!(format("-s").starts_with("Formatting Alluxio Master @ "));
    let made = marker();
    let told = format("-s");
    assert!(told.contains("it stays as it is") && told.contains("/journal"), "{told}");
    assert_eq!(marker(), made, "the journal belongs to another cluster now");
    format("");
    assert_ne!(marker(), made);
    assert_eq!(run(home.path(), "formatJournal -s extra").status, 2);
}

#[test]
fn a_failed_format_has_status_255() {
    let home = home();
    std::fs::write(home.path().join("file"), "").unwrap();
    let block = home.path().join("tier/alluxioworker/1");
    std::fs::create_dir_all(block.parent().unwrap()).unwrap();
    std::fs::write(&block, "").unwrap();
    let path = home.path().display();
    let options = format!(
        "-Dalluxio.master.journal.folder={path}/file/journal -Dalluxio.worker.tieredstore.level0.dirs.path={path}/tier"
    );
    for command in ["formatJournal", "format"] {
        let ran = run(home.path(), &format!("{command} {options}"));
        assert_eq!(ran.status, 255);
        assert!(ran.err.starts_with("Failed to format: ") && ran.err.contains("file/journal"), "{}", ran.err);
        assert!(block.exists(), "the worker lost its blocks although the journal stayed");
    }
}

#[test]
fn reading_no_journal_has_status_1() {
    let home = home();
    let ran = run(home.path(), &format!("readJournal -stdout -inputDir {}", home.path().display()));
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("Journal tool failed: "), "{}", ran.err);
}

#[test]
fn a_taken_port_is_named_before_anything_is_made() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ran = run(home.path(), &format!("local --once --base-dir base -Dalluxio.master.rpc.port={port}"));
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains(&format!("Port {port} is in use")), "{}", ran.err);
    assert!(ran.err.contains("-Dalluxio.master.rpc.port="), "{}", ran.err);
    assert!(!home.path().join("base/journal").exists());
}

#[test]
fn a_reader_that_has_enough_ends_the_command_without_a_word() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alluxio"))
        .args(["fs", "help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_version_is_one_line() {
    let home = home();
    assert_eq!(run(home.path(), "version").out, concat!(env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(run(home.path(), "version -r x").status, 1);
}
