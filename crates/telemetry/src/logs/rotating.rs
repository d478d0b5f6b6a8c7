//! A log file that is put aside when it is full: `master.log`, `master.log.1` (the newest) … `master.log.100`.
//!
//! Sizes and names are those of the original's log4j RollingFileAppender (10 MB, 100 files).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How large and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    /// A line that would make the file larger than this goes to a new one.
    pub(super) bytes: u64,
    /// Files kept beside the current one.
    pub(super) keep: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { bytes: 10 * 1024 * 1024, keep: 100 }
    }
}

/// The file. Each `write` is a whole line: a line is never cut in two by a rotation.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    rotation: Rotation,
    file: BufWriter<File>,
    size: u64,
    /// Rotate beyond this size; more than `rotation.bytes` after a rotation failed.
    full_at: u64,
}

impl RotatingFile {
    /// Opens the file to append, and makes its folder.
    pub(super) fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let (file, size) = open_to_append(&path)?;
        Ok(Self { path, rotation, file, size, full_at: rotation.bytes })
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let numbered = |number: u32| {
            let mut name = OsString::from(&self.path);
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.rotation.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            // From the oldest on: each rename replaces the file that was moved on (or dropped) before.
            for number in (1..self.rotation.keep).rev() {
                absent_is_fine(fs::rename(numbered(number), numbered(number + 1)))?;
            }
            absent_is_fine(fs::rename(&self.path, numbered(1)))?;
        }
        let (file, size) = open_to_append(&self.path)?;
        (self.file, self.size, self.full_at) = (file, size, self.rotation.bytes);
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        if self.size > 0
            && self.size + length > self.full_at
            && let Err(error) = self.rotate()
        {
            // Lines matter more than sizes: go on in the same file, and try again a tenth later.
            self.full_at = self.size + self.rotation.bytes / 10;
            let note = format!("cannot put {} aside: {error}\n", self.path.display());
            self.size += note.len() as u64;
            self.file.write_all(note.as_bytes())?;
        }
        self.size += length;
        self.file.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open_to_append(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((BufWriter::with_capacity(64 * 1024, file), size))
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_lose_no_newer_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/master.log");
        let mut file = RotatingFile::open(path.clone(), Rotation { bytes: 100, keep: 3 }).unwrap();
        for number in 0..100 {
            file.write_all(format!("line number {number:08}\n").as_bytes()).unwrap();
        }
        file.flush().unwrap();
        assert_eq!(
            names(path.parent().unwrap()),
            ["master.log", "master.log.1", "master.log.2", "master.log.3"]
        );
        let mut all = String::new();
        for name in ["master.log.3", "master.log.2", "master.log.1", "master.log"] {
            let text = fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
            assert!(text.len() <= 100 && text.ends_with('\n'), "{name}: {text}");
            all.push_str(&text);
        }
        let kept = all.lines().count();
        let newest: String = (100 - kept..100).map(|n| format!("line number {n:08}\n")).collect();
        assert_eq!(all, newest);
    }

    #[test]
    fn a_restart_appends_and_counts_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.log");
        let rotation = Rotation { bytes: 20, keep: 1 };
        for line in ["first line\n", "second line\n", "third line\n"] {
            let mut file = RotatingFile::open(path.clone(), rotation).unwrap();
            file.write_all(line.as_bytes()).unwrap();
            file.flush().unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "third line\n");
        assert_eq!(fs::read_to_string(folder.path().join("worker.log.1")).unwrap(), "second line\n");
    }

    #[test]
    fn a_failed_rotation_keeps_the_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.log");
        // A folder that holds something stands where the old file should go: the rename fails.
        fs::create_dir_all(folder.path().join("master.log.1/x")).unwrap();
        let mut file = RotatingFile::open(path.clone(), Rotation { bytes: 30, keep: 1 }).unwrap();
        for number in 0..10 {
            file.write_all(format!("line number {number}\n").as_bytes()).unwrap();
        }
        file.flush().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for number in 0..10 {
            assert!(text.contains(&format!("line number {number}\n")), "{text}");
        }
        assert!(text.contains("cannot put"), "{text}");
    }
}
