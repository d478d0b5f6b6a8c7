//! What surrounds the process: environment variables and the facts about the machine that defaults depend on.
//! Tests make their own.

use std::collections::BTreeMap;

use crate::error::ConfError;

/// Environment variables and machine facts.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The variables.
    pub variables: BTreeMap<String, String>,
    /// The machine.
    pub machine: Machine,
}

/// What computed defaults depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Processors this process may use.
    pub cpus: u64,
    /// Bytes of memory this process may use.
    pub memory: u64,
    /// The user's home folder.
    pub user_home: String,
    /// The user's name.
    pub user_name: String,
}

/// When the memory cannot be found out: what makes `alluxio.worker.ramdisk.size` Java's fallback of 1 GB.
const UNKNOWN_MEMORY: u64 = 3 << 29;

impl Default for Machine {
    fn default() -> Self {
        Self { cpus: 1, memory: UNKNOWN_MEMORY, user_home: "/".to_owned(), user_name: "nobody".to_owned() }
    }
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Result<Self, ConfError> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(variables.insert(name, value)),
                (Ok(name), Err(_)) if name.starts_with("ALLUXIO_") => {
                    return Err(ConfError::NotText { name });
                }
                // Not ours, and nothing can refer to it.
                _ => {}
            }
        }
        let machine = Machine::here(&variables);
        Ok(Self { variables, machine })
    }

    /// A variable, unless it is unset or empty; the original's scripts treat both alike.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Machine {
    fn here(variables: &BTreeMap<String, String>) -> Self {
        let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let fallback = Self::default();
        Self {
            cpus: std::thread::available_parallelism().map_or(fallback.cpus, |cpus| cpus.get() as u64),
            memory: memory().unwrap_or(UNKNOWN_MEMORY),
            user_home: variable("HOME").unwrap_or(fallback.user_home),
            user_name: variable("USER").unwrap_or(fallback.user_name),
        }
    }
}

/// The machine's memory, or the container's limit when that is less (cgroup v2, then v1; no limit is the word
/// `max`, or a number near 2^63).
fn memory() -> Option<u64> {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text))?;
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    Some(limit.map_or(total, |limit| limit.min(total)))
}

fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernel_table() {
        assert_eq!(total_of("MemTotal:       24686204 kB\nMemFree: 1 kB\n"), Some(24_686_204 * 1024));
        assert_eq!(total_of("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn this_machine_has_processors_and_memory() {
        let machine = Environment::of_process().map(|environment| environment.machine);
        assert!(machine.is_ok_and(|machine| machine.cpus >= 1 && machine.memory > 1 << 20));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let variables = BTreeMap::from([("A".to_owned(), String::new()), ("B".to_owned(), "b".to_owned())]);
        let environment = Environment { variables, machine: Machine::default() };
        assert_eq!((environment.variable("A"), environment.variable("B")), (None, Some("b")));
    }
}
