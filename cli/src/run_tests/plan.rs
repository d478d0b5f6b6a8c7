//! Which tests are run: all of them, unless the options choose.

use alluxio_conf::Configuration;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{ReadPType, WritePType};

use super::case::{Case, Operation, TestedWorker};
use crate::{
    error::CommandError,
    options::{self, OptionSpec},
};

/// Where the tests write, below `--directory`.
const DIRECTORY_NAME: &str = "default_tests_files";

const READ_TYPES: [ReadPType; 3] = [ReadPType::CachePromote, ReadPType::Cache, ReadPType::NoCache];
const WRITE_TYPES: [WritePType; 4] =
    [WritePType::MustCache, WritePType::CacheThrough, WritePType::Through, WritePType::AsyncThrough];

pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::long("directory", "the directory in which the tests make theirs (/)").with_value("path"),
    OptionSpec::both("h", "help", "print this text"),
    OptionSpec::long("operation", "BASIC or BASIC_NON_BYTE_BUFFER; both when missing")
        .with_value("operation"),
    OptionSpec::long("readType", "NO_CACHE, CACHE or CACHE_PROMOTE; all when missing").with_value("type"),
    OptionSpec::long("writeType", "MUST_CACHE, CACHE_THROUGH, THROUGH or ASYNC_THROUGH; all when missing")
        .with_value("type"),
    OptionSpec::long("workers", "test these workers one by one (host:port, separated by commas)")
        .with_value("workers"),
];

pub fn help(width: usize) -> String {
    options::usage_line(width, "runTests [options]") + &options::options_table(width, OPTIONS)
}

/// What to run.
#[derive(Debug)]
pub struct Plan {
    pub directory: AlluxioPath,
    operations: Vec<Operation>,
    reads: Vec<ReadPType>,
    writes: Vec<WritePType>,
    workers: Option<Vec<TestedWorker>>,
}

impl Plan {
    /// All tests, in the root directory.
    pub fn full() -> Self {
        Self {
            directory: AlluxioPath::root().join(DIRECTORY_NAME),
            operations: Operation::ALL.to_vec(),
            reads: READ_TYPES.to_vec(),
            writes: WRITE_TYPES.to_vec(),
            workers: None,
        }
    }

    /// The plan that the options describe; none when they ask for help.
    pub fn of(words: &[String]) -> Result<Option<Self>, String> {
        let given = options::parse(OPTIONS, words).map_err(|error| error.to_string())?;
        if given.has("help") {
            return Ok(None);
        }
        if let Some(word) = given.arguments.first() {
            return Err(format!("{word} is not an option of runTests"));
        }
        let mut plan = Self::full();
        if let Some(text) = given.value("directory") {
            plan.directory = AlluxioPath::parse(text).map_err(|error| error.message)?.join(DIRECTORY_NAME);
        }
        if let Some(text) = given.value("operation") {
            plan.operations = vec![one_of(&Operation::ALL, "operation", text, |operation| operation.name())?];
        }
        if let Some(text) = given.value("readType") {
            plan.reads = vec![one_of(&READ_TYPES, "readType", text, |read| read.as_str_name())?];
        }
        if let Some(text) = given.value("writeType") {
            plan.writes = vec![one_of(&WRITE_TYPES, "writeType", text, |write| write.as_str_name())?];
        }
        if let Some(text) = given.value("workers") {
            plan.workers = Some(text.split(',').map(worker).collect::<Result<_, _>>()?);
        }
        Ok(Some(plan))
    }

    pub fn names_workers(&self) -> bool {
        self.workers.is_some()
    }

    /// The workers to be tested alone, or one round without a choice.
    pub fn workers(&self) -> Vec<Option<&TestedWorker>> {
        match &self.workers {
            Some(workers) => workers.iter().map(Some).collect(),
            None => vec![None],
        }
    }

    pub fn cases(&self, worker: Option<&TestedWorker>) -> Vec<Case> {
        let mut cases = Vec::new();
        for read in &self.reads {
            for write in &self.writes {
                for operation in &self.operations {
                    cases.push(Case::new(&self.directory, *operation, *read, *write, worker));
                }
            }
        }
        cases
    }

    /// A worker that is tested alone must not have its blocks copied to others while they are read.
    pub fn adapted(&self, conf: &Configuration) -> Result<Configuration, CommandError> {
        if !self.names_workers() {
            return Ok(conf.clone());
        }
        conf.with(&[("alluxio.user.file.passive.cache.enabled", "false")])
            .map_err(|error| CommandError::failed(error.to_string()))
    }
}

fn one_of<T: Copy>(
    all: &[T],
    option: &str,
    text: &str,
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        format!("--{option} {text}: must be one of {}", names.join(", "))
    })
}

fn worker(text: &str) -> Result<TestedWorker, String> {
    let invalid = || format!("--workers {text}: write host or host:port, separated by commas");
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| invalid())?)),
        None => (text, None),
    };
    if host.is_empty() { Err(invalid()) } else { Ok(TestedWorker { host: host.to_owned(), port }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Option<Plan>, String> {
        Plan::of(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_choose_the_tests() {
        let all = plan("").unwrap().unwrap();
        assert_eq!(all.cases(None).len(), 24);
        assert_eq!(all.cases(None)[0].path.as_str(), "/default_tests_files/BASIC_CACHE_PROMOTE_MUST_CACHE");
        let some =
            plan("--directory /t --operation BASIC --readType CACHE --writeType=THROUGH --workers h:1")
                .unwrap()
                .unwrap();
        let cases = some.cases(some.workers()[0]);
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].path.as_str(), "/t/default_tests_files/h_1/BASIC_CACHE_THROUGH");
        assert!(plan("--worker h").unwrap().unwrap().names_workers());
        assert!(plan("--help").unwrap().is_none());
    }

    #[test]
    fn wrong_choices_are_named() {
        assert!(plan("--readType NONE").unwrap_err().contains("one of CACHE_PROMOTE, CACHE, NO_CACHE"));
        assert!(plan("--workers h:x").unwrap_err().starts_with("--workers h:x"));
        assert!(plan("extra").unwrap_err().starts_with("extra"));
    }

    #[test]
    fn passive_caching_is_off_for_single_workers() {
        let conf = Configuration::defaults();
        let on = |plan: &Plan| {
            plan.adapted(&conf).unwrap().get(alluxio_conf::key::USER_FILE_PASSIVE_CACHE_ENABLED)
        };
        assert!(on(&Plan::full()));
        assert!(!on(&plan("--workers h").unwrap().unwrap()));
    }
}
