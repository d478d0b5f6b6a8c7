//! `alluxio-site.properties`: the settings of each role, and how they are written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{mounts, names, volumes};
use crate::crd::MediumType;
use crate::validate::{
    JournalPlan, RootSource, ShortCircuitPlan, TierPlan, ValidatedCluster, WorkerPlan, ZooKeeperPlan,
};

pub(super) type Site = BTreeMap<String, String>;

/// What only lies in the pod while it lives.
pub(super) const WORK_FOLDER: &str = "/var/lib/alluxio";
/// Where the sockets of short circuit are.
pub(super) const SOCKET_FOLDER: &str = "/opt/domain";

/// What masters tell clients of the original, and workers do, so that they give up a leader that was lost with its node soon after its session of 10 s has ended
/// (docs/decisions/0007-sessions-and-windows.md). What the user says counts more.
const SILENCE: [(&str, &str); 3] = [
    ("alluxio.network.connection.health.check.timeout", "1s"),
    ("alluxio.user.network.rpc.keepalive.time", "10s"),
    ("alluxio.user.network.rpc.keepalive.timeout", "2200ms"),
];

const SHORT_CIRCUIT: &str = "alluxio.user.short.circuit.enabled";

/// The settings of a master.
pub(super) fn master(cluster: &ValidatedCluster) -> Site {
    let mut site = cluster.properties.master.clone();
    // Masters tell it to all clients.
    if no_short_circuit(cluster) {
        set(&mut site, SHORT_CIRCUIT, "false");
    }
    common(cluster, &mut site);
    if cluster.zookeeper.is_some() {
        // A pod that is started elsewhere takes over from one that still runs on a node of which Kubernetes hears nothing.
        set(&mut site, "alluxio.master.replaces.namesake", "true");
    }
    journal(cluster, &mut site);
    root(cluster, &mut site);
    // One that a roll has not replaced yet, or that does not come up, must be able to run the image before.
    site.entry("alluxio.master.journal.format.raise.min.masters".to_owned())
        .or_insert_with(|| cluster.masters.count.to_string());
    site
}

/// Whether masters are told that there is none. What the user says of it counts more.
pub(super) fn no_short_circuit(cluster: &ValidatedCluster) -> bool {
    !cluster.properties.master.contains_key(SHORT_CIRCUIT)
        && cluster.workers.iter().all(|group| group.short_circuit == ShortCircuitPlan::Disabled)
}

/// Settings that a later operator may write, and images do not know.
fn next(site: &mut Site) {
    if cfg!(feature = "next-template") {
        set(site, "alluxio.of.a.later.release", "true");
    }
}

/// The settings of a worker.
pub(super) fn worker(cluster: &ValidatedCluster, group: &WorkerPlan) -> Site {
    let mut site = cluster.properties.worker.clone();
    common(cluster, &mut site);
    set(&mut site, "alluxio.worker.rpc.port", group.pod.rpc_port.to_string());
    set(&mut site, "alluxio.worker.web.port", group.pod.web_port.to_string());
    if let ShortCircuitPlan::Uuid { .. } = group.short_circuit {
        set(&mut site, "alluxio.worker.data.server.domain.socket.address", SOCKET_FOLDER.to_owned());
        set(&mut site, "alluxio.worker.data.server.domain.socket.as.uuid", "true");
    }
    tiers(&group.tiers, &mut site);
    site
}

fn set(site: &mut Site, name: &str, value: impl Into<String>) {
    site.insert(name.to_owned(), value.into());
}

fn common(cluster: &ValidatedCluster, site: &mut Site) {
    next(site);
    let masters = &cluster.masters;
    set(site, "alluxio.work.dir", WORK_FOLDER.to_owned());
    // A backup is spooled there, of all files: /tmp is small, and the kubelet ends a pod that fills it.
    set(site, "alluxio.tmp.dirs", WORK_FOLDER.to_owned());
    set(site, "alluxio.master.rpc.port", masters.pod.rpc_port.to_string());
    set(site, "alluxio.master.web.port", masters.pod.web_port.to_string());
    match &cluster.zookeeper {
        Some(plan) => {
            zookeeper(plan, site);
            for (name, value) in SILENCE {
                site.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        None => {
            let pod = names::master_pod(&cluster.identity.name, 0);
            set(site, "alluxio.master.hostname", names::master_host(&cluster.identity, &pod));
        }
    }
}

fn zookeeper(plan: &ZooKeeperPlan, site: &mut Site) {
    set(site, "alluxio.zookeeper.enabled", "true");
    set(site, "alluxio.zookeeper.address", plan.address());
    set(site, "alluxio.zookeeper.election.path", format!("{}/election", plan.chroot));
    set(site, "alluxio.zookeeper.leader.path", names::leader_path(plan));
    set(site, "alluxio.zookeeper.session.timeout", format!("{}s", plan.session_timeout_seconds));
    if plan.auth.is_some() {
        set(site, "java.security.auth.login.config", volumes::login_file());
    }
}

fn journal(cluster: &ValidatedCluster, site: &mut Site) {
    match &cluster.journal {
        JournalPlan::Hdfs { uri, configuration, .. } => {
            set(site, "alluxio.master.journal.folder", uri.clone());
            if let Some(configuration) = configuration {
                let files = volumes::hadoop_files(volumes::JOURNAL, configuration);
                set(site, "alluxio.master.journal.ufs.option.alluxio.underfs.hdfs.configuration", files);
            }
        }
        JournalPlan::Claim(_) | JournalPlan::Existing { .. } => {
            let folder = cluster.journal.claim(&cluster.identity.name).map(|(_, folder)| folder);
            set(
                site,
                "alluxio.master.journal.folder",
                format!("{}/{}", volumes::JOURNAL_FOLDER, folder.unwrap_or_default()),
            );
        }
    }
}

fn root(cluster: &ValidatedCluster, site: &mut Site) {
    const ROOT: &str = "alluxio.master.mount.table.root";
    let root = &cluster.root;
    match &root.source {
        RootSource::Uri(uri) => set(site, &format!("{ROOT}.ufs"), uri.clone()),
        RootSource::Claim(_) => {
            set(site, &format!("{ROOT}.ufs"), volumes::ROOT_FOLDER.to_owned());
            // It is the same claim on every node, whatever its file system looks like.
            set(site, &format!("{ROOT}.local.disk.allowed"), "true");
        }
        RootSource::HostFolder(_) => set(site, &format!("{ROOT}.ufs"), volumes::ROOT_FOLDER.to_owned()),
    }
    if root.settings.read_only {
        set(site, &format!("{ROOT}.readonly"), "true");
    }
    for (name, value) in
        mounts::options(&root.settings.options, volumes::ROOT, root.settings.configuration.as_ref())
    {
        set(site, &format!("{ROOT}.option.{name}"), value);
    }
}

/// Folders of one medium are one tier.
fn tiers(folders: &[TierPlan], site: &mut Site) {
    let mut levels: Vec<(MediumType, Vec<&TierPlan>)> = Vec::new();
    for folder in folders {
        match levels.last_mut() {
            Some((medium, level)) if *medium == folder.medium => level.push(folder),
            _ => levels.push((folder.medium, vec![folder])),
        }
    }
    set(site, "alluxio.worker.tieredstore.levels", levels.len().to_string());
    for (at, (medium, level)) in levels.iter().enumerate() {
        let list = |value: fn(&TierPlan) -> String| {
            level.iter().map(|folder| value(folder)).collect::<Vec<_>>().join(",")
        };
        let prefix = format!("alluxio.worker.tieredstore.level{at}");
        set(site, &format!("{prefix}.alias"), medium.name().to_owned());
        set(site, &format!("{prefix}.dirs.path"), list(|folder| folder.path.clone()));
        set(site, &format!("{prefix}.dirs.mediumtype"), list(|folder| folder.medium.name().to_owned()));
        set(site, &format!("{prefix}.dirs.quota"), list(|folder| folder.quota.to_string()));
    }
}

/// The file as Java reads it: what has a meaning in it is escaped, what is not ASCII is written as `\uXXXX`.
pub(super) fn text(site: &Site) -> String {
    let mut text = String::new();
    for (name, value) in site {
        escape(name, true, &mut text);
        text.push('=');
        escape(value, false, &mut text);
        text.push('\n');
    }
    text
}

fn escape(text: &str, is_name: bool, out: &mut String) {
    for (at, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if is_name || at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_name => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alluxio_conf::{Configuration, Environment, Role};

    use super::*;

    #[test]
    fn alluxio_reads_what_is_written() {
        let values = [
            "plain",
            "a=b:c",
            " leading",
            "trailing\\",
            "two\nlines",
            "tab\there",
            "gr\u{fc}n \u{1f600}",
            "#no comment",
            "a,b",
        ];
        let site: Site = values
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("fs.some option:{at}=#"), (*value).to_owned()))
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(alluxio_conf::SITE_FILE), text(&site)).expect("written");
        let variables =
            BTreeMap::from([("ALLUXIO_CONF_DIR".to_owned(), folder.path().display().to_string())]);
        let environment = Environment { variables, ..Environment::default() };
        let loaded = Configuration::load_in(Role::Master, [], &environment).expect("is read");
        for (name, value) in &site {
            // Alluxio takes blanks off the ends of values.
            assert_eq!(loaded.conf.by_name(name).as_deref(), Some(value.trim()), "{name}");
        }
    }
}
