use std::sync::Mutex;

use super::*;
use crate::runner::{Outcome, Runner};
use crate::testing::{World, default_tenant};

/// Answers each delivery as its payload says, and remembers payload and attempt.
#[derive(Debug, Default)]
struct Receiver(Mutex<Vec<(String, u32)>>);

impl Deliver for Receiver {
    fn deliver<'a>(&'a self, message: &'a DueMessage) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.0.lock().unwrap().push((message.payload.clone(), message.attempts));
        Box::pin(async {
            match message.payload.as_str() {
                "later" => Err(DeliveryError::Temporary("busy".to_owned())),
                "never" => Err(DeliveryError::Permanent("refused".to_owned())),
                "panic" => panic!("defect"),
                "silence" => std::future::pending().await,
                _ => Ok(()),
            }
        })
    }
}

impl Receiver {
    fn seen(&self) -> Vec<(String, u32)> {
        let mut seen = std::mem::take(&mut *self.0.lock().unwrap());
        seen.sort();
        seen
    }
}

fn outbox(world: &World) -> (Arc<Receiver>, Runner) {
    let receiver = Arc::new(Receiver::default());
    let handlers = Handlers::default().on("mail", receiver.clone());
    // A time of nothing: a delivery that does not answer at once has taken too long.
    let settings =
        config::jobs::Outbox { timeout: config::Span::seconds(0), attempts: 4, ..Default::default() };
    let job = Outbox::new(world.storage.clone(), handlers, settings);
    (receiver, world.runner("one", job))
}

async fn waiting(world: &World) -> Vec<(String, u32)> {
    let far = Timestamp::from_seconds(4_000_000_000);
    let messages = world.storage.take_due_messages(far, 1_000).await.unwrap();
    let mut waiting: Vec<_> =
        messages.into_iter().map(|message| (message.payload, message.attempts)).collect();
    waiting.sort();
    waiting
}

async fn dead(world: &World) -> Vec<(String, u32)> {
    let dead = world.storage.list_dead_messages(&default_tenant(), 1_000).await.unwrap();
    dead.into_iter().map(|dead| (dead.message.payload, dead.message.attempts)).collect()
}

fn one(payload: &str, attempts: u32) -> Vec<(String, u32)> {
    vec![(payload.to_owned(), attempts)]
}

#[tokio::test]
async fn every_message_is_delivered_and_leaves() {
    let world = World::open().await;
    let (receiver, runner) = outbox(&world);
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
    for number in 0..150 {
        world.send(["default", "other"][number % 2], "mail", &format!("{number:03}")).await;
    }
    assert_eq!(world.run(&runner).await, Outcome::Done(150));
    assert_eq!(receiver.seen(), (0..150).map(|n| (format!("{n:03}"), 1)).collect::<Vec<_>>());
    assert_eq!(waiting(&world).await, []);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
}

#[tokio::test]
async fn failed_delivery_waits_twice_as_long_each_time_and_is_given_up() {
    for (payload, reason) in
        [("later", "asked to come back"), ("panic", "panicked"), ("silence", "timed out")]
    {
        let world = World::open().await;
        let (receiver, runner) = outbox(&world);
        world.send("default", "mail", payload).await;
        for (attempt, wait) in [(1, 60), (2, 120), (3, 240)] {
            assert_eq!(world.run(&runner).await, Outcome::Done(0), "{reason}");
            assert_eq!(receiver.seen(), one(payload, attempt), "{reason}");
            world.clock.advance(Duration::from_secs(wait - 1));
            assert_eq!(world.run(&runner).await, Outcome::NotDue, "{reason}");
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(world.run(&runner).await, Outcome::Done(0));
        assert_eq!(dead(&world).await, one(payload, 4), "{reason}");
        assert_eq!(waiting(&world).await, []);
    }
}

#[tokio::test]
async fn message_that_was_refused_for_good_is_given_up_and_can_be_revived() {
    let world = World::open().await;
    let (receiver, runner) = outbox(&world);
    world.send("default", "mail", "never").await;
    assert_eq!(world.run(&runner).await, Outcome::Done(0));
    assert_eq!(receiver.seen(), one("never", 1));
    let buried = world.storage.list_dead_messages(&default_tenant(), 10).await.unwrap();
    let [buried] = buried.as_slice() else { panic!("{buried:?}") };
    assert_eq!(buried.died_at, world.now());
    let id = &buried.message.id;
    assert!(!world.storage.revive_message(&"other".parse().unwrap(), id, world.now()).await.unwrap());
    assert!(world.storage.revive_message(&default_tenant(), id, world.now()).await.unwrap());
    assert!(!world.storage.revive_message(&default_tenant(), id, world.now()).await.unwrap());
    assert_eq!((waiting(&world).await, dead(&world).await), (one("never", 0), Vec::new()));
}

#[tokio::test]
async fn message_without_a_handler_waits_for_a_node_that_has_one() {
    let world = World::open().await;
    let (_, runner) = outbox(&world);
    world.send("default", "of a newer version", "x").await;
    assert_eq!(world.run(&runner).await, Outcome::Done(0));
    assert_eq!(waiting(&world).await, one("x", 1));
}

#[tokio::test]
async fn one_bad_message_holds_up_no_other() {
    let world = World::open().await;
    let (_, runner) = outbox(&world);
    for payload in ["panic", "never", "silence", "later", "good"] {
        world.send("default", "mail", payload).await;
    }
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    let left = ["later", "panic", "silence"].map(|payload| (payload.to_owned(), 1));
    assert_eq!(waiting(&world).await, left);
}

#[tokio::test]
async fn message_of_a_node_that_died_in_the_middle_is_delivered_again() {
    let world = World::open().await;
    let (receiver, runner) = outbox(&world);
    world.send("default", "mail", "x").await;
    let read = world.storage.take_due_messages(world.now(), 1).await.unwrap().remove(0);
    let at = world.now().after(Duration::from_mins(1));
    let claimed = world.storage.retry_message(read.clone(), at).await.unwrap();
    assert!(claimed.is_some());
    assert_eq!(world.storage.retry_message(read.clone(), at).await.unwrap(), None, "somebody has it");
    assert!(!world.storage.finish_message(&read).await.unwrap(), "only who claimed it finishes it");
    assert_eq!(world.run(&runner).await, Outcome::NotDue);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
    assert_eq!(receiver.seen(), one("x", 2));
}

#[tokio::test]
async fn flood_of_one_tenant_leaves_room_for_another() {
    let world = World::open().await;
    for number in 0..20 {
        world.send("loud", "mail", &format!("{number}")).await;
    }
    world.clock.advance(Duration::from_secs(1));
    world.send("quiet", "mail", "heard").await;
    let first = world.storage.take_due_messages(world.now(), 2).await.unwrap();
    assert!(first.iter().any(|message| message.payload == "heard"), "{first:?}");
}

#[tokio::test]
async fn node_that_ends_hands_no_further_message_over() {
    let world = World::open().await;
    let (receiver, runner) = outbox(&world);
    world.send("default", "mail", "x").await;
    world.stop.send_replace(true);
    assert_eq!(world.run(&runner).await, Outcome::Stopped);
    assert_eq!((receiver.seen(), waiting(&world).await), (Vec::new(), one("x", 0)));
}

#[test]
fn waiting_time_doubles_up_to_its_bound() {
    let settings = config::jobs::Outbox::default();
    let seconds = |attempt: u32| back_off(&settings, attempt).as_secs();
    let waits: Vec<_> = [1, 2, 3, 9, 10, 64, u32::MAX].map(seconds).to_vec();
    assert_eq!(waits, [60, 120, 240, 15_360, 21_600, 21_600, 21_600]);
    let all: u64 = (1..settings.attempts).map(seconds).sum();
    assert!((18 * 3600..30 * 3600).contains(&all), "given up after about a day, not {all} s");
}
