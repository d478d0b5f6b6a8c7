//! `alluxio local` as a newcomer uses it: it starts, passes its sample program, serves, stops on
//! Ctrl-C, and finds its files again.

// A test helper that cannot go on has failed the test.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Any free ports, and no waiting for the under storage at the end.
const OPTIONS: [&str; 5] = [
    "-Dalluxio.master.rpc.port=0",
    "-Dalluxio.master.web.port=0",
    "-Dalluxio.worker.rpc.port=0",
    "-Dalluxio.worker.web.port=0",
    "-Dalluxio.worker.shutdown.persist.timeout=0",
];

fn alluxio(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alluxio"));
    command.env_clear().env("HOME", home).env("ALLUXIO_HOME", home).current_dir(home);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn once_it_runs_the_sample_program_and_ends() {
    let home = tempfile::tempdir().unwrap();
    let run = || alluxio(home.path()).args(["local", "--once"]).args(OPTIONS).output().unwrap();
    let first = run();
    let out = text(&first.stdout);
    assert_eq!(first.status.code(), Some(0), "{out}{}", text(&first.stderr));
    assert!(out.starts_with("Formatted a new cluster in "), "{out}");
    assert_eq!(out.matches("\x1b[32mPassed the test!\x1b[0m\n").count(), 24, "{out}");

    let second = run();
    let out = text(&second.stdout);
    assert_eq!(second.status.code(), Some(0), "{out}{}", text(&second.stderr));
    assert!(out.starts_with("Running the sample program"), "the journal must be kept: {out}");
}

/// A serving cluster; it is stopped when dropped.
struct Serving {
    child: Child,
    // Held open: the cluster prints a last line when it stops.
    _out: BufReader<ChildStdout>,
    port: String,
}

impl Serving {
    fn start(home: &Path) -> Self {
        let mut child = alluxio(home)
            .arg("local")
            .args(OPTIONS)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        let mut port = None;
        while !seen.contains("Ctrl-C") {
            let from = seen.len();
            assert!(out.read_line(&mut seen).unwrap() > 0, "it ended early: {seen}");
            if let Some(rest) = seen[from..].strip_prefix("  master  localhost:") {
                port = Some(rest.split_whitespace().next().unwrap().to_owned());
            }
        }
        Self { child, _out: out, port: port.unwrap() }
    }

    fn run(&self, home: &Path, words: &[&str]) -> Output {
        let port = format!("-Dalluxio.master.rpc.port={}", self.port);
        alluxio(home).args(words).arg(port).output().unwrap()
    }

    fn fs(&self, home: &Path, words: &[&str]) -> Output {
        self.run(home, &[&["fs"], words].concat())
    }

    /// Runs a command that must succeed and gives what it printed.
    fn good(&self, home: &Path, words: &[&str]) -> String {
        let output = self.fs(home, words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    fn stop(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone after `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_ctrl_c_and_keeps_its_files() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::create_dir_all(home.join("tree/a/b")).unwrap();
    fs::write(home.join("tree/x y"), "one\n").unwrap();
    fs::write(home.join("tree/a/ä%"), "two\n").unwrap();
    fs::write(home.join("tree/a/b/empty"), "").unwrap();

    let cluster = Serving::start(home);
    assert_eq!(cluster.good(home, &["mkdir", "/d"]), "Successfully created directory /d\n");
    let out = cluster.good(home, &["copyFromLocal", "tree", "/d/tree"]);
    assert!(out.ends_with(&format!("Copied file://{}/tree to /d/tree\n", home.display())), "{out}");
    assert_eq!(out.lines().count(), 4, "{out}");
    assert_eq!(cluster.good(home, &["cat", "/d/tree/x y"]), "one\n");
    assert_eq!(cluster.good(home, &["cat", "/d/*/a/ä*"]), "two\n");
    let count = cluster.good(home, &["count", "/d"]);
    assert_eq!(count.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(), ["3", "3", "8"]);
    assert_eq!(cluster.good(home, &["mv", "/d/tree/x y", "/d/moved"]), "Renamed /d/tree/x y to /d/moved\n");
    assert!(cluster.good(home, &["ls", "/d/moved"]).starts_with("-rw-r--r--  "));
    assert_eq!(cluster.good(home, &["stat", "-f", "%N %z", "/d/moved"]), "moved 4\n");
    assert_eq!(cluster.good(home, &["leader"]).lines().last(), Some("localhost"));

    let refused = cluster.fs(home, &["rm", "/d"]);
    assert_eq!(refused.status.code(), Some(255));
    assert_eq!(
        text(&refused.stdout),
        "/d is a directory, to remove it, please use \"rm -R/-r/--recursive <path>\"\n"
    );
    assert_eq!(cluster.fs(home, &["test", "-d", "/d"]).status.code(), Some(0));
    assert_eq!(cluster.fs(home, &["test", "-f", "/d"]).status.code(), Some(1));
    assert_eq!(cluster.fs(home, &["test", "-e", "/nowhere"]).status.code(), Some(3));
    let tests = cluster
        .run(home, &["runTests", "--workers", "localhost", "--operation", "BASIC", "--readType", "CACHE"]);
    let out = text(&tests.stdout);
    assert_eq!(tests.status.code(), Some(0), "{out}{}", text(&tests.stderr));
    assert!(out.starts_with("Running test for worker:localhost\n[localhost] runTest "), "{out}");
    assert!(out.ends_with("All workers passed tests!\x1b[0m\n"), "{out}");
    assert_eq!(
        cluster.run(home, &["runTests", "--workers", "nobody", "--readType", "CACHE"]).status.code(),
        Some(8)
    );
    let conf = cluster.run(home, &["getConf", "--master", "alluxio.master.hostname"]);
    assert_eq!(text(&conf.stdout), "localhost\n");
    assert_eq!(cluster.stop(), Some(0));

    let again = Serving::start(home);
    again.good(home, &["copyToLocal", "/d", "back"]);
    assert_eq!(fs::read_to_string(home.join("back/moved")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(home.join("back/tree/a/ä%")).unwrap(), "two\n");
    assert!(home.join("back/tree/a/b/empty").exists());
    assert_eq!(again.good(home, &["rm", "-R", "/d"]), "/d has been removed\n");
    assert_eq!(text(&again.fs(home, &["ls", "/d"]).stdout), "Path \"/d\" does not exist.\n");
    assert_eq!(again.stop(), Some(0));
}
