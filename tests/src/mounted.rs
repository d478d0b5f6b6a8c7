//! A small file system of its own, for tests of full and read-only disks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// A tmpfs, unmounted on drop. Needs root, or a user namespace as `make test` makes one.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts `bytes` of memory at `path`, which is made.
    pub fn mount(path: &Path, bytes: u64) -> Result<SmallDisk> {
        fs::create_dir_all(path)?;
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"], path)?;
        Ok(SmallDisk { path: path.to_owned() })
    }

    /// Takes write access away; refused by the kernel while a file is open for writing.
    pub fn make_read_only(&self) -> Result<()> {
        mount(&["-o", "remount,ro"], &self.path)
    }

    /// Gives write access back.
    pub fn make_writable(&self) -> Result<()> {
        mount(&["-o", "remount,rw"], &self.path)
    }

    /// Fills what is left with one file and returns its path: remove it to make room again.
    pub fn fill(&self) -> Result<PathBuf> {
        let filler = self.path.join("filler");
        let mut file = fs::File::create(&filler)?;
        let piece = vec![0u8; 4096];
        loop {
            match std::io::Write::write(&mut file, &piece) {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOSPC) => return Ok(filler),
                Err(error) => return Err(error).context("filling the small disk"),
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: a process that a failed test leaves to the end may still hold a file.
        if let Err(error) = run("umount", &["-l"], &self.path) {
            eprintln!("{error:#}");
        }
    }
}

fn mount(options: &[&str], path: &Path) -> Result<()> {
    run("mount", options, path)
}

fn run(program: &str, options: &[&str], path: &Path) -> Result<()> {
    let done = Command::new(program).args(options).arg(path).output().with_context(|| program.to_owned())?;
    if !done.status.success() {
        bail!(
            "{program} {} {}: {} (run the tests with `make test`, which provides what this needs)",
            options.join(" "),
            path.display(),
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(())
}
