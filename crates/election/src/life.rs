//! What one master process leaves for the next one at the same address: a file that it holds locked for life.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{FsError, FsResult};

use crate::{MasterAddress, instance::Instance};

/// What is written at once, so that a process killed in between leaves the former text or this.
const LENGTH: usize = 512;

/// The lock that a master holds from its start to its end, and what the process before it left.
///
/// When this process got the lock on the same machine, not started anew since, the former process is dead: what
/// it held, its session with ZooKeeper among it, need not be waited for. Nothing else proves that: a master with
/// the same address may live on a host that is cut off.
#[derive(Debug)]
pub struct Life {
    /// `None` when there is no folder for it. Locked as long as it is open.
    file: Option<File>,
    former_is_dead: bool,
    /// Sessions of this address whose process is dead, or which this process has given up.
    ended: Mutex<Vec<i64>>,
    noted: Mutex<Noted>,
}

/// What the file says beside the machine.
#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    session: Option<i64>,
    /// That of all processes with this folder.
    instance: Option<Instance>,
}

impl Life {
    /// Takes the lock, in `alluxio.master.metastore.dir`. Where that cannot be written there is no lock and no
    /// proof, which is told in the log: a restarted master then waits for the end of its former session.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when another process holds it: a master with this address runs on this host.
    pub fn begin(conf: &Configuration, address: &MasterAddress) -> FsResult<Self> {
        let folder = PathBuf::from(conf.get(key::MASTER_METASTORE_DIR));
        let name = format!("master-{address}.lock").replace(['/', ':'], "_");
        let path = folder.join(name);
        match Self::take(&folder, &path) {
            Ok(Some(life)) => Ok(life),
            Ok(None) => Err(FsError::failed_precondition(format!(
                "A master with the address {address} runs on this host: it holds {}. Stop it, or give this one \
                 another alluxio.master.hostname or alluxio.master.rpc.port.",
                path.display()
            ))),
            Err(error) => {
                tracing::warn!(
                    "{} cannot be written ({error}): after a crash this master waits for the end of its session \
                     with ZooKeeper. Set alluxio.master.metastore.dir to a local folder that it may write.",
                    path.display()
                );
                Ok(Self {
                    file: None,
                    former_is_dead: false,
                    ended: Mutex::default(),
                    noted: Mutex::default(),
                })
            }
        }
    }

    fn take(folder: &Path, path: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        // What is no text of ours is no proof.
        let _ = (&mut file).take(LENGTH as u64).read_to_string(&mut text);
        let same_machine = text.lines().take(2).eq(machine()?.lines());
        let sessions = text.lines().filter_map(|line| line.strip_prefix("session=")?.trim().parse().ok());
        let ended: Vec<_> = if same_machine { sessions.collect() } else { Vec::new() };
        let instance = text.lines().find_map(|line| line.strip_prefix("instance=")?.trim().parse().ok());
        let noted = Mutex::new(Noted { session: ended.first().copied(), instance });
        Ok(Some(Self { file: Some(file), former_is_dead: same_machine, ended: Mutex::new(ended), noted }))
    }

    /// Whether a process with another folder is another instance: where nothing can be noted each process would be one.
    pub(crate) fn tells_instances(&self) -> bool {
        self.file.is_some()
    }

    /// `None` in a fresh folder.
    pub(crate) fn instance(&self) -> Option<Instance> {
        self.noted.lock().ok()?.instance
    }

    /// So it is from now on, whatever process has this folder.
    pub(crate) fn is_instance(&self, instance: Instance) {
        self.note(|noted| noted.instance = Some(instance));
    }

    /// Whether the process that was master here before is proven dead. False also when there was none.
    #[must_use]
    pub fn former_is_dead(&self) -> bool {
        self.former_is_dead
    }

    /// Sessions whose nodes can be removed: nobody acts for them any more.
    pub(crate) fn ended(&self) -> Vec<i64> {
        self.ended.lock().map(|ended| ended.clone()).unwrap_or_default()
    }

    /// This process has given up a session that it had.
    pub(crate) fn gave_up(&self, session: i64) {
        if let Ok(mut ended) = self.ended.lock() {
            ended.push(session);
        }
    }

    /// The nodes of the ended sessions are gone, and this process is about to make its own with `session`. It is
    /// not synced: what it proves ends with the machine's run.
    pub(crate) fn stands_with(&self, session: i64) {
        self.note(|noted| noted.session = Some(session));
        if let Ok(mut ended) = self.ended.lock() {
            ended.clear();
        }
    }

    fn note(&self, change: impl FnOnce(&mut Noted)) {
        let Ok(mut noted) = self.noted.lock() else { return };
        change(&mut noted);
        if let Some(file) = &self.file
            && let Err(error) = noted.text().and_then(|text| file.write_all_at(text.as_bytes(), 0))
        {
            tracing::warn!(%error, "the session could not be noted: a master that is started anew will wait for its end");
        }
    }
}

impl Noted {
    fn text(self) -> io::Result<String> {
        let mut text = machine()?;
        if let Some(session) = self.session {
            text += &format!("session={session}\n");
        }
        if let Some(instance) = self.instance {
            text += &format!("instance={instance}\n");
        }
        Ok(format!("{text:LENGTH$}"))
    }
}

/// Two lines that no other machine has, nor this one after it was started anew.
fn machine() -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    // Many container images have none. The other one is random already.
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    Ok(format!("boot={}\nmachine={}\n", boot.trim(), machine.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Configuration, MasterAddress) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("metastore").display().to_string();
        let conf = Configuration::defaults().with(&[("alluxio.master.metastore.dir", &*dir)]).unwrap();
        (folder, conf, "m1:19998".parse().unwrap())
    }

    #[test]
    fn the_next_process_knows_the_session_of_a_dead_one() {
        let (_folder, conf, address) = place();
        let first = Life::begin(&conf, &address).unwrap();
        assert!(!first.former_is_dead() && first.ended().is_empty(), "there was none before");
        first.stands_with(-5);

        let error = Life::begin(&conf, &address).unwrap_err();
        assert!(error.message.contains("m1:19998 runs on this host"), "{error}");
        drop(first);
        let second = Life::begin(&conf, &address).unwrap();
        assert!(second.former_is_dead());
        assert_eq!(second.ended(), [-5]);
        // Killed before it was done with that: the one after it knows as much.
        drop(second);
        let third = Life::begin(&conf, &address).unwrap();
        assert_eq!(third.ended(), [-5]);
        third.stands_with(6);
        assert!(third.ended().is_empty());
        third.gave_up(6);
        assert_eq!(third.ended(), [6]);

        let other = Life::begin(&conf, &"m1:19999".parse().unwrap()).unwrap();
        assert!(!other.former_is_dead(), "another address is another master");
    }

    #[test]
    fn an_instance_is_what_has_the_folder_whatever_machine_that_is_on() {
        let (folder, conf, address) = place();
        let first = Life::begin(&conf, &address).unwrap();
        assert_eq!(first.instance(), None);
        let instance = Instance::after(None);
        first.stands_with(7);
        first.is_instance(instance);
        drop(first);
        let file = folder.path().join("metastore/master-m1_19998.lock");
        fs::write(&file, fs::read_to_string(&file).unwrap().replace("boot=", "boot=0")).unwrap();
        let second = Life::begin(&conf, &address).unwrap();
        assert_eq!((second.instance(), second.ended()), (Some(instance), vec![]));
        second.stands_with(8);
        drop(second);
        let third = Life::begin(&conf, &address).unwrap();
        assert_eq!((third.instance(), third.ended()), (Some(instance), vec![8]));
    }

    #[test]
    fn another_run_of_the_machine_proves_nothing() {
        let (folder, conf, address) = place();
        let first = Life::begin(&conf, &address).unwrap();
        first.stands_with(7);
        drop(first);
        let file = folder.path().join("metastore/master-m1_19998.lock");
        let text = fs::read_to_string(&file).unwrap();
        for (from, to) in [("boot=", "boot=0"), ("machine=", "machine=0")] {
            fs::write(&file, text.replace(from, to)).unwrap();
            let next = Life::begin(&conf, &address).unwrap();
            assert!(!next.former_is_dead() && next.ended().is_empty(), "{from}");
        }
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(!Life::begin(&conf, &address).unwrap().former_is_dead());
    }

    #[test]
    fn without_a_folder_there_is_no_proof() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let dir = file.path().display().to_string();
        let conf = Configuration::defaults().with(&[("alluxio.master.metastore.dir", &*dir)]).unwrap();
        let life = Life::begin(&conf, &"m1:19998".parse().unwrap()).unwrap();
        life.stands_with(1);
        assert!(!life.former_is_dead());
    }
}
