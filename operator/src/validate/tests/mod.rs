//! What is refused, with what words, and what is taken.

mod accepted;
mod others;
mod refused;
mod refused_properties;

use super::*;
use crate::fixture::{cluster, examples, facts, refusals, valid};

#[test]
fn every_example_can_be_built() {
    let examples = examples();
    assert!(examples.len() >= 5);
    for (name, cluster) in examples {
        if let Err(refusals) = validate(&cluster, &facts()) {
            panic!("{name}: {refusals}");
        }
    }
}

/// Each patch is answered with exactly one line, which begins so.
fn each(rows: &[(&str, &str)]) {
    for (patch, told) in rows {
        let refusals = refusals(patch).to_string();
        assert!(
            refusals.starts_with(told) && !refusals.contains('\n'),
            "{patch}\n  told: {refusals}\n  expected: {told}"
        );
    }
}
