//! Who asks the API server: kubeconfig files, for clients in this process and for programs under test.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// A client that logs in as a kubeconfig file says. It belongs to the runtime that asks.
pub async fn client_of(kubeconfig: &Path) -> Result<Client> {
    // Once for the process; another one that was there first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .with_context(|| kubeconfig.display().to_string())?;
    Ok(Client::try_from(config)?)
}

/// Writes a kubeconfig file (JSON is YAML). `user` is what it calls a user: a certificate or a token.
pub fn write(file: &Path, port: u16, authority: &Path, user: &Value) -> Result<()> {
    let server = format!("https://127.0.0.1:{port}");
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "rig", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "rig", "user": user}],
        "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": "rig"}}],
        "current-context": "rig",
    });
    fs::write(file, serde_json::to_vec_pretty(&content)?).with_context(|| file.display().to_string())
}
