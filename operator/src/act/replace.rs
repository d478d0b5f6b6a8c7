//! Has a pod ended, so that its controller makes a new one.

use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::Eviction},
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Yes,
    /// A disruption budget says no, or another one was faster: look again.
    NotNow,
}

/// Through `pods/eviction`, so that disruption budgets hold for us as for everybody.
///
/// # Errors
/// The API server cannot be reached, or refuses for another reason than a budget.
pub async fn replace(pods: &Api<Pod>, name: &str, uid: &str) -> Result<Replaced, kube::Error> {
    // Only the pod that was looked at: one that came back under its name in the meantime is none of this. Written out, because
    // kube's own `evict` gives the field a name that the API server does not know and leaves out.
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let eviction = Eviction {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        delete_options: Some(DeleteOptions {
            preconditions: Some(preconditions),
            ..DeleteOptions::default()
        }),
    };
    let asked: Result<Value, _> =
        pods.create_subresource("eviction", name, &PostParams::default(), &eviction).await;
    match asked {
        Ok(_) => {
            tracing::info!(pod = name, "is replaced");
            Ok(Replaced::Yes)
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 429) => {
            tracing::info!(pod = name, %status, "cannot be replaced now");
            Ok(Replaced::NotNow)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::fake_api::FakeApi;

    #[tokio::test]
    async fn only_the_pod_that_was_looked_at_is_replaced() {
        let api = FakeApi::default();
        let pod = "/api/v1/namespaces/data/pods/demo-masters-2";
        api.put(pod, json!({ "metadata": { "name": "demo-masters-2", "uid": "new" } }));
        let pods: Api<Pod> = Api::namespaced(api.client(), "data");
        assert_eq!(replace(&pods, "demo-masters-2", "old").await.unwrap(), Replaced::NotNow);
        assert!(api.get(pod).is_some(), "the one that came back lives");
        assert_eq!(replace(&pods, "demo-masters-2", "new").await.unwrap(), Replaced::Yes);
        assert_eq!(api.get(pod), None);
        let asked = api.asked(&Method::POST, "/eviction");
        assert_eq!(
            asked[0]["deleteOptions"]["preconditions"]["uid"], "old",
            "as the API names it: {asked:?}"
        );
        assert_eq!(
            (&asked[0]["kind"], &asked[0]["metadata"]["name"]),
            (&json!("Eviction"), &json!("demo-masters-2"))
        );
    }
}
