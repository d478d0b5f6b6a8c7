//! What is refused, with what words, and what is taken.

mod accepted;
mod others;
mod refused;

use super::*;
use crate::fixture::{cluster, examples, facts, refusals, valid};

#[test]
fn every_example_can_be_built() {
    let examples = examples();
    assert!(examples.len() >= 5);
    for (name, cluster) in examples {
        let mut facts = facts();
        // The examples' Secret and ConfigMap are among the facts under the same names.
        facts.nodes.truncate(3);
        if let Err(refusals) = validate(&cluster, &facts) {
            panic!("{name}: {refusals}");
        }
    }
}
