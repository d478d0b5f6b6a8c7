//! Other clusters.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::crd::{AlluxioCluster, AlluxioClusterStatus, JournalStatus, Reason};

/// A cluster that was there before.
fn older(namespace: &str, name: &str, patch: &str) -> AlluxioCluster {
    let mut other = cluster(patch);
    other.metadata.namespace = Some(namespace.to_owned());
    other.metadata.name = Some(name.to_owned());
    other.metadata.uid = Some(format!("uid of {name}"));
    other.metadata.creation_timestamp = Some(Time("2026-01-01T00:00:00Z".parse().expect("a time")));
    other
}

fn told(patch: &str, other: &AlluxioCluster) -> String {
    let mut facts = facts();
    facts.others = vec![other];
    match validate(&cluster(patch), &facts) {
        Ok(_) => String::new(),
        Err(refusals) => {
            assert_eq!(refusals.reason(), Reason::ConflictsWithCluster);
            refusals.to_string()
        }
    }
}

#[test]
fn two_clusters_never_share_a_journal() {
    let hdfs = "journal: {uri: 'hdfs://n/j'}";
    let seen = told(hdfs, &older("x", "other", "journal: {uri: 'hdfs://n/j/'}"));
    assert_eq!(seen, "spec.journal: is the journal of x/other; choose a folder of its own");
    assert_eq!(told(hdfs, &older("x", "other", "journal: {uri: 'hdfs://n/k'}")), "");
    let claim = "journal: {existingClaim: {claimName: c, path: a}}";
    assert!(
        told(claim, &older("data", "other", claim)).starts_with("spec.journal: is the journal of data/other")
    );
    assert_eq!(told(claim, &older("x", "other", claim)), "", "claims of two namespaces are two");
    let other = older("data", "other", "journal: {existingClaim: {claimName: c, path: b}}");
    assert_eq!(told(claim, &other), "");
    let defaults = "journal: {existingClaim: {claimName: c}}";
    assert_eq!(told(defaults, &older("data", "other", defaults)), "");
}

#[test]
fn two_clusters_never_share_a_folder_in_zookeeper() {
    let mine = "zookeeper: {addresses: ['z:1', 'y:1'], chroot: /a}";
    let seen = told(mine, &older("x", "other", "zookeeper: {addresses: ['y:1'], chroot: /a}"));
    assert_eq!(seen, "spec.zookeeper.chroot: is /a, the folder of x/other; choose a folder of its own");
    assert_eq!(told(mine, &older("x", "other", "zookeeper: {addresses: ['w:1'], chroot: /a}")), "");
    assert_eq!(told(mine, &older("x", "other", "zookeeper: {addresses: ['z:1'], chroot: /b}")), "");
    let default = "zookeeper: {addresses: ['z:1']}";
    assert_eq!(told(default, &older("data", "other", default)), "");
}

#[test]
fn ports_of_nodes_are_shared_by_no_two() {
    let host = "masters: {network: Host}";
    let seen = told(host, &older("x", "other", host));
    assert!(
        seen.starts_with(
            "spec.masters.ports.rpc: is 19998, which spec.masters of x/other has on the same nodes"
        ),
        "{seen}"
    );
    assert_eq!(
        told(host, &older("x", "other", "masters: {network: Host, ports: {rpc: 19000, web: 19001}}")),
        ""
    );
    assert_eq!(told(host, &older("x", "other", "{}")), "");
    let on =
        |disk: &str| format!("masters: {{network: Host, scheduling: {{nodeSelector: {{disk: {disk}}}}}}}");
    assert_eq!(told(&on("ssd"), &older("x", "other", &on("hdd"))), "");
    assert_ne!(told(&on("ssd"), &older("x", "other", &on("ssd"))), "");
    let worker = "workers: [{name: a, network: Host, ports: {rpc: 29999, web: 19999}}]";
    let seen = told(worker, &older("x", "other", host));
    assert!(seen.starts_with("spec.workers[a].ports.web: is 19999"), "{seen}");
}

#[test]
fn folders_of_nodes_are_shared_by_no_two() {
    let disk = |path: &str| {
        format!(
            "workers: [{{name: a, tiers: [{{mediumType: SSD, quota: 1Gi, volume: {{hostPath: {{path: {path}}}}}}}]}}]"
        )
    };
    let seen = told(&disk("/d"), &older("x", "other", &disk("/d")));
    assert!(
        seen.starts_with(
            "spec.workers[a].tiers[].volume.hostPath: is /d, which spec.workers[a] of x/other has"
        ),
        "{seen}"
    );
    assert_eq!(told(&disk("/d"), &older("x", "other", &disk("/e"))), "");
}

#[test]
fn affinity_of_both_is_looked_into() {
    let on = |disk: &str| {
        format!(
            "masters: {{network: Host, scheduling: {{affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: disk, operator: In, values: [{disk}]}}]}}]}}}}}}}}}}"
        )
    };
    assert_eq!(told(&on("ssd"), &older("x", "other", &on("hdd"))), "");
    assert!(
        told(&on("ssd"), &older("x", "other", &on("ssd"))).starts_with("spec.masters.ports.rpc: is 19998")
    );
    let apart = "masters: {network: Host, scheduling: {affinity: {podAntiAffinity: {}}}}";
    assert!(told(apart, &older("x", "other", apart)).starts_with("spec.masters.ports.rpc: is 19998"));
    // What nobody can read keeps nobody away: that cluster runs as it did.
    let unread = "masters: {network: Host, scheduling: {affinity: {nodeAffinity: 1}}}";
    assert_eq!(told(&on("ssd"), &older("x", "other", unread)), "");
}

/// A required anti-affinity by host name, with a term's other fields, over masters on the nodes' network.
fn keeping_off(term: &str) -> String {
    format!(
        "masters: {{network: Host, scheduling: {{affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: kubernetes.io/hostname, {term}}}]}}}}}}}}"
    )
}

#[test]
fn anti_affinity_keeps_apart_whom_it_selects() {
    let masters = "labelSelector: {matchLabels: {app.kubernetes.io/component: master}}";
    let (host, mine) = ("masters: {network: Host}", &keeping_off(masters));
    assert_eq!(told(mine, &older("data", "other", host)), "");
    assert_eq!(told(host, &older("data", "other", mine)), "", "it holds for both, whichever has it");
    let named = format!("{masters}, namespaces: [data, x]");
    assert_eq!(told(&keeping_off(&named), &older("x", "other", host)), "");
    let selects =
        |expression: &str| keeping_off(&format!("labelSelector: {{matchExpressions: [{expression}]}}"));
    assert_eq!(
        told(
            &selects("{key: app.kubernetes.io/instance, operator: In, values: [other]}"),
            &older("data", "other", host)
        ),
        ""
    );
    let teams = "masters: {network: Host, podTemplate: {metadata: {labels: {team: b}}}}";
    assert_eq!(told(&selects("{key: team, operator: Exists}"), &older("data", "other", teams)), "");
    for (mine, namespace) in [
        (mine, "x"),
        (&keeping_off("namespaces: [data]"), "data"),
        (&keeping_off("labelSelector: {matchLabels: {app.kubernetes.io/component: worker}}"), "data"),
        (&selects("{key: app.kubernetes.io/instance, operator: NotIn, values: [other]}"), "data"),
        (&selects("{key: team, operator: Exists}"), "data"),
        (&mine.replace("kubernetes.io/hostname", "topology.kubernetes.io/zone"), "data"),
        (
            &mine
                .replace("required", "preferred")
                .replace("[{", "[{weight: 1, podAffinityTerm: {")
                .replace("}]", "}}]"),
            "data",
        ),
    ] {
        assert!(
            told(mine, &older(namespace, "other", host)).starts_with("spec.masters.ports.rpc: is 19998"),
            "{mine}"
        );
    }
}

#[test]
fn a_workers_claim_is_its_own() {
    let worker = "workers: [{name: a, kind: StatefulSet, count: 1, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]";
    let seen = told(worker, &older("data", "other", worker));
    assert_eq!(
        seen,
        "spec.workers[a].tiers[].volume.claim: names c, which spec.workers[a].tiers[].volume.claim of data/other has, too; use another claim"
    );
    assert_eq!(told(worker, &older("x", "other", worker)), "", "claims of two namespaces are two");
    let root = "underStorage: {root: {uri: null, claim: c}}";
    let seen = told(root, &older("data", "other", worker));
    assert!(seen.starts_with("spec.underStorage.root.claim: names c, which spec.workers[a]"), "{seen}");
    let journal = "journal: {existingClaim: {claimName: c}}";
    let seen = told(worker, &older("data", "other", journal));
    assert!(
        seen.starts_with("spec.workers[a].tiers[].volume.claim: names c, which spec.journal of"),
        "{seen}"
    );
    assert_eq!(told(root, &older("data", "other", root)), "", "two may show the same files");
}

#[test]
fn a_journals_claim_is_shared_with_journals_only_and_not_where_it_goes_with_a_cluster() {
    let root = |claim: &str| format!("underStorage: {{root: {{uri: null, claim: {claim}}}}}");
    let journal = |claim: &str| format!("journal: {{existingClaim: {{claimName: {claim}}}}}");
    assert_eq!(
        told(&journal("c"), &older("data", "other", &journal("c"))),
        "",
        "each has a folder of its own"
    );
    for (mine, theirs, seen) in [
        (
            root("c"),
            journal("c"),
            "spec.underStorage.root.claim: names c, which spec.journal of data/other has, too",
        ),
        (
            journal("c"),
            root("c"),
            "spec.journal: names c, which spec.underStorage.root.claim of data/other has, too",
        ),
        (
            root("other-journal"),
            "{}".to_owned(),
            "spec.underStorage.root.claim: names other-journal, which spec.journal of",
        ),
        (
            journal("other-journal"),
            "{}".to_owned(),
            "spec.journal: names other-journal, which spec.journal of data/other has",
        ),
        (
            "{}".to_owned(),
            journal("demo-journal"),
            "spec.journal: names demo-journal, which spec.journal of data/other has",
        ),
    ] {
        let told = told(&mine, &older("data", "other", &theirs));
        assert!(told.starts_with(seen), "{told}");
    }
}

/// It can change neither field.
#[test]
fn what_began_with_files_and_journal_on_one_claim_goes_on() {
    let both = "journal: {existingClaim: {claimName: c}}\nunderStorage: {root: {uri: null, claim: c}}";
    let mut began = cluster(both);
    assert!(validate(&began, &facts()).is_err());
    began.status = Some(AlluxioClusterStatus {
        journal: Some(JournalStatus { cluster_id: "id".to_owned(), location: "c".to_owned(), format: None }),
        ..AlluxioClusterStatus::default()
    });
    validate(&began, &facts()).expect("it runs");
    let other = older("data", "other", "underStorage: {root: {uri: null, claim: demo-journal}}");
    began.spec = cluster("{}").spec;
    let mut facts = facts();
    facts.others = vec![&other];
    let refusals = validate(&began, &facts).expect_err("the claim goes with this cluster").to_string();
    assert!(
        refusals.ends_with("move into a new cluster with another claim (docs/moving-in.md)"),
        "{refusals}"
    );
}

#[test]
fn the_older_one_is_left_alone() {
    let hdfs = "journal: {uri: 'hdfs://n/j'}";
    let mut younger = older("x", "other", hdfs);
    younger.metadata.creation_timestamp = Some(Time("2026-01-03T00:00:00Z".parse().expect("a time")));
    assert_eq!(told(hdfs, &younger), "");
    // Itself is not another one.
    assert_eq!(told(hdfs, &cluster(hdfs)), "");
}
