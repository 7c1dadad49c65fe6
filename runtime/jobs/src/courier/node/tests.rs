//! What counts against a message, and what does not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use identity::courier::MessageStatus;
use primitives::message::NoMessageHook;

use crate::courier::tests::{queue, runner, settings, state, states, states_of, with_settings};
use crate::courier::{Mailer, Parcel};
use crate::outbox::DeliveryError;
use crate::runner::{Outcome, Runner};
use crate::testing::World;

/// Runs the courier so often, each time when everything that waits is due.
async fn run_all(world: &World, runner: &Runner, times: usize) {
    for _ in 0..times {
        world.run(runner).await;
        world.clock.advance(settings().longest_retry.0 + Duration::from_secs(1));
    }
}

/// Each looks more often than a message has attempts.
#[tokio::test]
async fn mail_server_that_is_down_or_silent_counts_against_no_message() {
    for (name, looks) in [("down", 20), ("silence", 5)] {
        let world = World::open().await;
        let timeout = config::Span(Duration::from_millis(400));
        let (post, runner) = with_settings(&world, config::Courier { timeout, ..settings() });
        let down = format!("{name}@example.com");
        queue(&world, "default", &[&down]).await;
        run_all(&world, &runner, looks).await;
        assert_eq!(states(&world).await, [state(&down, MessageStatus::Queued, 0, None)]);
        assert_eq!(post.taken().len(), looks, "it is asked each time");
    }
}

#[tokio::test]
async fn mail_server_that_is_not_there_is_asked_by_one_message_and_all_wait() {
    let world = World::open().await;
    let settings = config::Courier { concurrent: 1, ..settings() };
    let (post, runner) = with_settings(&world, settings);
    queue(&world, "default", &["down@example.com", "down@b.example"]).await;
    queue(&world, "other", &["down@c.example"]).await;
    world.run(&runner).await;
    world.run(&runner).await;
    assert_eq!(post.taken().len(), 1);
    for tenant in ["default", "other"] {
        let found = states_of(&world, tenant).await;
        assert!(found.iter().all(|state| state.1 == MessageStatus::Queued && state.2 == 0), "{found:?}");
    }
}

/// Attack: one message makes the server hang up, and all others wait behind it for ever.
#[tokio::test]
async fn message_that_alone_is_not_answered_is_given_up_and_holds_up_nobody() {
    let world = World::open().await;
    let settings = config::Courier { concurrent: 1, ..settings() };
    let (_, runner) = with_settings(&world, settings);
    queue(&world, "default", &["down@example.com", "ada@example.com"]).await;
    queue(&world, "other", &["eve@example.com"]).await;
    run_all(&world, &runner, 2).await;
    assert_eq!(states(&world).await[0], state("ada@example.com", MessageStatus::Sent, 1, None));
    assert_eq!(states_of(&world, "other").await[0].1, MessageStatus::Sent);
    for n in 0..8 {
        queue(&world, "default", &[&format!("z{n}@example.com")]).await;
        run_all(&world, &runner, 1).await;
    }
    let found = states(&world).await;
    assert_eq!(found[1], state("down@example.com", MessageStatus::Abandoned, 3, Some("nobody is there")));
    assert!(found[2..].iter().all(|state| state.1 == MessageStatus::Sent), "{found:?}");
}

/// Attack: somebody has many messages sent to addresses for which the server hangs up.
#[tokio::test]
async fn messages_that_are_not_answered_a_moment_after_others_were_hold_up_nobody() {
    let world = World::open().await;
    let settings = config::Courier { concurrent: 1, ..settings() };
    let (post, runner) = with_settings(&world, settings);
    queue(&world, "default", &["ada@example.com"]).await;
    world.run(&runner).await;
    world.clock.advance(Duration::from_secs(1));
    queue(&world, "default", &["down@example.com", "down@b.example", "down@c.example"]).await;
    queue(&world, "other", &["eve@example.com"]).await;
    world.run(&runner).await;
    assert_eq!(states_of(&world, "other").await[0].1, MessageStatus::Sent);
    assert_eq!(post.taken().len(), 5, "each was asked for");
}

/// Takes no message before so many are on their way at once.
#[derive(Debug)]
struct Together(tokio::sync::Barrier);

impl Mailer for Together {
    fn send<'a>(&'a self, _: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async {
            self.0.wait().await;
            Ok(())
        })
    }
}

#[tokio::test]
async fn as_many_messages_as_are_set_are_on_their_way_at_once() {
    let world = World::open().await;
    let post = Arc::new(Together(tokio::sync::Barrier::new(4)));
    let settings =
        config::Courier { concurrent: 4, timeout: config::Span::seconds(60), ..config::Courier::default() };
    let runner = runner(&world, "one", (post, Arc::new(NoMessageHook)), settings);
    let names = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"];
    queue(&world, "default", &names).await;
    assert_eq!(world.run(&runner).await, Outcome::Done(4));
}
