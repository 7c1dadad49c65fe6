//! What background work keeps: a lease has one holder at a time, and a message is claimed, finished,
//! buried and revived once.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis_storage::DueMessage;
use primitives::{Change, OutboxMessage, TenantId};

use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);

impl World {
    async fn take(&self, holder: &str) -> bool {
        let until = self.now().after(MINUTE);
        self.storage.take_lease("job", holder, self.now(), until).await.unwrap()
    }

    async fn hold(&self, holder: &str, seconds: i64) -> bool {
        let free_at = self.in_seconds(seconds);
        self.storage.move_lease("job", holder, self.now(), free_at).await.unwrap()
    }

    async fn send(&self, tenant: &str, payload: &str) {
        let message = OutboxMessage { topic: "mail".to_owned(), payload: payload.to_owned() };
        let change = Change::<jose::Write>::new(tenant.parse().unwrap()).send(message);
        self.storage.apply(change).await.unwrap();
    }

    async fn due(&self, limit: u32) -> Vec<DueMessage> {
        self.storage.take_due_messages(self.now(), limit).await.unwrap()
    }

    async fn only_due(&self) -> DueMessage {
        let mut due = self.due(10).await;
        assert_eq!(due.len(), 1, "on {}", self.storage.kind());
        due.remove(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_has_one_holder_until_it_ends() {
    for world in World::each().await {
        assert!(world.take("one").await);
        assert!(!world.take("two").await);
        assert!(!world.take("one").await, "one run at a time, also on one node");
        assert!(!world.hold("two", 60).await);
        assert!(world.hold("one", 120).await);
        world.clock.advance(MINUTE);
        assert!(!world.take("two").await);
        world.clock.advance(MINUTE);
        assert!(!world.hold("one", 60).await, "it is over");
        assert!(world.take("two").await);
        assert!(world.hold("two", 0).await, "given back");
        assert!(world.take("one").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_is_taken_once_of_fifty_times() {
    for world in World::each().await {
        for round in ["free from the start", "free again"] {
            let names: Vec<_> = (0..50).map(|number| number.to_string()).collect();
            let taken = join_all(names.iter().map(|name| world.take(name))).await;
            let winners = taken.into_iter().filter(|taken| *taken).count();
            assert_eq!(winners, 1, "{round}, on {}", world.storage.kind());
            world.clock.advance(MINUTE);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_read_as_it_was_written_when_its_time_comes() {
    for world in World::each().await {
        assert_eq!(world.due(10).await, []);
        world.send("default", "{}").await;
        let message = world.only_due().await;
        let DueMessage { tenant, topic, payload, attempts, created_at, .. } = &message;
        assert_eq!((tenant, topic.as_str(), payload.as_str()), (&world.tenant, "mail", "{}"));
        assert_eq!((*attempts, *created_at), (0, world.now()));
        let claimed = world.storage.retry_message(message.clone(), world.in_seconds(60)).await.unwrap();
        assert_eq!(claimed, Some(DueMessage { attempts: 1, ..message }));
        assert_eq!(world.due(10).await, []);
        world.clock.advance(MINUTE);
        assert_eq!(Some(world.only_due().await), claimed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_claimed_and_finished_once_of_fifty_times() {
    for world in World::each().await {
        world.send("default", "{}").await;
        let read = world.only_due().await;
        let claims = (0..50).map(|_| world.storage.retry_message(read.clone(), world.now()));
        let claimed: Vec<_> = join_all(claims).await.into_iter().filter_map(Result::unwrap).collect();
        let [claimed] = claimed.as_slice() else { panic!("{} have it", claimed.len()) };
        assert!(!world.storage.finish_message(&read).await.unwrap(), "read before the claim");
        assert!(!world.storage.bury_message(&read, world.now()).await.unwrap(), "read before the claim");
        let finished = join_all((0..50).map(|_| world.storage.finish_message(claimed))).await;
        assert_eq!(finished.into_iter().filter(|finished| *finished.as_ref().unwrap()).count(), 1);
        assert_eq!(world.due(10).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_was_given_up_is_its_tenants_and_can_be_revived() {
    for world in World::each().await {
        world.send("default", "{}").await;
        let message = world.only_due().await;
        assert!(world.storage.bury_message(&message, world.in_seconds(5)).await.unwrap());
        assert!(!world.storage.bury_message(&message, world.now()).await.unwrap());
        assert_eq!(world.due(10).await, []);
        let other: TenantId = "other".parse().unwrap();
        assert_eq!(world.storage.list_dead_messages(&other, 10).await.unwrap(), []);
        let dead = world.storage.list_dead_messages(&world.tenant, 10).await.unwrap();
        let [dead] = dead.as_slice() else { panic!("{dead:?}") };
        assert_eq!((&dead.message, dead.died_at), (&message, world.in_seconds(5)));
        assert!(!world.storage.revive_message(&other, &message.id, world.now()).await.unwrap());
        assert!(world.storage.revive_message(&world.tenant, &message.id, world.now()).await.unwrap());
        assert!(!world.storage.revive_message(&world.tenant, &message.id, world.now()).await.unwrap());
        assert_eq!(world.only_due().await, message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_take_turns_at_the_outbox() {
    for world in World::each().await {
        for number in 0..10 {
            world.send("loud", &number.to_string()).await;
        }
        world.clock.advance(MINUTE);
        world.send("quiet", "heard").await;
        let first: Vec<_> = world.due(2).await.into_iter().map(|message| message.payload).collect();
        assert!(first.contains(&"heard".to_owned()), "{first:?} on {}", world.storage.kind());
        assert_eq!(world.due(100).await.len(), 11);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_given_up_leave_by_age_in_batches() {
    for world in World::each().await {
        for tenant in ["default", "other", "third"] {
            world.send(tenant, "{}").await;
        }
        for (message, seconds) in world.due(10).await.iter().zip([1, 2, 30]) {
            assert!(world.storage.bury_message(message, world.in_seconds(seconds)).await.unwrap());
        }
        let trim = async |seconds, limit| {
            world.storage.trim_dead_messages(world.in_seconds(seconds), limit).await.unwrap()
        };
        assert_eq!((trim(0, 10).await, trim(29, 1).await, trim(29, 10).await), (0, 1, 1));
        assert_eq!((trim(29, 10).await, trim(30, 10).await), (0, 1));
    }
}
