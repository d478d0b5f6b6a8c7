//! What the web pages of masters and workers share.
//!
//! Pages are rendered here, from templates that are compiled in ([`shell`] is what they all stand in); style
//! and script are compiled in too ([`assets`]), so a page asks nobody but the process it shows. Links are
//! relative: the pages work behind any path prefix. Beside them stand the JSON endpoints of Alluxio 2.9; what
//! is alike on masters and workers is in [`json`]. [`connections`] serves it all, within limits.

pub mod assets;
mod bodies;
pub mod connections;
mod cors;
pub mod guard;
pub mod json;
pub mod logs;
pub mod pages;
pub mod paging;
pub mod reply;
mod settings;
pub mod shell;
pub mod show;
pub mod text;

pub use reply::WebError;
pub use settings::WebSettings;
pub use shell::{Page, Shell};
