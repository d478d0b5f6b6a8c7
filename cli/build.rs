//! Compiles the schema of journal entries, so that `alluxio readJournal` knows the names of fields.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let include = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../crates/proto/proto");
    println!("cargo:rerun-if-changed={}", include.display());
    let schema = protox::compile(["proto/journal/journal.proto"], [include])?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("journal.bin"), schema.encode_to_vec())?;
    Ok(())
}
