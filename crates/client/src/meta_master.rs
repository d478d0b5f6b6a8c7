//! Configuration, backup and information about the masters.

use std::collections::BTreeMap;

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::meta::{
    BackupPOptions, BackupPRequest, BackupPStatus, BackupStatusPRequest, CheckpointPOptions,
    ConfigCheckReport, GetConfigHashPOptions, GetConfigHashPResponse, GetConfigReportPOptions,
    GetConfigurationPOptions, GetConfigurationPResponse, GetMasterInfoPOptions, ListProxyStatusPOptions,
    ListProxyStatusPRequest, MasterInfo, MasterInfoField, ProxyStatus, RemovePathConfigurationPOptions,
    RemovePathConfigurationPRequest, SetPathConfigurationPOptions, SetPathConfigurationPRequest,
    UpdateConfigurationPRequest, meta_master_client_service_client::MetaMasterClientServiceClient,
};
use tonic::metadata::AsciiMetadataValue;
use uuid::Uuid;

use crate::{
    cluster::Cluster,
    stubs::{CONFIGURATION, META},
};

macro_rules! ask {
    ($self:ident, $stub:ident.$method:ident($request:expr)) => {{
        let request = $request;
        $self
            .cluster
            .call(&$stub, |mut client| {
                let request = request.clone();
                async move { client.$method(request).await }
            })
            .await
    }};
}

/// Header of a backup's order: the id that it is to have. Masters of ours carry out an order once that a client had to
/// repeat, because the answer to the first was lost; those of the original do not look at it.
pub const BACKUP_ID: &str = "alluxio-backup-id";

/// The meta master's client and configuration services. Cheap to clone.
#[derive(Clone)]
pub struct MetaMasterClient {
    cluster: Cluster,
}

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl MetaMasterClient {
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    /// The fields asked for; all of them when `fields` is empty.
    pub async fn get_master_info(&self, fields: &[MasterInfoField]) -> FsResult<MasterInfo> {
        let filter = fields.iter().map(|&field| field.into()).collect();
        let reply = ask!(self, META.get_master_info(GetMasterInfoPOptions { filter }))?;
        reply.master_info.ok_or_else(|| FsError::internal("The master answered without a MasterInfo."))
    }

    pub async fn get_config_report(&self) -> FsResult<ConfigCheckReport> {
        Ok(ask!(self, META.get_config_report(GetConfigReportPOptions {}))?.report.unwrap_or_default())
    }

    /// Writes a checkpoint of the journal; the host of the master that did.
    pub async fn checkpoint(&self) -> FsResult<String> {
        Ok(ask!(self, META.checkpoint(CheckpointPOptions {}))?.master_hostname().to_owned())
    }

    /// Begins a backup; without `run_async` it waits for its end. Without a directory it goes where the master's
    /// configuration says.
    pub async fn backup(&self, directory: Option<&str>, options: BackupPOptions) -> FsResult<BackupPStatus> {
        let target_directory = directory.map(str::to_owned);
        let request = BackupPRequest { options: Some(options), target_directory };
        let id = Uuid::new_v4().to_string();
        let id = AsciiMetadataValue::try_from(id).map_err(|error| FsError::internal(error.to_string()))?;
        let call = |mut client: MetaMasterClientServiceClient<_>| {
            let mut request = tonic::Request::new(request.clone());
            request.metadata_mut().insert(BACKUP_ID, id.clone());
            async move { client.backup(request).await }
        };
        self.cluster.call(&META, call).await
    }

    pub async fn get_backup_status(&self, backup_id: &str) -> FsResult<BackupPStatus> {
        let request = BackupStatusPRequest { backup_id: Some(backup_id.to_owned()) };
        ask!(self, META.get_backup_status(request))
    }

    pub async fn list_proxy_status(&self) -> FsResult<Vec<ProxyStatus>> {
        let request = ListProxyStatusPRequest { options: Some(ListProxyStatusPOptions {}) };
        Ok(ask!(self, META.list_proxy_status(request))?.proxy_statuses)
    }

    pub async fn get_configuration(
        &self,
        options: GetConfigurationPOptions,
    ) -> FsResult<GetConfigurationPResponse> {
        ask!(self, CONFIGURATION.get_configuration(options))
    }

    pub async fn get_config_hash(&self) -> FsResult<GetConfigHashPResponse> {
        ask!(self, CONFIGURATION.get_config_hash(GetConfigHashPOptions {}))
    }

    pub async fn set_path_configuration(
        &self,
        path: &str,
        properties: BTreeMap<String, String>,
    ) -> FsResult<()> {
        let options = Some(SetPathConfigurationPOptions {});
        let request = SetPathConfigurationPRequest { path: Some(path.to_owned()), properties, options };
        ask!(self, CONFIGURATION.set_path_configuration(request)).map(drop)
    }

    /// Removes these keys of a path; all of them when `keys` is empty.
    pub async fn remove_path_configuration(&self, path: &str, keys: Vec<String>) -> FsResult<()> {
        let options = Some(RemovePathConfigurationPOptions {});
        let request = RemovePathConfigurationPRequest { path: Some(path.to_owned()), keys, options };
        ask!(self, CONFIGURATION.remove_path_configuration(request)).map(drop)
    }

    /// Changes properties of the running master; for each, whether it took effect.
    pub async fn update_configuration(
        &self,
        properties: BTreeMap<String, String>,
    ) -> FsResult<BTreeMap<String, bool>> {
        Ok(ask!(self, CONFIGURATION.update_configuration(UpdateConfigurationPRequest { properties }))?.status)
    }
}
