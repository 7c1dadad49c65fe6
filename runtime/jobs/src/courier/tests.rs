use std::sync::Mutex;

use identity::Write;
use identity::courier::NoTenantCarriers;
use identity::courier::{CourierMessages as _, Mail, MailTemplate, MessageFilter, MessageStatus, NewMessage};
use primitives::Change;
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::message::NoMessageHook;
use primitives::rng::SeededRng;

use super::http::tests::{Service, channel};
use super::*;
use crate::runner::{Outcome, Runner};
use crate::testing::{World, default_tenant};

/// Answers as the recipient's name says, and remembers whom it was given mail for.
#[derive(Debug, Default)]
pub(super) struct Post(Mutex<Vec<(String, String)>>);

impl Mailer for Post {
    fn send<'a>(&'a self, parcel: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.0.lock().unwrap().push((parcel.recipient.to_owned(), parcel.content.text.clone()));
        Box::pin(async {
            match parcel.recipient.split('@').next().unwrap() {
                "later" => Err(DeliveryError::Temporary("busy".to_owned())),
                "down" => Err(DeliveryError::Unreachable("nobody is there".to_owned())),
                "never" => Err(DeliveryError::Permanent("refused".to_owned())),
                "panic" => panic!("defect"),
                "silence" => std::future::pending().await,
                _ => Ok(()),
            }
        })
    }
}

impl Post {
    pub(super) fn taken(&self) -> Vec<String> {
        let mut taken: Vec<_> =
            std::mem::take(&mut *self.0.lock().unwrap()).into_iter().map(|(to, _)| to).collect();
        taken.sort();
        taken
    }
}

/// A plugin that answers by the template's name.
#[derive(Debug)]
struct Plugin(fn() -> Result<MessageDecision, HookFailureKind>);

impl MessageHook for Plugin {
    fn send<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a OutgoingMessage,
    ) -> BoxFuture<'a, Result<MessageDecision, HookFailure>> {
        let answer = (self.0)();
        let failed = |kind| HookFailure { plugin: "mail".to_owned(), kind, detail: String::new() };
        Box::pin(std::future::ready(answer.map_err(failed)))
    }
}

pub(super) fn settings() -> config::Courier {
    config::Courier { message_retries: 3, timeout: config::Span::seconds(0), ..config::Courier::default() }
}

pub(super) fn runner(
    world: &World,
    node: &str,
    (mailer, hook): (Arc<dyn Mailer>, Arc<dyn MessageHook>),
    settings: config::Courier,
) -> Runner {
    let ways = Ways {
        mailer: Some(mailer),
        channels: Channels::default(),
        hook,
        tenants: Arc::new(NoTenantCarriers),
    };
    let rng = Arc::new(SeededRng::new(11));
    world.runner(node, Courier::new(world.storage.clone(), ways, rng, settings))
}

fn with_plugin(world: &World, node: &str, hook: Arc<dyn MessageHook>) -> (Arc<Post>, Runner) {
    let post = Arc::new(Post::default());
    (post.clone(), runner(world, node, (post, hook), settings()))
}

pub(super) fn with_settings(world: &World, settings: config::Courier) -> (Arc<Post>, Runner) {
    let post = Arc::new(Post::default());
    (post.clone(), runner(world, "one", (post, Arc::new(NoMessageHook)), settings))
}

fn courier(world: &World) -> (Arc<Post>, Runner) {
    with_plugin(world, "one", Arc::new(NoMessageHook))
}

/// A courier whose messages go to a service, by HTTP.
fn with_service(world: &World, status: u16) -> (Arc<Service>, Arc<Post>, Runner) {
    let service = Arc::new(Service(Mutex::new((status, Vec::new()))));
    let post = Arc::new(Post::default());
    let channels = Channels { email: None, sms: Some(channel(&service)) };
    let ways = Ways {
        mailer: Some(post.clone()),
        channels,
        hook: Arc::new(NoMessageHook),
        tenants: Arc::new(NoTenantCarriers),
    };
    let rng = Arc::new(SeededRng::new(11));
    let settings = config::Courier { timeout: config::Span::seconds(5), ..settings() };
    (service, post, world.runner("one", Courier::new(world.storage.clone(), ways, rng, settings)))
}

pub(super) async fn queue(world: &World, tenant: &str, recipients: &[&str]) {
    for recipient in recipients {
        let message = NewMessage {
            id: world.storage_rng.uuid(),
            template: MailTemplate::RecoveryCodeValid,
            via: if recipient.starts_with('+') { AddressKind::Sms } else { AddressKind::Email },
            recipient: (*recipient).to_owned(),
            mail: Mail {
                subject: "Your code".to_owned(),
                text: "Your code is 123456".to_owned(),
                html: "<p>123456</p>".to_owned(),
                locale: "en".to_owned(),
                data: serde_json::Map::new(),
                from: None,
            },
            organisation: None,
            at: world.now(),
            is_sent: !recipient.starts_with("nobody"),
        };
        let change = Change::new(tenant.parse().unwrap()).write(Write::QueueMessage(Box::new(message)));
        world.storage.apply(change).await.unwrap();
    }
}

/// How far the messages are: recipient, status, attempts, and the error of the last attempt.
pub(super) async fn states(world: &World) -> Vec<(String, MessageStatus, u32, Option<String>)> {
    states_of(world, "default").await
}

/// The same of a tenant.
pub(super) async fn states_of(
    world: &World,
    tenant: &str,
) -> Vec<(String, MessageStatus, u32, Option<String>)> {
    let tenant = tenant.parse().unwrap();
    let listed = world.storage.list_messages(&tenant, &MessageFilter::default(), 100).await.unwrap();
    let mut states: Vec<_> = listed
        .into_iter()
        .map(|m| (m.recipient, m.status, m.send_count, m.dispatches.last().and_then(|d| d.error.clone())))
        .collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

pub(super) fn state(
    to: &str,
    status: MessageStatus,
    sent: u32,
    error: Option<&str>,
) -> (String, MessageStatus, u32, Option<String>) {
    (to.to_owned(), status, sent, error.map(str::to_owned))
}

#[tokio::test]
async fn what_is_caused_is_sent_once_and_remembered() {
    let world = World::open().await;
    let (post, runner) = courier(&world);
    queue(&world, "default", &["ada@example.com", "nobody@example.com"]).await;
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    assert_eq!(post.taken(), ["ada@example.com"], "what is not to be sent is not");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.run(&runner).await, Outcome::NotDue, "nothing is sent twice");
    assert_eq!(
        states(&world).await,
        [
            state("ada@example.com", MessageStatus::Sent, 1, None),
            state("nobody@example.com", MessageStatus::Abandoned, 0, None),
        ]
    );
}

#[tokio::test]
async fn text_messages_go_to_their_service_and_mail_does_not() {
    let world = World::open().await;
    let (service, post, runner) = with_service(&world, 202);
    queue(&world, "default", &["+49301234567", "ada@example.com"]).await;
    world.run(&runner).await;
    assert_eq!(post.taken(), ["ada@example.com"]);
    let sent = std::mem::take(&mut service.0.lock().unwrap().1);
    let [request] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((request.method, request.url.as_str()), ("POST", "https://sms.example/messages"));
    assert!(request.headers.contains(&("authorization".to_owned(), "Bearer sesame".to_owned())));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let expected = [
        ("channel", "sms"),
        ("recipient", "+49301234567"),
        ("template_type", "recovery_code_valid"),
        ("body", "Your code is 123456"),
        ("locale", "en"),
        ("tenant", "default"),
    ];
    for (member, value) in expected {
        assert_eq!(body[member], value, "{member}");
    }
    let key = ("idempotency-key".to_owned(), body["id"].as_str().unwrap().to_owned());
    assert!(request.headers.contains(&key), "it may come twice, and then is known again");
}

#[tokio::test]
async fn what_a_service_answers_says_whether_it_is_asked_again() {
    for (status, then) in [
        (0, MessageStatus::Queued),
        (200, MessageStatus::Sent),
        (204, MessageStatus::Sent),
        (301, MessageStatus::Queued),
        (400, MessageStatus::Abandoned),
        (401, MessageStatus::Queued),
        (422, MessageStatus::Abandoned),
        (429, MessageStatus::Queued),
        (500, MessageStatus::Queued),
    ] {
        let world = World::open().await;
        let (_, _, runner) = with_service(&world, status);
        queue(&world, "default", &["+49301234567"]).await;
        world.run(&runner).await;
        assert_eq!(states(&world).await[0].1, then, "{status}");
    }
}

#[tokio::test]
async fn failed_attempts_come_later_and_later_and_end() {
    let world = World::open().await;
    let (post, runner) = courier(&world);
    let all = ["later@example.com", "never@example.com", "panic@example.com"];
    queue(&world, "default", &all).await;
    world.run(&runner).await;
    assert_eq!(post.taken(), all);
    assert_eq!(
        states(&world).await,
        [
            state("later@example.com", MessageStatus::Queued, 1, Some("busy")),
            state("never@example.com", MessageStatus::Abandoned, 1, Some("refused")),
            state("panic@example.com", MessageStatus::Queued, 1, Some("the attempt panicked")),
        ]
    );
    for (seconds, expect) in [(9, 0), (1, 2), (19, 0), (1, 2), (24 * 3600, 0)] {
        world.clock.advance(Duration::from_secs(seconds));
        world.run(&runner).await;
        assert_eq!(post.taken().len(), expect, "after {seconds} more seconds");
    }
    let given_up = states(&world).await;
    assert!(given_up.iter().all(|state| state.1 == MessageStatus::Abandoned), "{given_up:?}");
    assert!(given_up.iter().all(|state| state.2 == if state.0.starts_with("never") { 1 } else { 3 }));
}

#[tokio::test]
async fn node_that_ends_between_claim_and_sent_loses_nothing() {
    let world = World::open().await;
    queue(&world, "default", &["ada@example.com"]).await;
    let due = world.storage.take_due_courier_messages(world.now(), 10).await.unwrap();
    let until = world.now().after(Duration::from_mins(1));
    let claim = |message: CourierMessage| world.storage.claim_courier_message(message, until, world.now());
    let claimed = claim(due[0].clone()).await.unwrap();
    assert!(claimed.is_some());
    assert_eq!(claim(due[0].clone()).await.unwrap(), None, "of two that have read it one has it");
    assert_eq!(states(&world).await, [state("ada@example.com", MessageStatus::Processing, 1, None)]);

    // It ends here. Nobody else tries until the attempt has certainly ended.
    let (post, runner) = with_plugin(&world, "two", Arc::new(NoMessageHook));
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    assert_eq!(post.taken(), ["ada@example.com"]);

    // And if it only seemed to end, it has nothing to say any more.
    let late =
        world.storage.fail_courier_message(claimed.unwrap(), "late".to_owned(), None, world.now()).await;
    assert!(!late.unwrap());
    assert_eq!(states(&world).await, [state("ada@example.com", MessageStatus::Sent, 2, None)]);
}

#[tokio::test]
async fn plugins_deliver_rewrite_or_fail_and_no_message_is_dropped() {
    let rewritten = || {
        let content = MessageContent { subject: "S".to_owned(), text: "rewritten".to_owned(), html: None };
        Ok(MessageDecision::Send(content))
    };
    let delivered = || Ok(MessageDecision::Delivered { reference: "r".to_owned() });
    for (answer, texts, expect) in [
        (delivered as fn() -> _, vec![], MessageStatus::Sent),
        (rewritten, vec!["rewritten"], MessageStatus::Sent),
        (|| Err(HookFailureKind::Trap), vec!["Your code is 123456"], MessageStatus::Sent),
    ] {
        let world = World::open().await;
        let (post, runner) = with_plugin(&world, "one", Arc::new(Plugin(answer)));
        queue(&world, "default", &["ada@example.com"]).await;
        for _ in 0..3 {
            world.run(&runner).await;
            world.clock.advance(Duration::from_hours(1));
        }
        let seen: Vec<String> = post.0.lock().unwrap().iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(seen, texts);
        assert_eq!(states(&world).await[0].1, expect);
    }
}

#[tokio::test]
async fn resent_message_goes_out_again() {
    let world = World::open().await;
    let (post, runner) = courier(&world);
    queue(&world, "default", &["never@example.com"]).await;
    world.run(&runner).await;
    let listed = world.storage.list_messages(&default_tenant(), &MessageFilter::default(), 1).await.unwrap();
    let resend = |tenant: &str| {
        let tenant = tenant.parse().unwrap();
        let (storage, id, now) = (world.storage.clone(), listed[0].id, world.now());
        async move { storage.resend_courier_message(&tenant, id, Actor::System, now).await.unwrap() }
    };
    assert!(!resend("other").await, "another tenant's");
    assert!(resend("default").await);
    assert!(!resend("default").await, "it is on its way already");
    world.clock.advance(Duration::from_mins(1));
    world.run(&runner).await;
    assert_eq!(post.taken(), ["never@example.com", "never@example.com"]);
}

#[tokio::test]
async fn one_tenants_flood_delays_no_other() {
    let world = World::open().await;
    let flood: Vec<String> = (0..200).map(|n| format!("a{n}@example.com")).collect();
    queue(&world, "default", &flood.iter().map(String::as_str).collect::<Vec<_>>()).await;
    queue(&world, "other", &["ada@example.com"]).await;
    let first = world.storage.take_due_courier_messages(world.now(), 2).await.unwrap();
    assert!(first.iter().any(|message| message.recipient == "ada@example.com"));
}

#[tokio::test]
async fn old_messages_leave_and_waiting_ones_stay() {
    let world = World::open().await;
    let (_, runner) = courier(&world);
    queue(&world, "default", &["ada@example.com", "later@example.com"]).await;
    world.run(&runner).await;
    let trimmed = world.storage.trim_courier_messages(world.now().after(Duration::from_secs(1)), 10).await;
    assert_eq!(trimmed.unwrap(), 1);
    assert_eq!(states(&world).await.len(), 1);
}
