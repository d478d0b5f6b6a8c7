//! What the rig of the faults is made of: it must find what is wrong.

mod history;
mod shared_folder;
