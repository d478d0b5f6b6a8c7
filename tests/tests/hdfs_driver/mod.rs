//! The driver of HDFS on the rig's HDFS.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_conf::Configuration;
use alluxio_tests::hdfs::Hdfs;
use alluxio_ufs::{Attributes, CreateOptions, UfsPath, UnderFs, open_ufs};
use anyhow::Result;
use bytes::Bytes;

/// A folder of it, mounted with these options.
pub fn open(hdfs: &Hdfs, path: &str, options: &[(&str, &str)]) -> Result<Arc<dyn UnderFs>> {
    let options: BTreeMap<_, _> =
        options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Ok(open_ufs(&Configuration::defaults(), &format!("{}{path}", hdfs.uri()), &options)?)
}

/// Writes a file, with its parents.
pub async fn put(ufs: &dyn UnderFs, path: &str, content: &[u8], attributes: Attributes) -> Result<()> {
    let options =
        CreateOptions { attributes, parents: Some(Attributes::default()), ..CreateOptions::default() };
    let mut writer = ufs.create(&UfsPath::parse(path)?, options).await?;
    writer.write(Bytes::copy_from_slice(content)).await?;
    writer.close().await?;
    Ok(())
}
