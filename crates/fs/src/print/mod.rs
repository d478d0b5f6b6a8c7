//! How sizes, dates and permissions are written for people, as the original writes them: on the terminal and
//! in the JSON of the web pages. Scripts parse these, so each format is pinned by a test.

pub mod date;
mod number;
mod permission;
pub mod size;

pub use date::DateFormat;
pub use number::{grouped, uptime};
pub use permission::permission;
