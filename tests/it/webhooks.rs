//! Events on their way to a tenant's own server: signed, at least once, whatever becomes of one attempt.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use jobs::{JobName, Outcome};
use primitives::{Actor, Clock as _};
use serde_json::{Value, json};
use tenancy::webhook::{SigningKey, WebhookFilter, WebhookMessages as _};
use tenancy::{ManagedBy, Tenant};

use crate::peer::{Peer, declare, sign_up};
use crate::world::World;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that answers with these statuses, then with 204.
struct Receiver {
    peer: Peer,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    seen: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Receiver {
    async fn start() -> Self {
        let (statuses, seen) = (Arc::<Mutex<VecDeque<u16>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (answers, kept) = (statuses.clone(), seen.clone());
        let peer = Peer::start(move |headers, body| {
            kept.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
            (answers.lock().unwrap().pop_front().unwrap_or(204), String::new())
        });
        Self { peer: peer.await, statuses, seen }
    }

    fn url(&self) -> String {
        self.peer.url("/events")
    }

    fn seen(&self) -> Vec<(HeaderMap, String)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// A tenant with a webhook, which the node's file or its API owns.
async fn tenant(world: &World, id: &str, managed_by: ManagedBy, url: &str) {
    let webhook = json!([{
        "name": "siem", "url": url, "events": ["identity.*", "session.created"], "signing_secret": "siem",
    }]);
    declare(world, (id, managed_by), ("webhook", webhook), ("siem", KEY)).await;
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
    tenant(&world, "hooked", ManagedBy::File, &receiver.url()).await;
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
    tenant(&world, "hooked", ManagedBy::Api, &receiver.url()).await;
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
    tenant(&world, "hooked", ManagedBy::File, &receiver.url()).await;
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
    let courier =
        json!({ "channels": { "email": { "url": receiver.url(), "headers": { "x-from": "id" } } } });
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
