//! Under storages where it takes a minute to see: a real engine over HDFS, persisting that is cut off, a store that is silent.

mod silence;
mod spark;
