//! Directories on their way from the under storage. A page waits a moment; then it shows that something is loading,
//! and the load goes on for whoever looks next.

use std::collections::HashMap;
use std::time::Duration;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_web::{Page, Shell, show};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::super::super::{MasterWeb, PageSources};
use super::super::shell;
use super::{Crumb, crumbs, href, title};

/// How long a page waits for a load.
const PATIENCE: Duration = Duration::from_secs(1);
/// Loads under way at a time.
const MOST: usize = 32;
/// So long the end of a load counts when nobody was there to see it.
const FRESH: Duration = Duration::from_secs(30);
/// How often a page that shows a load looks again.
const AGAIN_MS: u128 = 1_000;

/// The loads under way, by path.
#[derive(Default)]
pub(in crate::web) struct Loads(Mutex<HashMap<AlluxioPath, Load>>);

type Load = Shared<BoxFuture<'static, Loaded>>;

#[derive(Clone)]
struct Loaded {
    result: Result<(), FsError>,
    at: Instant,
}

impl Loads {
    /// Whether what is in `path` was brought in. Who asks while that goes on waits for the same load, and `load` is
    /// dropped. `None`: it takes longer than `patience`, and goes on.
    async fn ready(
        &self,
        path: &AlluxioPath,
        load: impl Future<Output = Result<(), FsError>> + Send + 'static,
        patience: Duration,
    ) -> Option<Result<(), FsError>> {
        let load = match self.join(path, load) {
            Ok(load) => load,
            // Most directories and all files need nothing of the under storage: they are shown all the same.
            Err(load) => return Some(timeout(patience, load).await.unwrap_or_else(|_| Err(too_many()))),
        };
        let loaded = timeout(patience, load.clone()).await.ok()?;
        let mut loads = self.0.lock();
        // Another one may have begun meanwhile.
        if loads.get(path).is_some_and(|known| known.ptr_eq(&load)) {
            loads.remove(path);
        }
        Some(loaded.result)
    }

    /// The load under way for `path`, or `load`, which begins. `load` is given back where too many are under way.
    fn join<F>(&self, path: &AlluxioPath, load: F) -> Result<Load, F>
    where
        F: Future<Output = Result<(), FsError>> + Send + 'static,
    {
        let mut loads = self.0.lock();
        loads.retain(|_, load| load.peek().is_none_or(|loaded| loaded.at.elapsed() < FRESH));
        if let Some(known) = loads.get(path) {
            return Ok(known.clone());
        }
        if loads.values().filter(|load| load.peek().is_none()).count() >= MOST {
            return Err(load);
        }
        // In a task of its own: a load that panics ends as an error.
        let task = tokio::spawn(load);
        let load = async move {
            let stopped = |_| Err(FsError::unavailable("The master is stopping."));
            Loaded { result: task.await.unwrap_or_else(stopped), at: Instant::now() }
        };
        let load = load.boxed().shared();
        // Its end is seen, and dated, where everybody has left the page.
        tokio::spawn(load.clone());
        loads.insert(path.clone(), load.clone());
        Ok(load)
    }
}

fn too_many() -> FsError {
    FsError::resource_exhausted(format!(
        "{MOST} directories are being loaded for these pages already. Try again in a moment."
    ))
}

impl PageSources {
    /// Brings in what the under storage has at `path`; `false` when that is still going on.
    pub(super) async fn brought_in(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        let subject = self.subject().await?;
        let (fs, wanted) = (self.fs.clone(), path.clone());
        let load = async move { fs.bring_in(&subject, &wanted).await };
        self.loads.ready(path, load, PATIENCE).await.transpose().map(|ready| ready.is_some())
    }
}

#[derive(askama::Template)]
#[template(path = "loading.html")]
struct LoadingPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    path: String,
    name: String,
    href: String,
    entries: String,
}

pub(super) fn page(web: &MasterWeb, pages: &PageSources, path: &AlluxioPath) -> Response {
    let mut shell = shell(web, "browse").titled(path.to_string());
    shell.refresh_ms = AGAIN_MS;
    Page(LoadingPage {
        shell,
        crumbs: crumbs(path),
        path: path.to_string(),
        name: title(path),
        href: href(path),
        entries: show::number(pages.fs.known_entries(path)),
    })
    .into_response()
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn a_load_goes_on_and_is_joined() {
        let loads = Loads::default();
        let path = AlluxioPath::parse("/d").unwrap();
        let (end, ended) = oneshot::channel();
        let long = async { ended.await.unwrap() };
        assert!(loads.ready(&path, long, SHORT).await.is_none());
        let never = || async { panic!("a second load") };
        assert!(loads.ready(&path, never(), SHORT).await.is_none());
        end.send(Err(FsError::not_found("gone"))).unwrap();
        // Whoever looks next is told how it ended, and the next one begins anew.
        assert!(loads.ready(&path, never(), SHORT).await.unwrap().is_err());
        assert!(loads.ready(&path, async { Ok(()) }, SHORT).await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn loads_that_everybody_left_end_and_are_forgotten() {
        let loads = Loads::default();
        let path = |n: usize| AlluxioPath::parse(&format!("/{n}")).unwrap();
        let load = async |n: usize| {
            let load = async {
                tokio::time::sleep(FRESH / 2).await;
                Ok(())
            };
            loads.ready(&path(n), load, SHORT).await
        };
        for n in 0..MOST {
            assert!(load(n).await.is_none());
        }
        let full = load(MOST).await.unwrap();
        assert!(full.unwrap_err().message.contains("Try again"));
        let known = loads.ready(&path(MOST), async { Ok(()) }, SHORT).await.unwrap();
        assert!(known.is_ok(), "a directory that needs no load");

        // Nobody looks while they end.
        tokio::time::sleep(FRESH / 2).await;
        assert!(load(MOST).await.is_none(), "loads that ended still count");
        assert!(load(0).await.unwrap().is_ok(), "its end is not old yet");
        tokio::time::sleep(FRESH).await;
        let anew = loads.ready(&path(1), async { Err(FsError::not_found("gone")) }, SHORT).await.unwrap();
        assert!(anew.is_err(), "an old end was told");
        assert_eq!(loads.0.lock().len(), 1, "only the last load was fresh");
    }
}
