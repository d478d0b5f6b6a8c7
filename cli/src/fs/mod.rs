//! `alluxio fs`: the file system shell. Each command declares itself in its own file; the table here
//! is all that knows them.

mod capacity;
mod cat;
mod checksum;
mod chmod;
mod consistency;
mod copy;
mod count;
mod du;
mod facl;
mod free;
mod free_worker;
mod head_tail;
mod help;
mod load;
mod location;
mod ls;
mod masters;
mod mkdir;
mod mount;
mod mv;
mod ownership;
mod persist;
mod pin;
mod replication;
mod rm;
mod stat;
mod sync;
mod sync_task;
mod test;
mod touch;
mod ttl;

use crate::{
    absent::Absent,
    shell::{self, Call, CommandSet, Outcome, ShellCommand as FsCommand, path},
    top::{Inside, TopCommand},
};

pub const FS: TopCommand = TopCommand {
    name: "fs",
    shown: "fs",
    summary: "Work with files and directories",
    inside: Inside::Shell(&SET),
    run: |line, out| shell::process(&SET, line, out),
};

const COMMANDS: &[FsCommand] = &[
    chmod::CHMOD,
    capacity::CAPACITY,
    capacity::USED,
    cat::CAT,
    checksum::CHECKSUM,
    consistency::CHECK,
    copy::COPY,
    copy::FROM_LOCAL,
    copy::TO_LOCAL,
    count::COUNT,
    du::DU,
    facl::GET,
    facl::SET,
    free::FREE,
    free_worker::FREE_WORKER,
    head_tail::HEAD,
    head_tail::TAIL,
    help::HELP,
    load::LOAD,
    location::LOCATION,
    ls::LS,
    masters::INFO,
    masters::LEADER,
    mkdir::MKDIR,
    mount::MOUNT,
    mount::UNMOUNT,
    mount::UPDATE,
    mv::MV,
    ownership::CHGRP,
    ownership::CHOWN,
    persist::PERSIST,
    pin::PIN,
    pin::UNPIN,
    replication::SET,
    rm::RM,
    stat::STAT,
    sync::LOAD_METADATA,
    sync::NEEDS_SYNC,
    sync::SYNC_PATHS,
    test::TEST,
    touch::TOUCH,
    ttl::SET,
    ttl::UNSET,
];

/// What the masters here do not do, and what does instead.
const ABSENT: &[Absent] = &[
    Absent { name: "distributedCp", instead: "`alluxio fs cp -R <src> <dst>` copies directories." },
    Absent {
        name: "startSync",
        instead: "Set alluxio.user.file.metadata.sync.interval, or call `alluxio fs loadMetadata -R -F <path>` when files have changed.",
    },
    Absent { name: "stopSync", instead: "Nothing is synced by itself." },
    Absent {
        name: "syncDirNextTime",
        instead: "`alluxio fs needsSync <path>` has the next access look into the under storage.",
    },
];

pub static SET: CommandSet = CommandSet {
    name: "fs",
    commands: COMMANDS,
    groups: &[],
    aliases: &[("umount", "unmount")],
    absent: ABSENT,
};

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
