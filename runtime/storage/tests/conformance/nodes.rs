//! Several nodes on one PostgreSQL: what one revokes the others know within a second.

use std::time::{Duration, Instant};

use oauth2::ports::{ClientRepository as _, TokenRepository as _};
use oauth2::write::Write;
use portcullis_storage::CacheSizes;

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
        assert_eq!(found, None, "what is not cached is seen at once");
        while other.find_client(&world.tenant, &id).await.unwrap().is_some() {
            assert!(revoked.elapsed() < LIMIT, "still in the cache after a second");
            tokio::task::yield_now().await;
        }
    }
}
