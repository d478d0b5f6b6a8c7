//! Lets pages of other sites read the endpoints when `alluxio.web.cors.enabled` says so. As in Alluxio 2.9
//! there are no preflights: OPTIONS is refused, so only plain requests cross sites.

use alluxio_conf::{Configuration, key};
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// The headers to add; none when it is off.
#[derive(Clone, Debug, Default)]
pub struct Cors(HeaderMap);

impl Cors {
    pub fn from_conf(conf: &Configuration) -> Self {
        let mut headers = HeaderMap::new();
        if conf.get(key::WEB_CORS_ENABLED) {
            let origins = conf.get(key::WEB_CORS_ALLOW_ORIGINS);
            if origins != "*" {
                headers.insert(VARY, HeaderValue::from_static("Origin"));
            }
            let mut add = |name: HeaderName, value: String| match HeaderValue::try_from(value) {
                Ok(value) => drop(headers.insert(name, value)),
                Err(_) => {
                    tracing::warn!(header = %name, "alluxio.web.cors.*: a value that no header can hold is left out")
                }
            };
            add(ACCESS_CONTROL_ALLOW_ORIGIN, origins);
            add(ACCESS_CONTROL_ALLOW_HEADERS, conf.get(key::WEB_CORS_ALLOW_HEADERS));
            add(ACCESS_CONTROL_ALLOW_METHODS, conf.get(key::WEB_CORS_ALLOW_METHODS));
            add(ACCESS_CONTROL_EXPOSE_HEADERS, conf.get(key::WEB_CORS_EXPOSED_HEADERS));
            add(ACCESS_CONTROL_MAX_AGE, conf.get(key::WEB_CORS_MAX_AGE).to_string());
            if conf.get(key::WEB_CORS_ALLOW_CREDENTIAL) {
                add(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".to_owned());
            }
        }
        Self(headers)
    }

    pub async fn add(self, request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        response.headers_mut().extend(self.0);
        response
    }
}
