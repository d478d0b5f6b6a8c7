//! Where our commands answer otherwise than the original's, and why. Anything else that differs fails the test; so
//! does an entry here that no longer differs.

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Code,
    Output,
    Errors,
}

use Part::{Code, Errors, Output};

pub struct Difference {
    pub reason: &'static str,
    pub parts: &'static [Part],
    pub steps: &'static [&'static str],
}

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "Descriptions and help texts are written anew: they are the original's sentences. What is wrong, and \
            the usage, are the same.",
        parts: &[Output],
        steps: &[
            "fs getUsedBytes extra",
            "fs leader extra",
            "fs help ls",
            "fs help copyFromLocal",
            "fs help a b",
            "fs mkdir",
            "fs mv /a",
            "fs ls",
            "fs ls -q /",
            "fs ls --sort",
            "fs ls --timestamp=noon /",
            "fs head -c",
            "fs rm",
            "fs rm -q {home}",
            "fs touch {home}/a {home}/b",
            "fs copyFromLocal --thread 0 {local}/small {home}/t",
            "fs copyFromLocal --thread x {local}/small {home}/t",
            "fs load {home}/tree --verify",
            "fs load {home}/tree --submit --stop",
            "fs load '{home}/*' --submit",
            "fs checkConsistency",
            "fs load",
            "fs setTtl --action keep {home}/small 1h",
            "fs setTtl {home}/small",
            "fs mount {home}/mount",
            "fs loadMetadata",
            "fs loadMetadata -o some {home}",
            "fs loadMetadata -F -v2 {home}",
            "fs help test",
            "fsadmin report capacity -live -lost",
            "fsadmin report capacity -h",
            "fsadmin report -h",
            "fsadmin report nothing",
            "fsadmin report summary extra",
            "fsadmin doctor nothing",
            "fsadmin getBlockInfo",
            "fsadmin journal",
            "fsadmin journal nothing",
            "fsadmin pathConf show",
            "fsadmin decommissionWorker",
            "fsadmin enableWorker",
            "getConf alluxio.no.such.property",
            "getConf a b",
        ],
    },
    Difference {
        reason: "Commands that are not part of this version are not offered: distributedCp, \
            startSync, stopSync, syncDirNextTime.",
        parts: &[Output],
        steps: &["fs", "fs nothing", "fs help"],
    },
    Difference {
        reason: "Not part of this version: the answer names what does its work.",
        parts: &[Output],
        steps: &[
            "fs distributedCp {home}/tree {home}/tree3",
            "fs startSync {home}",
            "fs stopSync {home}",
            "fsadmin journal quorum",
        ],
    },
    Difference {
        reason: "Not part of this version. The master takes the original's call, which it does not act upon; ours says so.",
        parts: &[Code, Output],
        steps: &["fs syncDirNextTime true {home}"],
    },
    Difference {
        reason: "Said more clearly: what is wrong and what to type.",
        parts: &[Output],
        steps: &[
            "fs freeWorker",
            "fsadmin decommissionWorker --addresses nobody",
            "fsadmin enableWorker --addresses nobody:1",
            "fs ls s3://bucket/a",
            "fs copyFromLocal {local}/nothing {home}/nothing",
            "fs head -c 0 {home}/small",
            "fs head -c x {home}/small",
            "fs cp file:///a file:///b",
            "fs stat --file-id x",
            "fs chmod 999 {home}/dir",
            "fs setfacl -m bob {home}/dir",
            "fs pin {home}/small TAPE",
            "fs persist -t 1 -w 2 {home}/memory2",
        ],
    },
    Difference {
        reason: "Said more clearly: the original prints its format string.",
        parts: &[Errors],
        steps: &["fsadmin updateConf a=b=c"],
    },
    Difference {
        reason: "Said more clearly: with the units that there are, the wrong option by its name, and help of our own.",
        parts: &[Output, Errors],
        steps: &[
            "getConf --unit parsec alluxio.user.block.size.bytes.default",
            "getConf --wrong alluxio.master.hostname",
        ],
    },
    Difference {
        reason: "The original names another command: cp, of which it makes use.",
        parts: &[Output],
        steps: &["fs copyFromLocal {local}/small"],
    },
    Difference {
        reason: "A number of files at a time of 0 is refused; the original takes it while there is nothing to do.",
        parts: &[Code, Output],
        steps: &["fs persist -p 0 {home}/memory2"],
    },
    Difference {
        reason: "What cannot be loaded is named once.",
        parts: &[Output],
        steps: &["fs load {home}/nothing --submit"],
    },
    Difference {
        reason: "A wrong number of threads is named; the original names the option.",
        parts: &[Output],
        steps: &["fs checkConsistency -r -t 0 {home}"],
    },
    Difference {
        reason: "There is no job service in this version; the answer says so, and what to type.",
        parts: &[Output],
        steps: &["fsadmin report jobservice"],
    },
    Difference {
        reason: "A master that cannot be reached: the original's exit code; our words name its address and what to check.",
        parts: &[Output],
        steps: &[
            "-Dalluxio.master.rpc.port=1 fs ls /",
            "-Dalluxio.master.rpc.port=1 fs cat /a",
            "-Dalluxio.master.rpc.port=1 fs getUsedBytes",
            "-Dalluxio.master.rpc.port=1 fsadmin report",
        ],
    },
    Difference {
        reason: "A master that cannot be reached: beside the original's words the errors name its address and what to check.",
        parts: &[Errors],
        steps: &["-Dalluxio.master.rpc.port=1 fs leader", "-Dalluxio.master.rpc.port=1 fs test -d /"],
    },
];
