//! Spark with the original's client: what it writes and reads as Parquet through Alluxio over HDFS is what it writes and reads
//! there without Alluxio.

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use alluxio_tests::{Cluster, cluster::HOST, hdfs::Hdfs, process::run_group};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Of one run of the program.
const LIMIT: Duration = Duration::from_secs(300);

/// The interpreter that has Spark, and the original's client.
struct Spark {
    python: String,
    client: String,
}

impl Spark {
    fn fetched() -> Result<Spark> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/fetch.sh");
        let done = Command::new(&script).output().with_context(|| script.display().to_string())?;
        if !done.status.success() {
            bail!("Spark: {}", String::from_utf8_lossy(&done.stderr));
        }
        let folder = String::from_utf8(done.stdout)?.trim().to_owned();
        let jars = Path::new(&folder).join("client");
        let client = fs::read_dir(&jars)?.next().context("no client")??.path().display().to_string();
        Ok(Spark { python: format!("{folder}/venv/bin/python"), client })
    }

    /// Runs the program; its answers by the name of the question.
    fn run(&self, cluster: &Cluster, arguments: &[&str]) -> Result<BTreeMap<String, Value>> {
        let folder = cluster.folder();
        let answers = folder.join("answers.json");
        let java: Vec<_> = [
            ("alluxio.master.hostname", HOST.to_owned()),
            ("alluxio.master.rpc.port", cluster.master_rpc_port().to_string()),
            ("alluxio.user.file.writetype.default", "CACHE_THROUGH".to_owned()),
            ("alluxio.site.conf.dir", folder.display().to_string()),
        ]
        .iter()
        .map(|(key, value)| format!("-D{key}={value}"))
        .collect();
        let submit = format!(
            "--master local[2] --driver-memory 1g --driver-class-path {} --driver-java-options \"{}\" \
             --conf spark.hadoop.fs.alluxio.impl=alluxio.hadoop.FileSystem pyspark-shell",
            self.client,
            java.join(" ")
        );
        let mut command = Command::new(&self.python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/parquet.py")).arg(&answers);
        command.args(arguments);
        command.env("PYSPARK_SUBMIT_ARGS", submit).env("PYSPARK_PYTHON", &self.python);
        command.env("SPARK_LOCAL_IP", HOST).env("SPARK_LOCAL_DIRS", folder).current_dir(folder);
        let ended = run_group("Spark", command, &folder.join("spark.out"), LIMIT)?;
        let tail: Vec<_> = ended.output.lines().rev().take(40).collect();
        ensure!(
            ended.code == 0,
            "exit code {}\n{}",
            ended.code,
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
        serde_json::from_slice(&fs::read(answers)?).context("the answers")
    }
}

#[test]
fn spark_reads_and_writes_parquet_through_alluxio_as_without_it() -> Result<()> {
    let spark = Spark::fetched()?;
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    hdfs.make_folder("/alluxio", "755")?;
    let under = format!("{}/alluxio", hdfs.uri());
    let cluster = Cluster::plan()
        .set("alluxio.master.mount.table.root.ufs", &under)
        .set("alluxio.user.block.size.bytes.default", "1MB")
        .start()?;
    let (plain, ours) = (format!("{}/plain", hdfs.uri()), "alluxio:///ours");

    // The same tables, written beside Alluxio and through it; the answers of both must be the same.
    let expected = spark.run(&cluster, &["write,read", &plain])?;
    ensure!(expected.len() >= 8, "{expected:?}");
    let through = spark.run(&cluster, &["write,read", ours])?;
    ensure!(through == expected, "through Alluxio: {through:#?}\nwithout: {expected:#?}");
    // Each reads what the other one wrote: the files are whole in HDFS, and what HDFS has is seen.
    let beneath = spark.run(&cluster, &["read", &format!("{under}/ours")])?;
    ensure!(beneath == expected, "in HDFS: {beneath:#?}\nexpected: {expected:#?}");
    spark.run(&cluster, &["write", &format!("{under}/theirs")])?;
    let seen = spark.run(&cluster, &["read", "alluxio:///theirs"])?;
    ensure!(seen == expected, "theirs through Alluxio: {seen:#?}\nexpected: {expected:#?}");

    let left = cluster.alluxio(&["fs", "ls", "-R", "/ours"])?.output;
    ensure!(left.contains("part-") && left.contains("_SUCCESS") && !left.contains("_temporary"), "{left}");
    ensure!(left.lines().all(|line| line.contains("PERSISTED")), "{left}");
    cluster.finish()?;
    hdfs.finish()
}
