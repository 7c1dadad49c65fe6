use oauth2::write::Write;
use primitives::{Actor, Change};
use tenancy::{ManagedBy, Tenant};

use super::*;
use crate::runner::{Outcome, Runner};
use crate::testing::{World, default_tenant};

const MINUTE: Duration = Duration::from_mins(1);

fn expiry(world: &World) -> Runner {
    let settings = config::Jobs {
        expiry_batch: 2,
        expiry_pause: config::Span::seconds(0),
        changes_kept: config::Span::seconds(2 * 3600),
        dead_messages_kept: config::Span::seconds(5 * 3600),
        ..config::Jobs::default()
    };
    world.runner("one", Expiry::new(world.storage.clone(), &settings, config::Courier::default().kept))
}

/// Writes down that a token is revoked until it expires in so many minutes.
async fn revoke(world: &World, jti: &str, minutes: u32) {
    let write = Write::RevokeJwt { jti: jti.to_owned(), expires_at: world.now().after(MINUTE * minutes) };
    world.storage.apply(Change::new(default_tenant()).write(write)).await.unwrap();
}

#[tokio::test]
async fn everything_expired_leaves_in_batches_and_nothing_else() {
    let world = World::open().await;
    let runner = expiry(&world);
    for number in 0..7 {
        revoke(&world, &format!("short {number}"), 10).await;
    }
    revoke(&world, "long", 20).await;
    assert_eq!(world.run(&runner).await, Outcome::Done(0));
    world.clock.advance(MINUTE * 10);
    assert_eq!(world.run(&runner).await, Outcome::Done(7));
    world.clock.advance(MINUTE * 10);
    assert_eq!(world.run(&runner).await, Outcome::Done(1));
}

#[tokio::test]
async fn change_log_and_dead_messages_leave_by_age() {
    let world = World::open().await;
    let runner = expiry(&world);
    for name in ["a", "b", "c"] {
        let tenant = Tenant::new(name.parse().unwrap(), ManagedBy::Api, world.now());
        world.storage.apply(tenant.create(Actor::System)).await.unwrap();
        world.send(name, "mail", "{}").await;
    }
    for message in world.storage.take_due_messages(world.now(), 10).await.unwrap() {
        assert!(world.storage.bury_message(&message, world.now()).await.unwrap());
    }
    for (hours, expect) in [(1, 0), (1, 3), (2, 0), (1, 3), (9, 0)] {
        world.clock.advance(MINUTE * 60 * hours);
        assert_eq!(world.run(&runner).await, Outcome::Done(expect));
    }
}

#[tokio::test]
async fn node_that_ends_begins_no_further_batch() {
    let world = World::open().await;
    let runner = expiry(&world);
    for number in 0..6 {
        revoke(&world, &format!("{number}"), 0).await;
    }
    world.stop.send_replace(true);
    assert_eq!(world.run(&runner).await, Outcome::Stopped);
    world.stop.send_replace(false);
    assert_eq!(world.run(&runner).await, Outcome::Done(6));
}
