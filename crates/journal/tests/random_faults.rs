//! Masters come and go over a store that fails in every way it can, thousands of times, each from one seed.
//!
//! After each recovery: everything acknowledged is there, in order, nothing twice, nothing invented. And no
//! master that has been overtaken gets anything acknowledged.
//!
//! `JOURNAL_SEED=<seed>` runs one seed; `JOURNAL_SEEDS=<count>` sets how many are run, without a time limit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is a test")]

mod world;

use std::time::{Duration, Instant};

use alluxio_journal::store::mem::Fencing;
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::world::World;

/// How long the seeds may take; on any machine hundreds of them fit.
const TIME: Duration = Duration::from_secs(15);
const SEEDS: u64 = 4000;
const LEAST: u64 = 200;

fn run(seed: u64, fencing: Fencing) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(StdRng::seed_from_u64(seed), seed, fencing).await;
        world.live().await;
    });
}

fn run_seeds(fencing: Fencing) {
    if let Ok(seed) = std::env::var("JOURNAL_SEED") {
        // Fails when the other test has set it up already.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        return run(seed.parse().expect("JOURNAL_SEED is a number"), fencing);
    }
    let chosen =
        std::env::var("JOURNAL_SEEDS").ok().map(|count| count.parse().expect("JOURNAL_SEEDS is a number"));
    let started = Instant::now();
    let mut done = 0;
    for seed in 0..chosen.unwrap_or(SEEDS) {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed, fencing)) {
            eprintln!("failed with JOURNAL_SEED={seed} and {fencing:?}");
            std::panic::resume_unwind(panic);
        }
        done += 1;
        if chosen.is_none() && done >= LEAST && started.elapsed() > TIME {
            break;
        }
    }
    println!("{done} seeds with {fencing:?} in {:?}", started.elapsed());
}

#[test]
fn nothing_acknowledged_is_lost_on_a_mounted_path() {
    run_seeds(Fencing::Token);
}

#[test]
fn nothing_acknowledged_is_lost_on_a_store_with_leases() {
    run_seeds(Fencing::Lease);
}
