//! Custom resource definitions from YAML.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde::Deserialize;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

/// Installs all definitions of a YAML text and waits until they are served; returns their names.
pub async fn install(client: &Client, yaml: &str) -> Result<Vec<String>> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut names = Vec::new();
    for document in serde_yaml::Deserializer::from_str(yaml) {
        // A text may end with the mark that begins the next document.
        let Some(definition) = Option::<CustomResourceDefinition>::deserialize(document)? else { continue };
        let name = definition.name_any();
        let apply = PatchParams::apply("alluxio-tests").force();
        definitions
            .patch(&name, &apply, &Patch::Apply(&definition))
            .await
            .with_context(|| format!("installing {name}"))?;
        names.push(name);
    }
    for name in &names {
        timeout(LIMIT, await_condition(definitions.clone(), name, is_crd_established()))
            .await
            .with_context(|| format!("{name} is not served within {LIMIT:?}"))??;
    }
    Ok(names)
}

/// The same for all `.yaml` files of a folder; none when there is no such folder.
pub async fn install_folder(client: &Client, folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if !folder.is_dir() {
        return Ok(names);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path)?;
            names.extend(install(client, &text).await.with_context(|| path.display().to_string())?);
        }
    }
    Ok(names)
}
