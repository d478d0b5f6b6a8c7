//! One master and its workers: kill -9, full disks, damaged journals, bad input.

mod backup;
mod every_method;
mod idle_clients;
mod journal;
mod master_kill;
mod requests;
mod start;
mod worker_kill;
