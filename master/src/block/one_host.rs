//! Workers that must all run on one host, because they keep files where others cannot reach them.

use alluxio_fs::FsError;

use super::{
    master::BlockMaster,
    worker::{Endpoint, Standing},
};

/// All names of this machine to itself. Others are taken for hosts of their own.
const HERE: &str = "localhost";

fn host(endpoint: &Endpoint) -> &str {
    let name = endpoint.host.as_str();
    if name == "::1" || name.starts_with("127.") { HERE } else { name }
}

impl BlockMaster {
    /// Refuses a worker that runs on another host than those that serve. Workers register one after the other under
    /// the lock of the slots, which the caller holds: of two hosts the first one stays.
    pub(super) fn check_host(&self, endpoint: &Endpoint) -> Result<(), FsError> {
        let Some(reason) = &self.options.one_host else { return Ok(()) };
        let other = self.workers.known().into_iter().find_map(|worker| {
            let record = worker.record();
            let serves = record.standing == Standing::Active || record.attempt.is_some();
            let other = Endpoint::of(&record.address);
            (serves && host(&other) != host(endpoint)).then_some(other)
        });
        match other {
            None => Ok(()),
            Some(other) => Err(FsError::failed_precondition(format!(
                "Worker {endpoint} is refused beside worker {other}: {reason}."
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use alluxio_fs::ErrorKind;

    use super::super::{
        BlockOptions, Registration,
        test_cluster::{TestCluster, options},
    };

    fn local_disk() -> TestCluster {
        TestCluster::starting(BlockOptions { one_host: Some("it is a local disk".to_owned()), ..options() })
    }

    #[tokio::test]
    async fn a_second_host_is_refused_as_long_as_the_first_one_serves() {
        let cluster = local_disk();
        let first = cluster.register("a", []).await;
        let other = cluster.id("b");
        let error = cluster.master.begin_registration(other, Registration::default()).err().unwrap();
        assert_eq!(error.kind, ErrorKind::FailedPrecondition);
        assert_eq!(error.message, "Worker b:29999 is refused beside worker a:29999: it is a local disk.");
        assert!(!cluster.master.is_worker_live(other));
        cluster.register("a", []).await;
        cluster.master.retire(&cluster.master.workers.get(first).unwrap());
        cluster.register("b", []).await;
    }

    #[tokio::test]
    async fn a_registration_under_way_counts() {
        let cluster = local_disk();
        let (a, b) = (cluster.id("a"), cluster.id("b"));
        let attempt = cluster.master.begin_registration(a, Registration::default()).unwrap();
        assert!(cluster.master.begin_registration(b, Registration::default()).is_err());
        drop(attempt);
        assert!(cluster.master.begin_registration(b, Registration::default()).is_ok());
    }

    #[tokio::test]
    async fn loopback_addresses_are_one_host_and_a_shared_folder_binds_nobody() {
        let cluster = local_disk();
        for host in ["localhost", "127.0.0.1", "127.0.0.2", "::1"] {
            cluster.register(host, []).await;
        }
        let cluster = TestCluster::new();
        for host in ["a", "b"] {
            cluster.register(host, []).await;
        }
    }
}
