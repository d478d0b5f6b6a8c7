//! Mounts: making, changing and ending them ([`change`]), and telling what there is ([`table`]).

mod change;
mod modes;
mod table;

pub use self::table::mount_info;
