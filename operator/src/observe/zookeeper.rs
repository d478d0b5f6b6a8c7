//! Whether ZooKeeper answers: by the word `srvr`, the only one that a server answers unless it was told otherwise.

use std::{net::SocketAddr, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
};

const ANSWER: Duration = Duration::from_secs(2);

/// No answer is longer.
const MAX_ANSWER: u64 = 8 << 10;

/// A server, by the names under which it is looked for; the first one that leads anywhere is asked.
pub type Server = Vec<String>;

/// A short name is one of the cluster's namespace, where masters look it up; the operator is in another one.
pub fn server(address: &str, namespace: &str) -> Server {
    let as_written = address.to_owned();
    match address.rsplit_once(':') {
        // A service, or a pod of a service. What has more dots means the same everywhere, and so does an address.
        Some((host, port)) if host.matches('.').count() < 2 && !host.contains(':') => {
            vec![format!("{host}.{namespace}.svc:{port}"), as_written]
        }
        _ => vec![as_written],
    }
}

/// Whether one of them serves.
pub async fn reachable(servers: &[Server]) -> bool {
    let mut asked: FuturesUnordered<_> = servers.iter().map(serves).collect();
    while let Some(serves) = asked.next().await {
        if serves {
            return true;
        }
    }
    false
}

async fn serves(server: &Server) -> bool {
    let answer = tokio::time::timeout(ANSWER, ask(server)).await;
    match answer {
        // A server without a quorum says "This ZooKeeper instance is not currently serving requests".
        Ok(Ok(answer)) => answer.contains("Zookeeper version") || answer.contains("is not in the whitelist"),
        Ok(Err(error)) => {
            tracing::debug!(?server, %error, "ZooKeeper does not answer");
            false
        }
        Err(_) => {
            tracing::debug!(?server, "ZooKeeper does not answer in time");
            false
        }
    }
}

async fn ask(server: &Server) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(&*look_up(server).await?).await?;
    stream.write_all(b"srvr").await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn look_up(server: &Server) -> std::io::Result<Vec<SocketAddr>> {
    let mut failed = std::io::Error::from(std::io::ErrorKind::NotFound);
    for name in server {
        match lookup_host(name).await {
            Ok(addresses) => return Ok(addresses.collect()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut word = [0; 4];
                stream.read_exact(&mut word).await.unwrap();
                assert_eq!(&word, b"srvr");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn one_that_serves_is_enough() {
        let serves = answering("Zookeeper version: 3.8.4\nMode: leader\n").await;
        let silent = answering("").await;
        let lost = answering("This ZooKeeper instance is not currently serving requests\n").await;
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        let one = |address: &String| vec![address.clone()];
        assert!(reachable(&[one(&closed), one(&lost), one(&serves)]).await);
        assert!(!reachable(&[one(&closed), one(&lost), one(&silent)]).await);
        assert!(!reachable(&[]).await);
        let nowhere = format!("{}:2181", "no-name-is-as-long".repeat(4));
        assert!(reachable(&[vec![nowhere.clone(), serves.clone()]]).await, "not known by the first name");
        assert!(!reachable(&[vec![closed, serves]]).await, "the first name that is known is the server's");
        assert!(!reachable(&[vec![nowhere]]).await);
    }

    #[test]
    fn short_names_are_looked_for_in_the_clusters_namespace() {
        for (written, looked_for) in [
            ("zookeeper:2181", "zookeeper.data.svc:2181 zookeeper:2181"),
            ("zk-0.zk:2181", "zk-0.zk.data.svc:2181 zk-0.zk:2181"),
            ("zk-0.zk.infra:2181", "zk-0.zk.infra:2181"),
            ("zk.example.com:2181", "zk.example.com:2181"),
            ("10.0.0.1:2181", "10.0.0.1:2181"),
            ("[fd00::1]:2181", "[fd00::1]:2181"),
        ] {
            assert_eq!(server(written, "data").join(" "), looked_for);
        }
    }

    /// The operator is in another namespace than the clusters of the examples.
    #[test]
    fn the_examples_servers_are_found_in_their_namespace() {
        let mut short = 0;
        for (name, cluster) in crate::fixture::examples() {
            for address in cluster.spec.zookeeper.iter().flat_map(|zookeeper| &zookeeper.addresses) {
                let names = server(address, "data");
                let is_short = !address.contains(".example.com:");
                assert_eq!(names[0].contains(".data.svc:"), is_short, "{name}: {names:?}");
                short += usize::from(is_short);
            }
        }
        assert_eq!(short, 4);
    }
}
