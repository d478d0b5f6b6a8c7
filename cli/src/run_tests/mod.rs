//! `alluxio runTests`: the sample program. It writes and reads small files in every combination of
//! operation, read type and write type, and so shows that a cluster works.

mod case;
mod operation;
mod plan;

use alluxio_conf::{Configuration, Role};
use alluxio_proto::grpc::file::{DeletePOptions, ExistsPOptions};

pub use case::Case;
pub use plan::Plan;

use crate::{
    connection,
    error::{CommandError, ExitStatus, FAILURE, SUCCESS},
    generic_options::CommandLine,
    output::{self, Output, verdict},
    process,
    top::{Inside, TopCommand, finish},
};

pub const RUN_TESTS: TopCommand = TopCommand {
    name: "runTests",
    shown: "runTests",
    summary: "Run all end-to-end tests on a running cluster",
    inside: Inside::Options(plan::OPTIONS),
    run: command,
};

/// The original's other name for the same program; it is used with options for one test.
pub const RUN_TEST: TopCommand = TopCommand {
    name: "runTest",
    shown: "runTest",
    summary: "Run the end-to-end tests that the options choose",
    inside: Inside::Options(plan::OPTIONS),
    run: command,
};

fn command(line: CommandLine, out: Output) -> ExitStatus {
    process::run(line, out, Role::Client, async |conf, words, out| {
        let outcome = match Plan::of(&words) {
            Ok(None) => out.text(plan::help(output::width())).map(|()| SUCCESS).map_err(Into::into),
            Ok(Some(plan)) => run(&plan, &conf, &out).await,
            Err(message) => {
                out.note(message);
                out.text(plan::help(output::width())).map(|()| FAILURE).map_err(Into::into)
            }
        };
        finish(&out, outcome)
    })
}

/// Runs the tests of a plan; the status is the number that failed.
pub async fn run(plan: &Plan, conf: &Configuration, out: &Output) -> Result<ExitStatus, CommandError> {
    let fs = connection::file_system(&plan.adapted(conf)?, out).await?;
    if fs.exists(&plan.directory, ExistsPOptions::default()).await? {
        let everything =
            DeletePOptions { recursive: Some(true), unchecked: Some(true), ..Default::default() };
        fs.delete(&plan.directory, everything).await?;
    }
    run_cases(plan, out, async |case| operation::run(&fs, case).await).await
}

/// Prints each case and its verdict. A test that could not be run has failed; why is told on standard
/// error.
async fn run_cases<F>(plan: &Plan, out: &Output, mut test: F) -> Result<ExitStatus, CommandError>
where
    F: AsyncFnMut(&Case) -> Result<bool, CommandError>,
{
    let mut failed = 0;
    let mut failed_workers = Vec::new();
    for worker in plan.workers() {
        let mut failed_here = 0;
        if let Some(worker) = worker {
            out.line(format_args!("Running test for worker:{worker}"))?;
        }
        for case in plan.cases(worker) {
            out.line(case.line())?;
            // The line shows what is being waited for.
            out.flush()?;
            let passed = test(&case).await.unwrap_or_else(|error| {
                out.note(format_args!("{}: {error}", case.path));
                false
            });
            out.line(verdict::of_test(passed))?;
            failed_here += i32::from(!passed);
        }
        failed += failed_here;
        if let Some(worker) = worker.filter(|_| failed_here > 0) {
            failed_workers.push(format!("Worker {worker} failed {failed_here} tests "));
        }
    }
    if plan.names_workers() {
        if failed == 0 {
            out.line(verdict::green("All workers passed tests!"))?;
        } else {
            out.line(verdict::red("Some workers failed tests!"))?;
            failed_workers.iter().try_for_each(|line| out.line(verdict::red(line)))?;
        }
    } else if failed > 0 {
        out.line(format_args!("Number of failed tests: {failed}"))?;
    }
    out.flush()?;
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Captured;

    async fn printed(words: &str, mut failing: impl FnMut(&Case) -> bool) -> (ExitStatus, String) {
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        let plan = Plan::of(&words).unwrap().unwrap();
        let seen = Captured::default();
        let status = run_cases(&plan, &seen.output(), async |case| Ok(!failing(case))).await.unwrap();
        (status, seen.text())
    }

    #[tokio::test]
    async fn all_combinations_in_the_known_order() {
        let (status, text) = printed("", |_| false).await;
        assert_eq!(status, 0);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 48);
        assert_eq!(lines[0], "runTest --operation BASIC --readType CACHE_PROMOTE --writeType MUST_CACHE");
        assert_eq!(lines[1], "\x1b[32mPassed the test!\x1b[0m");
        assert_eq!(
            lines[2],
            "runTest --operation BASIC_NON_BYTE_BUFFER --readType CACHE_PROMOTE --writeType MUST_CACHE"
        );
        assert_eq!(
            lines[46],
            "runTest --operation BASIC_NON_BYTE_BUFFER --readType NO_CACHE --writeType ASYNC_THROUGH"
        );
    }

    #[tokio::test]
    async fn failures_are_counted() {
        let (status, text) = printed("", |case| case.path.as_str().ends_with("ASYNC_THROUGH")).await;
        assert_eq!(status, 6);
        assert!(text.contains("\x1b[31mFailed the test!\x1b[0m"));
        assert!(text.ends_with("Number of failed tests: 6\n"), "{text}");
    }

    #[tokio::test]
    async fn workers_are_tested_one_by_one() {
        let line = "--workers h1:29999,h2 --operation BASIC --readType CACHE --writeType THROUGH";
        let (status, text) = printed(line, |_| false).await;
        assert_eq!(status, 0);
        assert_eq!(
            text,
            "Running test for worker:h1_29999\n\
             [h1_29999] runTest --operation BASIC --readType CACHE --writeType THROUGH\n\
             \x1b[32mPassed the test!\x1b[0m\n\
             Running test for worker:h2\n\
             [h2] runTest --operation BASIC --readType CACHE --writeType THROUGH\n\
             \x1b[32mPassed the test!\x1b[0m\n\
             \x1b[32mAll workers passed tests!\x1b[0m\n"
        );
        let (status, text) = printed(line, |case| case.path.as_str().contains("h2")).await;
        assert_eq!(status, 1);
        assert!(text.ends_with("\x1b[31mWorker h2 failed 1 tests \x1b[0m\n"), "{text}");
    }
}
