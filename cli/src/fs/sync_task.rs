//! `loadMetadata -v2`: a metadata sync as a task of the master, waited for, asked about later, stopped.

use std::time::Duration;

use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::{
    file::{SyncMetadataPOptions, SyncMetadataState, SyncMetadataTask},
    fscommon::{DirectoryLoadPType, LoadDescendantPType},
};

use super::{Call, Outcome};
use crate::error::{CommandError, SHELL_FAILURE, SUCCESS};

/// Between two looks at a task, unless `-p` says otherwise.
const PAUSE: Duration = Duration::from_secs(10);

/// `-v2`: for each path that is given.
pub async fn load(call: Call<'_>) -> Outcome {
    let options = options(call)?;
    let pause = match call.given.value("p") {
        None => PAUSE,
        Some(text) => Duration::from_millis(number("-p", text)?),
    };
    let mut all_went_well = true;
    let whole = &mut all_went_well;
    call.shell
        .each_path(&call.given.arguments[0], async |path| {
            let went_well = match call.given.has("a") {
                true => submit_and_watch(call, &path.path, options, pause).await?,
                false => wait(call, &path.path, options).await?,
            };
            *whole &= went_well;
            Ok(())
        })
        .await?;
    Ok(if all_went_well { SUCCESS } else { SHELL_FAILURE })
}

/// `-o get` and `-o cancel`.
pub async fn look(call: Call<'_>, operation: &str) -> Outcome {
    let (out, fs) = (&call.shell.out, call.shell.fs().await?);
    let Some(text) = call.given.value("id") else {
        return Err(CommandError::Usage("-o load/cancel only comes with an -id option".to_owned()));
    };
    let id = i64::try_from(number("-id", text)?).unwrap_or(i64::MAX);
    if operation == "cancel" {
        fs.cancel_sync_metadata(id).await?;
        out.line(format_args!("Task group {id} cancelled"))?;
        return Ok(SUCCESS);
    }
    for task in fs.get_sync_progress(id).await?.task {
        print(call, &task)?;
    }
    Ok(SUCCESS)
}

fn options(call: Call<'_>) -> Result<SyncMetadataPOptions, CommandError> {
    let depth = if call.given.has("R") { LoadDescendantPType::All } else { LoadDescendantPType::One };
    let order = match call.given.value("d") {
        None => DirectoryLoadPType::SingleListing,
        Some(text) => DirectoryLoadPType::from_str_name(text)
            .ok_or_else(|| CommandError::Usage(format!("-d {text}: write SINGLE_LISTING, BFS or DFS")))?,
    };
    Ok(SyncMetadataPOptions {
        load_descendant_type: Some(depth as i32),
        directory_load_type: Some(order as i32),
    })
}

fn number(option: &str, text: &str) -> Result<u64, CommandError> {
    text.parse().map_err(|_| CommandError::Usage(format!("{option} {text}: write a number")))
}

/// Whether it went well.
async fn wait(
    call: Call<'_>,
    path: &AlluxioPath,
    options: SyncMetadataPOptions,
) -> Result<bool, CommandError> {
    call.shell.out.line("Starting metadata sync..")?;
    let tasks = call.shell.fs().await?.sync_metadata(path, options).await?.task;
    call.shell.out.line("Sync Metadata finished")?;
    tasks.iter().try_for_each(|task| print(call, task))?;
    Ok(tasks.iter().all(has_gone_well))
}

async fn submit_and_watch(
    call: Call<'_>,
    path: &AlluxioPath,
    options: SyncMetadataPOptions,
    pause: Duration,
) -> Result<bool, CommandError> {
    let (out, fs) = (&call.shell.out, call.shell.fs().await?);
    out.line("Submitting metadata sync task...")?;
    let submitted = fs.sync_metadata_async(path, options).await?;
    let id = submitted.task_group_id();
    out.line(format_args!("Task group {id} has been submitted successfully."))?;
    out.line(format_args!("Task ids: {:?}", submitted.task_ids))?;
    out.line(format_args!("Polling sync progress every {}ms", pause.as_millis()))?;
    out.line(format_args!(
        "It goes on when this command ends. In another terminal:\n\
         \talluxio fs loadMetadata -o get -id {id}\n\
         \talluxio fs loadMetadata -o cancel -id {id}"
    ))?;
    loop {
        out.line("------------------------------------------------------")?;
        let tasks = fs.get_sync_progress(id).await?.task;
        out.line(format_args!("Task group id: {id}"))?;
        for task in &tasks {
            print(call, task)?;
            out.line("")?;
        }
        if tasks.iter().all(|task| task.state() != SyncMetadataState::Running) {
            return Ok(tasks.iter().all(has_gone_well));
        }
        tokio::time::sleep(pause).await;
    }
}

fn has_gone_well(task: &SyncMetadataTask) -> bool {
    task.state() == SyncMetadataState::Succeeded
}

fn print(call: Call<'_>, task: &SyncMetadataTask) -> Result<(), CommandError> {
    lines(task).into_iter().try_for_each(|line| Ok(call.shell.out.line(line)?))
}

/// As the original tells it, without colours.
fn lines(task: &SyncMetadataTask) -> Vec<String> {
    let millis = task.sync_duration_ms();
    let rate = if millis == 0 { 0.0 } else { task.success_op_count() as f64 * 1000.0 / millis as f64 };
    let mut lines = vec![
        format!("Task id: {}", task.id()),
        format!("State: {}", task.state().as_str_name()),
        format!("Sync duration: {millis}"),
        format!("Ops/sec: {rate:?}"),
    ];
    if let Some(exception) = &task.exception {
        lines.push("Exception: ".to_owned());
        lines.push(format!("\t{}", exception.exception_type()));
        lines.push(format!("\t{}", exception.exception_message()));
    }
    lines.push("Task info: ".to_owned());
    lines.push(format!("\t{}", task.task_info_string()));
    lines.push("Task stats: ".to_owned());
    lines.push(format!("\t{}", task.task_stat_string()));
    lines.extend(match task.state() {
        SyncMetadataState::Succeeded => Some("Load Metadata Completed.".to_owned()),
        SyncMetadataState::Failed => {
            Some("Load Metadata Failed. Please check the server log or retry!".to_owned())
        }
        SyncMetadataState::Canceled => Some("Load Metadata Canceled.".to_owned()),
        SyncMetadataState::Unknown | SyncMetadataState::Running => None,
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_told_as_the_original_tells_it() {
        let task = SyncMetadataTask {
            id: Some(7),
            state: Some(SyncMetadataState::Succeeded as i32),
            sync_duration_ms: Some(500),
            success_op_count: Some(20),
            task_info_string: Some("/d".to_owned()),
            task_stat_string: Some("20 paths compared".to_owned()),
            ..SyncMetadataTask::default()
        };
        let expected = "Task id: 7\nState: SUCCEEDED\nSync duration: 500\nOps/sec: 40.0\nTask info: \n\t/d\n\
                        Task stats: \n\t20 paths compared\nLoad Metadata Completed.";
        assert_eq!(lines(&task).join("\n"), expected);
        let fresh = SyncMetadataTask { state: Some(SyncMetadataState::Running as i32), ..Default::default() };
        assert_eq!(lines(&fresh)[3], "Ops/sec: 0.0");
    }
}
