//! A real S3 server (versitygw) whose buckets are folders of this machine, a plain client of it, and a proxy that
//! makes it fail.

mod proxy;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use opendal::{OperationContext, Operator, services};
use opendal_http_transport_reqwest::ReqwestTransport;
use tempfile::TempDir;

use crate::{cluster::HOST, ports::free_port, process::Process, waiting::wait_until};

pub use self::proxy::{Answer, Proxy};

/// Who may use the server. The secret is a word that is found nowhere else: tests look for it.
pub const KEY_ID: &str = "rig-key-id";
pub const SECRET: &str = "rig-Zq7-secret-Zq7-word";

const START_LIMIT: Duration = Duration::from_secs(30);

/// The server and its folder. Dropped without [`S3::finish`] it is killed and the folder stays.
pub struct S3 {
    program: PathBuf,
    folder: Option<TempDir>,
    at: SocketAddr,
    process: Option<Process>,
}

impl S3 {
    /// Starts it, with a bucket of each name, and waits until it serves.
    pub fn start(buckets: &[&str]) -> Result<S3> {
        S3::start_at(Ipv4Addr::LOCALHOST, buckets)
    }

    /// The same at an address of this machine, for clients that are elsewhere.
    pub fn start_at(host: Ipv4Addr, buckets: &[&str]) -> Result<S3> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("s3/fetch.sh");
        let done = Command::new(&script).output().with_context(|| script.display().to_string())?;
        if !done.status.success() {
            bail!("the S3 server: {}", String::from_utf8_lossy(&done.stderr));
        }
        let program = PathBuf::from(String::from_utf8(done.stdout)?.trim());
        let folder = tempfile::Builder::new().prefix("alluxio-test-s3-").tempdir()?;
        for bucket in buckets {
            fs::create_dir_all(folder.path().join("buckets").join(bucket))?;
        }
        let at = SocketAddr::from((host, free_port()?));
        let mut server = S3 { program, folder: Some(folder), at, process: None };
        server.launch()?;
        Ok(server)
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new("."), |folder| folder.path())
    }

    /// After [`S3::stop`]: on the same port, with what it had.
    pub fn launch(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["--port", &self.at().to_string(), "--quiet", "posix"]);
        command.arg(self.folder().join("buckets"));
        command.env("ROOT_ACCESS_KEY", KEY_ID).env("ROOT_SECRET_KEY", SECRET);
        let mut process = Process::start("the S3 server", command, &self.folder().join("server.out"))?;
        let at = self.at();
        wait_until(START_LIMIT, "the S3 server serves", || {
            if let Some(status) = process.ended()? {
                bail!("it ended with {status}:\n{}", process.last_lines());
            }
            Ok(std::net::TcpStream::connect(at).is_ok())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// kill -9.
    pub fn stop(&mut self) -> Result<()> {
        self.process.take().context("the S3 server is not running")?.kill()
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// A client that knows nothing of Alluxio.
    pub fn client(&self, bucket: &str) -> Result<Operator> {
        S3::client_at(self.at(), bucket)
    }

    /// The same through what stands before the server.
    pub fn client_at(at: SocketAddr, bucket: &str) -> Result<Operator> {
        // Once for the process; another one that was there first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let service = services::S3::default()
            .bucket(bucket)
            .endpoint(&format!("http://{at}"))
            .region("us-east-1")
            .access_key_id(KEY_ID)
            .secret_access_key(SECRET);
        let transport = opendal::HttpTransporter::new(ReqwestTransport::new(reqwest::Client::new()));
        let context = OperationContext::default().with_http_transport(transport);
        Ok(Operator::new(service)?.with_context(context))
    }

    /// The file in which the server keeps an object.
    pub fn file(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder().join("buckets").join(bucket).join(key)
    }

    /// The end of a test that went well.
    pub fn finish(mut self) -> Result<()> {
        if self.process.is_some() {
            self.stop()?;
        }
        if let Some(folder) = self.folder.take() {
            folder.close()?;
        }
        Ok(())
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        eprintln!("--- the buckets and the log of the S3 server stay in {}", folder.keep().display());
    }
}

/// What a mount of the server needs.
pub fn options(at: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("alluxio.underfs.s3.endpoint", format!("http://{HOST}:{}", at.port())),
        ("alluxio.underfs.s3.disable.dns.buckets", "true".to_owned()),
        ("s3a.accessKeyId", KEY_ID.to_owned()),
        ("s3a.secretKey", SECRET.to_owned()),
    ]
}
