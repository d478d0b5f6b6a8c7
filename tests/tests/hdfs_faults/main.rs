//! Faults that wait for time limits of HDFS; its name service, and Kerberos.

#[path = "../hdfs_cluster/mod.rs"]
mod hdfs_cluster;
#[path = "../hdfs_driver/mod.rs"]
mod hdfs_driver;
#[path = "../on_hdfs/mod.rs"]
mod on_hdfs;

mod journal;
mod kerberos;
mod masters;
mod name_service;
mod start;
mod under_storage;
