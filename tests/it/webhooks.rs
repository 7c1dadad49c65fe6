//! Events on their way to a tenant's own server: signed, at least once, whatever becomes of one attempt.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jobs::{JobName, Outcome};
use primitives::{Actor, Change, Clock as _, Secret};
use serde_json::{Value, json};
use tenancy::webhook::{SigningKey, WebhookFilter, WebhookMessages as _};
use tenancy::{ManagedBy, Tenant, TenantSecret, Write};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::browser::Browser;
use crate::world::World;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that answers with these statuses, then with 204.
struct Receiver {
    url: String,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    seen: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (statuses, seen) = (Arc::<Mutex<VecDeque<u16>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (answers, kept) = (statuses.clone(), seen.clone());
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (answers, kept) = (answers.clone(), kept.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answers, kept) = (answers.clone(), kept.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        kept.lock().unwrap().push((head.headers, String::from_utf8(body.to_vec()).unwrap()));
                        let status = answers.lock().unwrap().pop_front().unwrap_or(204);
                        let mut answer = http::Response::new(Full::<Bytes>::default());
                        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                        Ok::<_, std::convert::Infallible>(answer)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, statuses, seen, server }
    }

    fn seen(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// A tenant with a webhook, which the node's file or its API owns.
async fn tenant(world: &World, id: &str, managed_by: ManagedBy, url: &str) {
    let mut tenant = Tenant::new(id.parse().unwrap(), managed_by, world.clock.now());
    let webhook = json!([{
        "name": "siem", "url": url, "events": ["identity.*", "session.created"], "signing_secret": "siem",
    }]);
    tenant.settings.document.insert("webhook".to_owned(), webhook);
    world.storage.apply(tenant.create(Actor::System)).await.unwrap();
    let secret = TenantSecret { name: "siem".to_owned(), value: Secret::new(KEY.to_owned()) };
    let write = Write::PutTenantSecret { secret, at: world.clock.now() };
    world.storage.apply(Change::new(id.parse().unwrap()).write(write)).await.unwrap();
}

async fn sign_up(world: &World, id: &str, email: &str) {
    let start = format!("{}/self-service/registration/api", world.tenant(id));
    let flow = Browser::default().get_json(&start).await.json();
    let body = json!({
        "method": "password", "password": "moss-covered lantern 71", "traits": { "email": email },
    });
    let made = Browser::default().post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
}

async fn kept(world: &World, id: &str) -> Vec<(u32, Option<String>)> {
    let (tenant, all) = (id.parse().unwrap(), WebhookFilter::default());
    let listed = world.storage.list_webhook_messages(&tenant, &all, 100).await;
    listed.unwrap().into_iter().map(|message| (message.attempts, message.error)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_their_receiver_signed_and_again_until_they_are_taken() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    tenant(&world, "hooked", ManagedBy::File, &receiver.url).await;
    sign_up(&world, "hooked", "ada@acme.example").await;
    assert_eq!(world.run_job(JobName::Events).await, Outcome::NotDue, "nothing has settled");
    world.clock.advance(Duration::from_mins(1));
    assert!(matches!(world.run_job(JobName::Events).await, Outcome::Done(_)));

    receiver.statuses.lock().unwrap().push_back(500);
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
    let first = receiver.seen();
    assert_eq!(first.len(), 1);
    assert_eq!(kept(&world, "hooked").await, [(1, Some("it answered 500".to_owned()))]);

    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(1));
    let seen = receiver.seen();
    let mut told = Vec::new();
    for (headers, body) in &seen {
        let header = |name: &str| headers[name].to_str().unwrap();
        let key = SigningKey::parse(KEY).unwrap();
        let [_, (_, seconds), (_, signature)] =
            key.headers(header("webhook-id"), world.clock.now(), body.as_bytes());
        assert_eq!((header("webhook-timestamp"), header("webhook-signature")), (&*seconds, &*signature));
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["data"]["id"], header("webhook-id"));
        assert!(!body.contains("ada@acme.example"), "it has identifiers alone: {body}");
        told.push(event["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, ["identity.created"]);
    assert_eq!(seen[0].0["webhook-id"], first[0].0["webhook-id"]);
    assert_eq!(kept(&world, "hooked").await, []);
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::NotDue, "told once");
}

/// Attack: whoever may write a tenant's settings has the node post to a server of its own network.
#[tokio::test(flavor = "multi_thread")]
async fn tenant_of_the_api_has_nothing_sent_to_an_address_that_is_not_public() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    tenant(&world, "hooked", ManagedBy::Api, &receiver.url).await;
    sign_up(&world, "hooked", "ada@acme.example").await;
    world.clock.advance(Duration::from_mins(1));
    assert!(matches!(world.run_job(JobName::Events).await, Outcome::Done(_)));
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
    assert!(receiver.seen().is_empty());
    let errors = kept(&world, "hooked").await;
    assert!(errors.contains(&(1, Some("the address is not allowed".to_owned()))), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_listed_and_sent_again_by_the_api() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    tenant(&world, "hooked", ManagedBy::File, &receiver.url).await;
    sign_up(&world, "hooked", "ada@acme.example").await;
    world.clock.advance(Duration::from_mins(1));
    assert!(matches!(world.run_job(JobName::Events).await, Outcome::Done(_)));
    receiver.statuses.lock().unwrap().extend([410, 410]);
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
    let list = "/admin/portcullis/v1/webhooks/messages?status=given_up";
    let listed = world.operate(&world.key, ("GET", list), "hooked", &Value::Null).await.json();
    let messages = listed["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["error"]), (1, &json!("it answered 410")));
    let one =
        format!("/admin/portcullis/v1/webhooks/siem/messages/{}/resend", messages[0]["id"].as_str().unwrap());
    let resend =
        async |path: &str| world.operate(&world.key, ("POST", path), "hooked", &Value::Null).await.status;
    assert_eq!((resend(&one).await, resend(&one).await), (204, 404), "it is on its way");
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
    assert_eq!(resend("/admin/portcullis/v1/webhooks/siem/resend").await, 204);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(1));
    assert_eq!(kept(&world, "hooked").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_people_go_by_the_tenants_own_service_until_it_takes_them() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let mut own = Tenant::new("hooked".parse().unwrap(), ManagedBy::File, world.clock.now());
    let courier = json!({ "channels": { "email": { "url": receiver.url, "headers": { "x-from": "id" } } } });
    own.settings.document.insert("courier".to_owned(), courier);
    world.storage.apply(own.create(Actor::System)).await.unwrap();
    sign_up(&world, "hooked", "ada@acme.example").await;
    receiver.statuses.lock().unwrap().push_back(503);
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(0));
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(1));
    let seen = receiver.seen();
    let [(_, first), (headers, second)] = seen.as_slice() else { panic!("{seen:?}") };
    let [first, second]: [Value; 2] = [first, second].map(|body| serde_json::from_str(body).unwrap());
    assert_eq!((&first["id"], &first["attempt"], &second["attempt"]), (&second["id"], &json!(1), &json!(2)));
    assert_eq!((&second["recipient"], &second["channel"]), (&json!("ada@acme.example"), &json!("email")));
    assert_eq!(
        (headers["x-from"].as_bytes(), headers["idempotency-key"].to_str().ok()),
        (&b"id"[..], second["id"].as_str())
    );
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::NotDue, "it was taken");
}
