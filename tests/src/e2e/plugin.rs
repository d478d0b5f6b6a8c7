//! `kubectl alluxio`, found by kubectl as it finds plugins: by its name, on the PATH.

use std::{env, time::Duration};

use anyhow::Result;

use super::{
    patient,
    tools::{project, run_within},
};

/// For what it waits for itself: a leader, a roll that begins, a worker that is idle.
const LIMIT: Duration = Duration::from_secs(120);

/// `kubectl alluxio` with these words, in a namespace; what it printed.
pub fn kubectl_alluxio(namespace: &str, words: &[&str]) -> Result<String> {
    let own = project().join("deploy");
    let path = format!("PATH={}:{}", own.display(), env::var("PATH")?);
    let limit = patient(LIMIT).as_secs().to_string();
    let mut arguments = vec![path.as_str(), "kubectl", "alluxio"];
    arguments.extend(words);
    arguments.extend(["--namespace", namespace, "--timeout", &limit]);
    run_within(2 * LIMIT, "env", &arguments, "")
}
