//! Hadoop's contract of a file system on a local folder: what the original's cluster keeps of it on this machine, ours keeps, too. What
//! ours does not keep is explained in docs/hadoop-contract.md. On HDFS and S3: long_contract.rs.

mod contract;

use alluxio_tests::java::{Contract, Verdict};
use anyhow::Result;

use contract::{compared, ours_keeps_what_the_original_keeps};

#[test]
fn on_a_local_folder() -> Result<()> {
    ours_keeps_what_the_original_keeps("a local folder", &[], &[])
}

#[test]
fn a_run_that_keeps_less_is_found_out() {
    let contract = |verdicts: &[(&str, Verdict)]| Contract {
        verdicts: verdicts.iter().map(|(name, verdict)| ((*name).to_owned(), verdict.clone())).collect(),
    };
    let failed = || Verdict::Failed("no".to_owned());
    let theirs = contract(&[
        ("kept", Verdict::Passed),
        ("lost", Verdict::Passed),
        ("left out", Verdict::Passed),
        ("gone", Verdict::Skipped(String::new())),
        ("told", failed()),
        ("untold", failed()),
        ("mended", failed()),
    ]);
    let ours = contract(&[
        ("kept", Verdict::Passed),
        ("lost", failed()),
        ("left out", Verdict::Skipped("why".to_owned())),
        ("told", failed()),
        ("untold", failed()),
        ("mended", Verdict::Passed),
    ]);
    let wrong = compared(&ours, &theirs, &["told".to_owned(), "mended".to_owned()]);
    let expected = [
        "gone did not run",
        "the original passes left out, ours: Skipped(\"why\")",
        "the original passes lost, ours: Failed(\"no\")",
        "mended passes: take it out of the docs",
        "no reason in the docs why untold fails: no",
    ];
    assert_eq!(wrong, expected);
}
