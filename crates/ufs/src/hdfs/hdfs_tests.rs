//! What can be told of HDFS without one; with a real one: `ufs_hdfs*` in `tests/`.

use std::collections::BTreeMap;

use alluxio_conf::Configuration;

use super::*;

fn opened(address: &str, options: &[(&str, &str)]) -> Result<HdfsUfs> {
    let options: BTreeMap<_, _> =
        options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let uri = UfsUri::parse(address)?;
    let conf = MountConf::new(&Configuration::defaults(), &DRIVER, &uri, &options)?;
    HdfsUfs::new(uri, &conf)
}

#[test]
fn sizes_are_read_as_hadoop_writes_them() {
    assert_eq!((size("134217728"), size("128m"), size("1K")), (Some(128 << 20), Some(128 << 20), Some(1024)));
    assert_eq!(
        (size(""), size("m"), size("12x"), size("0"), size("99999999999t")),
        (None, None, None, None, None)
    );
}

#[tokio::test]
async fn hadoops_words_are_options_of_a_mount() {
    let ufs =
        opened("hdfs://nn/a", &[("dfs.blocksize", "1m"), ("fs.permissions.umask-mode", "077")]).unwrap();
    assert_eq!((ufs.inner.block_size, ufs.inner.umask), (Some(1 << 20), 0o077));
    let refusal = opened("hdfs://nn/a", &[("dfs.blocksize", "large")]).unwrap_err();
    assert_eq!(refusal.kind(), UfsErrorKind::InvalidArgument);
    assert!(refusal.to_string().contains("dfs.blocksize is 'large'"), "{refusal}");
    let refusal = opened("hdfs://nn/a", &[("alluxio.underfs.hdfs.configuration", "/nowhere/core-site.xml")])
        .unwrap_err();
    assert!(refusal.to_string().contains("/nowhere/core-site.xml"), "{refusal}");
}

#[tokio::test]
async fn a_namenode_that_is_away_is_unavailable_and_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ufs = opened(&format!("hdfs://{free}/a"), &[("dfs.client.failover.max.attempts", "0")]).unwrap();
    let error = ufs.status(&UfsPath::parse("b").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), UfsErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot get the status of hdfs://{free}/a/b: HDFS does not answer: ")),
        "{text}"
    );
}
