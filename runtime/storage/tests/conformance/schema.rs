//! The schema's number decides which binary may use a database.

use oauth2::ports::ClientRepository as _;
use oauth2::write::Write;
use portcullis_storage::{CacheSizes, MigrationState, SCHEMA_VERSION, Storage, StorageError};

use crate::world::{World, client_id, open};

async fn opened(world: &World) -> Result<Storage, StorageError> {
    open(&world.location, world.clock.clone(), CacheSizes::NONE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_and_by_several_nodes_at_once_is_migrating() {
    for world in World::each().await {
        let expected = MigrationState { from: SCHEMA_VERSION, to: SCHEMA_VERSION };
        let (first, second) =
            tokio::join!(Storage::migrate(&world.location), Storage::migrate(&world.location));
        assert_eq!((first.unwrap(), second.unwrap()), (expected, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_schema_that_only_expanded_is_used_by_this_binary() {
    for world in World::each().await {
        world.raw("ALTER TABLE oauth2_clients ADD COLUMN of_the_future TEXT").await;
        world.raw("CREATE TABLE of_the_future (id TEXT)").await;
        world.raw("UPDATE schema_state SET version = version + 1").await;
        let storage = opened(&world).await.unwrap();
        let insert = Write::InsertClient(Box::new(world.client("nexboard")));
        assert_eq!(world.apply([insert]).await, None);
        let found = storage.find_client(&world.tenant, &client_id("nexboard")).await.unwrap();
        assert!(found.is_some());
        let state = Storage::migrate(&world.location).await.unwrap();
        assert_eq!((state.from, state.to), (SCHEMA_VERSION + 1, SCHEMA_VERSION + 1), "left alone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_that_needs_a_newer_binary_is_refused_with_what_to_do() {
    for world in World::each().await {
        world.raw("UPDATE schema_state SET version = 1000, lowest_binary = 999").await;
        for refused in [opened(&world).await.map(|_| ()), Storage::migrate(&world.location).await.map(|_| ())]
        {
            let StorageError::Schema(text) = refused.unwrap_err() else { panic!("another error") };
            assert!(text.contains("install the newer version"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_schema_is_refused_with_what_to_run() {
    for world in World::each().await {
        world.raw("UPDATE schema_state SET version = version - 1").await;
        let StorageError::Schema(text) = opened(&world).await.unwrap_err() else { panic!("another error") };
        assert!(text.contains("portcullis migrate"), "{text}");
    }
}
