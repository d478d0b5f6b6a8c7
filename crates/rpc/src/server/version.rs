//! `getServiceVersion`: which services are here, and in which version.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_proto::grpc::version::{
    GetServiceVersionPRequest, GetServiceVersionPResponse, ServiceType,
    service_version_client_service_server::ServiceVersionClientService,
};
use parking_lot::RwLock;
use tonic::{Request, Response, Status};

use crate::service_type::UNVERSIONED;

/// The services registered with a server. Clones are the same table.
#[derive(Clone, Default)]
pub(super) struct Versions {
    known: Arc<RwLock<BTreeMap<i32, i64>>>,
}

impl Versions {
    pub(super) fn register(&self, service: ServiceType, version: i64) {
        self.known.write().insert(service.into(), version);
    }

    fn find(&self, service: i32) -> Result<i64, Status> {
        if service == i32::from(ServiceType::UnknownService) {
            return Ok(UNVERSIONED);
        }
        self.known.read().get(&service).copied().ok_or_else(|| {
            let name = ServiceType::try_from(service)
                .map_or_else(|_| service.to_string(), |known| known.as_str_name().to_owned());
            Status::not_found(format!("Service {name} is not found."))
        })
    }
}

#[tonic::async_trait]
impl ServiceVersionClientService for Versions {
    async fn get_service_version(
        &self,
        request: Request<GetServiceVersionPRequest>,
    ) -> Result<Response<GetServiceVersionPResponse>, Status> {
        let version = self.find(request.into_inner().service_type.unwrap_or_default())?;
        Ok(Response::new(GetServiceVersionPResponse { version: Some(version) }))
    }
}
