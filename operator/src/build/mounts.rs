//! The options of mounts.

use std::collections::BTreeMap;

use super::volumes;
use crate::validate::{HadoopPlan, MountPlan};

const HADOOP_FILES: &str = "alluxio.underfs.hdfs.configuration";

/// The options that a mount is made with, apart from its credentials, whose values only Secrets hold.
#[must_use]
pub fn mount_options(mount: &MountPlan) -> BTreeMap<String, String> {
    options(&mount.options, &volumes::mount_id(mount), mount.configuration.as_ref())
}

pub(super) fn options(
    options: &BTreeMap<String, String>,
    id: &str,
    configuration: Option<&HadoopPlan>,
) -> BTreeMap<String, String> {
    let mut options = options.clone();
    if let Some(configuration) = configuration {
        options.insert(HADOOP_FILES.to_owned(), volumes::hadoop_files(id, configuration));
    }
    options
}
