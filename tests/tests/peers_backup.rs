//! A cluster of the original moves here by a backup, and back: the original's own shell sees the same before and
//! after.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{SetAttributePOptions, WritePType};
use alluxio_tests::{
    Cluster, client,
    document::{self, Block},
    installation::repository,
    java::{JavaClient, Kind, Locality, ShellSession},
    waiting::wait_until,
};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use regex::Regex;

const SERVER: &str = "2.9.6";
const CLIENT: &str = "2.9.6";
const LIMIT: Duration = Duration::from_secs(60);

/// What is looked at one by one.
const PATHS: [&str; 13] = [
    "/",
    "/plain",
    "/plain/cached",
    "/plain/persisted",
    "/plain/empty",
    "/with blank",
    "/with blank/100% ünï-文件",
    "/with blank/a%20b+&=#~",
    "/mnt",
    "/mnt/outer",
    "/mnt/outer/inner",
    "/mnt/outer/inner/from below",
    "/mnt/outer/seen",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_moves_here_and_back() -> Result<()> {
    let mut cluster = Cluster::plan()
        .set("alluxio.user.block.size.bytes.default", "1MB")
        .set("alluxio.user.file.writetype.default", "CACHE_THROUGH")
        .prepare()?;
    cluster.start_java_master(SERVER)?;
    cluster.start_worker(0)?;
    let mut java = shell(&cluster)?;
    furnish(&cluster, &mut java).await?;
    let theirs = seen(&mut java)?;
    drop(java);
    let mut guide = Guide::open(&cluster)?;
    let backup = file_of(&guide.follow(&mut cluster)?)?;
    cluster.stop_master()?;

    // Its journal is not taken by mistake.
    let refusal = cluster.master_that_ends(&[])?.output;
    ensure!(refusal.contains("fsadmin backup"), "{refusal}");

    guide.configure(&mut cluster, &backup)?;
    let listing = guide.follow(&mut cluster)?;
    ensure!(listing.contains("/plain/persisted") && guide.is_done(), "{listing}");
    worker_is_back(&cluster)?;
    let mut java = shell(&cluster)?;
    same(&theirs, &seen(&mut java)?)?;
    let fs = client::connect(&cluster).await?;
    ensure!(client::read(&fs, "/plain/cached").await? == data(2_500_000), "/plain/cached reads otherwise");
    drop(fs);

    // As ever after a start, and new ids do not meet old ones.
    cluster.stop_master()?;
    cluster.start_master()?;
    worker_is_back(&cluster)?;
    java.run(&["fs", "mkdir", "/later/deep"])?;
    java.run(&["fs", "touch", "/later/deep/file"])?;
    java.run(&["fs", "rm", "-R", "/plain"])?;
    let ours = seen(&mut java)?;
    let backup = backup_by_theirs(&cluster, &mut java, "ours")?;
    drop(java);
    cluster.stop_master()?;

    moved_to(&mut cluster, "back", &backup);
    // Else the original compares all with the under storage, and directories lose their TTL. Ours has done so above.
    cluster.set("alluxio.master.journal.sync.root.after.init.from.backup", "false");
    cluster.start_java_master(SERVER)?;
    worker_is_back(&cluster)?;
    let mut java = shell(&cluster)?;
    same(&ours, &seen(&mut java)?)?;
    java.run(&["fs", "mkdir", "/later/deep/again"])?;
    java.run(&["fs", "touch", "/later/deep/again/file"])?;
    drop(java);
    cluster.finish()
}

/// The next master has a journal of its own and begins with the backup.
fn moved_to(cluster: &mut Cluster, name: &str, backup: &Path) {
    let journal = cluster.folder().join(format!("journal-{name}"));
    cluster.set("alluxio.master.journal.folder", &journal.display().to_string());
    cluster.set("alluxio.master.journal.init.from.backup", &backup.display().to_string());
}

fn data(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

/// Something of everything, by the original's shell as far as it can.
async fn furnish(cluster: &Cluster, shell: &mut ShellSession) -> Result<()> {
    let below = |name: &str| cluster.folder().join(name);
    for folder in ["outer", "inner"] {
        fs::create_dir(below(folder))?;
    }
    fs::write(below("outer").join("seen"), "in the under storage\n")?;
    fs::write(below("inner").join("from below"), "also there\n")?;
    let local = below("local");
    fs::write(&local, data(1_500_000))?;
    let [outer, inner, local] =
        [below("outer"), below("inner"), local].map(|path| path.display().to_string());

    let fs = client::connect(cluster).await?;
    client::write(&fs, "/plain/cached", data(2_500_000), WritePType::MustCache).await?;
    let xattr = [("user.colour".to_owned(), b"blue".to_vec())].into();
    let attribute = SetAttributePOptions { xattr, ..SetAttributePOptions::default() };
    fs.set_attribute(&AlluxioPath::parse("/plain/cached")?, attribute).await?;
    drop(fs);

    for command in [
        &["copyFromLocal", &local, "/plain/persisted"][..],
        &["touch", "/plain/empty"],
        &["mkdir", "/with blank", "/mnt", "/gone/deep"],
        &["setfacl", "-m", "default:user:dora:r-x", "/with blank"],
        &["copyFromLocal", &local, "/with blank/100% ünï-文件"],
        &["copyFromLocal", &local, "/with blank/a%20b+&=#~"],
        &["mount", "--shared", "--option", "a.key=its value", "/mnt/outer", &outer],
        &["mount", "--readonly", "/mnt/outer/inner", &inner],
        &["ls", "-R", "/mnt"],
        &["chown", "nobody:nogroup", "/plain/persisted"],
        &["chmod", "640", "/plain/persisted"],
        &["chmod", "1777", "/plain"],
        &["setfacl", "-m", "user:carl:r-x,group:staff:-w-,mask::r-x", "/plain/cached"],
        &["setfacl", "-m", "user:carl:rwx", "/with blank"],
        &["setTtl", "-action", "free", "/plain/persisted", "90000000"],
        &["setTtl", "/with blank", "80000000"],
        &["pin", "/with blank/a%20b+&=#~"],
        &["setReplication", "--min", "1", "--max", "3", "/plain/cached"],
        &["rm", "-R", "/gone"],
    ] {
        shell.run(&[&["fs"], command].concat())?;
    }
    shell.run(&[
        "fsadmin",
        "pathConf",
        "add",
        "--property",
        "alluxio.user.file.readtype.default=NO_CACHE",
        "/mnt",
    ])?;
    Ok(())
}

fn shell(cluster: &Cluster) -> Result<ShellSession> {
    ShellSession::start(&JavaClient::new(CLIENT, Locality::Streams, cluster)?, Kind::Tools, LIMIT)
}

/// What the original's shell tells of everything, path by path.
fn seen(shell: &mut ShellSession) -> Result<Vec<(String, String)>> {
    let mut seen = Vec::new();
    let listing = shell.text(&["fs", "ls", "-R", "/"])?;
    for path in PATHS {
        if path == "/" || listing.contains(path) {
            for command in ["stat", "getfacl"] {
                seen.push((format!("{command} {path}"), shell.text(&["fs", command, path])?));
            }
        }
    }
    seen.push(("ls".to_owned(), listing));
    seen.push(("mount".to_owned(), shell.text(&["fs", "mount"])?));
    seen.push(("pathConf".to_owned(), shell.text(&["fsadmin", "pathConf", "show", "/mnt"])?));
    let masks = [
        // A worker gets another id from each master.
        (Regex::new(r"workerId=-?\d+")?, "workerId=*"),
        // Asked of the under storage, not kept: ours names no host of a local folder.
        (Regex::new(r"ufsLocations=\[[^\]]*\]")?, "ufsLocations=*"),
        // Written anew where something was compared with the under storage, as all is after the move here: of a directory
        // there is none before, and the original's chmod leaves the mode in words.
        (Regex::new(r"(?s)ufsFingerprint=.*?, acl=")?, "ufsFingerprint=*, acl="),
        // How full the machine's disks are.
        (Regex::new(r"used=[^,]*|capacity=[^,]*")?, "space"),
    ];
    for (_, text) in &mut seen {
        for (mask, shown) in &masks {
            *text = mask.replace_all(text, *shown).into_owned();
        }
    }
    Ok(seen)
}

fn same(before: &[(String, String)], after: &[(String, String)]) -> Result<()> {
    let names = |seen: &[(String, String)]| seen.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    ensure!(names(before) == names(after), "{:?}\n{:?}", before.last(), after.last());
    for ((name, before), (_, after)) in before.iter().zip(after) {
        ensure!(before == after, "{name} was\n{before}\nand is\n{after}");
    }
    Ok(())
}

/// docs/moving-in.md up to what is for Kubernetes, followed block by block.
struct Guide {
    blocks: std::vec::IntoIter<Block>,
    /// In the place of its `/backups` and `/shared`.
    folder: String,
}

impl Guide {
    fn open(cluster: &Cluster) -> Result<Guide> {
        let text = fs::read_to_string(repository().join("docs/moving-in.md"))?;
        // What is typed on Kubernetes is not typed here.
        let (text, _) = text.split_once("\n## On Kubernetes\n").context("the guide has no such section")?;
        let folder = cluster.folder().join("guide").display().to_string();
        Ok(Guide { blocks: document::blocks(text).into_iter(), folder })
    }

    fn next(&mut self, kind: &str) -> Result<String> {
        let block = self.blocks.next().with_context(|| format!("the guide has no {kind} block here"))?;
        ensure!(block.kind == kind, "the guide has this block here, not one of {kind}:\n{}", block.text);
        let here = |text: String, folder: &str| text.replace(folder, &format!("{}{folder}", self.folder));
        Ok(here(here(block.text, "/backups"), "/shared"))
    }

    /// Types the commands of the next block, and returns what they print. What the guide shows must be in it.
    fn follow(&mut self, cluster: &mut Cluster) -> Result<String> {
        let mut printed = String::new();
        for line in self.next("sh")?.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["bin/alluxio", ref command @ ..] => {
                    let done = cluster.alluxio(command)?;
                    ensure!(done.code == 0, "{line}: exit code {}\n{}", done.code, done.output);
                    printed.push_str(&done.output);
                }
                ["bin/alluxio-start.sh", "master"] => cluster.start_master()?,
                _ => bail!("this test does not know how to type: {line}"),
            }
        }
        if self.blocks.as_slice().first().is_some_and(|block| block.kind == "text") {
            let shown = self.next("text")?;
            if let Err(missing) = document::has_lines(&printed, &shown) {
                bail!("{printed}\nhas not the line\n{missing}");
            }
        }
        Ok(printed)
    }

    /// Takes the properties of the next block over, with the backup that there is.
    fn configure(&mut self, cluster: &mut Cluster, backup: &Path) -> Result<()> {
        for line in self.next("properties")?.lines() {
            let (key, value) = line.split_once('=').context("no property")?;
            let is_backup = value.contains("/alluxio-backup-");
            cluster.set(key, if is_backup { backup.to_str().context("not UTF-8")? } else { value });
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.blocks.len() == 0
    }
}

fn backup_by_theirs(cluster: &Cluster, shell: &mut ShellSession, name: &str) -> Result<PathBuf> {
    let folder = cluster.folder().join(name).display().to_string();
    file_of(&shell.text(&["fsadmin", "backup", &folder])?)
}

/// The file that the command names.
fn file_of(output: &str) -> Result<PathBuf> {
    let uri = output.lines().find_map(|line| line.trim().strip_prefix("Backup URI         : "));
    let uri = uri.with_context(|| output.to_owned())?;
    let file = PathBuf::from(uri.strip_prefix("file://").unwrap_or(uri));
    ensure!(file.is_file(), "no {}", file.display());
    ensure!(Path::new(&format!("{}.complete", file.display())).is_file(), "it is not complete");
    ensure!(output.contains("Backup Host        : "), "{output}");
    Ok(file)
}

fn worker_is_back(cluster: &Cluster) -> Result<()> {
    wait_until(LIMIT, "the worker is registered, and safe mode over", || {
        let done = cluster.alluxio(&["fsadmin", "report", "summary"])?;
        Ok(done.code == 0
            && done.output.contains("Live Workers: 1")
            && done.output.contains("Safe Mode: false"))
    })
}
