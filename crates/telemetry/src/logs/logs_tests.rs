//! The whole way of an event, through a real subscriber into a real file.

use std::fs;

use super::*;

fn with_logs(level: Option<&str>, act: impl FnOnce(&LogHandle)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        program: Program::Master,
        folder: Some(folder.path().join("logs")),
        level: level.map(str::to_owned),
    };
    let (subscriber, handle, trouble) = build(options).unwrap();
    assert_eq!(trouble, None);
    tracing::subscriber::with_default(subscriber, || act(&handle));
    assert!(handle.flush(PATIENCE));
    fs::read_to_string(handle.folder().unwrap().join("master.log")).unwrap()
}

#[test]
fn an_event_is_one_line_with_all_its_parts() {
    let text = with_logs(None, |_| {
        let span = tracing::info_span!("call", user = "ann", peer = tracing::field::Empty);
        span.record("peer", "10.0.0.1");
        let _entered = span.enter();
        tracing::info!(path = "/a b", id = 33, quoted = "x\"=", error = %"it\nbroke", "file\ncreated");
        tracing::debug!("not shown");
    });
    let (time, rest) = text.split_once(' ').unwrap();
    assert!(
        time.parse::<jiff::Timestamp>().is_ok() && time.len() == "2026-11-22T18:27:11.123Z".len(),
        "{time}"
    );
    let expected = "INFO  alluxio_telemetry::logs::tests: file\\ncreated path=\"/a b\" id=33 \
                    quoted=\"x\\\"=\" error=it\\nbroke user=ann peer=10.0.0.1\n";
    assert_eq!(rest, expected);
}

#[test]
fn levels_change_while_running() {
    let text = with_logs(Some("warn"), |handle| {
        tracing::info!("one");
        handle.set_level("alluxio_telemetry::logs", LogLevel::Debug).unwrap();
        assert_eq!(handle.get_level("alluxio.telemetry.logs.tests"), LogLevel::Debug);
        tracing::debug!("two");
        tracing::debug!(target: "other", "three");
        handle.set_level("root", LogLevel::Debug).unwrap();
        tracing::debug!(target: "other", "four");
        handle.set_level("alluxio_telemetry", LogLevel::Off).unwrap();
        handle.set_level("alluxio_telemetry::logs", LogLevel::Off).unwrap();
        tracing::error!("five");
    });
    let words: Vec<&str> = text.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    assert_eq!(words, ["two", "four"]);
}

#[test]
fn a_huge_event_is_cut() {
    let text = with_logs(None, |_| tracing::info!("{}", "é".repeat(100_000)));
    assert!(text.len() < 17 * 1024 && text.ends_with("bytes cut)\n"), "{} bytes", text.len());
}

#[test]
fn a_folder_that_cannot_be_written_stops_nothing_but_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let options = LogOptions { program: Program::Worker, folder: Some(file.clone()), level: None };
    let (_subscriber, handle, trouble) = build(options).unwrap();
    let trouble = trouble.unwrap();
    assert!(trouble.contains("worker.log") && trouble.contains("stdout only"), "{trouble}");
    assert_eq!(handle.folder(), None);
}

#[test]
fn a_wrong_level_names_variable_value_and_choices() {
    let options = LogOptions { program: Program::Master, folder: None, level: Some("verbose".into()) };
    let error = build(options).err().unwrap().to_string();
    for part in [LEVEL_VARIABLE, "'verbose'", "DEBUG"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn commands_keep_their_stdout_for_results() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        LogOptions { program: Program::Command, folder: Some(folder.path().to_owned()), level: None };
    let (_subscriber, handle, _) = build(options).unwrap();
    assert_eq!(handle.get_level("alluxio_client"), LogLevel::Warn);
    assert_eq!(handle.folder(), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_log_file_is_written_only_where_somebody_said() {
    let defaults = Configuration::defaults();
    let set = defaults.with(&[("alluxio.logs.dir", "/var/log/alluxio")]).unwrap();
    let none = |_: &str| None;
    let variables = |name: &str| match name {
        FOLDER_VARIABLE => Some("/from/variable".to_owned()),
        LEVEL_VARIABLE => Some("debug".to_owned()),
        _ => None,
    };
    let folder = |conf: &Configuration, variables: &dyn Fn(&str) -> Option<String>| {
        LogOptions::with_variables(Program::Master, conf, variables).folder
    };
    assert_eq!(folder(&defaults, &none), None);
    assert_eq!(folder(&defaults, &variables), Some("/from/variable".into()));
    assert_eq!(folder(&set, &none), Some("/var/log/alluxio".into()));
    assert_eq!(folder(&set, &variables), Some("/var/log/alluxio".into()));
    let options = LogOptions::with_variables(Program::Master, &set, variables);
    assert_eq!(options.level.as_deref(), Some("debug"));
}
