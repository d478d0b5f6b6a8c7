//! The ports on which masters and ZooKeeper answer.

use std::{net::Ipv4Addr, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::State;

/// The masters' web ports: whatever is asked, the answer is the role.
pub(super) async fn masters(listener: TcpListener, address: Ipv4Addr, state: Arc<Mutex<State>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let mut request = [0; 4096];
            while let Ok(read) = stream.read(&mut request).await {
                let role = {
                    let mut state = state.lock();
                    state.asked += u64::from(read > 0);
                    state.roles.get(&address).cloned()
                };
                // A pod that is not up does not answer.
                let (true, Some(role)) = (read > 0, role) else { return };
                let body = role.to_string();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
                let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// The one word that operators ask.
pub(super) async fn zookeeper(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        if state.lock().zookeeper_down {
            continue;
        }
        let mut word = [0; 4];
        if stream.read_exact(&mut word).await.is_ok() {
            // Whoever asked may have gone.
            drop(stream.write_all(b"Zookeeper version: 3.8.4\nMode: standalone\n").await);
        }
    }
}
