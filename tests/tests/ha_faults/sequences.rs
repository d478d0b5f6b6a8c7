//! Random faults, one after the other and two at a time, by seed. `SEEDS=7` runs one seed, `SEEDS=100..300` many;
//! `ROUNDS=3` runs each so often. One that fails is printed, with what was done.

use std::{env, ops::Range};

use alluxio_tests::ha::{Rig, Sequence};
use anyhow::{Context, Result};
use tokio::task::block_in_place;

/// Of which `make test` has less than a minute.
const SEEDS: Range<u64> = 0..2;

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

/// `PAUSES=50` for more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "one such pause is in ha_masters; make test-faults runs this"]
async fn leaders_that_sleep_and_wake_lose_nothing() -> Result<()> {
    let pauses =
        env::var("PAUSES").map_or(Ok(1), |text| text.parse().with_context(|| format!("PAUSES={text}")))?;
    let mut rig = block_in_place(|| Rig::start(1))?;
    rig.pauses(pauses).await?;
    block_in_place(|| rig.finish())
}
