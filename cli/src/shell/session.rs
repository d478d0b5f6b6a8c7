//! What the commands of the shell share: configuration, output, the connection, and paths with `*`.

use std::sync::OnceLock;

use alluxio_client::{BlockMasterClient, Cluster, FileSystem};
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind};
use alluxio_proto::grpc::file::{FileInfo, GetStatusPOptions, ListStatusPOptions};
use futures::StreamExt;
use tokio::sync::OnceCell;

use super::{CommandSet, path::ShellPath};
use crate::{
    connection,
    error::CommandError,
    glob,
    output::{Output, progress::Progress},
};

/// The most entries that are handed over at once.
const PART: usize = 1000;

/// One run of the shell. It connects when a command first needs a master: `help` and bad arguments
/// need none.
pub struct Shell {
    pub out: Output,
    pub progress: Progress,
    set: &'static CommandSet,
    conf: Configuration,
    /// Where the first path that says so leads, when the configuration names no masters.
    chosen: OnceLock<Configuration>,
    connected: OnceCell<FileSystem>,
}

impl Shell {
    pub fn new(set: &'static CommandSet, conf: Configuration, out: Output) -> Self {
        Self {
            out,
            progress: Progress::on_terminal(),
            set,
            conf,
            chosen: OnceLock::new(),
            connected: OnceCell::new(),
        }
    }

    /// Prints a line of a long command at once, above the bar that shows how far it is.
    pub fn tell(&self, line: impl std::fmt::Display) -> std::io::Result<()> {
        self.progress.aside(|| {
            self.out.line(line)?;
            self.out.flush()
        })
    }

    /// The commands of this shell.
    pub fn set(&self) -> &'static CommandSet {
        self.set
    }

    pub async fn fs(&self) -> Result<&FileSystem, CommandError> {
        self.connected.get_or_try_init(|| connection::file_system(self.given_conf(), &self.out)).await
    }

    fn given_conf(&self) -> &Configuration {
        self.chosen.get().unwrap_or(&self.conf)
    }

    /// The configuration; once connected, with the cluster's defaults.
    pub fn conf(&self) -> Configuration {
        self.connected.get().map_or_else(|| self.given_conf().clone(), FileSystem::conf)
    }

    pub async fn blocks(&self) -> Result<BlockMasterClient, CommandError> {
        Ok(BlockMasterClient::new(self.fs().await?.cluster()))
    }

    /// The masters as they are configured.
    pub fn cluster(&self) -> Result<Cluster, CommandError> {
        Ok(Cluster::without_defaults(self.given_conf())?)
    }

    /// A path of the command line.
    pub fn path(&self, text: &str) -> Result<ShellPath, CommandError> {
        let path = ShellPath::parse(text)?;
        if let Some(chosen) = path.chosen(self.given_conf())? {
            if self.connected.initialized() {
                return Err(CommandError::failed(format!(
                    "{path} is of another cluster than the one this command works with already."
                )));
            }
            self.chosen.get_or_init(|| chosen);
        }
        Ok(path)
    }

    pub async fn status(&self, path: &AlluxioPath) -> Result<FileInfo, CommandError> {
        Ok(self.fs().await?.get_status(path, GetStatusPOptions::default()).await?)
    }

    /// The status of a path that may be absent.
    pub async fn status_if_any(&self, path: &AlluxioPath) -> Result<Option<FileInfo>, CommandError> {
        match self.status(path).await {
            Ok(info) => Ok(Some(info)),
            Err(CommandError::FileSystem(error)) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The status of what must be a file.
    pub async fn file_status(&self, path: &ShellPath) -> Result<FileInfo, CommandError> {
        let info = self.status(&path.path).await?;
        if info.folder() {
            return Err(CommandError::failed(format!("Path \"{path}\" must be a file.")));
        }
        Ok(info)
    }

    /// Hands a listing over in the parts in which it arrives.
    pub async fn list_parts(
        &self,
        path: &AlluxioPath,
        options: ListStatusPOptions,
        mut each: impl FnMut(Vec<FileInfo>) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        let mut parts = self.fs().await?.list_status(path, options).await?.ready_chunks(PART);
        while let Some(part) = parts.next().await {
            each(part.into_iter().collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }

    /// A whole listing, for what has to be sorted.
    pub async fn list(
        &self,
        path: &AlluxioPath,
        options: ListStatusPOptions,
    ) -> Result<Vec<FileInfo>, CommandError> {
        let mut all = Vec::new();
        self.list_parts(path, options, |part| {
            all.extend(part);
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// The paths that `text` stands for, sorted: itself, or what its `*` match.
    pub async fn expand(&self, text: &str) -> Result<Vec<ShellPath>, CommandError> {
        let pattern = self.path(text)?;
        if !pattern.has_wildcard() {
            return Ok(vec![pattern]);
        }
        let mut found = vec![AlluxioPath::root()];
        for component in pattern.path.components() {
            let mut next = Vec::new();
            for base in found {
                if !component.contains('*') {
                    next.push(base.join(component));
                    continue;
                }
                // What comes before the first `*` may be absent, or a file (which lists itself).
                let all = match self.list(&base, ListStatusPOptions::default()).await {
                    Ok(all) => all,
                    Err(CommandError::FileSystem(error)) if error.kind == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let children = all.iter().filter(|info| info.path() != base.as_str());
                let matching = children.filter(|info| glob::matches(component, info.name()));
                next.extend(matching.map(|info| base.join(info.name())));
            }
            found = next;
        }
        // Names behind the last `*` were taken unseen.
        let ends_in_star = pattern.path.name().contains('*');
        let mut paths = Vec::new();
        for path in found {
            if ends_in_star || self.status_if_any(&path).await?.is_some() {
                paths.push(pattern.with_path(path));
            }
        }
        if paths.is_empty() {
            return Err(CommandError::failed(format!("{pattern} does not exist.")));
        }
        paths.sort();
        Ok(paths)
    }

    /// Runs `each` for every path that `text` stands for.
    pub async fn each_path<F>(&self, text: &str, each: F) -> Result<(), CommandError>
    where
        F: AsyncFnMut(&ShellPath) -> Result<(), CommandError>,
    {
        self.each_of(&self.expand(text).await?, each).await
    }

    /// Runs `each` for every path; what fails does not keep the others from being done, and is told
    /// at the end.
    pub async fn each_of<F>(&self, paths: &[ShellPath], mut each: F) -> Result<(), CommandError>
    where
        F: AsyncFnMut(&ShellPath) -> Result<(), CommandError>,
    {
        let mut failures = Vec::new();
        for path in paths {
            match each(path).await {
                Ok(()) => {}
                Err(error @ (CommandError::Output(_) | CommandError::Usage(_))) => return Err(error),
                Err(error) => failures.push(error.to_string()),
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(CommandError::failed(failures.join("\n"))) }
    }
}
