//! What Kubernetes keeps of claims as it is: they do not get smaller, and a StatefulSet's are those that it was made with.

use std::borrow::Cow;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{quantity, wanted::Wanted};

const STORAGE: &str = "/spec/resources/requests/storage";

/// What can be asked for: no less storage than a claim has. Somebody may have enlarged it by hand, or an earlier cluster of the name; asked to
/// make it smaller, the API server would refuse everything else of the object too.
pub fn no_smaller<'a>(wanted: &'a Wanted, live: &DynamicObject) -> Cow<'a, Wanted> {
    let is_claim = wanted.resource.kind == "PersistentVolumeClaim";
    let (asked, has) = (wanted.object.pointer(STORAGE), live.data.pointer(STORAGE));
    match (asked, has) {
        (Some(asked), Some(has)) if is_claim && quantity::is_less(asked, has) == Some(true) => {
            let mut larger = wanted.clone();
            if let Some(storage) = larger.object.pointer_mut(STORAGE) {
                *storage = has.clone();
            }
            Cow::Owned(larger)
        }
        _ => Cow::Borrowed(wanted),
    }
}

/// Whether a StatefulSet gives its pods other claims than it shall: then it must go and be made anew.
pub fn are_others(wanted: &Wanted, live: &DynamicObject) -> bool {
    let (wanted_ones, live_ones) = (templates(&wanted.object), templates(&live.data));
    wanted.resource.kind == "StatefulSet"
        && (wanted_ones.len() != live_ones.len()
            || wanted_ones.iter().zip(live_ones).any(|(wanted, live)| is_other(wanted, live)))
}

fn templates(object: &Value) -> &[Value] {
    object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_other(wanted: &Value, live: &Value) -> bool {
    let null = json!(null);
    let of = |path: &str| (wanted.pointer(path).unwrap_or(&null), live.pointer(path).unwrap_or(&null));
    let differ = |path: &str| of(path).0 != of(path).1;
    let (asked, has) = of(STORAGE);
    differ("/metadata/name")
        || differ("/spec/storageClassName")
        || differ("/spec/accessModes")
        || quantity::same(asked, has) != Some(true)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PersistentVolumeClaim};

    use super::*;

    fn claim(size: &str) -> Value {
        json!({
            "metadata": { "name": "a", "namespace": "n" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": size } } },
        })
    }

    fn wanted_claim(size: &str) -> Wanted {
        let claim: PersistentVolumeClaim = serde_json::from_value(claim(size)).unwrap();
        Wanted::new(&claim).unwrap()
    }

    fn live(wanted: &Wanted) -> DynamicObject {
        serde_json::from_value(wanted.object.clone()).unwrap()
    }

    #[test]
    fn a_claim_that_has_grown_is_not_asked_to_shrink() {
        let grown = live(&wanted_claim("20Gi"));
        let asked = no_smaller(&wanted_claim("10Gi"), &grown).object.pointer(STORAGE).cloned();
        assert_eq!(asked, Some(json!("20Gi")));
        for size in ["20480Mi", "30Gi"] {
            let asked = no_smaller(&wanted_claim(size), &grown).object.pointer(STORAGE).cloned();
            assert_eq!(asked, Some(json!(size)));
        }
    }

    fn set(templates: Value) -> Wanted {
        let set = json!({
            "metadata": { "name": "s", "namespace": "n" },
            "spec": { "selector": {}, "serviceName": "s", "template": {}, "volumeClaimTemplates": templates },
        });
        Wanted::new(&serde_json::from_value::<StatefulSet>(set).unwrap()).unwrap()
    }

    #[test]
    fn a_set_of_other_claims_is_told() {
        let with = |class: Option<&str>, size: &str| {
            let mut template = claim(size);
            if let Some(class) = class {
                template["spec"]["storageClassName"] = json!(class);
            }
            set(json!([template]))
        };
        let there = live(&with(Some("fast"), "1Gi"));
        assert!(!are_others(&with(Some("fast"), "1024Mi"), &there), "the same in other words");
        assert!(are_others(&with(Some("fast"), "2Gi"), &there));
        assert!(are_others(&with(Some("slow"), "1Gi"), &there));
        assert!(are_others(&with(None, "1Gi"), &there));
        assert!(are_others(&set(json!([])), &there));
        assert!(are_others(&with(None, "1Gi"), &live(&set(json!([])))));
        assert!(!are_others(&set(json!([])), &live(&set(json!([])))));
    }
}
