//! The journal on a HDFS that wants Kerberos, with a real KDC: by principal and keytab.

use std::path::Path;

use alluxio_tests::{Cluster, hdfs::Hdfs};
use anyhow::{Context, Result, ensure};

const PRINCIPAL: &str = "alluxio@RIG.TEST";

fn run(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let done = cluster.alluxio(arguments)?;
    ensure!(done.code == 0, "{arguments:?}: exit code {}\n{}", done.code, done.output);
    Ok(done.output)
}

#[test]
fn a_journal_is_written_by_who_has_the_keytab_and_by_nobody_else() -> Result<()> {
    let mut hdfs = Hdfs::plan().kerberos().start()?;
    hdfs.make_folder("/alluxio", "777")?;
    let journal = format!("{}/alluxio/journal", hdfs.uri());
    let text = |file: &str| -> Result<String> { Ok(hdfs.of_kdc(file)?.display().to_string()) };
    let (krb5, keytab) = (text("krb5.conf")?, text("alluxio.keytab")?);
    let plan = || {
        // No ticket of whoever runs this.
        let plan = Cluster::plan().workers(0).journal(Path::new(&journal));
        plan.environment("KRB5_CONFIG", &krb5).environment("KRB5CCNAME", "FILE:/dev/null/none")
    };
    let mut cluster = plan()
        .set("alluxio.master.principal", PRINCIPAL)
        .set("alluxio.master.keytab.file", &keytab)
        .set("alluxio.master.journal.ufs.option.dfs.data.transfer.protection", "authentication")
        .start()?;
    for life in 0..2 {
        run(&cluster, &["fs", "mkdir", &format!("/life-{life}")])?;
        cluster.kill_master()?;
        cluster.start_master()?;
        let listing = run(&cluster, &["fs", "ls", "/"])?;
        ensure!(listing.contains(&format!("life-{life}")), "it is lost:\n{listing}");
    }
    let owner = hdfs.owner("/alluxio/journal").context("whose it is")?;
    ensure!(owner == "alluxio", "it is {owner}'s");

    let without_ticket =
        plan().set("alluxio.master.journal.ufs.option.hadoop.security.authentication", "kerberos");
    for other in [without_ticket.prepare()?, plan().prepare()?] {
        let dump = other.folder().join("dump").display().to_string();
        let refused = other.alluxio(&["readJournal", "-outputDir", &dump])?;
        let told = format!("cannot list {journal}: ");
        ensure!(refused.code != 0 && refused.output.contains(&told), "{}", refused.output);
        eprintln!("{}", refused.output.trim());
        other.finish()?;
    }
    cluster.finish()?;
    hdfs.finish()
}
