//! Connections that are lent: what was given up in the middle leaves nothing behind, and a server that ends takes nobody along.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use portcullis_storage::Location;
use primitives::{Actor, AuditEvent, Change, KeyedHash};

use oauth2::ports::TokenRepository as _;
use oauth2::write::Write;

use crate::world::World;

/// Begins it and gives it up.
fn give_up<T>(work: impl Future<Output = T>) {
    let _ = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
}

#[tokio::test(flavor = "multi_thread")]
async fn look_up_that_was_given_up_answers_nobody_else() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let codes: Vec<_> = (0..8).map(|number| world.code(&grant, &format!("code {number}"))).collect();
        let inserts = codes.iter().map(|code| Write::InsertAuthorizationCode(Box::new(code.clone())));
        assert_eq!(world.apply(inserts).await, None);
        for round in 0..100 {
            let (left, wanted) = (&codes[round % 8], &codes[(round + 3) % 8]);
            give_up(world.storage.find_authorization_code(&world.tenant, &left.hash));
            let found = world.storage.find_authorization_code(&world.tenant, &wanted.hash).await.unwrap();
            assert_eq!(found.map(|(code, _)| code), Some(wanted.clone()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn change_that_nobody_waits_for_is_made_whole() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let code = |number: usize| world.code(&grant, &format!("code {number}"));
        for number in 0..20 {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number);
            let change = Change::new(world.tenant.clone())
                .write(Write::InsertAuthorizationCode(Box::new(code(number))))
                .audit(event);
            give_up(world.storage.apply(change));
        }
        for number in 0..20 {
            let hash: KeyedHash = code(number).hash;
            let mut looks = 0;
            while world.storage.find_authorization_code(&world.tenant, &hash).await.unwrap().is_none() {
                looks += 1;
                assert!(looks < 500, "code {number} was never written");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let told = world.storage.list_audit_records(&world.tenant, None, 100).await.unwrap();
        assert_eq!(told.len(), 20);
    }
}

/// Ends every connection to the database but the one that says so, as a server that is restarted does.
async fn end_connections(world: &World) {
    let others = "SELECT pid::text FROM pg_stat_activity
         WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'";
    let ended = world.raw_texts(others).await;
    assert!(!ended.is_empty());
    world.raw(&format!("SELECT pg_terminate_backend(pid::int) FROM ({others}) AS others")).await;
    // Each ends when it next looks; new ones come meanwhile.
    while world.raw_texts(others).await.iter().any(|pid| ended.contains(pid)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_ends_its_connections_is_asked_again() {
    for world in World::each().await {
        if matches!(world.location, Location::Sqlite(_)) {
            continue;
        }
        let grant = world.with_grant("nexboard").await;
        for number in 0..5 {
            let code = world.code(&grant, &format!("code {number}"));
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &number);
            let change = Change::new(world.tenant.clone())
                .write(Write::InsertAuthorizationCode(Box::new(code.clone())))
                .audit(event);
            end_connections(&world).await;
            world.storage.apply(change).await.unwrap();
            end_connections(&world).await;
            let found = world.storage.find_authorization_code(&world.tenant, &code.hash).await.unwrap();
            assert_eq!(found.map(|(code, _)| code), Some(code));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_that_fills_is_looked_at_by_the_planner() {
    for world in World::each().await {
        if matches!(world.location, Location::Sqlite(_)) {
            continue;
        }
        let looked =
            "SELECT CAST(reltuples AS INT)::text FROM pg_class WHERE oid = 'audit_records'::regclass";
        assert_eq!(world.raw_texts(looked).await, ["-1"], "nobody has looked at what is empty");
        for number in 0..300 {
            world.storage.audit_stateless(
                &world.tenant,
                AuditEvent::new("thing.done", Actor::System, "thing", &number),
            );
        }
        world.storage.flush_audit().await.unwrap();
        let mut looks = 0;
        while world.raw_texts(looked).await != ["300"] {
            looks += 1;
            assert!(looks < 300, "{:?}", world.raw_texts(looked).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
