//! The ports of masters and workers, which differ in their defaults and in who calls them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ports {
    ($(#[$about:meta])* $name:ident, rpc: $rpc:literal $callers:literal, web: $web:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            #[doc = $callers]
            #[schemars(range(min = 1024, max = 65_535))]
            pub rpc: i32,

            /// For web pages, health and metrics.
            #[schemars(range(min = 1024, max = 65_535))]
            pub web: i32,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { rpc: $rpc, web: $web }
            }
        }
    };
}

ports!(
    /// A master's ports.
    MasterPorts, rpc: 19_998 "For clients and workers.", web: 19_999
);

ports!(
    /// A worker's ports.
    WorkerPorts, rpc: 29_999 "For clients: data and calls.", web: 30_000
);
