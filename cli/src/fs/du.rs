//! `du`: how large files are, and how much of them is in Alluxio.

use std::collections::BTreeMap;

use alluxio_proto::grpc::file::{FileInfo, ListStatusPOptions};

use super::{Call, FsCommand, Outcome, path::ShellPath};
use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
    output::columns,
};

pub const DU: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "du",
        usage: "du [-h|-s|-g|-m] <path>",
        description: "Prints the size of each file below a path, and how much of it is in Alluxio.",
        options: &[
            OptionSpec::short("g", "also how much is on each worker"),
            OptionSpec::both("m", "memory", "also how much is in memory"),
            OptionSpec::short("h", "print sizes with units (1.00MB)"),
            OptionSpec::short("s", "print only the sum"),
        ],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

/// What rows add up: bytes, and where they are.
#[derive(Debug, Default)]
struct Usage {
    size: i64,
    in_alluxio: i64,
    in_memory: i64,
    on_workers: BTreeMap<String, i64>,
}

impl Usage {
    fn add(&mut self, info: &FileInfo) {
        let part = |percent: i32| (i128::from(info.length()) * i128::from(percent) / 100) as i64;
        self.size += info.length();
        self.in_alluxio += part(info.in_alluxio_percentage());
        self.in_memory += part(info.in_memory_percentage());
        for block in info.file_block_infos.iter().filter_map(|block| block.block_info.as_ref()) {
            for location in &block.locations {
                let host = location.worker_address.as_ref().map(|address| address.host()).unwrap_or_default();
                *self.on_workers.entry(host.to_owned()).or_default() += block.length();
            }
        }
    }

    /// The row of a path, and with `-g` one for each worker.
    fn rows(&self, path: &str, given: &Parsed) -> Vec<String> {
        let human = given.has("h");
        let by_worker = given.has("g");
        let in_memory = given.has("m").then(|| columns::share(human, self.in_memory, self.size));
        let mut rows = vec![columns::du(
            &columns::bytes(human, self.size),
            &columns::share(human, self.in_alluxio, self.size),
            in_memory.as_deref(),
            by_worker.then_some("total"),
            path,
        )];
        if by_worker {
            rows.extend(self.on_workers.iter().map(|(host, bytes)| {
                columns::du(
                    "",
                    &columns::bytes(human, *bytes),
                    in_memory.as_ref().map(|_| ""),
                    Some(host),
                    "",
                )
            }));
        }
        rows
    }
}

async fn run(call: Call<'_>) -> Outcome {
    let paths = call.shell.expand(&call.given.arguments[0]).await?;
    let (in_memory, worker) =
        (call.given.has("m").then_some("In Memory"), call.given.has("g").then_some("Worker Host Name"));
    call.shell.out.line(columns::du("File Size", "In Alluxio", in_memory, worker, "Path"))?;
    call.shell.each_of(&paths, async |path| du(call, path).await).await?;
    Ok(SUCCESS)
}

async fn du(call: Call<'_>, path: &ShellPath) -> Result<(), CommandError> {
    let (shell, given) = (call.shell, call.given);
    let options = ListStatusPOptions { recursive: Some(true), ..ListStatusPOptions::default() };
    if given.has("s") {
        let mut sum = Usage::default();
        shell
            .list_parts(&path.path, options, |part| {
                part.iter().filter(|info| !info.folder()).for_each(|info| sum.add(info));
                Ok(())
            })
            .await?;
        return Ok(sum.rows(&path.to_string(), given).iter().try_for_each(|row| shell.out.line(row))?);
    }
    let mut all = shell.list(&path.path, options).await?;
    all.sort_by(|a, b| a.path().cmp(b.path()));
    for info in all.iter().filter(|info| !info.folder()) {
        let mut usage = Usage::default();
        usage.add(info);
        usage.rows(info.path(), given).iter().try_for_each(|row| shell.out.line(row))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{BlockInfo, BlockLocation, WorkerNetAddress, file::FileBlockInfo};

    use super::*;

    fn rows(options: &[&str]) -> Vec<String> {
        let location = |host: &str| BlockLocation {
            worker_address: Some(WorkerNetAddress { host: Some(host.to_owned()), ..Default::default() }),
            ..BlockLocation::default()
        };
        let block = BlockInfo {
            length: Some(80),
            locations: vec![location("n2"), location("n1")],
            ..Default::default()
        };
        let info = FileInfo {
            length: Some(160),
            in_alluxio_percentage: Some(50),
            file_block_infos: vec![FileBlockInfo { block_info: Some(block), ..FileBlockInfo::default() }],
            ..FileInfo::default()
        };
        let mut usage = Usage::default();
        usage.add(&info);
        let words: Vec<_> = options.iter().map(|word| (*word).to_owned()).collect();
        usage.rows("/f", &crate::options::parse(DU.spec.options, &words).unwrap())
    }

    #[test]
    fn a_row_has_the_columns_asked_for() {
        assert_eq!(rows(&[]), ["160           80 (50%)         /f"]);
        assert_eq!(rows(&["-m"]), ["160           80 (50%)         0 (0%)           /f"]);
        assert_eq!(
            rows(&["-g"]),
            [
                "160           80 (50%)         total                     /f",
                "              80               n1                        ",
                "              80               n2                        ",
            ]
        );
    }
}
