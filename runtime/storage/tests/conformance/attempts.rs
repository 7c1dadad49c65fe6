//! Attempts as all nodes count them: no more are taken at once than a bucket holds, all of an attempt or nothing of it, each
//! tenant's apart, and gone when they say nothing any more.

use std::time::Duration;

use futures_util::future::join_all;
use identity::limiter::bucket::{Allowance, Bucket, Verdict};
use identity::limiter::shared::{Buckets as _, Take};
use portcullis_storage::ExpiredCounts;
use primitives::TenantId;

use crate::world::World;

const TEN: Allowance =
    Allowance { burst: 10, step: Duration::from_secs(30), longest_wait: Duration::from_mins(15) };

impl World {
    fn take_of(&self, name: &str) -> Take {
        Take { tenant: self.tenant.clone(), bucket: self.hash(name), count: 1, allowance: TEN }
    }

    async fn attempt(&self, names: &[&str]) -> Option<usize> {
        let takes: Vec<Take> = names.iter().map(|name| self.take_of(name)).collect();
        self.storage.take(&takes, &[], self.now()).await.unwrap()
    }

    async fn put_back(&self, returned: &[Take]) {
        assert_eq!(self.storage.take(&[], returned, self.now()).await.unwrap(), None);
    }

    async fn bucket(&self, name: &str) -> Option<Bucket> {
        self.storage.find_bucket(&self.tenant, &self.hash(name)).await.unwrap()
    }

    /// Writes that a bucket begins to refuse.
    async fn refuse(&self, name: &str) -> Bucket {
        let read = self.bucket(name).await.unwrap();
        let Verdict::BeginsToRefuse(locked) = read.take(&TEN, 1, self.now()) else { panic!("{read:?}") };
        assert!(self.storage.lock(&self.tenant, &self.hash(name), (read, locked)).await.unwrap());
        locked
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_attempts_at_once_ten_are_counted() {
    for world in World::each().await {
        let taken = join_all((0..50).map(|_| world.attempt(&["ada"]))).await;
        let counted = taken.iter().filter(|missed| missed.is_none()).count();
        assert_eq!(counted, 10, "on {}", world.storage.kind());
        assert!(taken.iter().all(|missed| matches!(missed, None | Some(0))));
        let full_at = world.bucket("ada").await.unwrap().full_at;
        assert_eq!(full_at, world.in_seconds(300), "each of them took its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_takes_from_all_of_its_buckets_or_from_none() {
    for world in World::each().await {
        for _ in 0..10 {
            assert_eq!(world.attempt(&["ada"]).await, None);
        }
        assert_eq!(world.attempt(&["address", "ada"]).await, Some(1));
        assert_eq!(world.bucket("address").await, None);
        assert_eq!(world.attempt(&["address"]).await, None);
    }
}

/// Attack: two buckets are taken from in either order, so that attempts wait for each other until one is ended.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_take_in_either_order_are_counted_all() {
    for world in World::each().await {
        let pairs = [["ada", "eve"], ["eve", "ada"]];
        let taken = join_all((0..10).map(|n| world.attempt(&pairs[n % 2]))).await;
        assert_eq!(taken, [None; 10]);
        let missed = [world.attempt(&["bob", "ada"]).await, world.attempt(&["ada", "bob"]).await];
        assert_eq!(missed, [Some(1), Some(0)], "the place is that of whoever asks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_with_an_attempt_is_put_back_first_and_only_if_it_counts() {
    for world in World::each().await {
        while world.attempt(&["ada"]).await.is_none() {}
        while world.attempt(&["eve"]).await.is_none() {}
        let both = [world.take_of("ada"), world.take_of("eve")];
        let [ada, eve] = &both;
        let take = async |takes, returned| world.storage.take(takes, returned, world.now()).await.unwrap();
        assert_eq!(take(&both, std::slice::from_ref(ada)).await, Some(1));
        assert_eq!(world.attempt(&["ada"]).await, Some(0), "neither happened");
        assert_eq!(take(&both, &both).await, None);
        assert_eq!(take(std::slice::from_ref(eve), &[]).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_fills_with_time_and_by_what_is_put_back() {
    for world in World::each().await {
        for _ in 0..10 {
            assert_eq!(world.attempt(&["ada"]).await, None);
        }
        world.clock.advance(Duration::from_secs(29));
        assert_eq!(world.attempt(&["ada"]).await, Some(0));
        world.clock.advance(Duration::from_secs(1));
        assert_eq!((world.attempt(&["ada"]).await, world.attempt(&["ada"]).await), (None, Some(0)));
        world.put_back(&[world.take_of("ada"), world.take_of("nobody")]).await;
        assert_eq!((world.attempt(&["ada"]).await, world.attempt(&["ada"]).await), (None, Some(0)));
        assert_eq!(world.bucket("nobody").await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_holds_until_its_end_whatever_is_put_back_and_is_counted_until_the_bucket_is_full() {
    for world in World::each().await {
        for wait in [30, 60] {
            while world.attempt(&["ada"]).await.is_none() {}
            let locked = world.refuse("ada").await;
            assert_eq!(locked.locked_until, world.in_seconds(wait));
            world.put_back(&[world.take_of("ada")]).await;
            world.clock.advance(Duration::from_secs(wait.unsigned_abs() - 1));
            assert_eq!(world.attempt(&["ada"]).await, Some(0), "a second before its end");
            world.clock.advance(Duration::from_secs(1));
            assert_eq!(world.attempt(&["ada"]).await, None);
            assert!(world.bucket("ada").await.unwrap().refusals > 0);
        }
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(world.attempt(&["ada"]).await, None);
        assert_eq!(world.bucket("ada").await.unwrap().refusals, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_begin_to_refuse_one_does() {
    for world in World::each().await {
        while world.attempt(&["ada"]).await.is_none() {}
        let read = world.bucket("ada").await.unwrap();
        let locked = world.refuse("ada").await;
        let again = world.storage.lock(&world.tenant, &world.hash("ada"), (read, locked)).await.unwrap();
        assert!(!again);
        assert_eq!(world.bucket("ada").await, Some(locked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_one_tenant_are_not_those_at_another() {
    for world in World::each().await {
        while world.attempt(&["ada"]).await.is_none() {}
        let other: TenantId = "other".parse().unwrap();
        let there = Take { tenant: other.clone(), ..world.take_of("ada") };
        assert_eq!(world.storage.find_bucket(&other, &there.bucket).await.unwrap(), None);
        assert_eq!(world.storage.take(std::slice::from_ref(&there), &[], world.now()).await.unwrap(), None);
        world.put_back(&[there]).await;
        assert_eq!(world.attempt(&["ada"]).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_is_full_again_leaves_and_no_other() {
    for world in World::each().await {
        assert_eq!(world.attempt(&["ada"]).await, None);
        let deleted = async |at| world.storage.delete_expired(world.in_seconds(at), 10).await.unwrap();
        assert_eq!(deleted(29).await, ExpiredCounts::default());
        assert_eq!(deleted(30).await, ExpiredCounts { attempt_buckets: 1, ..ExpiredCounts::default() });
        assert_eq!(world.bucket("ada").await, None);
    }
}
