//! The known name nearest to a mistyped one.

use crate::table::{ALIASES, PROPERTIES, TEMPLATES};
use crate::template;

/// The nearest known property name, unless everything is too far away to be what was meant.
pub(crate) fn nearest(name: &str) -> Option<String> {
    let fixed = PROPERTIES.iter().map(|row| row.name).chain(ALIASES.iter().map(|(alias, ..)| *alias));
    // In a parameterised name the varying parts are taken over from what was typed.
    let instances = TEMPLATES.iter().filter_map(|row| template::imitate(row.name, name));
    let known = fixed.map(str::to_owned).chain(instances);
    known.filter_map(|known| Some((distance(name, &known)?, known))).min().map(|(_, known)| known)
}

/// How many slips lie between two names; `None` when it is too many for one to be meant by the other.
fn distance(typed: &str, known: &str) -> Option<usize> {
    // A last word left out (".default", ".enabled") is one slip, however long the word is.
    if known.strip_prefix(typed).is_some_and(|rest| rest.starts_with('.') && !rest[1..].contains('.')) {
        return (typed.matches('.').count() > 1).then_some(1);
    }
    let distance = strsim::osa_distance(typed, known);
    (distance <= typed.len() / 6 + 2).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_property() {
        for (typed, meant) in [
            ("alluxio.master.hostnme", "alluxio.master.hostname"),
            ("alluxio.master.rpc.prot", "alluxio.master.rpc.port"),
            ("alluxio.user.file.writetype", "alluxio.user.file.writetype.default"),
            ("alluxio.worker.tieredstore.level0.dir.path", "alluxio.worker.tieredstore.level0.dirs.path"),
            ("alluxio.worker.tieredstore.level7.dir.path", "alluxio.worker.tieredstore.level7.dirs.path"),
            ("alluxio.master.mount.table.hdfs.usf", "alluxio.master.mount.table.hdfs.ufs"),
            ("alluxio.Master.hostname", "alluxio.master.hostname"),
        ] {
            assert_eq!(nearest(typed).as_deref(), Some(meant), "{typed}");
        }
    }

    #[test]
    fn something_else_finds_nothing() {
        for typed in ["alluxio.completely.different.thing", "alluxio.x", "alluxio."] {
            assert_eq!(nearest(typed), None, "{typed}");
        }
    }
}
