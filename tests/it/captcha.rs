//! The check that a person is there, by a service of its own kind at the end of a real connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use primitives::{Actor, Change, Clock as _, Secret};
use serde_json::{Value, json};
use tenancy::{ManagedBy, Tenant, TenantSecret, Write};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::browser::Browser;
use crate::world::World;

const SECRET: &str = "0xhunter2";

/// A service of the form of `siteverify`: knows people by what they hand over, takes it once, and remembers what it was sent.
struct Service {
    url: String,
    seen: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
    server: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<BTreeMap<String, String>>>>::default();
        let kept = seen.clone();
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let kept = kept.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let kept = kept.clone();
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let answer = judge(&kept, &body);
                        let answer = http::Response::new(Full::<Bytes>::from(answer.to_string()));
                        Ok::<_, std::convert::Infallible>(answer)
                    }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(served);
            }
        });
        Self { url, seen, server }
    }
}

fn judge(kept: &Mutex<Vec<BTreeMap<String, String>>>, body: &[u8]) -> Value {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let mut kept = kept.lock().unwrap();
    let is_spent = kept.iter().any(|before| before.get("response") == form.get("response"));
    let code = match (form.get("secret").map(String::as_str), form.get("response").map(String::as_str)) {
        (Some(SECRET), Some("a person")) if !is_spent => None,
        (Some(SECRET), Some("a person")) => Some("timeout-or-duplicate"),
        (Some(SECRET), _) => Some("invalid-input-response"),
        _ => Some("invalid-input-secret"),
    };
    kept.push(form);
    json!({
        "success": code.is_none(), "hostname": "id.example", "action": "registration",
        "error-codes": code.into_iter().collect::<Vec<_>>(),
    })
}

async fn tenant(world: &World, id: &str, managed_by: ManagedBy, url: &str) {
    let mut tenant = Tenant::new(id.parse().unwrap(), managed_by, world.clock.now());
    let captcha = json!({
        "provider": "turnstile", "site_key": "key", "secret": "captcha", "verify_url": url, "hostname": "id.example",
    });
    tenant.settings.document.insert("identity".to_owned(), json!({ "captcha": captcha }));
    world.storage.apply(tenant.create(Actor::System)).await.unwrap();
    let secret = TenantSecret { name: "captcha".to_owned(), value: Secret::new(SECRET.to_owned()) };
    let write = Write::PutTenantSecret { secret, at: world.clock.now() };
    world.storage.apply(Change::new(id.parse().unwrap()).write(write)).await.unwrap();
}

/// What signing up leads to: the status, and the number of the form's message.
async fn sign_up(world: &World, id: &str, (email, proof): (&str, &str)) -> (u16, Option<u64>) {
    let start = format!("{}/self-service/registration/api", world.tenant(id));
    let flow = Browser::default().get_json(&start).await.json();
    let body = json!({
        "method": "password", "password": "moss-covered lantern 71", "traits": { "email": email },
        "transient_payload": { "captcha_turnstile_response": proof },
    });
    let answer = Browser::default().post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    (answer.status, answer.json()["ui"]["messages"][0]["id"].as_u64())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_up_a_script_does_not_and_no_proof_counts_twice() {
    let world = World::start().await;
    let service = Service::start().await;
    tenant(&world, "checked", ManagedBy::File, &service.url).await;
    let failed = (400, Some(4_000_038));
    assert_eq!(sign_up(&world, "checked", ("eve@acme.example", "")).await, failed);
    assert!(service.seen.lock().unwrap().is_empty(), "there is nothing to show");
    assert_eq!(sign_up(&world, "checked", ("eve@acme.example", "a script")).await, failed);
    assert_eq!(sign_up(&world, "checked", ("ada@acme.example", "a person")).await, (200, None));
    assert_eq!(sign_up(&world, "checked", ("bob@acme.example", "a person")).await, failed);
    let seen = service.seen.lock().unwrap();
    let shown: Vec<_> = seen.iter().map(|form| form["response"].as_str()).collect();
    assert_eq!(shown, ["a script", "a person", "a person"]);
    assert!(seen.iter().all(|form| form["remoteip"] == "127.0.0.1"), "{seen:?}");
}

/// Attack: whoever may write a tenant's settings has the node call a server of its own network.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_file_names_a_service_in_the_nodes_own_network() {
    let world = World::start().await;
    let service = Service::start().await;
    tenant(&world, "foreign", ManagedBy::Api, &service.url).await;
    let unavailable = (400, Some(8_000_050));
    assert_eq!(sign_up(&world, "foreign", ("ada@acme.example", "a person")).await, unavailable);
    assert!(service.seen.lock().unwrap().is_empty());
}
