//! Before nobody looks after clusters any more: they are deleted without the operator from then on, so their finalizers go. The journals stay.
//! An operator that is installed again puts the finalizers back.

use kube::{Api, Client, ResourceExt, api::ListParams};

use super::{context, deletion};
use crate::{crd::AlluxioCluster, process::Namespaces, status::Occurrence};

/// So many are read at once.
const PAGE: u32 = 500;

/// Takes the finalizers off the clusters of these namespaces; how many there were. `pod` is who tells.
///
/// # Errors
/// The API server does not answer, or refuses; then of those that are left the last is told.
pub async fn leave(client: &Client, namespaces: &Namespaces, pod: &str) -> Result<usize, kube::Error> {
    let places: Vec<Api<AlluxioCluster>> = match namespaces {
        Namespaces::All => vec![Api::all(client.clone())],
        Namespaces::Only(names) => names.iter().map(|name| Api::namespaced(client.clone(), name)).collect(),
    };
    let mut done = Done::default();
    for place in &places {
        // One that refuses must not hold up the others.
        if let Err(error) = leave_one(client, place, pod, &mut done).await {
            tracing::warn!(path = place.resource_url(), %error, "clusters keep their finalizers");
            done.failed = Some(error);
        }
    }
    done.failed.map_or(Ok(done.left), Err)
}

#[derive(Default)]
struct Done {
    /// How many clusters were freed.
    left: usize,
    /// What was said last of one that was not.
    failed: Option<kube::Error>,
}

async fn leave_one(
    client: &Client,
    place: &Api<AlluxioCluster>,
    pod: &str,
    done: &mut Done,
) -> Result<(), kube::Error> {
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let clusters = match place.list(&page).await {
            Ok(clusters) => clusters,
            // The definition is gone, and so are all clusters; or the namespace is.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(error),
        };
        for cluster in clusters.items {
            match free(client, &cluster, pod).await {
                Ok(had) => done.left += usize::from(had),
                Err(error) => {
                    tracing::warn!(cluster = shown(&cluster), %error, "it keeps its finalizer");
                    done.failed = Some(error);
                }
            }
        }
        match clusters.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page = page.continue_token(&next),
            None => return Ok(()),
        }
    }
}

/// Whether it had the finalizer.
async fn free(client: &Client, cluster: &AlluxioCluster, pod: &str) -> Result<bool, kube::Error> {
    if !cluster.finalizers().iter().any(|finalizer| finalizer == deletion::FINALIZER) {
        return Ok(false);
    }
    match deletion::set_finalizer(client, cluster, false).await {
        // Somebody has edited it since it was read.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let clusters: Api<AlluxioCluster> =
                Api::namespaced(client.clone(), &cluster.namespace().unwrap_or_default());
            let Some(again) = clusters.get_opt(&cluster.name_any()).await? else { return Ok(true) };
            deletion::set_finalizer(client, &again, false).await?;
        }
        done => done?,
    }
    tracing::info!(
        cluster = shown(cluster),
        "deleting it holds nothing up from now on, and leaves its journal"
    );
    let told = Occurrence::warning(
        "OperatorLeaves",
        "the operator is uninstalled: deletionPolicy Delete does not hold until one is installed again; deleting this cluster now \
         leaves its journal and the journal's claim, remove them by hand then",
    );
    context::tell(client, cluster, &[told], pod).await;
    Ok(true)
}

fn shown(cluster: &AlluxioCluster) -> String {
    format!("{}/{}", cluster.namespace().unwrap_or_default(), cluster.name_any())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_api::FakeApi;

    fn cluster(name: &str, finalizers: &Value) -> Value {
        json!({
            "apiVersion": "alluxio.org/v1alpha1", "kind": "AlluxioCluster",
            "metadata": { "name": name, "namespace": "n", "resourceVersion": "7", "finalizers": finalizers },
            "spec": { "underStorage": { "root": { "claim": "c" } }, "deletionPolicy": "Delete" },
        })
    }

    #[tokio::test]
    async fn only_our_finalizer_goes_and_what_went_is_told() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let api = FakeApi::default();
        let ours = deletion::FINALIZER;
        let items = [
            cluster("a", &json!(["example.com/theirs", ours])),
            cluster("b", &json!([])),
            cluster("c", &json!([ours])),
        ];
        let path = "/apis/alluxio.org/v1alpha1/namespaces/n/alluxioclusters";
        for item in &items {
            api.put(&format!("{path}/{}", item["metadata"]["name"].as_str().unwrap()), item.clone());
        }
        let only = Namespaces::Only(["n", "gone"].map(str::to_owned).into());
        assert_eq!(leave(&api.client(), &only, "p").await.unwrap(), 2);
        let patched = api.asked(&Method::PATCH, path);
        assert_eq!(patched.len(), 2, "{patched:?}");
        assert_eq!(
            api.get(&format!("{path}/a")).unwrap()["metadata"]["finalizers"],
            json!(["example.com/theirs"])
        );
        assert_eq!(leave(&api.client(), &only, "p").await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_namespace_that_refuses_holds_up_no_other() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let api = FakeApi::default();
        let path = "/apis/alluxio.org/v1alpha1/namespaces/n/alluxioclusters/a";
        api.put(path, cluster("a", &json!([deletion::FINALIZER])));
        api.refuse(Method::GET, "/namespaces/closed/", 403);
        let only = Namespaces::Only(["closed", "n"].map(str::to_owned).into());
        leave(&api.client(), &only, "p").await.unwrap_err();
        assert_eq!(api.get(path).unwrap()["metadata"]["finalizers"], json!([]));
    }

    /// Such as by an admission rule, or because the stored object does not fit the present definition.
    #[tokio::test]
    async fn a_cluster_whose_patch_is_refused_holds_up_no_other() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let api = FakeApi::default();
        let path = |name: &str| format!("/apis/alluxio.org/v1alpha1/namespaces/n/alluxioclusters/{name}");
        for name in ["a", "b", "c"] {
            api.put(&path(name), cluster(name, &json!([deletion::FINALIZER])));
        }
        api.refuse_saying(Method::PATCH, "/alluxioclusters/a", 422, "does not fit");
        // Edited while the page is worked off.
        api.refuse_once(Method::PATCH, "/alluxioclusters/b", 409);
        let error = leave(&api.client(), &Namespaces::Only(["n".to_owned()].into()), "p").await.unwrap_err();
        assert!(error.to_string().contains("does not fit"), "{error}");
        let finalizers = |name: &str| api.get(&path(name)).unwrap()["metadata"]["finalizers"].clone();
        assert_eq!(finalizers("a"), json!([deletion::FINALIZER]));
        assert_eq!((finalizers("b"), finalizers("c")), (json!([]), json!([])));
        assert_eq!(api.asked(&Method::PATCH, "/alluxioclusters/b").len(), 2);
    }
}
