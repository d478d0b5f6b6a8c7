//! `fsadmin updateConf`: properties of the leading master while it runs.

use std::collections::BTreeMap;

use alluxio_client::MetaMasterClient;

use crate::{
    error::{ExitStatus, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec},
    shell::{Call, Outcome, ShellCommand},
};

/// Some properties did not take effect. (-2 and -3, as a shell sees them.)
const NOT_ALL: ExitStatus = 254;
const NO_PROPERTY: ExitStatus = 253;

pub const UPDATE_CONF: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "updateConf",
        usage: "updateConf key1=val1 [key2=val2 ...]",
        description: "Changes properties of the running master; they are forgotten when it ends.",
        options: &[],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let out = &call.shell.out;
    let mut properties = BTreeMap::new();
    // Words without `=` are passed over, as the original does.
    for text in call.given.arguments.iter().filter(|text| text.contains('=')) {
        match text.split('=').collect::<Vec<_>>()[..] {
            [name, value] if !value.is_empty() => properties.insert(name.to_owned(), value.to_owned()),
            _ => {
                out.note(format_args!("{text} is not a property: write name=value, in one word"));
                return Ok(NO_PROPERTY);
            }
        };
    }
    if properties.is_empty() {
        out.line("No config to update")?;
        return Ok(SHELL_FAILURE);
    }
    let client = MetaMasterClient::new(call.shell.fs().await?.cluster());
    let done = client.update_configuration(properties).await?;
    out.line(format_args!("Updated {} configs", done.len()))?;
    let failed: Vec<_> = done.iter().filter(|(_, done)| !**done).map(|(name, _)| name).collect();
    failed.iter().try_for_each(|name| out.line(format_args!("Failed to Update {name}")))?;
    Ok(if failed.is_empty() { SUCCESS } else { NOT_ALL })
}
