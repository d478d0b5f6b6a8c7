//! The journal on a HDFS that wants Kerberos, with a real KDC: by principal and keytab.

use std::{fs, path::Path, thread::sleep, time::Duration};

use alluxio_tests::{Cluster, hdfs::Hdfs, masters::LIMIT, waiting::wait_until};
use anyhow::{Context, Result, ensure};

const PRINCIPAL: &str = "alluxio@RIG.TEST";
/// Of a ticket, where it is to run out.
const SHORT: Duration = Duration::from_secs(10);

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

/// The library keeps its ticket for as long as it lives. A connection that is made later needs another one.
#[test]
fn a_ticket_that_has_run_out_is_replaced() -> Result<()> {
    let mut hdfs = Hdfs::plan().kerberos().start()?;
    hdfs.make_folder("/alluxio", "777")?;
    let folder = tempfile::tempdir()?;
    let (krb5, trace) = (folder.path().join("krb5.conf"), folder.path().join("trace"));
    let usual = fs::read_to_string(hdfs.of_kdc("krb5.conf")?)?;
    let short = format!("[libdefaults]\nticket_lifetime = {}s\n", SHORT.as_secs());
    fs::write(&krb5, usual.replace("[libdefaults]\n", &short))?;
    let journal = format!("{}/alluxio/journal", hdfs.uri());
    let mut cluster = Cluster::plan()
        .workers(0)
        .journal(Path::new(&journal))
        .environment("KRB5_CONFIG", &krb5.display().to_string())
        .environment("KRB5CCNAME", "FILE:/dev/null/none")
        .environment("KRB5_TRACE", &trace.display().to_string())
        .set("alluxio.master.principal", PRINCIPAL)
        .set("alluxio.master.keytab.file", &hdfs.of_kdc("alluxio.keytab")?.display().to_string())
        .set("alluxio.master.journal.ufs.option.dfs.data.transfer.protection", "authentication")
        .start()?;
    run(&cluster, &["fs", "mkdir", "/first"])?;
    // What the library of Kerberos says of itself.
    let asked = || {
        Ok::<_, anyhow::Error>(fs::read_to_string(&trace)?.matches("Getting initial credentials for").count())
    };
    let before = asked()?;
    ensure!(before > 0, "no ticket was asked for");
    sleep(SHORT + Duration::from_secs(1));
    // Whoever is connected stays so, whatever becomes of the ticket.
    hdfs.stop_namenode()?;
    hdfs.start_namenode()?;
    wait_until(LIMIT, "the journal is written again", || {
        Ok(cluster.alluxio(&["fs", "mkdir", "/second"])?.code == 0)
    })?;
    ensure!(asked()? > before, "with which ticket was it written?");
    cluster.kill_master()?;
    cluster.start_master()?;
    let listing = run(&cluster, &["fs", "ls", "/"])?;
    ensure!(listing.contains("first") && listing.contains("second"), "it is lost:\n{listing}");
    cluster.finish()?;
    hdfs.finish()
}
