use alluxio_conf::Configuration;
use async_trait::async_trait;
use parking_lot::Mutex;
use tonic::Code;

use super::*;

/// Keeps the properties as the tree does, without a journal.
#[derive(Default)]
struct TestPaths(Mutex<BTreeMap<String, Properties>>);

#[async_trait]
impl PathProperties for TestPaths {
    async fn all(&self) -> Result<BTreeMap<String, Properties>, FsError> {
        Ok(self.0.lock().clone())
    }

    async fn change(&self, path: &AlluxioPath, change: PathChange) -> Result<(), FsError> {
        let mut all = self.0.lock();
        if let Some(after) = change.apply(all.get(path.as_str())) {
            if after.is_empty() {
                all.remove(path.as_str());
            } else {
                all.insert(path.as_str().to_owned(), after);
            }
        }
        Ok(())
    }
}

fn service() -> ConfigurationService {
    let cluster = Arc::new(ClusterConfiguration::new(Configuration::defaults()));
    ConfigurationService::new(cluster, Arc::new(TestPaths::default()))
}

fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let user = "ann".to_owned();
    request.extensions_mut().insert(alluxio_rpc::Caller { connection_user: user.clone(), user });
    request
}

async fn get(service: &ConfigurationService, options: GetConfigurationPOptions) -> GetConfigurationPResponse {
    // Without a caller: this is the first call of a client.
    service.get_configuration(Request::new(options)).await.unwrap().into_inner()
}

fn set(path: &str, name: &str, value: &str) -> Request<SetPathConfigurationPRequest> {
    asked(SetPathConfigurationPRequest {
        path: Some(path.to_owned()),
        properties: [(name.to_owned(), value.to_owned())].into(),
        options: None,
    })
}

const WRITE_TYPE: &str = "alluxio.user.file.writetype.default";

#[tokio::test]
async fn the_handshake_and_the_hash_agree_and_stay() {
    let service = service();
    let hashes = async || {
        let all = get(&service, GetConfigurationPOptions::default()).await;
        let asked = service.get_config_hash(asked(GetConfigHashPOptions {})).await.unwrap().into_inner();
        assert_eq!(all.cluster_config_hash, asked.cluster_config_hash);
        assert_eq!(all.path_config_hash, asked.path_config_hash);
        (all.cluster_config_hash.unwrap(), all.path_config_hash.unwrap())
    };
    let first = hashes().await;
    assert_eq!(hashes().await, first);
    assert_eq!(first.1, "d41d8cd98f00b204e9800998ecf8427e");
    service.set_path_configuration(set("/a", WRITE_TYPE, "THROUGH")).await.unwrap();
    let second = hashes().await;
    assert_eq!(second.0, first.0);
    assert_ne!(second.1, first.1);
}

#[tokio::test]
async fn raw_values_keep_their_references() {
    let service = service();
    let value = async |raw| {
        let options = GetConfigurationPOptions { raw_value: Some(raw), ..Default::default() };
        let answer = get(&service, options).await;
        let found = answer.cluster_configs.into_iter().find(|p| p.name() == "alluxio.logs.dir").unwrap();
        assert_eq!(found.source(), "DEFAULT");
        found.value.unwrap()
    };
    assert!(value(true).await.contains("${"));
    assert!(!value(false).await.contains("${"));
}

#[tokio::test]
async fn parts_can_be_left_out() {
    let options = GetConfigurationPOptions {
        ignore_cluster_conf: Some(true),
        ignore_path_conf: Some(true),
        ..Default::default()
    };
    assert_eq!(get(&service(), options).await, GetConfigurationPResponse::default());
}

#[tokio::test]
async fn properties_of_paths_are_set_shown_and_removed() {
    let service = service();
    service.set_path_configuration(set("/a/", WRITE_TYPE, "THROUGH")).await.unwrap();
    let shown = get(&service, GetConfigurationPOptions::default()).await.path_configs;
    let property = &shown["/a"].properties[0];
    assert_eq!((property.name(), property.value()), (WRITE_TYPE, "THROUGH"));
    assert_eq!(property.source(), "PATH_DEFAULT");

    let remove = |keys: Vec<String>| {
        asked(RemovePathConfigurationPRequest { path: Some("/a".to_owned()), keys, options: None })
    };
    service.remove_path_configuration(remove(vec!["other".to_owned()])).await.unwrap();
    assert_eq!(get(&service, GetConfigurationPOptions::default()).await.path_configs.len(), 1);
    service.remove_path_configuration(remove(vec![WRITE_TYPE.to_owned()])).await.unwrap();
    assert!(get(&service, GetConfigurationPOptions::default()).await.path_configs.is_empty());
}

#[tokio::test]
async fn what_cannot_be_set_for_a_path_is_refused() {
    let service = service();
    for (path, name, value) in [
        ("/a", "alluxio.master.web.port", "1"),
        ("/a", "alluxio.user.no.such.property", "1"),
        ("/a", "alluxio.user.block.size.bytes.default", "many"),
        ("a", WRITE_TYPE, "THROUGH"),
    ] {
        let error = service.set_path_configuration(set(path, name, value)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{path} {name}={value}");
    }
}

#[tokio::test]
async fn changes_need_a_session_unless_nobody_has_one() {
    let anonymous = || {
        let mut request = set("/a", WRITE_TYPE, "THROUGH");
        request.extensions_mut().insert(alluxio_rpc::Caller::default());
        request
    };
    let error = service().set_path_configuration(anonymous()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);

    let conf = Configuration::defaults().with(&[("alluxio.security.authentication.type", "NOSASL")]);
    let cluster = Arc::new(ClusterConfiguration::new(conf.unwrap()));
    let open = ConfigurationService::new(cluster, Arc::new(TestPaths::default()));
    open.set_path_configuration(anonymous()).await.unwrap();
}

#[tokio::test]
async fn updates_are_answered_key_by_key() {
    let service = service();
    let properties = [("alluxio.user.file.replication.min".to_owned(), "2".to_owned())].into();
    let request = asked(UpdateConfigurationPRequest { properties });
    let status = service.update_configuration(request).await.unwrap().into_inner().status;
    assert_eq!(status, [("alluxio.user.file.replication.min".to_owned(), false)].into());
}
