//! Commands of the original that are not part of this version: whoever types one is told what to do
//! instead.

/// A command's name, and what does its work.
pub struct Absent {
    pub name: &'static str,
    pub instead: &'static str,
}

impl Absent {
    /// The line for a command that is in `table`.
    pub fn told(table: &[Self], name: &str) -> Option<String> {
        let absent = table.iter().find(|absent| absent.name == name)?;
        Some(format!("{name} is not part of this version. {}", absent.instead))
    }
}

/// Those of `alluxio` itself.
pub const ABSENT: &[Absent] = &[
    Absent {
        name: "bootstrapConf",
        instead: "Write alluxio.master.hostname=<host> into conf/alluxio-site.properties.",
    },
    Absent { name: "clearCache", instead: "`sync; echo 3 > /proc/sys/vm/drop_caches` does it, as root." },
    Absent {
        name: "collectInfo",
        instead: "Collect the logs folder and what `alluxio fsadmin report` and `alluxio getConf --master --source` print.",
    },
    Absent {
        name: "copyDir",
        instead: "`rsync -a <folder>/ <host>:<folder>/` copies a folder to another host.",
    },
    Absent { name: "docGen", instead: "`alluxio getConf --source` prints all properties." },
    Absent { name: "extensions", instead: "The under storages that there are belong to the program." },
    Absent {
        name: "job",
        instead: "There is no job service: `alluxio fs load`, `alluxio fs cp -R` and `alluxio fs persist` do their work at once.",
    },
    Absent { name: "killAll", instead: "Stop servers with SIGTERM: they end in good order." },
    Absent { name: "runClass", instead: "There are no Java classes." },
    Absent {
        name: "runHdfsMountTests",
        instead: "`alluxio fs mount` says what is wrong with an under storage.",
    },
    Absent { name: "runHmsTests", instead: "There is no table service." },
    Absent { name: "runJournalCrashTest", instead: "`alluxio runTests` tests a running cluster." },
    Absent { name: "runUfsIOTest", instead: "`alluxio runTests` tests a running cluster." },
    Absent { name: "runUfsTests", instead: "`alluxio runTests` tests a running cluster." },
    Absent {
        name: "table",
        instead: "There is no table service: engines read files by their alluxio:// paths.",
    },
    Absent {
        name: "upgradeJournal",
        instead: "A backup of a Java master is taken over: see alluxio.master.journal.init.from.backup.",
    },
    Absent {
        name: "validateConf",
        instead: "`alluxio getConf` reads the configuration of this host and names what is wrong with it.",
    },
    Absent {
        name: "validateEnv",
        instead: "Servers check what they need when they start, and say what is missing.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_nowhere_else() {
        for absent in ABSENT {
            assert!(
                crate::top::COMMANDS.iter().all(|command| command.name != absent.name),
                "{}",
                absent.name
            );
        }
        for set in [&crate::fs::SET, &crate::fsadmin::SET] {
            for absent in set.absent {
                assert!(set.command(absent.name).is_none(), "{}", absent.name);
            }
        }
        assert!(
            Absent::told(ABSENT, "job").unwrap().starts_with("job is not part of this version. There is")
        );
        assert!(Absent::told(ABSENT, "nothing").is_none());
    }
}
