//! `fsadmin decommissionWorker` and `enableWorker`: the original's command against our servers, ours against a master
//! of the original, and each of ours exit codes.

use std::time::Duration;

use alluxio_proto::grpc::file::{CreateFilePOptions, WritePType};
use alluxio_tests::{
    Cluster, client,
    cluster::HOST,
    java::{JavaClient, Kind, Locality, ShellSession},
    waiting::wait_until,
    web,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::task::block_in_place;

const VERSION: &str = "2.9.6";
const LIMIT: Duration = Duration::from_secs(120);
/// Clients take so long to hear of it: the command waits for them.
const LAG: (&str, &str) = ("alluxio.user.worker.list.refresh.interval", "1s");

#[test]
fn the_originals_command_takes_our_worker_out_and_back() -> Result<()> {
    let mut cluster = Cluster::plan().start()?;
    let port = cluster.worker_web_port(0);
    let address = format!("{HOST}:{port}");
    let mut client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
    client.set(LAG.0, LAG.1);
    let mut shell = ShellSession::start(&client, Kind::Tools, LIMIT)?;

    let done = shell.run(&["fsadmin", "decommissionWorker", "--addresses", &address, "--disable"])?.text()?;
    for line in [
        format!("Set worker {address} decommissioned on master"),
        "Sent decommission messages to the master, 0 failed and 1 succeeded".to_owned(),
        "Now on master the available workers are: []".to_owned(),
        format!("There is no operation on worker {address} for 20 times in a row"),
    ] {
        ensure!(done.contains(&line), "no {line:?} in\n{done}");
    }
    ensure!(!web::is_ready(port), "the worker does not know that it was taken out");

    // Shut out: it may not come back as another process.
    cluster.kill_worker(0)?;
    cluster.launch_worker(0)?;
    wait_until(LIMIT, "the worker is refused", || Ok(cluster.worker(0)?.output().contains("disabled")))?;
    shell.run(&["fsadmin", "enableWorker", "--addresses", &address])?;
    wait_until(LIMIT, "the worker serves again", || Ok(web::is_ready(port)))?;
    drop(shell);
    cluster.finish()
}

#[test]
fn our_command_takes_a_worker_from_a_master_of_the_original() -> Result<()> {
    let mut cluster = Cluster::plan().set(LAG.0, LAG.1).prepare()?;
    cluster.start_java_master(VERSION)?;
    cluster.start_worker(0)?;
    let address = format!("{HOST}:{}", cluster.worker_web_port(0));

    let done = cluster.alluxio(&["fsadmin", "decommissionWorker", "-a", &address, "-w", "40s", "-d"])?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
    for line in [
        &format!("Set worker {address} decommissioned on master"),
        "Now on master the available workers are: []",
        &format!("There is no operation on worker {address} for 20 times in a row"),
    ] {
        ensure!(done.output.contains(line), "no {line:?} in\n{}", done.output);
    }
    // It can be named again.
    let done = cluster.alluxio(&["fsadmin", "decommissionWorker", "-a", &address, "-w", "1s", "-d"])?;
    ensure!(
        done.output.contains(&format!("Set worker {address} decommissioned on master")),
        "{}",
        done.output
    );
    let done = cluster.alluxio(&["fsadmin", "enableWorker", "-a", &address])?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
    // As another process: a worker that was taken out does not come back by itself there.
    cluster.stop_worker(0)?;
    cluster.start_worker(0)?;
    let done = cluster.alluxio(&["fsadmin", "report", "capacity", "-live"])?;
    ensure!(done.output.contains(HOST), "{}", done.output);
    cluster.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_command_tells_by_its_exit_code_how_it_ended() -> Result<()> {
    let mut cluster = block_in_place(|| Cluster::plan().set(LAG.0, LAG.1).start())?;
    let address = format!("{HOST}:{}", cluster.worker_web_port(0));
    let take_out = |cluster: &Cluster, address: &str, wait: &str, code: i32| {
        let line = ["fsadmin", "decommissionWorker", "--addresses", address, "--wait", wait];
        let done = block_in_place(|| cluster.alluxio(&line))?;
        ensure!(done.code == code, "{line:?}: exit code {}, not {code}\n{}", done.code, done.output);
        anyhow::Ok(done.output)
    };
    for wrong in ["nobody", &format!("{HOST}:1"), &format!("{address},nobody")] {
        let output = take_out(&cluster, wrong, "1s", 255)?;
        ensure!(output.contains("is not known by the master") && output.contains(&address), "{output}");
    }
    let serving = block_in_place(|| cluster.alluxio(&["fsadmin", "report", "capacity", "-live"]))?;
    ensure!(serving.output.contains(HOST), "a wrong name takes it out:\n{}", serving.output);
    let done = block_in_place(|| cluster.alluxio(&["fsadmin", "enableWorker", "-a", "nobody"]))?;
    ensure!(
        done.code == 0 && done.output.contains("[nobody] are not known by the master"),
        "{}",
        done.output
    );

    // A file that is being written.
    let fs = client::connect(&cluster).await?;
    let options = CreateFilePOptions { write_type: Some(WritePType::MustCache.into()), ..Default::default() };
    let mut file = fs.create(&alluxio_fs::AlluxioPath::parse("/open")?, options).await?;
    file.write(Bytes::from(vec![1; 4 << 20])).await?;
    let output = take_out(&cluster, HOST, "2s", 3)?;
    ensure!(output.contains(&format!("Worker {address} has Worker.ActiveOperations=1,")), "{output}");
    file.close().await?;
    drop(fs);

    // It can be told again; but then the worker is not there any more.
    block_in_place(|| cluster.kill_worker(0))?;
    let output = take_out(&cluster, &address, "40s", 10)?;
    ensure!(output.contains(&format!("Failed to poll status from worker {address} for 5 times")), "{output}");

    block_in_place(|| cluster.stop_master())?;
    let output = take_out(&cluster, &address, "1s", 2)?;
    ensure!(output.contains("Cannot get available worker list from master: "), "{output}");
    block_in_place(|| cluster.finish())
}

/// What is only on the worker that leaves can be read there until it is in the under storage, by Java clients too, which do not
/// go to it; and then the worker may end as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_a_worker_that_was_taken_out() -> Result<()> {
    let mut cluster = block_in_place(|| Cluster::plan().workers(2).set(LAG.0, LAG.1).prepare())?;
    block_in_place(|| {
        cluster.format()?;
        cluster.start_master()?;
        cluster.start_worker(0)
    })?;
    let later = ("alluxio.user.file.persistence.initial.wait.time", "1h");
    let fs =
        client::connect_with(&cluster, &[later, ("alluxio.user.block.size.bytes.default", "1MB")]).await?;
    let content =
        |first: u8| -> Bytes { (0..3_000_000_u32).map(|at| first.wrapping_add(at as u8)).collect() };
    let files =
        [("/d/here", WritePType::MustCache, content(1)), ("/d/soon", WritePType::AsyncThrough, content(2))];
    for (path, how, data) in &files {
        client::write(&fs, path, data.clone(), *how).await?;
    }
    block_in_place(|| cluster.start_worker(1))?;
    // Nothing can be persisted in there at first.
    let in_the_way = cluster.under_storage().join("d");
    std::fs::write(&in_the_way, "")?;

    let port = cluster.worker_web_port(0);
    let line = ["fsadmin", "decommissionWorker", "-a", &format!("{HOST}:{port}"), "-w", "1s"];
    let done = block_in_place(|| cluster.alluxio(&line))?;
    ensure!(done.code == 3, "exit code {}\n{}", done.code, done.output);
    let left = || anyhow::Ok(web::get_json(port, "/role")?["unpersistedFiles"].as_u64());
    block_in_place(|| wait_until(LIMIT, "it counts what is only there", || Ok(left()? == Some(2))))?;
    let state = async |path: &str| -> Result<String> {
        Ok(fs
            .get_status(&alluxio_fs::AlluxioPath::parse(path)?, Default::default())
            .await?
            .persistence_state()
            .to_owned())
    };
    block_in_place(|| {
        let client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
        let mut shell = ShellSession::start(&client, Kind::Tools, LIMIT)?;
        for (path, _, data) in &files {
            let copy = client.folder().join("copy");
            shell.run(&["fs", "copyToLocal", path, &copy.display().to_string()])?;
            ensure!(std::fs::read(&copy)? == *data, "{path} as a Java client reads it");
            std::fs::remove_file(&copy)?;
        }
        Ok(())
    })?;
    for (path, _, data) in &files {
        ensure!(client::read(&fs, path).await? == *data, "{path}");
        ensure!(state(path).await? == "TO_BE_PERSISTED", "{path}: {}", state(path).await?);
    }

    std::fs::remove_file(&in_the_way)?;
    block_in_place(|| wait_until(LIMIT, "all is persisted", || Ok(left()? == Some(0))))?;
    block_in_place(|| cluster.kill_worker(0))?;
    for (path, _, data) in &files {
        ensure!(state(path).await? == "PERSISTED", "{path}: {}", state(path).await?);
        ensure!(client::read(&fs, path).await? == *data, "{path} without the worker");
    }
    block_in_place(|| cluster.finish())
}

/// Whoever waits must not be told to stop a worker that somebody has put back in service meanwhile.
#[test]
fn a_worker_that_serves_again_is_told() -> Result<()> {
    let cluster = Cluster::plan().set(LAG.0, LAG.1).start()?;
    let live = |cluster: &Cluster| {
        let done = cluster.alluxio(&["fsadmin", "report", "summary"])?;
        anyhow::Ok(done.output.contains("Live Workers: 1"))
    };
    let line = ["fsadmin", "decommissionWorker", "-a", HOST, "-w", "60s", "-d"];
    let done = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cluster.alluxio(&line));
        wait_until(LIMIT, "the worker is out of service", || Ok(!live(&cluster)?))?;
        let enabled = cluster.alluxio(&["fsadmin", "enableWorker", "-a", HOST])?;
        ensure!(enabled.code == 0, "{}", enabled.output);
        wait_until(LIMIT, "the worker serves again", || live(&cluster))?;
        waiting.join().map_err(|_| anyhow::anyhow!("the command panicked"))?
    })?;
    ensure!(done.code == 3, "exit code {}\n{}", done.code, done.output);
    ensure!(done.output.contains("1 workers serve clients again"), "{}", done.output);
    cluster.finish()
}
