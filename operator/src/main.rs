//! `alluxio-operator crd` prints the definition of the resource.

use std::io::Write as _;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["crd"] => Ok(std::io::stdout().write_all(alluxio_operator::crd::definition::yaml()?.as_bytes())?),
        _ => anyhow::bail!("usage: alluxio-operator crd"),
    }
}
