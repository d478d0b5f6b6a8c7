//! The last step of a job: completing the file, which may take longer than the job has.

use crate::failure;
use alluxio_fs::FsError;
use alluxio_ufs::{UfsPath, UfsStatus, UfsWriter, UnderFs};
use std::sync::Arc;
use tokio::{sync::oneshot, time::Instant};

/// Completes the file of `length` bytes; `None` when that did not end before the deadline.
///
/// A close cannot be called back: it may still give the file its name, on a thread of its own, after the leader heard
/// that the job failed. The name is this job's alone (the job's number is in it), so nothing else is overwritten, and no
/// leader uses it any more. But it would stay. So a task goes on with the close, and deletes what it made too late, or
/// made wrong.
pub async fn close(
    under: Arc<dyn UnderFs>,
    path: UfsPath,
    writer: Box<dyn UfsWriter>,
    length: u64,
    deadline: Instant,
) -> Option<Result<UfsStatus, FsError>> {
    let (told, heard) = oneshot::channel();
    tokio::spawn(async move {
        let closed = match writer.close().await {
            Ok(status) if status.length != length => {
                let has = status.length;
                Err(FsError::internal(format!("{path} has {has} bytes after writing {length}")))
            }
            closed => closed.map_err(|error| failure::of_ufs(&error)),
        };
        let failed = closed.is_err();
        let late = told.send(closed).is_err();
        if !late && !failed {
            return;
        }
        if let Err(error) = under.delete_file(&path).await {
            tracing::warn!(%error, "file of a failed persist job not discarded");
        }
    });
    // A task that panicked is as one that never ends.
    tokio::time::timeout_at(deadline, heard).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alluxio_ufs::{CreateOptions, open_ufs};
    use async_trait::async_trait;
    use bytes::Bytes;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    /// Goes on with its close when the caller is gone, as a thread does.
    struct Slow {
        inner: Option<Box<dyn UfsWriter>>,
        may_close: Arc<Semaphore>,
        closed: Arc<Semaphore>,
    }

    #[async_trait]
    impl UfsWriter for Slow {
        async fn write(&mut self, _: Bytes) -> alluxio_ufs::Result<()> {
            unreachable!("only closed")
        }

        async fn close(mut self: Box<Self>) -> alluxio_ufs::Result<UfsStatus> {
            let (inner, may_close, closed) =
                (self.inner.take().unwrap(), self.may_close.clone(), self.closed.clone());
            let closing = tokio::spawn(async move {
                may_close.acquire().await.unwrap().forget();
                let status = inner.close().await;
                closed.add_permits(1);
                status
            });
            closing.await.unwrap()
        }

        async fn abort(self: Box<Self>) -> alluxio_ufs::Result<()> {
            unreachable!("only closed")
        }
    }

    #[tokio::test]
    async fn what_is_closed_too_late_is_deleted() {
        let home = tempfile::tempdir().unwrap();
        let under = open_ufs(
            &alluxio_conf::Configuration::defaults(),
            home.path().to_str().unwrap(),
            &Default::default(),
        )
        .unwrap();
        for late in [false, true] {
            let path = UfsPath::parse(&format!("file-{late}")).unwrap();
            let inner = under.create(&path, CreateOptions::default()).await.unwrap();
            let may_close = Arc::new(Semaphore::new(usize::from(!late)));
            let closed = Arc::new(Semaphore::new(0));
            let writer =
                Box::new(Slow { inner: Some(inner), may_close: may_close.clone(), closed: closed.clone() });
            let limit = Duration::from_millis(if late { 50 } else { 10_000 });
            let status = close(under.clone(), path.clone(), writer, 0, Instant::now() + limit).await;
            if !late {
                assert_eq!(status.unwrap().unwrap().length, 0);
                assert!(home.path().join("file-false").exists());
                continue;
            }
            assert!(status.is_none());
            may_close.add_permits(1);
            closed.acquire().await.unwrap().forget();
            crate::rig::until("it is deleted", || !home.path().join("file-true").exists()).await;
        }
    }
}
