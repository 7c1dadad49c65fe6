use std::sync::Mutex;

use primitives::{Actor, Change};
use tenancy::Write;
use tenancy::webhook::{NewWebhookMessage, WebhookFilter, WebhookMessages as _};

use super::*;
use crate::runner::{Outcome, Runner};
use crate::testing::{World, default_tenant};

/// Answers each message as its body says, and remembers webhook, body and attempt.
#[derive(Debug, Default)]
struct Receivers(Mutex<Vec<String>>);

impl WebhookSender for Receivers {
    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, Result<(), SendError>> {
        let WebhookMessage { webhook, body, attempts, .. } = message;
        self.0.lock().unwrap().push(format!("{webhook} {body} {attempts}"));
        Box::pin(async move {
            match body.split(' ').next().unwrap() {
                "down" => Err(SendError::Unreachable("could not connect".to_owned())),
                "refused" => Err(SendError::Refused("it answered 500".to_owned())),
                "gone" => Err(SendError::Gone("it answered 410".to_owned())),
                "panic" => panic!("defect"),
                "silence" => std::future::pending().await,
                _ => Ok(()),
            }
        })
    }
}

impl Receivers {
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn webhooks(world: &World) -> (Arc<Receivers>, Runner) {
    let receivers = Arc::new(Receivers::default());
    // A time of nothing: a receiver that does not answer at once has taken too long.
    let settings =
        config::jobs::Outbox { timeout: config::Span::seconds(0), attempts: 3, ..Default::default() };
    let job = Webhooks::new(world.storage.clone(), receivers.clone(), settings);
    (receivers, world.runner("one", job))
}

async fn queue(world: &World, webhook: &str, body: &str) {
    let message = NewWebhookMessage {
        webhook: webhook.to_owned(),
        id: world.storage_rng.uuid(),
        topic: "session.created".to_owned(),
        body: body.to_owned(),
        at: world.now(),
    };
    let change = Change::new(default_tenant()).write(Write::QueueWebhookMessage(Box::new(message)));
    world.storage.apply(change).await.unwrap();
}

/// `<body> <attempts>` of the messages that wait, or that were given up.
async fn kept(world: &World, given_up: bool) -> Vec<String> {
    let filter = WebhookFilter { given_up: Some(given_up), ..WebhookFilter::default() };
    let listed = world.storage.list_webhook_messages(&default_tenant(), &filter, 1000).await.unwrap();
    let mut kept: Vec<_> =
        listed.iter().map(|message| format!("{} {}", message.body, message.attempts)).collect();
    kept.sort();
    kept
}

#[tokio::test]
async fn every_message_is_sent_in_its_order_and_leaves() {
    let world = World::open().await;
    let (receivers, runner) = webhooks(&world);
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
    for number in 0..50 {
        queue(&world, "crm", &format!("{number:02}")).await;
        world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(world.run(&runner).await, Outcome::Done(50));
    assert_eq!(receivers.seen(), (0..50).map(|n| format!("crm {n:02} 1")).collect::<Vec<_>>());
    assert_eq!((kept(&world, false).await, kept(&world, true).await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn message_is_tried_later_and_later_and_kept_when_it_is_given_up() {
    for body in ["down", "refused", "panic", "silence"] {
        let world = World::open().await;
        let (receivers, runner) = webhooks(&world);
        queue(&world, "crm", body).await;
        for (attempt, wait) in [(1, 60), (2, 120)] {
            assert_eq!(world.run(&runner).await, Outcome::Done(0), "{body}");
            assert_eq!(receivers.seen(), [format!("crm {body} {attempt}")]);
            world.clock.advance(Duration::from_secs(wait - 1));
            assert_eq!(world.run(&runner).await, Outcome::NotDue, "{body}");
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
        assert_eq!(kept(&world, true).await, [format!("{body} 3")]);
        world.clock.advance(Duration::from_hours(24));
        assert_eq!(world.run(&runner).await, Outcome::NotDue);
        let records = world.storage.list_audit_records(&default_tenant(), None, 10).await.unwrap();
        assert!(records.iter().any(|record| record.action == "webhook.given_up"), "{body}");

        // An operator sends it again.
        let (all, by) = (("crm", None), (Actor::System, world.now()));
        assert!(world.storage.resend_webhook_messages(&default_tenant(), all, by).await.unwrap());
        assert_eq!(kept(&world, false).await, [format!("{body} 0")]);
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
    }
}

#[tokio::test]
async fn message_to_who_is_gone_is_given_up_at_once() {
    let world = World::open().await;
    let (_, runner) = webhooks(&world);
    queue(&world, "crm", "gone").await;
    assert_eq!(world.run(&runner).await, Outcome::Done(0));
    assert_eq!(kept(&world, true).await, ["gone 1"]);
}

/// Attack: a receiver that is down makes a node ask it for every message that waits, and others wait meanwhile.
#[tokio::test]
async fn receiver_that_is_down_is_asked_once_and_holds_up_nobody_else() {
    let world = World::open().await;
    let (receivers, runner) = webhooks(&world);
    for number in 0..40 {
        queue(&world, "a-down", &format!("down {number}")).await;
    }
    queue(&world, "b-up", "taken").await;
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    let mut seen = receivers.seen();
    seen.sort();
    assert_eq!((seen.len(), seen.last().map(String::as_str)), (2, Some("b-up taken 1")), "{seen:?}");
    let tried = kept(&world, false).await.iter().filter(|kept| kept.ends_with(" 1")).count();
    assert_eq!((tried, kept(&world, false).await.len()), (1, 40), "those behind it do not count as tried");
}

#[tokio::test]
async fn one_bad_message_holds_up_no_other_of_its_webhook() {
    let world = World::open().await;
    let (_, runner) = webhooks(&world);
    for body in ["refused", "gone", "panic", "good"] {
        queue(&world, "crm", body).await;
    }
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    assert_eq!(kept(&world, false).await, ["panic 1", "refused 1"]);
    assert_eq!(kept(&world, true).await, ["gone 1"]);
}

#[tokio::test]
async fn message_of_a_node_that_died_in_the_middle_is_sent_again() {
    let world = World::open().await;
    let (receivers, runner) = webhooks(&world);
    queue(&world, "crm", "x").await;
    let whose = (default_tenant(), "crm".to_owned());
    let read = world.storage.take_due_webhook_messages(&whose, world.now(), 1).await.unwrap().remove(0);
    let until = world.now().after(Duration::from_mins(1));
    assert!(world.storage.claim_webhook_message(read.clone(), until, world.now()).await.unwrap().is_some());
    assert_eq!(world.storage.claim_webhook_message(read, until, world.now()).await.unwrap(), None);
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    assert_eq!(receivers.seen(), ["crm x 2"]);
}
