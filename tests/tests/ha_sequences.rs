//! Random faults, one after the other and two at a time, by seed. `SEEDS=7` runs one seed, `SEEDS=100..300` many;
//! `ROUNDS=3` runs each so often. One that fails is printed, with what was done.

use std::{env, ops::Range};

use alluxio_tests::{
    ha::{Fault, Rig, Sequence},
    masters::{LIMIT, SESSION},
};
use anyhow::{Context, Result};
use tokio::{task::block_in_place, time::sleep};

/// Of which `make test` has a minute.
const SEEDS: Range<u64> = 0..3;
const ANSWERS: usize = 60;
const CACHED_READS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_lose_nothing() -> Result<()> {
    let (seeds, rounds) = (seeds()?, rounds()?);
    for round in 0..rounds {
        let mut rig = block_in_place(|| Rig::start(1))?;
        for seed in seeds.clone() {
            // A path of its own in each round: what the faults are follows from the seed.
            let summary = Sequence::run(&mut rig, seed)
                .await
                .with_context(|| format!("SEEDS={seed} (round {round})"))?;
            eprintln!("seed {seed}, round {round}: {summary:?}");
        }
        block_in_place(|| rig.finish())?;
    }
    Ok(())
}

fn seeds() -> Result<Range<u64>> {
    let Ok(text) = env::var("SEEDS") else { return Ok(SEEDS) };
    let number = |text: &str| {
        text.parse::<u64>().with_context(|| format!("SEEDS={text}: a number, or two as in 0..200"))
    };
    Ok(match text.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => number(&text)?..number(&text)? + 1,
    })
}

fn rounds() -> Result<u64> {
    env::var("ROUNDS").map_or(Ok(1), |text| text.parse().with_context(|| format!("ROUNDS={text}")))
}

/// The leader sleeps for three session timeouts while clients talk to it, again and again. `PAUSES=50` for more.
#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_sleep_and_wake_lose_nothing() -> Result<()> {
    let pauses =
        env::var("PAUSES").map_or(Ok(1), |text| text.parse().with_context(|| format!("PAUSES={text}")))?;
    let mut rig = block_in_place(|| Rig::start(1))?;
    for pause in 0..pauses {
        let mut workload = rig.workload(&format!("/pause-{pause}"), pause)?;
        workload.goes_on(ANSWERS, LIMIT).await?;
        workload.reads_cached(CACHED_READS, LIMIT).await?;
        let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
        rig.begin(Fault::Pause(leader))?;
        sleep(SESSION * 3).await;
        rig.end(Fault::Pause(leader))?;
        workload.goes_on(ANSWERS, LIMIT).await?;
        workload.reads_cached(CACHED_READS, LIMIT).await?;
        let summary = workload.finish().await.with_context(|| format!("pause {pause}"))?;
        eprintln!("pause {pause}: {summary:?}");
        block_in_place(|| rig.agree())?;
    }
    block_in_place(|| rig.finish())
}
