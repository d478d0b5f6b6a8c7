//! Accepts connections on the web port. Their number is bounded, and one that sends no request in time, or
//! does not read its answer, is closed: such connections must not keep a health check from being answered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::bodies;

/// What bounds the web port.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// Time to send a request, from the opening of the connection or the end of the request before; and once more for
    /// its body.
    pub request: Duration,
    /// Time in which a part of an answer must be taken.
    pub stall: Duration,
    /// Time for answers under way when the process stops.
    pub drain: Duration,
}

const LIMITS: Limits = Limits {
    connections: 512,
    request: Duration::from_secs(10),
    stall: Duration::from_secs(30),
    drain: Duration::from_secs(5),
};

/// Pause after a failed accept, so that a shortage of file descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    serve_within(LIMITS, listener, router, shutdown).await;
}

pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) {
    let router = router.layer(from_fn(move |request, next| bodies::read(limits.request, request, next)));
    let room = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            Ok::<_, io::Error>((permit, stream))
        };
        let (permit, stream) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "web port: a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.stall));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.request)
            .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A reader that breaks off or is too slow is not worth more than this.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "web port: connection closed");
            }
            drop(permit);
        });
    }
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("web port: answers under way were cut off at shutdown");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_body_that_never_comes_does_not_keep_the_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/read", axum::routing::post(|body: String| async move { body }))
            .route("/unread", axum::routing::post(|| async { "unread" }));
        let limits = Limits { connections: 1, request: Duration::from_millis(300), ..LIMITS };
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve_within(limits, listener, router, shutdown.clone()));
        let ask = async |path: &str, length: usize| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("POST {path} HTTP/1.1\r\nHost: m\r\nContent-Length: {length}\r\n\r\nabc");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        };
        for path in ["/read", "/unread"] {
            // It has the only place.
            let mut never_sent = ask(path, 10).await;
            let mut answer = String::new();
            let ended = never_sent.read_to_string(&mut answer);
            tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it keeps the place").unwrap();
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        }
        for (length, status) in [(3, "200 "), (bodies::LONGEST + 1, "413 ")] {
            let mut answer = vec![0; 12];
            ask("/read", length).await.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes()[..12]);
        }
        shutdown.cancel();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_read_an_answer_does_not_keep_the_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
            .route("/small", get(|| async { "small" }));
        let limits = Limits { connections: 1, stall: Duration::from_millis(300), ..LIMITS };
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve_within(limits, listener, router, shutdown.clone()));
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        };
        let mut never_read = ask("/large").await;
        // It has the only place.
        never_read.read_exact(&mut [0; 8]).await.unwrap();
        let mut answer = String::new();
        let mut other = ask("/small").await;
        let answered = tokio::time::timeout(Duration::from_secs(5), other.read_to_string(&mut answer)).await;
        answered.expect("the place is not free").unwrap();
        assert!(answer.ends_with("small"), "{answer}");
        drop(never_read);
        shutdown.cancel();
        served.await.unwrap();
    }
}
