//! `fsadmin report`: what a cluster says of itself.

mod capacity;
mod metrics;
mod proxy;
mod summary;

use crate::{
    error::{CommandError, SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::mounts,
    shell::{Call, Outcome, ShellCommand},
};

pub const REPORT: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "report",
        usage: "report [category] [category args]",
        description: "Reports on the running cluster. The category is one of:\n    \
            summary          masters, workers and space (when no category is given)\n    \
            capacity         the space of each worker\n    \
            metrics          all metrics\n    \
            ufs              what is mounted\n    \
            proxy            the proxies",
        options: &[
            OptionSpec::short("h", "print this text"),
            OptionSpec::short("live", "capacity: only live workers"),
            OptionSpec::short("lost", "capacity: only lost workers"),
            OptionSpec::short("decommissioned", "capacity: only decommissioned workers"),
            OptionSpec::short("workers", "capacity: only these, separated by commas").with_value("arg"),
        ],
        arguments: ArgumentCount::AtMost(1),
        words: &["summary", "capacity", "metrics", "ufs", "proxy"],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (out, given) = (&call.shell.out, call.given);
    let category = given.arguments.first().map_or("summary", String::as_str);
    let capacity = category == "capacity";
    if given.has("h") {
        let (usage, description) = (REPORT.spec.usage, REPORT.spec.description);
        if capacity {
            out.line(capacity::USAGE)?
        } else {
            out.line(format_args!("{usage}\n{description}"))?
        }
        return Ok(SUCCESS);
    }
    if let Some(option) = given.first_option().filter(|_| !capacity) {
        return Err(CommandError::failed(format!("report {category} does not support arguments: {option}")));
    }
    match category {
        "summary" => summary::report(call).await?,
        "capacity" => return capacity::report(call).await,
        "metrics" => metrics::report(call).await?,
        "ufs" => {
            let table = call.shell.fs().await?.get_mount_table(true).await?;
            out.line("Alluxio under storage system information:")?;
            mounts::lines(&table).iter().try_for_each(|line| out.line(line))?;
        }
        "proxy" => proxy::report(call).await?,
        "jobservice" => {
            out.line("There is no job service in this version: masters and workers do its work themselves.")?;
            return Ok(SHELL_FAILURE);
        }
        _ => {
            let (usage, description) = (REPORT.spec.usage, REPORT.spec.description);
            out.line(format_args!("{usage}\n{description}"))?;
            return Err(CommandError::failed("report category is invalid."));
        }
    }
    Ok(SUCCESS)
}

/// Tiers as reports list them: the fastest first, then by name.
fn tier_order(name: &str) -> (usize, &str) {
    const KNOWN: [&str; 3] = ["MEM", "SSD", "HDD"];
    (KNOWN.iter().position(|known| *known == name).unwrap_or(KNOWN.len()), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_stand_in_the_order_of_their_speed() {
        let mut tiers = ["B", "HDD", "A", "MEM", "SSD"];
        tiers.sort_by_key(|name| tier_order(name));
        assert_eq!(tiers, ["MEM", "SSD", "HDD", "A", "B"]);
    }
}
