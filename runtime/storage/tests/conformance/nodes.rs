//! Several nodes on one PostgreSQL: what one revokes the others know within a second.

use std::time::{Duration, Instant};

use oauth2::ports::{ClientRepository as _, TokenRepository as _};
use oauth2::write::Write;
use portcullis_storage::{CacheSizes, Location, Storage};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::world::{World, client_id, open};

/// What the design promises.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_seen_by_another_node_within_a_second() {
    for world in World::each().await {
        if world.storage.kind() != "postgres" {
            continue;
        }
        let other = open(&world.location, world.clock.clone(), CacheSizes::default()).await.unwrap();
        let grant = world.with_grant("nexboard").await;
        let token = world.access_token(Some(&grant), "nexboard", "t");
        assert_eq!(world.apply([Write::InsertAccessToken(Box::new(token.clone()))]).await, None);
        while !other.is_caught_up() {
            tokio::task::yield_now().await;
        }
        let id = client_id("nexboard");
        for _ in 0..2 {
            assert!(other.find_client(&world.tenant, &id).await.unwrap().is_some(), "now it is in the cache");
        }

        let delete = Write::DeleteClient { client: id.clone(), expected: 1 };
        let revoke = Write::RevokeGrant { grant: grant.id, at: world.now() };
        assert_eq!(world.apply([revoke, delete]).await, None);
        let revoked = Instant::now();
        let found = other.find_access_token(&world.tenant, &token.hash).await.unwrap();
        let is_dead = found.is_none_or(|(_, grant)| grant.is_some_and(|grant| grant.revoked_at.is_some()));
        assert!(is_dead, "what is not cached is seen at once");
        while other.find_client(&world.tenant, &id).await.unwrap().is_some() {
            assert!(revoked.elapsed() < LIMIT, "still in the cache after a second");
            tokio::task::yield_now().await;
        }
    }
}

/// A connection past all caches and guards.
async fn raw(world: &World) -> PgConnection {
    let Location::Postgres { url, .. } = &world.location else { panic!("not on PostgreSQL") };
    PgConnection::connect(url.expose()).await.unwrap()
}

/// A second node, caught up, and what it hears.
async fn second_node(world: &World) -> (Storage, mpsc::UnboundedReceiver<String>) {
    let other = open(&world.location, world.clock.clone(), CacheSizes::default()).await.unwrap();
    let (heard, hears) = mpsc::unbounded_channel();
    other.on_change(Box::new(move |record| drop(heard.send(record.key.clone()))));
    while !other.is_caught_up() {
        tokio::task::yield_now().await;
    }
    (other, hears)
}

async fn revoke(world: &World, jti: &str) {
    let write = Write::RevokeJwt { jti: jti.to_owned(), expires_at: world.now() };
    assert_eq!(world.apply([write]).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_that_hangs_hides_nothing_and_one_that_commits_late_is_not_skipped() {
    for world in World::each().await {
        if world.storage.kind() != "postgres" {
            continue;
        }
        let (_other, mut hears) = second_node(&world).await;
        let mut hangs = raw(&world).await;
        hangs.execute("BEGIN").await.unwrap();
        hangs
            .execute("INSERT INTO changes (tenant, kind, key, at) VALUES ('default', 'k', 'late', 0)")
            .await
            .unwrap();
        for jti in ["first", "second"] {
            revoke(&world, jti).await;
            let heard = timeout(LIMIT, hears.recv()).await.unwrap();
            assert_eq!(heard.as_deref(), Some(jti), "in spite of the hanging transaction, and once");
        }
        hangs.execute("COMMIT").await.unwrap();
        let heard = timeout(LIMIT, hears.recv()).await.unwrap();
        assert_eq!(heard.as_deref(), Some("late"));
        revoke(&world, "third").await;
        assert_eq!(timeout(LIMIT, hears.recv()).await.unwrap().as_deref(), Some("third"), "each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_that_was_away_for_long_forgets_everything() {
    for world in World::each().await {
        if world.storage.kind() != "postgres" {
            continue;
        }
        let (_other, mut hears) = second_node(&world).await;
        // Its clock says that the last look was long ago.
        world.clock.advance(Duration::from_secs(1801));
        assert_eq!(timeout(LIMIT, hears.recv()).await.unwrap().as_deref(), Some("*"));
    }
}
