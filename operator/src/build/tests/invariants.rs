//! What must hold for every object of every case.

use std::collections::BTreeSet;

use super::*;

fn clusters() -> Vec<(String, ValidatedCluster)> {
    let cases = CASES.iter().map(|(name, patch)| ((*name).to_owned(), valid(patch)));
    let examples = examples().into_iter().map(|(name, cluster)| {
        let cluster = validate(&cluster, &facts()).unwrap_or_else(|refusals| panic!("{name}: {refusals}"));
        (name, cluster)
    });
    cases.chain(examples).collect()
}

/// Calls `check` for every pod of every cluster.
fn each_pod(mut check: impl FnMut(&str, &Value)) {
    for (name, cluster) in clusters() {
        for object in all(&cluster, &Live::default()) {
            let pod = &object["spec"]["template"]["spec"];
            if pod.is_object() {
                check(&format!("{name}: {}", name_of(&object)), pod);
            }
        }
    }
}

fn items<'a>(value: &'a Value, list: &str) -> Vec<&'a Value> {
    value[list].as_array().into_iter().flatten().collect()
}

#[test]
fn every_object_is_labelled_owned_and_named() {
    for (case, cluster) in clusters() {
        let name = &cluster.identity.name;
        for object in all(&cluster, &Live::default()) {
            let which = format!("{case}: {}", name_of(&object));
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], cluster.identity.namespace.as_str(), "{which}");
            assert_eq!(metadata["labels"][INSTANCE], name.as_str(), "{which}");
            assert_eq!(metadata["labels"][MANAGED_BY], MANAGER, "{which}");
            let own = metadata["name"].as_str().expect("has a name");
            assert!(own.starts_with(&format!("{name}-")) && own.len() <= 63, "{which}");
            let owner = &metadata["ownerReferences"][0];
            if object["kind"] == "PersistentVolumeClaim" {
                assert!(owner.is_null(), "{which}: a journal outlives its cluster");
            } else {
                assert_eq!(
                    (&owner["kind"], &owner["controller"]),
                    (&Value::from("AlluxioCluster"), &Value::from(true)),
                    "{which}"
                );
                assert_eq!(owner["uid"], cluster.identity.uid.as_str(), "{which}");
                assert_eq!(owner["apiVersion"], "alluxio.org/v1alpha1", "{which}");
            }
        }
    }
}

#[test]
fn no_two_objects_of_a_cluster_have_one_name() {
    for (case, cluster) in clusters() {
        let objects = all(&cluster, &Live::default());
        let names: BTreeSet<String> = objects
            .iter()
            .map(|object| format!("{}/{}", object["kind"], object["metadata"]["name"]))
            .collect();
        assert_eq!(names.len(), objects.len(), "{case}");
    }
}

/// Clusters of one namespace whose names begin alike, and groups that could be taken for something else.
#[test]
fn no_two_clusters_have_an_object_of_one_name() {
    let mut seen = BTreeSet::new();
    for name in ["a", "ab", "a-worker", "a-masters", "a-worker-b", "a-leader"] {
        let patch = "workers: [{name: default}, {name: master, kind: StatefulSet, ports: {rpc: 29001, web: 30001}}, {name: b, kind: StatefulSet, ports: {rpc: 29002, web: 30002}}]";
        let mut cluster = crate::fixture::cluster(patch);
        cluster.metadata.name = Some(name.to_owned());
        let cluster = validate(&cluster, &facts()).expect("valid");
        for object in all(&cluster, &Live::default()) {
            let which = format!("{}/{}", object["kind"], object["metadata"]["name"]);
            assert!(seen.insert(which.clone()), "{which} of {name} is there already");
        }
    }
}

/// Pod Security `restricted`; folders of the node, its network and the container that prepares folders excepted.
#[test]
fn pods_are_restricted() {
    each_pod(|which, pod| {
        let context = &pod["securityContext"];
        assert_eq!(context["runAsNonRoot"], true, "{which}");
        assert_eq!(context["runAsUser"], 1000, "{which}");
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{which}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{which}");
        for container in
            items(pod, "containers").into_iter().filter(|container| container["name"] != "sidecar")
        {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{which}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{which}");
            assert_eq!(context["capabilities"], serde_json::json!({"drop": ["ALL"]}), "{which}");
            assert!(context["runAsUser"].is_null() && context["privileged"].is_null(), "{which}");
        }
        for container in items(pod, "initContainers") {
            assert_eq!(
                container["securityContext"]["capabilities"],
                serde_json::json!({"drop": ["ALL"], "add": ["CHOWN"]}),
                "{which}"
            );
            assert_eq!(container["command"][0], "chown", "{which}");
        }
    });
}

#[test]
fn what_is_mounted_is_a_volume_and_what_is_a_volume_is_mounted() {
    for (case, cluster) in clusters() {
        for object in all(&cluster, &Live::default()) {
            let which = format!("{case}: {}", name_of(&object));
            let pod = &object["spec"]["template"]["spec"];
            let names = |list: Vec<&Value>| -> BTreeSet<String> {
                list.iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect()
            };
            let mut volumes = names(items(pod, "volumes"));
            let claims = items(&object["spec"], "volumeClaimTemplates");
            volumes.extend(
                claims.iter().filter_map(|claim| claim["metadata"]["name"].as_str().map(str::to_owned)),
            );
            let containers = items(pod, "containers").into_iter().chain(items(pod, "initContainers"));
            let mounts: Vec<&Value> =
                containers.flat_map(|container| items(container, "volumeMounts")).collect();
            assert_eq!(names(mounts.clone()), volumes, "{which}");
            let main =
                items(pod, "containers").into_iter().next().map(|container| items(container, "volumeMounts"));
            let paths: Vec<&Value> = main.into_iter().flatten().map(|mount| &mount["mountPath"]).collect();
            let different: BTreeSet<String> = paths.iter().map(ToString::to_string).collect();
            assert_eq!(different.len(), paths.len(), "{which}");
        }
    }
}

#[test]
fn selectors_select_their_own_pods_only() {
    for (case, cluster) in clusters() {
        let objects = all(&cluster, &Live::default());
        let selects = |selector: &Value, labels: &Value| {
            selector
                .as_object()
                .is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
        };
        let pods: Vec<(String, &Value)> = objects
            .iter()
            .filter(|object| object["spec"]["template"].is_object())
            .map(|object| (name_of(object), &object["spec"]["template"]["metadata"]["labels"]))
            .collect();
        for set in
            objects.iter().filter(|object| object["kind"] != "Job" && object["spec"]["template"].is_object())
        {
            let selector = &set["spec"]["selector"]["matchLabels"];
            let selected: Vec<&String> =
                pods.iter().filter(|(_, labels)| selects(selector, labels)).map(|(name, _)| name).collect();
            assert_eq!(selected, [&name_of(set)], "{case}");
        }
        let budget = objects.iter().find(|object| object["kind"] == "PodDisruptionBudget").expect("has one");
        let selected =
            pods.iter().filter(|(_, labels)| selects(&budget["spec"]["selector"]["matchLabels"], labels));
        assert_eq!(selected.count(), 1, "{case}");
        // Nobody but the operator makes a pod the leader.
        assert!(pods.iter().all(|(_, labels)| labels[LEADER].is_null()), "{case}");
    }
}

#[test]
fn no_value_of_a_secret_is_in_any_object() {
    let cluster = valid(CASES[4].1);
    let text = serde_json::to_string(&all(&cluster, &Live::default())).expect("is JSON");
    assert!(text.contains("ALLUXIO_ROOT_CREDENTIAL_0") && text.contains("secretKeyRef"));
    let objects = all(&cluster, &Live::default());
    let maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
    for map in maps {
        assert!(!map["data"].to_string().contains("s3a."), "{map}");
    }
}

#[test]
fn the_same_cluster_gives_the_same_objects() {
    for (name, patch) in CASES {
        assert_eq!(all(&valid(patch), &Live::default()), all(&valid(patch), &Live::default()), "{name}");
    }
}

/// What is in the settings is what Alluxio would take.
#[test]
fn alluxio_takes_the_settings() {
    for (case, cluster) in clusters() {
        for object in all(&cluster, &Live::default()).iter().filter(|object| object["kind"] == "ConfigMap") {
            let text = object["data"][alluxio_conf::SITE_FILE].as_str().expect("has the file");
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join(alluxio_conf::SITE_FILE), text).expect("written");
            let variables = [
                ("ALLUXIO_CONF_DIR", folder.path().to_str().expect("text")),
                ("ALLUXIO_MASTER_HOSTNAME", "m"),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let environment = alluxio_conf::Environment { variables, ..alluxio_conf::Environment::default() };
            for role in [alluxio_conf::Role::Master, alluxio_conf::Role::Worker, alluxio_conf::Role::Client] {
                if let Err(error) = alluxio_conf::Configuration::load_in(role, [], &environment) {
                    panic!("{case}: {}: {error}", name_of(object));
                }
            }
        }
    }
}
