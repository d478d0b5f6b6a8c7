//! The rig's API server: it is a real one, it knows who asks, and its audit log can be counted.

use std::{collections::BTreeMap, fs, time::Duration};

use alluxio_tests::{
    kube::{ApiServer, audit, client_of, install_folder},
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    core::v1::{ConfigMap, ServiceAccount},
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, Client, Error, ResourceExt,
    api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::block_in_place;

const LIMIT: Duration = Duration::from_secs(10);

/// A default, a rule over the field's change, and a status.
const CUPS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cups.rig.alluxio.org}
spec:
  group: rig.alluxio.org
  names: {kind: Cup, plural: cups, singular: cup}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            default: {}
            properties:
              colour:
                type: string
                default: white
                maxLength: 20
                x-kubernetes-validations:
                - {rule: self == oldSelf, message: a cup keeps its colour}
          status:
            type: object
            properties:
              full: {type: boolean}
---
";

fn from<T: DeserializeOwned>(value: Value) -> Result<T> {
    Ok(serde_json::from_value(value)?)
}

fn cups(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("rig.alluxio.org", "v1", "Cup");
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&kind, "cups"))
}

/// The message and the code with which it was refused.
fn refusal<T>(answer: Result<T, Error>) -> Result<(u16, String)> {
    match answer {
        Ok(_) => anyhow::bail!("it was not refused"),
        Err(Error::Api(status)) => Ok((status.code, status.message)),
        Err(other) => Err(other.into()),
    }
}

/// An account with nothing but its name, and a client that acts for it.
async fn account(server: &ApiServer, namespace: &str, name: &str) -> Result<Client> {
    let accounts: Api<ServiceAccount> = Api::namespaced(server.client().await?, namespace);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    accounts
        .create(&PostParams::default(), &ServiceAccount { metadata, ..ServiceAccount::default() })
        .await?;
    client_of(&server.login(namespace, name).await?).await
}

/// Lets the account read and write ConfigMaps of its namespace.
async fn allow_config_maps(server: &ApiServer, namespace: &str, account: &str) -> Result<()> {
    let (client, post) = (server.client().await?, PostParams::default());
    let role = json!({
        "metadata": {"name": account},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch"]}],
    });
    Api::<Role>::namespaced(client.clone(), namespace).create(&post, &from(role)?).await?;
    let binding = json!({
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    });
    Api::<RoleBinding>::namespaced(client, namespace).create(&post, &from(binding)?).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_of_the_pinned_version() -> Result<()> {
    let server = ApiServer::shared().await?;
    let version = server.client().await?.apiserver_version().await?;
    let module = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/kube/go.mod"))?;
    ensure!(module.contains(&format!("k8s.io/kubernetes {}\n", version.git_version)), "{version:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_of_a_folder_are_served_with_their_rules() -> Result<()> {
    let server = ApiServer::shared().await?;
    let client = server.client().await?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("cups.yaml"), CUPS)?;
    fs::write(folder.path().join("README.md"), "not a definition")?;
    ensure!(install_folder(&client, folder.path()).await? == ["cups.rig.alluxio.org"]);

    let namespace = server.namespace("definitions").await?;
    let cups = cups(&client, &namespace);
    let apply = PatchParams::apply("tests").force();
    let cup = |spec: Value| json!({"apiVersion": "rig.alluxio.org/v1", "kind": "Cup", "metadata": {"name": "a"}, "spec": spec});
    let made = cups.patch("a", &apply, &Patch::Apply(cup(json!({})))).await?;
    ensure!(made.data["spec"]["colour"] == "white", "{made:?}");
    let (code, message) =
        refusal(cups.patch("a", &apply, &Patch::Apply(cup(json!({"colour": "blue"})))).await)?;
    ensure!(code == 422 && message.contains("a cup keeps its colour"), "{code} {message}");
    // The status is another part: what is said of the spec there does not count.
    let status = json!({"spec": {"colour": "blue"}, "status": {"full": true}});
    let seen = cups.patch_status("a", &PatchParams::default(), &Patch::Merge(status)).await?;
    ensure!(seen.data["status"]["full"] == true && seen.data["spec"]["colour"] == "white", "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_do_what_its_roles_allow() -> Result<()> {
    let server = ApiServer::shared().await?;
    let namespace = server.namespace("roles").await?;
    let client = account(server, &namespace, "reader").await?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    let (code, message) = refusal(maps.list(&Default::default()).await)?;
    let user = format!("system:serviceaccount:{namespace}:reader");
    ensure!(code == 403 && message.contains(&user), "{code} {message}");

    allow_config_maps(server, &namespace, "reader").await?;
    // The server learns of new roles by a watch.
    let began = std::time::Instant::now();
    while maps.list(&Default::default()).await.is_err() {
        ensure!(began.elapsed() < LIMIT, "still refused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let elsewhere: Api<ConfigMap> = Api::namespaced(client, "default");
    ensure!(refusal(elsewhere.list(&Default::default()).await)?.0 == 403);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_who_changed_what() -> Result<()> {
    let server = ApiServer::shared().await?;
    let namespace = server.namespace("audit").await?;
    let client = account(server, &namespace, "writer").await?;
    let admin: Api<ConfigMap> = Api::namespaced(server.client().await?, &namespace);
    let start = server.audit().end()?;
    let map = |value: &str| -> Result<ConfigMap> {
        from(json!({"metadata": {"name": "m"}, "data": {"key": value}}))
    };
    admin.create(&PostParams::default(), &map("a")?).await?;
    ensure!(refusal(admin.create(&PostParams::default(), &map("b")?).await)?.0 == 409);
    let apply = PatchParams::apply("tests").force();
    for value in ["c", "d", "e"] {
        admin.patch("m", &apply, &Patch::Apply(map(value)?)).await?;
    }
    admin.get("m").await?;
    let mine: Api<ConfigMap> = Api::namespaced(client, &namespace);
    ensure!(refusal(mine.patch("m", &apply, &Patch::Apply(map("f")?)).await)?.0 == 403);
    // The last change: all before it are in the log when it is.
    admin.delete("m", &Default::default()).await?;

    let changes = || -> Result<Vec<audit::Request>> {
        let all = server.audit().changes_since(start)?;
        Ok(all.into_iter().filter(|request| request.namespace == namespace).collect())
    };
    block_in_place(|| {
        wait_until(LIMIT, "the last change is in the log", || {
            Ok(changes()?.iter().any(|one| one.verb == "delete"))
        })
    })?;
    let kind = |user: &str, verb: &str| (user.to_owned(), verb.to_owned(), "configmaps".to_owned());
    let writer = format!("system:serviceaccount:{namespace}:writer");
    let expected = BTreeMap::from([
        (kind("admin", "create"), 2),
        (kind("admin", "patch"), 3),
        (kind("admin", "delete"), 1),
        (kind(&writer, "patch"), 1),
    ]);
    let changes = changes()?;
    ensure!(audit::count(&changes) == expected, "{changes:#?}");
    let codes: Vec<_> = changes.iter().map(|one| one.code).collect();
    ensure!(codes == [201, 409, 200, 200, 200, 403, 200], "{codes:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_has_what_it_had() -> Result<()> {
    let mut server = ApiServer::start().await?;
    let namespace = server.namespace("away").await?;
    let client = server.client().await?;
    server.stop()?;
    ensure!(client.apiserver_version().await.is_err(), "it answers");
    server.launch().await?;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
    ensure!(namespaces.get(&namespace).await.context("with the client from before")?.name_any() == namespace);

    let pids = server.pids();
    server.finish()?;
    for pid in pids {
        ensure!(fs::read_link(format!("/proc/{pid}/exe")).is_err(), "process {pid} is still there");
    }
    Ok(())
}
