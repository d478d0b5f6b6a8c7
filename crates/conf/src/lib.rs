//! Configuration: every property in one table (`properties.tsv`), where values come from, which source wins,
//! and what is told to a user who got one wrong. All values are checked when they are loaded, so reading one
//! later cannot fail.
//!
//! ```
//! use alluxio_conf::{Configuration, key};
//! let conf = Configuration::defaults();
//! assert_eq!(conf.get(key::MASTER_RPC_PORT), 19998);
//! assert_eq!(conf.opt(key::MASTER_HOSTNAME), None);
//! ```

mod computed;
mod configuration;
mod environment;
mod error;
mod java_opts;
mod kind;
mod load;
mod nearest;
pub mod parse;
mod properties_file;
mod resolve;
mod rules;
mod settings;
mod source;
mod table;
mod template;
mod tiers;
mod typed;
mod unit;
mod view;

pub use configuration::Configuration;
pub use environment::{Environment, Machine};
pub use error::ConfError;
pub use java_opts::properties_of;
pub use kind::{Kind, Value};
pub use load::{Loaded, SITE_FILE};
pub use parse::Span;
pub use source::{Place, Source};
pub use table::{Effect, Idle, Property, Role, Scope, canonical, describe, properties};
pub use tiers::{Tier, TierDir};
pub use typed::{Bool, Double, Int, Key, KeyName, List, Size, Str, UnsetKey, ValueKind};
pub use unit::Unit;
pub use view::{Entry, MASKED, is_secret, shown_option};

/// One constant per property: `alluxio.master.rpc.port` is [`key::MASTER_RPC_PORT`].
pub mod key {
    use crate::Span;
    use crate::typed::{Bool, Double, Int, Key, List, Size, Str, UnsetKey};

    include!(concat!(env!("OUT_DIR"), "/keys.rs"));
}

#[cfg(test)]
mod mistakes_tests;
#[cfg(test)]
mod site_fixture;
