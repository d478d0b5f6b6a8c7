//! `fsadmin statelock`: who holds the state lock of the original's masters. A master of ours has none.

use crate::{
    error::SUCCESS,
    options::{ArgumentCount, CommandSpec},
    shell::{Call, Outcome, ShellCommand},
};

pub const STATE_LOCK: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "statelock",
        usage: "statelock",
        description: "Lists the threads that hold the state lock of a Java master or wait for it.",
        options: &[],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let holders = call.shell.fs().await?.get_state_lock_holders().await?;
    holders.iter().try_for_each(|holder| call.shell.out.line(holder))?;
    Ok(SUCCESS)
}
