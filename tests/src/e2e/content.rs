//! What the operator says in its log, and how often it was started again: a test asks at its end, and before pods go.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep};

use super::{Operator, operator::NAME, patient, tools::kubectl};

impl Operator {
    /// Waits until the container of a pod has been started again since this test began.
    pub async fn starts_again(&self, pod: &str, within: Duration) -> Result<()> {
        let before = self.restarts.get(pod).copied().unwrap_or_default();
        let began = Instant::now();
        while restarts()?.get(pod).is_none_or(|now| *now == before) {
            ensure!(began.elapsed() < patient(within), "{pod} is not started again");
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// It has said nothing of errors since this test began, and has not been started again.
    pub fn is_content(&self) -> Result<()> {
        self.is_content_after(0)
    }

    /// The same where it had a reason to be started again, so many times at most.
    pub fn is_content_after(&self, starts: i64) -> Result<()> {
        self.is_content_where(|_| starts)
    }

    /// The same where one of them had: it was started again once.
    pub fn is_content_but_for(&self, hit: &str) -> Result<()> {
        self.is_content_where(|pod| i64::from(pod == hit))
    }

    fn is_content_where(&self, starts: impl Fn(&str) -> i64) -> Result<()> {
        for (pod, now) in restarts()? {
            let before = self.restarts.get(&pod).copied().unwrap_or_default();
            let (again, starts) = (now - before, starts(&pod));
            ensure!(again <= starts, "{pod} was started again {again} times, {starts} expected at most");
            let since = format!("--since-time={}", self.since);
            says_nothing_wrong(&pod, &[&since])?;
            if again > 0 {
                says_nothing_wrong(&pod, &[&since, "--previous"])?;
            }
        }
        Ok(())
    }
}

fn says_nothing_wrong(pod: &str, options: &[&str]) -> Result<()> {
    let mut arguments = vec!["logs", pod, "--tail=-1"];
    arguments.extend(options);
    let log = match kubectl(NAME, &arguments) {
        // One that an upgrade has replaced, which was read before, has gone since it was listed.
        Err(_) if !Operator::pods()?.iter().any(|there| there == pod) => return Ok(()),
        log => log?,
    };
    let is_bad = |line: &&str| line.contains(" ERROR ") || line.contains("panicked");
    let bad: Vec<_> = log.lines().filter(is_bad).collect();
    ensure!(bad.is_empty(), "{pod} says:\n{}", bad.join("\n"));
    Ok(())
}

/// How often the container of each pod was started again, where it ever was started; in one question, since pods that were replaced go meanwhile.
pub(super) fn restarts() -> Result<BTreeMap<String, i64>> {
    let selector = format!("app.kubernetes.io/name={NAME}");
    let container = ".status.containerStatuses[0]";
    let each = format!(
        "jsonpath={{range .items[*]}}{{.metadata.name}} {{{container}.restartCount}} {{{container}.containerID}}{{\"\\n\"}}{{end}}"
    );
    let told = kubectl(NAME, &["get", "pods", "--selector", &selector, "--output", &each])?;
    let count = |line: &str| {
        let mut words = line.split_whitespace();
        let (pod, count) = (words.next()?, words.next()?.parse().ok()?);
        Some((pod.to_owned(), count))
    };
    // One that has no container yet has said nothing.
    let started = told.lines().filter(|line| line.split_whitespace().count() == 3);
    started.map(|line| count(line).with_context(|| format!("a pod of the operator: {line:?}"))).collect()
}
