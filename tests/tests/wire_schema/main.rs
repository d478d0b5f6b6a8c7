//! Our `.proto` files against the ones packed in the Java client's jar: services, methods, messages,
//! fields and enum values, in both directions. A difference is a client that misreads us.

mod left_out;
mod schema;

use std::{collections::BTreeSet, path::Path};

use alluxio_tests::java::Artifacts;
use anyhow::{Context, Result};
use schema::{Definition, Item, Schema};

/// Numbers from here up are ours; the upstream schema uses none of them.
const OWN_NUMBERS: i32 = 20_000;
const OWN_PACKAGE: &str = "alluxio.own";

#[test]
fn schema_equals_that_of_2_9_4() -> Result<()> {
    compare_with("2.9.4")
}

#[test]
fn schema_equals_that_of_2_9_6() -> Result<()> {
    compare_with("2.9.6")
}

fn compare_with(version: &str) -> Result<()> {
    let jar = Artifacts::of(version)?.jar("alluxio-core-transport")?;
    let unpacked = tempfile::tempdir()?;
    schema::unpack_protos(&jar, unpacked.path())?;
    let theirs = Schema::compile(unpacked.path()).with_context(|| format!("upstream {version}"))?;
    let ours = Schema::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/proto/proto"))?;
    assert!(theirs.items.len() > 1000, "only {} items found in {}", theirs.items.len(), jar.display());

    assert_eq!(exceptions_without_cause(&theirs), Vec::<&str>::new());
    let differences = differences(&ours, &theirs);
    assert!(
        differences.is_empty(),
        "{} differences from {version}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    Ok(())
}

/// Everything that is wrong with `ours`, one line each.
fn differences(ours: &Schema, theirs: &Schema) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, their) in &theirs.items {
        match (ours.items.get(name), is_left_out(name, their)) {
            (None, false) => wrong.push(format!("missing: {name} {:?} of {}", their.item, their.file)),
            (Some(_), true) => wrong.push(format!("listed as left out, but defined: {name}")),
            (Some(our), false) if our.item != their.item => {
                wrong.push(format!("differs: {name}: ours {:?}, theirs {:?}", our.item, their.item));
            }
            _ => {}
        }
    }
    let own_types = types_of_own_fields(ours);
    for (name, our) in &ours.items {
        if !theirs.items.contains_key(name) && !is_marked_as_ours(name, &our.item, &own_types) {
            wrong.push(format!("not upstream and not marked as ours: {name} {:?}", our.item));
        }
    }
    wrong
}

fn is_left_out(name: &str, definition: &Definition) -> bool {
    left_out::FILES.iter().any(|(file, _)| *file == definition.file)
        || left_out::FIELDS.iter().any(|(field, _)| *field == name)
}

/// An exception that upstream does not have any more would hide a mistake later.
fn exceptions_without_cause(theirs: &Schema) -> Vec<&'static str> {
    let files: BTreeSet<&str> = theirs.items.values().map(|definition| definition.file.as_str()).collect();
    let absent_files = left_out::FILES.iter().map(|(file, _)| *file).filter(|file| !files.contains(file));
    let absent_fields =
        left_out::FIELDS.iter().map(|(field, _)| *field).filter(|field| !theirs.items.contains_key(*field));
    absent_files.chain(absent_fields).collect()
}

/// An addition of ours must not be mistakable for anything that upstream has or may get: it lies in our
/// package, has a number of ours, or is a message that only a field with such a number leads to.
fn is_marked_as_ours(name: &str, item: &Item, own_types: &BTreeSet<&str>) -> bool {
    let lies_in =
        |outer: &str| name.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    lies_in(OWN_PACKAGE)
        || own_types.iter().any(|message| lies_in(message))
        || matches!(item, Item::Field(field) if field.number >= OWN_NUMBERS)
}

fn types_of_own_fields(ours: &Schema) -> BTreeSet<&str> {
    let mut types = BTreeSet::new();
    for definition in ours.items.values() {
        if let Item::Field(field) = &definition.item
            && field.number >= OWN_NUMBERS
            && let Some(name) = &field.type_name
        {
            types.insert(name.trim_start_matches('.'));
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "message M { optional int64 a = 1; repeated string b = 2; } enum E { X = 0; Y = 1; }
        service S { rpc Call(M) returns (stream M); }";

    fn found(ours: &str) -> Vec<String> {
        let compile = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("t.proto"), format!("syntax = \"proto2\"; package p; {text}"))
                .unwrap();
            Schema::compile(dir.path()).unwrap()
        };
        let (ours, theirs) = (compile(ours), compile(THEIRS));
        differences(&ours, &theirs)
    }

    #[test]
    fn the_comparison_sees_every_kind_of_difference() {
        assert!(found(THEIRS).is_empty());
        for (what, with) in [
            ("int64 a = 1", "int64 a = 3"),
            ("int64 a = 1", "int32 a = 1"),
            ("int64 a = 1", "int64 z = 1"),
            ("optional int64", "required int64"),
            ("a = 1", "a = 1 [default = 7]"),
            ("X = 0", "X = 2"),
            ("Y = 1;", ""),
            ("stream M", "M"),
            ("rpc Call", "rpc Other"),
            ("enum E", "enum F"),
            ("repeated string b = 2;", "repeated string b = 2; optional bool own = 3;"),
        ] {
            assert!(THEIRS.contains(what));
            assert!(!found(&THEIRS.replacen(what, with, 1)).is_empty(), "{what} -> {with} was not noticed");
        }
    }

    #[test]
    fn a_field_with_a_number_of_ours_is_allowed() {
        let ours = THEIRS.replace("b = 2;", "b = 2; optional bool own = 20000;");
        assert_eq!(found(&ours), Vec::<String>::new());
    }
}
