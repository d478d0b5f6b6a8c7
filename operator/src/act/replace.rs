//! Has a pod ended, so that its controller makes a new one.

use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::Eviction},
    apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
    core::Status,
};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    Yes,
    /// It is gone, or another one came in between: look again.
    Another,
    /// A disruption budget says no: its words.
    Refused(String),
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
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
            tracing::info!(pod = name, %status, "is another one now");
            Ok(Replaced::Another)
        }
        Err(kube::Error::Api(status)) if status.code == 429 => {
            let why = budgets_words(&status);
            tracing::info!(pod = name, why, "cannot be replaced now");
            Ok(Replaced::Refused(why))
        }
        Err(error) => Err(error),
    }
}

/// The message itself does not name the budget; its cause does.
fn budgets_words(status: &Status) -> String {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    let budget = causes.find(|cause| cause.reason == "DisruptionBudget");
    budget.map_or(&status.message, |cause| &cause.message).trim_end_matches('.').to_owned()
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
        assert_eq!(replace(&pods, "demo-masters-2", "old").await.unwrap(), Replaced::Another);
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

    #[test]
    fn the_budget_that_refuses_is_named() {
        let refused = |details| {
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            let status =
                json!({ "code": 429, "reason": "TooManyRequests", "message": message, "details": details });
            budgets_words(&serde_json::from_value(status).unwrap())
        };
        let message = "The disruption budget theirs needs 3 healthy pods and has 3 currently";
        assert_eq!(
            refused(json!({ "causes": [{ "reason": "DisruptionBudget", "message": message }] })),
            message
        );
        assert!(refused(json!({})).ends_with("disruption budget"));
    }
}
