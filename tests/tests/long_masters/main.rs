//! What takes minutes, or need not be seen on every change, of several masters.

mod ensemble;
mod faults;
mod java_masters;
mod lost_machine;
