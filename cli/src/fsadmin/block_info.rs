//! `fsadmin getBlockInfo`: where a block is, and of which file.

use alluxio_fs::{ErrorKind, FsError};

use crate::{
    error::{CommandError, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    output::status,
    shell::{Call, Outcome, ShellCommand},
};

pub const GET_BLOCK_INFO: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "getBlockInfo",
        usage: "getBlockInfo [blockId]",
        description: "Prints what the master knows of a block, and to which file it belongs.",
        options: &[OptionSpec::short("h", "print this text")],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, out) = (call.shell, &call.shell.out);
    let spec = &GET_BLOCK_INFO.spec;
    if call.given.has("h") {
        out.line(format_args!("{}\n{}", spec.usage, spec.description))?;
        return Ok(SUCCESS);
    }
    let text = &call.given.arguments[0];
    let block: i64 =
        text.parse().map_err(|_| CommandError::failed(format!("{text} is not a valid block id.")))?;
    match shell.blocks().await?.get_block_info(block).await {
        Ok(info) => out.line(status::block(&info))?,
        Err(error) if is_unknown(&error) => {
            out.line(format_args!("BlockMeta is not available for blockId: {block}"))?;
        }
        Err(error) => return Err(error.into()),
    }
    let file = alluxio_fs::ids::file_id_of_block(block);
    match shell.fs().await?.get_file_path(file).await {
        Ok(path) => out.line(format_args!("This block belongs to file {{id={file}, path={path}}}"))?,
        Err(error) if is_unknown(&error) => {
            out.line(format_args!("This block belongs to file {{id={file}}}"))?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(SUCCESS)
}

/// The answer of a master that does not know the id. (Of a block it says INVALID_ARGUMENT.)
fn is_unknown(error: &FsError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::InvalidArgument)
}
