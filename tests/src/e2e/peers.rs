//! Whom a process of this machine is connected to.

use std::{collections::BTreeSet, net::SocketAddr};

use anyhow::{Context, Result};

use super::tools::run;

/// The other ends of its TCP connections that are established now.
pub fn peers_of(process: u32) -> Result<BTreeSet<SocketAddr>> {
    let all = run("ss", &["--no-header", "--numeric", "--tcp", "--processes", "state", "established"], "")?;
    let its = format!(",pid={process},");
    all.lines().filter(|line| line.contains(&its)).map(peer).collect()
}

/// Of a line: queues, the own end, the other one, processes.
fn peer(line: &str) -> Result<SocketAddr> {
    let end = line.split_whitespace().nth(3);
    let end: SocketAddr = end.and_then(|end| end.parse().ok()).with_context(|| format!("ss: {line:?}"))?;
    // A JVM's sockets are of both protocols: ::ffff:10.88.0.11.
    Ok(SocketAddr::new(end.ip().to_canonical(), end.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_are_understood() -> Result<()> {
        let line = |ends: &str| format!("0      0      {ends} users:((\"java\",pid=7,fd=12))");
        let wanted: SocketAddr = "10.88.0.11:19998".parse()?;
        assert_eq!(peer(&line("10.88.0.1:40000 10.88.0.11:19998"))?, wanted);
        assert_eq!(peer(&line("[::ffff:10.88.0.1]:40000 [::ffff:10.88.0.11]:19998"))?, wanted);
        assert!(peer("0 0").is_err());
        Ok(())
    }
}
