//! Bringing blocks onto workers because somebody asked the master for it: load jobs ([`load_job`], `fs load --submit`), and as
//! many copies as files are to have ([`replicas`], `fs setReplication`).
//!
//! Nothing of it is journaled: a load job that a change of leader ends is submitted again, and passes over what is cached;
//! copies are counted anew.

mod calls;
mod lanes;
mod load_job;
mod load_report;
mod replicas;
mod wanted;

pub(super) use self::load_job::LoadJobs;

#[cfg(test)]
mod fake_workers;
