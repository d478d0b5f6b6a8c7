//! An API server for tests: it keeps objects by their paths, says no where it is told to, and remembers what it was asked.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

/// Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>, Arc<Notify>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    asked: Vec<(Method, String, Value)>,
    refusals: Vec<(Method, String, u16, Value)>,
    once: Vec<(Method, String, u16)>,
    held: Vec<String>,
    rewrites: Vec<(String, String, Value)>,
    made: u64,
}

impl FakeApi {
    pub fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Client::new(service, "data")
    }

    pub fn put(&self, path: &str, object: Value) {
        self.0.lock().objects.insert(path.to_owned(), object);
    }

    pub fn take(&self, path: &str) -> Option<Value> {
        self.0.lock().objects.remove(path)
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().objects.get(path).cloned()
    }

    /// From now on such requests get this code; 429 as by a disruption budget.
    pub fn refuse(&self, method: Method, part: &str, code: u16) {
        let (_, mut status) = failure(code, "refused by the test");
        if code == 429 {
            let cause = json!({ "reason": "DisruptionBudget", "message": "refused by the test" });
            status["details"] = json!({ "causes": [cause] });
        }
        self.0.lock().refusals.push((method, part.to_owned(), code, status));
    }

    /// The same, with these words.
    pub fn refuse_saying(&self, method: Method, part: &str, code: u16, message: &str) {
        let (_, status) = failure(code, message);
        self.0.lock().refusals.push((method, part.to_owned(), code, status));
    }

    /// The next such request gets this code.
    pub fn refuse_once(&self, method: Method, part: &str, code: u16) {
        self.0.lock().once.push((method, part.to_owned(), code));
    }

    /// As a mutating admission rule does: whatever is applied to such an object, this part of it becomes this.
    pub fn rewrite(&self, part: &str, pointer: &str, value: Value) {
        self.0.lock().rewrites.push((part.to_owned(), pointer.to_owned(), value));
    }

    pub fn rewrite_nothing(&self) {
        self.0.lock().rewrites.clear();
    }

    /// From now on such requests get no answer.
    pub fn hold(&self, part: &str) {
        self.0.lock().held.push(part.to_owned());
    }

    pub fn release(&self) {
        self.0.lock().held.clear();
        self.1.notify_waiters();
    }

    pub fn allow_all(&self) {
        self.0.lock().refusals.clear();
    }

    /// The bodies of such requests, in their order.
    pub fn asked(&self, method: &Method, part: &str) -> Vec<Value> {
        let state = self.0.lock();
        let such = state.asked.iter().filter(|(asked, path, _)| asked == method && path.contains(part));
        such.map(|(.., body)| body.clone()).collect()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = request.into_body().collect_bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        self.0.lock().asked.push((method.clone(), uri.path().to_owned(), body.clone()));
        loop {
            let released = self.1.notified();
            if !self.0.lock().held.iter().any(|part| uri.path().contains(part.as_str())) {
                break;
            }
            released.await;
        }
        let (code, answer) = self.0.lock().answer(&method, uri.path(), uri.query().unwrap_or_default(), body);
        let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).expect("a code");
        response
    }
}

impl State {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: Value) -> (u16, Value) {
        let mut refusals = self.refusals.iter();
        let refused = refusals.find(|(of, part, ..)| of == method && path.contains(part.as_str()));
        if let Some((.., code, status)) = refused {
            return (*code, status.clone());
        }
        let once = self.once.iter().position(|(of, part, _)| of == method && path.contains(part.as_str()));
        if let Some((.., code)) = once.map(|at| self.once.remove(at)) {
            return failure(code, "refused once by the test");
        }
        let (object, sub) = split(path);
        match (method, sub) {
            (&Method::GET, _) => self.read(path, query),
            (&Method::PATCH, sub) => self.patch(&object, sub, body),
            (&Method::POST, Some("eviction")) => {
                self.delete(&object, &body["deleteOptions"]["preconditions"]["uid"])
            }
            (&Method::POST, _) => (201, body),
            (&Method::DELETE, _) => self.delete(&object, &body["preconditions"]["uid"]),
            _ => failure(405, "not made for this"),
        }
    }

    fn read(&self, path: &str, query: &str) -> (u16, Value) {
        if let Some(object) = self.objects.get(path) {
            return (200, object.clone());
        }
        if is_object(path) {
            return failure(404, "not found");
        }
        let labels: Vec<(String, String)> = selector(query);
        let below = |path_of: &str| path_of.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let carries = |object: &Value| {
            labels.iter().all(|(name, value)| object["metadata"]["labels"][name] == json!(value))
        };
        let found = self.objects.iter().filter(|(path, object)| below(path) && carries(object));
        let items: Vec<_> = found.map(|(_, object)| object.clone()).collect();
        (200, json!({ "metadata": { "resourceVersion": "1" }, "items": items }))
    }

    fn patch(&mut self, path: &str, sub: Option<&str>, body: Value) -> (u16, Value) {
        let known = self.objects.contains_key(path);
        // Labels and annotations of just that one: a merge. All else is an apply, with all that its owner sets.
        let is_apply = body.get("kind").is_some();
        if !known && (sub.is_some() || !is_apply) {
            return failure(404, "not found");
        }
        self.made += 1;
        let made = self.made;
        let object = self.objects.entry(path.to_owned()).or_insert_with(|| {
            json!({ "metadata": { "uid": format!("made-{made}"), "creationTimestamp": "2026-01-02T00:00:00Z", "generation": 1 } })
        });
        if sub == Some("status") {
            object["status"] = body["status"].clone();
            return (200, object.clone());
        }
        let before = object["spec"].clone();
        match body.get("spec") {
            Some(spec) if is_apply => object["spec"] = spec.clone(),
            Some(spec) => merge(&mut object["spec"], spec),
            None => {}
        }
        for (name, value) in body.as_object().into_iter().flatten() {
            match name.as_str() {
                "metadata" => merge(&mut object["metadata"], value),
                "spec" | "status" => {}
                _ => object[name] = value.clone(),
            }
        }
        for (part, pointer, value) in self.rewrites.iter().filter(|_| is_apply) {
            if let Some(found) = object.pointer_mut(pointer).filter(|_| path.contains(part.as_str())) {
                *found = value.clone();
            }
        }
        if let Some(generation) =
            object["metadata"]["generation"].as_i64().filter(|_| known && object["spec"] != before)
        {
            object["metadata"]["generation"] = json!(generation + 1);
            // Its controller, where it has one, sees it at once.
            if let Some(observed) = object.pointer_mut("/status/observedGeneration") {
                *observed = json!(generation + 1);
            }
        }
        (200, object.clone())
    }

    fn delete(&mut self, path: &str, uid: &Value) -> (u16, Value) {
        match self.objects.get(path) {
            None => failure(404, "not found"),
            Some(object) if uid.is_string() && object["metadata"]["uid"] != *uid => {
                failure(409, "another uid")
            }
            Some(_) => {
                self.objects.remove(path);
                (200, json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
            }
        }
    }
}

fn failure(code: u16, message: &str) -> (u16, Value) {
    // What is not there is known by this word.
    let reason = if code == 404 { "NotFound" } else { "Test" };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code,
    });
    (code, status)
}

/// The words of a path behind its namespace: the kind, the name, the subresource.
fn words(path: &str) -> Vec<&str> {
    let words = path.split('/').skip_while(|word| *word != "namespaces").skip(2);
    words.collect()
}

fn is_object(path: &str) -> bool {
    words(path).len() != 1 && path.contains("/namespaces/")
}

fn split(path: &str) -> (String, Option<&str>) {
    match words(path)[..] {
        [_, _, sub] => (path[..path.len() - sub.len() - 1].to_owned(), Some(sub)),
        _ => (path.to_owned(), None),
    }
}

fn selector(query: &str) -> Vec<(String, String)> {
    let decoded = query.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
    let labels = decoded.split('&').find_map(|part| part.strip_prefix("labelSelector=")).unwrap_or_default();
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// As RFC 7386: null takes away.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (name, value) in patch {
        if value.is_null() {
            drop(into.as_object_mut().map(|object| object.remove(name)));
        } else {
            merge(&mut into[name], value);
        }
    }
}
