//! The rig's own comparison of large files: were it blind, the peer tests would show nothing.

use std::fs;

use alluxio_tests::payload::{ensure_same, md5_hex, write};
use anyhow::Result;

#[test]
fn a_changed_byte_and_a_missing_end_are_noticed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    write(&a, 3_000_001, 7)?;
    write(&b, 3_000_001, 7)?;
    ensure_same(&a, &b)?;
    write(&b, 3_000_000, 7)?;
    assert!(ensure_same(&a, &b).is_err());
    assert!(ensure_same(&b, &a).is_err());
    let mut bytes = fs::read(&a)?;
    bytes[2_500_000] ^= 1;
    fs::write(&b, bytes)?;
    assert!(ensure_same(&a, &b).is_err());
    Ok(())
}

#[test]
fn sums_are_those_of_md5() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, "message digest")?;
    // RFC 1321, A.5
    assert_eq!(md5_hex(&file)?, "f96b697d7cb7938d525a2f31aaf161d0");
    Ok(())
}
