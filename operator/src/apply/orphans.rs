//! Which objects of a cluster are not wanted any more. Pure.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub created: Timestamp,
    /// What it is one of a row of, for objects that are replaced by one of another name instead of being changed.
    pub row: Option<String>,
    /// Whether the cluster is the controller that owns it.
    pub ours: bool,
}

/// What is kept though it is not among the wanted.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// Names of ConfigMaps that pods use: without it a pod could not start again.
    pub used: BTreeSet<String>,
    /// Names of sets whose workers are still leaving, and of what belongs to them.
    pub leaving: BTreeSet<String>,
}

/// Those to be deleted. Of each row the newest of the unwanted stays: an edit taken back finds it.
pub fn orphans<'a>(
    existing: &'a [Existing],
    wanted: &BTreeSet<(String, String)>,
    keep: &Keep,
) -> Vec<&'a Existing> {
    let unwanted = |object: &&Existing| {
        let wanted = wanted.contains(&(object.kind.clone(), object.name.clone()));
        object.ours && !wanted && !keep.leaving.contains(&object.name)
    };
    let mut left: Vec<&Existing> = existing.iter().filter(unwanted).collect();
    left.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    let mut rows = BTreeSet::new();
    left.retain(|object| match &object.row {
        Some(row) => !rows.insert((object.kind.clone(), row.clone())) && !keep.used.contains(&object.name),
        None => true,
    });
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, created: i64, row: Option<&str>) -> Existing {
        Existing {
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
            created: Timestamp::from_second(created).unwrap(),
            row: row.map(str::to_owned),
            ours: true,
        }
    }

    fn wanted(names: &[(&str, &str)]) -> BTreeSet<(String, String)> {
        names.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
    }

    fn names(orphans: &[&Existing]) -> Vec<String> {
        orphans.iter().map(|object| object.name.clone()).collect()
    }

    #[test]
    fn what_is_unwanted_and_ours() {
        let mut all = vec![
            object("DaemonSet", "a-worker-ssd", 1, None),
            object("DaemonSet", "a-worker-hdd", 1, None),
            object("Service", "a-worker-ssd", 1, None),
        ];
        let wanted = wanted(&[("DaemonSet", "a-worker-ssd")]);
        assert_eq!(names(&orphans(&all, &wanted, &Keep::default())), ["a-worker-hdd", "a-worker-ssd"]);
        let keep = Keep { leaving: ["a-worker-hdd".to_owned()].into(), ..Keep::default() };
        assert_eq!(names(&orphans(&all, &wanted, &keep)), ["a-worker-ssd"]);
        all[1].ours = false;
        assert_eq!(names(&orphans(&all, &wanted, &Keep::default())), ["a-worker-ssd"]);
    }

    #[test]
    fn the_last_two_of_a_row_stay_and_those_in_use() {
        let all: Vec<_> = (1..=5)
            .map(|n| object("ConfigMap", &format!("a-master-{n}"), n, Some("master")))
            .chain([object("ConfigMap", "a-worker-1", 1, Some("worker"))])
            .collect();
        let wanted = wanted(&[("ConfigMap", "a-master-5")]);
        assert_eq!(
            names(&orphans(&all, &wanted, &Keep::default())),
            ["a-master-3", "a-master-2", "a-master-1"],
            "the wanted one and the one before"
        );
        let keep = Keep { used: ["a-master-2".to_owned()].into(), ..Keep::default() };
        assert_eq!(names(&orphans(&all, &wanted, &keep)), ["a-master-3", "a-master-1"]);
    }
}
