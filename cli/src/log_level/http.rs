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

use super::target::Target;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// Posts nothing to a path of the server and reads the JSON that it answers.
pub async fn post(target: &Target, path: &str) -> Result<Value, String> {
    let url = format!("http://{}:{}{path}", target.host, target.port);
    match tokio::time::timeout(PATIENCE, send(&url)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(reason)) => Err(format!("Failed to set log level on {target}: {reason}")),
        Err(_) => Err(format!("Failed to set log level on {target}: no answer within {PATIENCE:?}")),
    }
}

async fn send(url: &str) -> Result<Value, String> {
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
    let request = Request::builder()
        .method(Method::POST)
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

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers one request with `answer` and gives back what it was asked.
    async fn ask(answer: &'static str) -> (Result<Value, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        let target = Target::parse(&format!("127.0.0.1:{port}:master"), &Configuration::defaults()).unwrap();
        let result = post(&target, &target.request("a", Some("INFO"))).await;
        (result, server.await.unwrap())
    }

    #[tokio::test]
    async fn the_answer_is_json() {
        let (answer, request) =
            ask("HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"level\":\"INFO\"}").await;
        assert_eq!(answer.unwrap()["level"], "INFO");
        assert!(
            request.starts_with("POST /api/v1/master/logLevel?logName=a&level=INFO HTTP/1.1\r\n"),
            "{request}"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_reason() {
        let (answer, _) = ask("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nno: ").await;
        let error = answer.unwrap_err();
        assert!(error.contains("[master]: 500") && error.ends_with("no:"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let target = Target::parse("127.0.0.1:1:worker", &Configuration::defaults()).unwrap();
        let error = post(&target, "/").await.unwrap_err();
        assert!(error.starts_with("Failed to set log level on 127.0.0.1:1[worker]"), "{error}");
        assert!(error.contains("refused"), "{error}");
    }
}
