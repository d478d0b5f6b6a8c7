//! Load jobs, which a master carries out on all workers.

use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{
    GetJobProgressPRequest, JobDescription, JobProgressPOptions, LoadJobPOptions, StopJobPRequest,
    SubmitJobPRequest,
};

use super::{FileSystem, ask};
use crate::load_request::{self, LoadRequest};

fn load_of(path: &AlluxioPath) -> JobDescription {
    JobDescription { r#type: load_request::KIND.to_owned(), path: Some(path.to_string()) }
}

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl FileSystem {
    /// The id of the new job; `None` when one for this path runs already, which takes the options over.
    pub async fn submit_load(
        &self,
        path: &AlluxioPath,
        options: LoadJobPOptions,
    ) -> FsResult<Option<String>> {
        let body = load_request::encode(&LoadRequest { path: path.to_string(), options })?;
        Ok(ask!(self.submit_job(SubmitJobPRequest { request_body: Some(body.clone()) }))?.job_id)
    }

    /// False when none runs.
    pub async fn stop_load(&self, path: &AlluxioPath) -> FsResult<bool> {
        Ok(ask!(self.stop_job(StopJobPRequest { job_description: load_of(path) }))?.job_stopped())
    }

    /// How far it is.
    pub async fn load_progress(&self, path: &AlluxioPath, options: JobProgressPOptions) -> FsResult<String> {
        let request = GetJobProgressPRequest { job_description: load_of(path), options: Some(options) };
        Ok(ask!(self.get_job_progress(request))?.progress_report().to_owned())
    }
}
