//! The jars of one Alluxio version, of its drivers, of ZooKeeper, HDFS or Hadoop's contract tests, fetched once by `java/fetch.sh` into the user's cache folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The jars of one kind and version.
pub struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// Finds the clients, fetching first if needed.
    pub fn of(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "client")
    }

    /// The same for the servers.
    pub fn of_servers(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "server")
    }

    /// What the servers lack for S3 and HDFS.
    pub fn of_drivers(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "drivers")
    }

    /// The same for ZooKeeper's server.
    pub fn of_zookeeper(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "zookeeper")
    }

    /// The same for a whole HDFS.
    pub fn of_hdfs(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "hdfs")
    }

    /// Hadoop's contract tests of this version of Hadoop.
    pub fn of_contract(version: &str) -> Result<Artifacts> {
        Artifacts::fetched(version, "contract")
    }

    fn fetched(version: &str, set: &str) -> Result<Artifacts> {
        let script = java_folder().join("fetch.sh");
        let done = Command::new(&script)
            .args([version, set])
            .output()
            .with_context(|| script.display().to_string())?;
        if !done.status.success() {
            bail!("the Java {set} {version}: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(Artifacts { folder: PathBuf::from(String::from_utf8(done.stdout)?.trim()) })
    }

    /// The jar of one artifact, whatever its version.
    pub fn jar(&self, artifact: &str) -> Result<PathBuf> {
        let lib = self.folder.join("lib");
        for entry in fs::read_dir(&lib).with_context(|| lib.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let version = name.strip_prefix(artifact).and_then(|rest| rest.strip_prefix('-'));
            if version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
                return Ok(path);
            }
        }
        bail!("no jar of {artifact} in {}", lib.display())
    }

    /// For `java -cp`: our settings first, then our class, then the jars.
    pub fn class_path(&self) -> String {
        self.class_path_with(&java_folder().join("conf"))
    }

    /// The same with other settings.
    pub fn class_path_with(&self, settings: &Path) -> String {
        format!("{}:{}", settings.display(), self.classes_and_jars())
    }

    /// The same without settings: what is added to the class path of another set.
    pub fn classes_and_jars(&self) -> String {
        let folder = self.folder.display();
        format!("{folder}/classes:{folder}/lib/*")
    }
}

fn java_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("java")
}
