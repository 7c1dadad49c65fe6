//! Requests to the provider: https, or http to this machine; no redirects, with a bound on time and size.

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use std::pin::Pin;
use std::time::Duration;
use url::Url;

use crate::settings::is_safe;

/// How long one exchange may take, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// No document of a provider, and no page of its sign-in, is near this.
const LARGEST: usize = 1 << 20;

/// A client that every request of this app goes through.
///
/// It follows no redirects: a provider's endpoints have none, and following one could send a code or a token to
/// a place that discovery did not name.
#[derive(Clone, Debug)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is neither https nor on this machine.
    #[error("{0} is neither https nor an address of this machine")]
    Insecure(String),
    /// Nobody answers there, or the exchange broke off.
    #[error("cannot reach {host}: {cause}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The innermost cause, which says what happened.
        cause: String,
    },
    /// The answer was too large, or broke off.
    #[error("the answer of {0} was too large or broke off")]
    Body(String),
    /// The answer did not come in time.
    #[error("{0} did not answer in time")]
    Late(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl HttpClient {
    /// Sets up TLS with Mozilla's roots.
    pub fn new() -> Result<Self, HttpError> {
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(tls)))
    }

    /// Sends one request and reads the whole answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let address = request.uri().to_string();
        if !Url::parse(&address).is_ok_and(|url| is_safe(&url)) {
            return Err(HttpError::Insecure(address));
        }
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        match tokio::time::timeout(PATIENCE, self.exchange(request, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Late(host)),
        }
    }

    async fn exchange(&self, request: HttpRequest, host: &str) -> Result<HttpResponse, HttpError> {
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self
            .0
            .request(request)
            .await
            .map_err(|error| HttpError::Unreachable { host: host.to_owned(), cause: innermost(&error) })?;
        let (head, body) = answer.into_parts();
        let body =
            Limited::new(body, LARGEST).collect().await.map_err(|_| HttpError::Body(host.to_owned()))?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The outer layers of a connection error say only that there was one.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(address: &str, expected: &str) {
        let request = http::Request::get(address).body(Vec::new()).unwrap();
        let error = HttpClient::new().unwrap().send(request).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[tokio::test]
    async fn plain_http_leaves_this_machine_never() {
        check("http://id.example/token", "neither https nor an address of this machine").await;
        check("http://169.254.169.254/latest", "neither https").await;
    }

    #[tokio::test]
    async fn a_closed_port_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        check(&format!("http://{address}/"), &format!("cannot reach {address}")).await;
    }
}
