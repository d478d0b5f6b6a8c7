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
        Err(kube::Error::Api(status)) => match budgets_words(&status) {
            Some(why) => {
                tracing::info!(pod = name, why, "cannot be replaced now");
                Ok(Replaced::Refused(why))
            }
            None => Err(kube::Error::Api(status)),
        },
        Err(error) => Err(error),
    }
}

/// How the API server begins where it evicts a pod of two budgets: never, with the code of a mistake of its own.
const TWO_BUDGETS: &str = "This pod has more than one PodDisruptionBudget";

/// `None` where it is no budget that refuses: an API server that has too much to do says 429 as well. The message itself does not name the
/// budget; its cause does.
fn budgets_words(status: &Status) -> Option<String> {
    if status.code == 500 && status.message.starts_with(TWO_BUDGETS) {
        let why = "more than one disruption budget selects it, and Kubernetes evicts no such pod";
        return Some(why.to_owned());
    }
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    let budget = causes.find(|cause| status.code == 429 && cause.reason == "DisruptionBudget")?;
    Some(budget.message.trim_end_matches('.').to_owned())
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
    fn only_a_budget_refuses_and_it_is_named() {
        let words = |code: u16, message: &str, details: serde_json::Value| {
            let status = json!({ "code": code, "reason": "r", "message": message, "details": details });
            budgets_words(&serde_json::from_value(status).unwrap())
        };
        let violates = "Cannot evict pod as it would violate the pod's disruption budget.";
        let message = "The disruption budget theirs needs 3 healthy pods and has 3 currently";
        let causes = json!({ "causes": [{ "reason": "DisruptionBudget", "message": message }] });
        assert_eq!(words(429, violates, causes).as_deref(), Some(message));
        let too_many = "Too many requests, please try again later.";
        assert_eq!(words(429, too_many, json!({ "retryAfterSeconds": 1 })), None);
        assert_eq!(words(500, "etcdserver: request timed out", json!({})), None);
        // The API server's own words.
        let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        assert!(words(500, two, json!({})).unwrap().starts_with("more than one disruption budget"));
    }
}
