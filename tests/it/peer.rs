//! What a tenant calls: a server on loopback at the end of a real connection, which answers as a test says and ends with it.
//! And tenants that are told of one, with the secret that it knows them by.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use primitives::{Actor, Change, Clock as _, Secret};
use serde_json::{Value, json};
use tenancy::{ManagedBy, Tenant, TenantSecret, Write};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::browser::{self, Browser};
use crate::world::World;

/// A server.
pub(crate) struct Peer {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Peer {
    /// Starts one that answers with a status and a body what it is sent.
    pub(crate) async fn start(
        answer: impl Fn(HeaderMap, Bytes) -> (u16, String) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let answer = answer.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let (status, body) = answer(head.headers, body);
                        let mut answer = Response::new(Full::<Bytes>::from(body));
                        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                        Ok::<_, Infallible>(answer)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Makes a tenant with one section of settings, which the node's file or its API owns, and one secret.
pub(crate) async fn declare(
    world: &World,
    (id, managed_by): (&str, ManagedBy),
    (section, settings): (&str, Value),
    (name, value): (&str, &str),
) {
    let mut tenant = Tenant::new(id.parse().unwrap(), managed_by, world.clock.now());
    tenant.settings.document.insert(section.to_owned(), settings);
    world.storage.apply(tenant.create(Actor::System)).await.unwrap();
    let secret = TenantSecret { name: name.to_owned(), value: Secret::new(value.to_owned()) };
    let write = Write::PutTenantSecret { secret, at: world.clock.now() };
    world.storage.apply(Change::new(id.parse().unwrap()).write(write)).await.unwrap();
}

/// What comes of signing up with a password, and with more in the form.
pub(crate) async fn try_sign_up(world: &World, id: &str, email: &str, more: Value) -> browser::Response {
    let start = format!("{}/self-service/registration/api", world.tenant(id));
    let flow = Browser::default().get_json(&start).await.json();
    let mut body = json!({
        "method": "password", "password": "moss-covered lantern 71", "traits": { "email": email },
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Browser::default().post_json(flow["ui"]["action"].as_str().unwrap(), &body).await
}

/// Signs somebody up.
pub(crate) async fn sign_up(world: &World, id: &str, email: &str) {
    let made = try_sign_up(world, id, email, json!({})).await;
    assert_eq!(made.status, 200, "{}", made.text());
}
