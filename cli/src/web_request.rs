//! One request to the web port of a server.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// Sends a request without a body and reads the JSON that is answered; else the reason why there is none.
pub async fn ask(method: Method, host: &str, port: u16, path: &str) -> Result<Value, String> {
    // The address of IPv6 stands in brackets.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match tokio::time::timeout(PATIENCE, send(method, &format!("http://{host}:{port}{path}"))).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

async fn send(method: Method, url: &str) -> Result<Value, String> {
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = client.request(request).await.map_err(with_cause)?;
    let status = response.status();
    let body =
        Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| error.to_string())?;
    let body = body.to_bytes();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim()));
    }
    serde_json::from_slice(&body).map_err(|error| format!("the answer is not JSON: {error}"))
}

/// The client's own text says only that it could not connect; the reason is at the end of the chain.
fn with_cause(error: hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Test servers.
#[cfg(test)]
pub mod answering {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinHandle,
    };

    /// A server that gives these answers to one request each, and hands back what it was asked.
    pub async fn with(answers: Vec<String>) -> (u16, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                asked.push(String::from_utf8(request[..length].to_vec()).unwrap());
            }
            asked
        });
        (port, server)
    }

    pub fn json(text: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_answer_is_json() {
        let (port, server) = answering::with(vec![answering::json("{\"level\":\"INFO\"}")]).await;
        let answer = ask(Method::POST, "127.0.0.1", port, "/a?b=c").await.unwrap();
        assert_eq!(answer["level"], "INFO");
        let asked = server.await.unwrap();
        assert!(asked[0].starts_with("POST /a?b=c HTTP/1.1\r\n"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_reason() {
        let refusal = "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nno: ".to_owned();
        let (port, _server) = answering::with(vec![refusal]).await;
        let error = ask(Method::GET, "127.0.0.1", port, "/").await.unwrap_err();
        assert!(error.starts_with("500") && error.ends_with("no:"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_by_the_reason() {
        for host in ["127.0.0.1", "::1"] {
            let error = ask(Method::GET, host, 1, "/").await.unwrap_err();
            assert!(error.contains("refused"), "{host}: {error}");
        }
    }
}
