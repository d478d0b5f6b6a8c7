//! A client that asks one master the same question without a pause, and remembers when it was answered and when it was refused.

use std::time::Duration;

use alluxio_client::FileSystem;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, ErrorKind};
use anyhow::{Result, ensure};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Asker {
    stop: watch::Sender<bool>,
    running: JoinHandle<Result<Answers>>,
}

pub struct Answers {
    /// When the last question was sent that was answered.
    pub last_answer: Instant,
    /// When the first one came back that was not: UNAVAILABLE, as all after it.
    pub first_refusal: Option<Instant>,
}

impl Asker {
    /// Asks for the status of a path that is there.
    pub async fn start(conf: &Configuration, path: &str) -> Result<Asker> {
        let fs = FileSystem::connect(conf).await?;
        let path = AlluxioPath::parse(path)?;
        fs.get_status(&path, Default::default()).await?;
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move {
            let mut answers = Answers { last_answer: Instant::now(), first_refusal: None };
            while !*stopped.borrow() {
                let asked = Instant::now();
                match fs.get_status(&path, Default::default()).await {
                    Ok(_) => answers.last_answer = asked,
                    Err(error) => {
                        ensure!(error.kind == ErrorKind::Unavailable, "{path}: {:?}: {error}", error.kind);
                        answers.first_refusal.get_or_insert_with(Instant::now);
                    }
                }
                sleep(PAUSE).await;
            }
            Ok(answers)
        });
        Ok(Asker { stop, running })
    }

    pub async fn finish(self) -> Result<Answers> {
        self.stop.send_replace(true);
        self.running.await?
    }
}
