//! A folder that several machines have mounted from a file server, as their masters see it: one mount each, over one
//! folder behind them. Each mount remembers names and attributes of its own, as NFS clients do, and a test can make
//! its calls late, let them fail, or hold them until it is healed.
//!
//! As with NFS, opening a file asks the server what it is now (close-to-open), everything else may be answered from
//! what the mount remembers; a call that is held ends when the server is back, and is then carried out, however late.

mod gate;
mod handles;
mod passthrough;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use fuser::{BackgroundSession, Config, MountOption, SessionACL};

use gate::Gate;
pub use gate::{Act, Call};
use passthrough::Passthrough;

/// Calls at the same time; more wait.
const THREADS: usize = 8;

/// One machine's mount. Unmounted on drop.
pub struct SharedFolder {
    path: PathBuf,
    gate: Arc<Gate>,
    session: Option<BackgroundSession>,
}

impl SharedFolder {
    /// Mounts `server`, a folder, at `path`, which is made. Names and attributes are remembered for `remembered`.
    pub fn mount(server: &Path, path: &Path, remembered: Duration) -> Result<SharedFolder> {
        fs::create_dir_all(path)?;
        let gate = Arc::new(Gate::default());
        let folder = Passthrough::new(server, remembered, Arc::clone(&gate))?;
        let notifier = folder.notifier();
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("alluxio-test".to_owned())];
        config.acl = SessionACL::Owner;
        config.n_threads = Some(THREADS);
        let session = fuser::spawn_mount(folder, path, &config).with_context(|| {
            format!(
                "mounting {} (FUSE needs /dev/fuse, and root or a user namespace: `make test` makes one)",
                path.display()
            )
        })?;
        // First and only one.
        drop(notifier.set(session.notifier()));
        Ok(SharedFolder { path: path.to_owned(), gate, session: Some(session) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on, calls of these kinds go as told; all others pass. What is held now goes on as told.
    pub fn set(&self, calls: &'static [Call], act: Act) {
        self.set_all(&[(calls, act)]);
    }

    /// The same with several rules, of which the first that names a call counts.
    pub fn set_all(&self, rules: &[(&'static [Call], Act)]) {
        self.gate.set(rules);
    }

    /// The server is as if it had been gone: nothing of this machine gets through until it is healed.
    pub fn cut(&self) {
        self.set(Call::ALL, Act::Hold);
    }

    pub fn heal(&self) {
        self.set_all(&[]);
    }

    /// How many calls are being held.
    pub fn held(&self) -> usize {
        self.gate.held()
    }
}

impl Drop for SharedFolder {
    fn drop(&mut self) {
        // What is held must end, or the unmount waits for it.
        self.heal();
        if let Some(Err(error)) = self.session.take().map(BackgroundSession::umount_and_join) {
            eprintln!("--- unmounting {}: {error}", self.path.display());
        }
    }
}
