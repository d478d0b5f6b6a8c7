//! Fields that somebody else sets otherwise as often as we set them back: a mutating admission rule, or another controller. Nobody wins
//! such a fight, so it is told, and fought once a minute only. Kept in memory only: an operator that starts anew finds out anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry, jiff::Timestamp};
use parking_lot::Mutex;
use serde_json::Value;

use super::FIELD_MANAGER;
use crate::build::{MANAGED_BY, MANAGER};

/// A field that has to be set back so soon again is contested when it is the third time; and it is set back no more often.
const SOON: Duration = Duration::from_secs(60);
const TIMES: u32 = 3;

/// Those of one cluster, and the hash of what each object was made last. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Contests(Arc<Mutex<BTreeMap<Object, Contest>>>, Arc<Mutex<BTreeMap<Object, String>>>);

/// Kind and name.
pub type Object = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Contest {
    field: String,
    /// By the object's managed fields; an admission rule leaves no name there.
    who: Option<String>,
    times: u32,
    last: Timestamp,
}

impl Contests {
    /// Takes down that the field is another one than it was set to, and says whether to set it back now.
    pub(super) fn drifted(&self, object: Object, field: &str, who: Option<String>, now: Timestamp) -> bool {
        let mut all = self.0.lock();
        let before = all.get(&object).filter(|before| before.field == field);
        let soon = before.is_some_and(|before| !long_ago(before.last, now));
        let times = match before {
            Some(before) if before.times >= TIMES && soon => return false,
            Some(before) if before.times >= TIMES => TIMES,
            Some(before) if soon => before.times + 1,
            _ => 1,
        };
        let who = who.or_else(|| before.and_then(|before| before.who.clone()));
        all.insert(object, Contest { field: field.to_owned(), who, times, last: now });
        true
    }

    /// Takes down what the object was made just now.
    pub(super) fn wrote(&self, object: &Object, hash: &str) {
        self.1.lock().insert(object.clone(), hash.to_owned());
    }

    /// Whether it was made this before, so that another hash on it is none of an edit.
    pub(super) fn has_written(&self, object: &Object, hash: &str) -> bool {
        self.1.lock().get(object).is_some_and(|written| written == hash)
    }

    /// What is wanted is another one now: whether somebody is against it has to be seen.
    pub(super) fn begun_anew(&self, object: &Object) {
        self.0.lock().remove(object);
    }

    /// What was just written came back with another value.
    pub(super) fn overruled(&self, object: Object, field: &str, now: Timestamp) {
        let contest = Contest { field: field.to_owned(), who: None, times: TIMES, last: now };
        self.0.lock().insert(object, contest);
    }

    /// The object is as it shall be.
    pub(super) fn settled(&self, object: &Object, now: Timestamp) {
        let mut all = self.0.lock();
        if all.get(object).is_some_and(|contest| long_ago(contest.last, now)) {
            all.remove(object);
        }
    }

    /// All others are not wanted any more.
    pub fn keep(&self, wanted: &BTreeSet<Object>) {
        self.0.lock().retain(|object, _| wanted.contains(object));
        self.1.lock().retain(|object, _| wanted.contains(object));
    }

    /// The first of the contested fields, and what to do.
    pub fn told(&self) -> Option<String> {
        let all = self.0.lock();
        let ((kind, name), contest) = all.iter().find(|(_, contest)| contest.times >= TIMES)?;
        let field = &contest.field;
        let who = match &contest.who {
            Some(who) => format!("{who} sets it otherwise"),
            None => "an admission rule changes it".to_owned(),
        };
        Some(format!(
            "{kind} {name}: {field} does not stay as the operator sets it: {who}; have it leave objects with the label {MANAGED_BY}={MANAGER} \
             alone, or set in the spec what it wants"
        ))
    }
}

fn long_ago(then: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(then)).is_ok_and(|passed| passed >= SOON)
}

/// Who else has set the field, last. `field`: as `compare` writes it, where entries of lists stand under their key.
pub(super) fn manager(managed: &[ManagedFieldsEntry], field: &str) -> Option<String> {
    let others = managed.iter().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER));
    let set = others.filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, field)));
    set.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?.manager.clone()
}

/// Names may have dots in them, so the path is followed, not cut.
fn has(fields: &Value, path: &str) -> bool {
    let Some(fields) = fields.as_object().filter(|fields| !fields.is_empty()) else { return true };
    fields.iter().any(|(name, below)| {
        let mut words = match name.split_once(':') {
            Some(("f", word)) => vec![word.to_owned()],
            Some(("k", keys)) => match serde_json::from_str::<Value>(keys) {
                Ok(Value::Object(keys)) => keys.values().map(word).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
        .into_iter();
        words.any(|word| match path.strip_prefix(&word) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('.').is_some_and(|rest| has(below, rest)),
            None => false,
        })
    })
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Object {
        ("Service".to_owned(), "a".to_owned())
    }

    #[test]
    fn the_third_time_within_a_minute_is_a_contest_and_is_fought_once_a_minute() {
        let (all, at) = (Contests::default(), |second| Timestamp::from_second(second).unwrap());
        let drifted = |field: &str, second| all.drifted(object(), field, Some("them".to_owned()), at(second));
        assert!(
            drifted("f", 0) && drifted("f", 59) && drifted("g", 60) && drifted("f", 61) && drifted("f", 120)
        );
        assert_eq!(all.told(), None);
        assert!(drifted("f", 130));
        let told = all.told().unwrap();
        assert!(
            told.starts_with("Service a: f does not stay as the operator sets it: them sets it otherwise;"),
            "{told}"
        );
        assert!(!drifted("f", 189) && drifted("f", 190) && !drifted("f", 191));
        all.settled(&object(), at(249));
        assert!(all.told().is_some());
        all.settled(&object(), at(250));
        assert!(all.told().is_none() && drifted("f", 251));
        all.overruled(object(), "h", at(252));
        assert!(all.told().unwrap().contains("h does not stay as the operator sets it: an admission rule"));
        assert!(!drifted("h", 253));
        all.keep(&[object()].into());
        assert!(all.told().is_some());
        all.keep(&BTreeSet::new());
        assert_eq!(all.told(), None);
    }

    #[test]
    fn who_has_set_it() {
        let entry = |manager: &str, second: &str, fields: Value| -> ManagedFieldsEntry {
            let time = format!("2026-01-02T00:00:{second}Z");
            serde_json::from_value(json!({ "manager": manager, "time": time, "fieldsV1": fields })).unwrap()
        };
        let port = json!({ "f:spec": { "f:ports": { r#"k:{"port":1,"protocol":"TCP"}"#: { ".": {}, "f:name": {} } } } });
        let image = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": { r#"k:{"name":"c.d"}"#: { "f:image": {} } } } } } });
        let label = json!({ "f:metadata": { "f:labels": { "f:a.b/c": {} } } });
        let all = [
            entry(FIELD_MANAGER, "09", port.clone()),
            entry("first", "01", port.clone()),
            entry("second", "02", port),
            entry("third", "03", image),
            entry("fourth", "04", label),
        ];
        for (field, expected) in [
            ("spec.ports.1.name", Some("second")),
            ("spec.ports.1", Some("second")),
            ("spec.ports.2", None),
            ("spec.template.spec.containers.c.d.image", Some("third")),
            ("spec.template.spec.containers.c.d.args.0", None),
            ("metadata.labels.a.b/c", Some("fourth")),
            ("metadata.labels.a", None),
        ] {
            assert_eq!(manager(&all, field).as_deref(), expected, "{field}");
        }
    }
}
