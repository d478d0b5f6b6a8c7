//! All objects of each example and each case, as files: a change of what is built shows as a change of these. `make golden` writes
//! them anew.

use super::*;

fn hold(name: &str, cluster: &ValidatedCluster) {
    let objects = all(cluster, &Live::default());
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&crate::yaml::to_string(&object).expect("is YAML"));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.yaml"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("is writable");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let first = kept.lines().zip(text.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == text,
        "tests/golden/{name}.yaml is not what is built (line {}): run `make golden` and look at what changed",
        first.map_or_else(|| kept.lines().count(), |at| at + 1)
    );
}

#[test]
fn golden_examples() {
    for (name, cluster) in examples() {
        let cluster = validate(&cluster, &facts()).unwrap_or_else(|refusals| panic!("{name}: {refusals}"));
        hold(&format!("example-{name}"), &cluster);
    }
}

#[test]
fn golden_cases() {
    for (name, patch) in CASES {
        hold(name, &valid(patch));
    }
}
