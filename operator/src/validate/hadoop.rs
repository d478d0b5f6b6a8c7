//! Hadoop's configuration, from a ConfigMap or a Secret.

use super::facts::{self, HADOOP_FILES};
use super::{Facts, Reference};
use crate::crd::HadoopConfiguration;

/// Which object, and which files it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HadoopPlan {
    pub reference: Reference,
    pub files: Vec<&'static str>,
}

/// The plan; what is missing is told with all references.
pub(super) fn plan(configuration: Option<&HadoopConfiguration>, facts: &Facts) -> Option<HadoopPlan> {
    let reference = facts::hadoop(configuration?)?;
    let found = facts.found.get(&reference)?;
    let files = HADOOP_FILES.into_iter().filter(|file| found.digests.contains_key(*file)).collect();
    Some(HadoopPlan { reference, files })
}
