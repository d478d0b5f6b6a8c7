//! Whether ZooKeeper answers: by the word `srvr`, the only one that a server answers unless it was told otherwise.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const ANSWER: Duration = Duration::from_secs(2);

/// No answer is longer.
const MAX_ANSWER: u64 = 8 << 10;

/// Whether one of them serves.
pub async fn reachable(addresses: &[String]) -> bool {
    let mut asked: FuturesUnordered<_> = addresses.iter().map(|address| serves(address)).collect();
    while let Some(serves) = asked.next().await {
        if serves {
            return true;
        }
    }
    false
}

async fn serves(address: &str) -> bool {
    let answer = tokio::time::timeout(ANSWER, ask(address)).await;
    match answer {
        // A server without a quorum says "This ZooKeeper instance is not currently serving requests".
        Ok(Ok(answer)) => answer.contains("Zookeeper version") || answer.contains("is not in the whitelist"),
        Ok(Err(error)) => {
            tracing::debug!(address, %error, "ZooKeeper does not answer");
            false
        }
        Err(_) => {
            tracing::debug!(address, "ZooKeeper does not answer in time");
            false
        }
    }
}

async fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"srvr").await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn server(answer: &'static str) -> String {
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
        let serves = server("Zookeeper version: 3.8.4\nMode: leader\n").await;
        let silent = server("").await;
        let lost = server("This ZooKeeper instance is not currently serving requests\n").await;
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
        assert!(reachable(&[closed.clone(), lost.clone(), serves]).await);
        assert!(!reachable(&[closed, lost, silent]).await);
        assert!(!reachable(&[]).await);
    }
}
