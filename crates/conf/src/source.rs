//! Where a value came from: which source wins, and the place to show to a user.

use std::fmt;
use std::path::PathBuf;

/// The kind of place a value came from, from the weakest to the strongest. Displayed as Java displays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    /// What the master told its clients and workers.
    ClusterDefault,
    /// The one `alluxio-site.properties` that was read.
    SiteProperty(PathBuf),
    /// `-Dname=value`, or an environment variable that stands for one.
    SystemProperty,
    /// Set for a path with `fsadmin pathConf`.
    PathDefault,
    /// Set while running.
    Runtime,
    /// Given with a mount.
    MountOption,
}

impl Source {
    /// A value replaces another one whose source has no higher rank.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Source::Default => 0,
            Source::ClusterDefault => 1,
            Source::SiteProperty(_) => 2,
            Source::SystemProperty => 3,
            Source::PathDefault => 4,
            Source::Runtime => 5,
            Source::MountOption => 6,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("DEFAULT"),
            Source::ClusterDefault => f.write_str("CLUSTER_DEFAULT"),
            Source::SiteProperty(path) => write!(f, "SITE_PROPERTY ({})", path.display()),
            Source::SystemProperty => f.write_str("SYSTEM_PROPERTY"),
            Source::PathDefault => f.write_str("PATH_DEFAULT"),
            Source::Runtime => f.write_str("RUNTIME"),
            Source::MountOption => f.write_str("MOUNT_OPTION"),
        }
    }
}

/// Where exactly a value was written, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Default,
    Line { path: PathBuf, line: usize },
    Argument,
    Variable(&'static str),
    Cluster,
    Runtime,
    Mount,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => f.write_str("default"),
            Place::Line { path, line } => write!(f, "{} line {line}", path.display()),
            Place::Argument => f.write_str("-D argument"),
            Place::Variable(name) => write!(f, "environment variable {name}"),
            Place::Cluster => f.write_str("sent by the master"),
            Place::Runtime => f.write_str("set at run time"),
            Place::Mount => f.write_str("option of the mount"),
        }
    }
}
