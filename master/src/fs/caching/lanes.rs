//! Which worker gets the next blocks of a load job: each has a few requests under way at a time, and waits where a bandwidth
//! is set or its last request failed.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::wanted::Wanted;

/// Requests that a worker has at a time.
const REQUESTS: u32 = 2;
/// Most blocks and bytes of one request, but for a single larger block.
const BLOCKS: usize = 16;
const BYTES: i64 = 256 << 20;
/// How long a worker gets nothing after the first request in a row of which nothing was loaded; twice as long after each
/// further one, but not more often than so many times. A worker that shuts down, say, fails far quicker than others load.
const PENALTY: Duration = Duration::from_secs(1);
const DOUBLED: u32 = 5;

#[derive(Default)]
struct Lane {
    under_way: u32,
    not_before: Option<Instant>,
    /// Failures in a row.
    failures: u32,
}

#[derive(Default)]
pub(super) struct Lanes(HashMap<i64, Lane>);

impl Lanes {
    /// The next request for `worker`, if it may have one now. `alone`: there is no other.
    pub fn take(
        &mut self,
        worker: i64,
        alone: bool,
        waiting: &mut VecDeque<Wanted>,
        bandwidth: Option<u64>,
    ) -> Option<Vec<Wanted>> {
        let now = Instant::now();
        let lane = self.0.entry(worker).or_default();
        if lane.under_way >= REQUESTS || lane.not_before.is_some_and(|at| at > now) {
            return None;
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut passed_over = Vec::new();
        while let Some(next) = waiting.pop_front() {
            if !next.may_go_to(worker, alone, now) {
                passed_over.push(next);
                continue;
            }
            if !batch.is_empty() && (batch.len() >= BLOCKS || bytes + next.block.length > BYTES) {
                waiting.push_front(next);
                break;
            }
            bytes += next.block.length;
            batch.push(next);
        }
        while let Some(next) = passed_over.pop() {
            waiting.push_front(next);
        }
        if batch.is_empty() {
            return None;
        }
        lane.under_way += 1;
        if let Some(bandwidth) = bandwidth {
            let pause = Duration::from_secs_f64(bytes as f64 / bandwidth.max(1) as f64);
            lane.not_before = Some(now + pause);
        }
        Some(batch)
    }

    pub fn answered(&mut self, worker: i64, well: bool) {
        let lane = self.0.entry(worker).or_default();
        lane.under_way = lane.under_way.saturating_sub(1);
        if well {
            lane.failures = 0;
        } else {
            let pause = PENALTY * (1 << lane.failures.min(DOUBLED));
            lane.failures += 1;
            lane.not_before = lane.not_before.max(Some(Instant::now() + pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alluxio_fs::AlluxioPath;
    use alluxio_proto::grpc::block::Block;

    use super::*;

    fn waiting(lengths: &[i64]) -> VecDeque<Wanted> {
        let file = Arc::new(AlluxioPath::root());
        let wanted = |length: &i64| Wanted {
            file: file.clone(),
            block: Block { length: *length, ..Block::default() },
            failed: None,
            tries: 0,
        };
        lengths.iter().map(wanted).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_bounded_in_number_blocks_and_bytes() {
        let mut lanes = Lanes::default();
        let mut many = waiting(&[1; 40]);
        let mut take = |many: &mut VecDeque<Wanted>| lanes.take(1, true, many, None).map(|batch| batch.len());
        assert_eq!((take(&mut many), take(&mut many), take(&mut many)), (Some(16), Some(16), None));
        let mut large = waiting(&[BYTES + 1, BYTES, 1]);
        let sizes: Vec<_> = [2, 3].iter().map(|worker| lanes.take(*worker, true, &mut large, None)).collect();
        assert_eq!(sizes.iter().map(|batch| batch.as_ref().map(Vec::len)).collect::<Vec<_>>(), [Some(1); 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bandwidth_and_a_failure_make_a_worker_wait() {
        let mut lanes = Lanes::default();
        let mut many = waiting(&[BYTES; 4]);
        let mut take = |lanes: &mut Lanes, bandwidth| lanes.take(1, true, &mut many, bandwidth).is_some();
        assert!(take(&mut lanes, Some(BYTES as u64 / 2)));
        lanes.answered(1, true);
        tokio::time::advance(Duration::from_millis(1_900)).await;
        assert!(!take(&mut lanes, None));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(take(&mut lanes, None));
        lanes.answered(1, false);
        assert!(!take(&mut lanes, None));
        tokio::time::advance(PENALTY).await;
        assert!(take(&mut lanes, None));
        lanes.answered(1, false);
        tokio::time::advance(PENALTY).await;
        assert!(!take(&mut lanes, None), "the second pause is longer");
        tokio::time::advance(PENALTY).await;
        assert!(take(&mut lanes, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_goes_to_another_worker_and_not_at_once() {
        let mut lanes = Lanes::default();
        let mut three = waiting(&[1, 2, 3]);
        three[1].failed_on(1);
        let mut take = |worker, alone| {
            let batch = lanes.take(worker, alone, &mut three, None);
            lanes.answered(worker, true);
            batch.map(|batch| batch.iter().map(|wanted| wanted.block.length).collect::<Vec<_>>())
        };
        assert_eq!(take(1, false), Some(vec![1, 3]));
        assert_eq!(take(2, false), None, "it was only now");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(take(1, false), None);
        assert_eq!(take(2, false), Some(vec![2]));
        let mut one = waiting(&[1]);
        one[0].failed_on(1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(lanes.take(1, true, &mut one, None).is_some(), "there is no other");
    }
}
