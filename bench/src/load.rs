//! The load generator: many clients call as fast as they get answers, within bounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_fs::FsResult;
use anyhow::{Context, Result};
use tokio::{task::JoinSet, time::timeout_at};

/// For the calls that are under way when the time is over. Longer than any of them takes, unless it hangs.
const GRACE: Duration = Duration::from_secs(30);

/// The load ends with whichever comes first.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub time: Duration,
    pub operations: u64,
}

/// What a load came to.
pub struct Measured {
    elapsed: Duration,
    /// Of each operation, ascending, in microseconds.
    latencies: Vec<u32>,
}

/// Each of `clients` calls `operation` with the next free number, again and again. The numbers are 0, 1, 2…
/// without gaps. The first failure ends the load, and so does a call that does not end.
pub async fn run<C, F, Fut>(clients: &[C], bounds: Bounds, operation: F) -> Result<Measured>
where
    C: Clone + Send + Sync + 'static,
    F: Fn(C, u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = FsResult<()>> + Send,
{
    let numbers = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut running = JoinSet::new();
    for client in clients {
        let (client, operation, numbers) = (client.clone(), operation.clone(), Arc::clone(&numbers));
        running.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < bounds.time {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                if number >= bounds.operations {
                    break;
                }
                let called = Instant::now();
                operation(client.clone(), number).await.with_context(|| format!("operation {number}"))?;
                latencies.push(u32::try_from(called.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    let end = bounds.time.saturating_add(GRACE);
    // Dropping the set on an error ends the other clients.
    while let Some(client) =
        timeout_at((began + end).into(), running.join_next()).await.with_context(|| {
            format!("{} of {} clients still wait for an answer after {end:?}", running.len(), clients.len())
        })?
    {
        latencies.extend(client??);
    }
    let elapsed = began.elapsed();
    latencies.sort_unstable();
    Ok(Measured { elapsed, latencies })
}

impl Measured {
    pub fn operations(&self) -> u64 {
        self.latencies.len() as u64
    }

    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency in milliseconds that this share of the operations kept within.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let rank = (share * self.latencies.len() as f64).ceil() as usize;
        let micros = self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        f64::from(micros) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use alluxio_fs::FsError;
    use parking_lot::Mutex;

    use super::*;

    #[tokio::test]
    async fn every_number_is_used_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let used = Arc::clone(&seen);
        let bounds = Bounds { time: Duration::from_secs(60), operations: 1_000 };
        let measured = run(&[(); 7], bounds, move |(), number| {
            let used = Arc::clone(&used);
            async move {
                used.lock().push(number);
                tokio::task::yield_now().await;
                Ok(())
            }
        });
        assert_eq!(measured.await.unwrap().operations(), 1_000);
        seen.lock().sort_unstable();
        assert_eq!(*seen.lock(), (0..1_000).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn time_ends_the_load_too() {
        let bounds = Bounds { time: Duration::from_millis(50), operations: u64::MAX };
        let slow = |(), _| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(())
        };
        let measured = run(&[(); 2], bounds, slow).await.unwrap();
        assert!(measured.elapsed >= bounds.time && measured.operations() <= 40);
        assert!(measured.quantile_ms(0.5) >= 5.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_ends_the_load() {
        let bounds = Bounds { time: Duration::from_secs(60), operations: 10 };
        let hanging =
            |(), number| async move { if number == 3 { std::future::pending().await } else { Ok(()) } };
        let error = run(&[(); 2], bounds, hanging).await.err().unwrap();
        assert!(format!("{error:#}").contains("1 of 2 clients still wait"), "{error:#}");
    }

    #[tokio::test]
    async fn a_failure_is_told() {
        let bounds = Bounds { time: Duration::from_secs(60), operations: 100 };
        let failing =
            |(), number| async move { if number == 5 { Err(FsError::unavailable("gone")) } else { Ok(()) } };
        let error = run(&[(); 2], bounds, failing).await.err().unwrap();
        assert!(format!("{error:#}").contains("operation 5: "), "{error:#}");
    }

    #[test]
    fn quantiles_are_ranks() {
        let measured =
            Measured { elapsed: Duration::from_secs(2), latencies: (1..=100).map(|n| n * 1_000).collect() };
        assert_eq!((measured.quantile_ms(0.5), measured.quantile_ms(0.99)), (50.0, 99.0));
        assert_eq!(measured.per_second(), 50.0);
    }
}
