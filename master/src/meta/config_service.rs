//! `MetaMasterConfigurationService`: the handshake with which every client begins. Reading needs no
//! session, as clients ask before they know how to authenticate; changing does.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluxio_conf::{Role, key, properties};
use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::{
    ConfigProperty,
    meta::{
        ConfigProperties, GetConfigHashPOptions, GetConfigHashPResponse, GetConfigurationPOptions,
        GetConfigurationPResponse, RemovePathConfigurationPRequest, RemovePathConfigurationPResponse,
        SetPathConfigurationPRequest, SetPathConfigurationPResponse, UpdateConfigurationPRequest,
        UpdateConfigurationPResponse,
        meta_master_configuration_service_server::MetaMasterConfigurationService,
    },
};
use tonic::{Request, Response, Status};

use super::configuration::ClusterConfiguration;
use super::path_properties::{PathChange, PathProperties, Properties, hash};

/// Serves configurations.
pub struct ConfigurationService {
    cluster: Arc<ClusterConfiguration>,
    paths: Arc<dyn PathProperties>,
    /// Without authentication nobody has a name.
    nameless: bool,
}

type Reply<T> = Result<Response<T>, Status>;

impl ConfigurationService {
    pub fn new(cluster: Arc<ClusterConfiguration>, paths: Arc<dyn PathProperties>) -> Self {
        let scheme = cluster.current().get(key::SECURITY_AUTHENTICATION_TYPE);
        Self { cluster, paths, nameless: scheme == "NOSASL" }
    }

    /// The service is open to those without a session; changes are not.
    fn require_session<T>(&self, request: &Request<T>) -> Result<(), FsError> {
        let caller = alluxio_rpc::caller(request).map_err(FsError::from)?;
        if caller.user.is_empty() && !self.nameless {
            return Err(FsError::unauthenticated(
                "Changing the configuration needs an authenticated session.",
            ));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl MetaMasterConfigurationService for ConfigurationService {
    async fn get_configuration(
        &self,
        request: Request<GetConfigurationPOptions>,
    ) -> Reply<GetConfigurationPResponse> {
        let options = request.into_inner();
        let mut answer = GetConfigurationPResponse::default();
        if !options.ignore_cluster_conf() {
            let told = self.cluster.told(options.raw_value());
            answer.cluster_configs = told.properties;
            answer.cluster_config_hash = Some(told.hash);
            answer.cluster_config_last_update_time = Some(told.updated_ms);
        }
        if !options.ignore_path_conf() {
            let all = self.paths.all().await?;
            answer.path_config_hash = Some(hash(&all));
            answer.path_configs = all.into_iter().map(|(path, own)| (path, as_path_default(own))).collect();
        }
        Ok(Response::new(answer))
    }

    async fn set_path_configuration(
        &self,
        request: Request<SetPathConfigurationPRequest>,
    ) -> Reply<SetPathConfigurationPResponse> {
        self.require_session(&request)?;
        let request = request.into_inner();
        let path = AlluxioPath::parse(request.path())?;
        for (name, value) in &request.properties {
            check_path_property(&self.cluster, name, value)?;
        }
        self.paths.change(&path, PathChange::Set(request.properties)).await?;
        Ok(Response::new(SetPathConfigurationPResponse {}))
    }

    async fn remove_path_configuration(
        &self,
        request: Request<RemovePathConfigurationPRequest>,
    ) -> Reply<RemovePathConfigurationPResponse> {
        self.require_session(&request)?;
        let request = request.into_inner();
        let path = AlluxioPath::parse(request.path())?;
        self.paths.change(&path, PathChange::Remove(request.keys)).await?;
        Ok(Response::new(RemovePathConfigurationPResponse {}))
    }

    async fn get_config_hash(&self, _: Request<GetConfigHashPOptions>) -> Reply<GetConfigHashPResponse> {
        let all = self.paths.all().await?;
        Ok(Response::new(GetConfigHashPResponse {
            cluster_config_hash: Some(self.cluster.hash()),
            path_config_hash: Some(hash(&all)),
        }))
    }

    async fn update_configuration(
        &self,
        request: Request<UpdateConfigurationPRequest>,
    ) -> Reply<UpdateConfigurationPResponse> {
        self.require_session(&request)?;
        let status: BTreeMap<String, bool> = self.cluster.update(request.into_inner().properties);
        Ok(Response::new(UpdateConfigurationPResponse { status }))
    }
}

fn as_path_default(properties: Properties) -> ConfigProperties {
    let properties = properties
        .into_iter()
        .map(|(name, value)| ConfigProperty {
            name: Some(name),
            source: Some("PATH_DEFAULT".to_owned()),
            value: Some(value),
        })
        .collect();
    ConfigProperties { properties }
}

/// Only what clients read can be set for a path, and only values that a client will take.
fn check_path_property(cluster: &ClusterConfiguration, name: &str, value: &str) -> Result<(), FsError> {
    let known = properties().iter().find(|property| property.name == name);
    if !known.is_some_and(|property| property.scope.includes(Role::Client)) {
        return Err(FsError::invalid_argument(format!(
            "{name} is not a property of clients: only those can be set for a path."
        )));
    }
    match cluster.current().with(&[(name, value)]) {
        Ok(_) => Ok(()),
        Err(error) => Err(FsError::invalid_argument(error.to_string())),
    }
}

#[cfg(test)]
#[path = "config_service_tests.rs"]
mod tests;
