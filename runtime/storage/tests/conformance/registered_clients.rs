//! Clients that registered themselves: counted, kept once they got a token, and gone if they never did.

use futures_util::future::join_all;
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::client::ClientRecord;
use oauth2::ports::{ClientRepository as _, GrantRepository as _};
use oauth2::registration::SelfRegistered;
use oauth2::write::Write;
use primitives::{IdentityId, Timestamp};
use uuid::Uuid;

use crate::world::{World, client_id};

fn registered(world: &World, id: &str) -> ClientRecord {
    let unused_until = Some(world.in_seconds(100));
    ClientRecord { registration: Some(SelfRegistered { unused_until }), ..world.client(id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_read_as_it_was_written_and_counted() {
    for world in World::each().await {
        let (own, made) = (registered(&world, "own"), world.client("made"));
        let insert = |record: &ClientRecord| Write::InsertClient(Box::new(record.clone()));
        assert_eq!(world.apply([insert(&own), insert(&made)]).await, None);
        for record in [&own, &made] {
            let id = record.document.client_id.clone().unwrap();
            let found = world.storage.find_client_record(&world.tenant, &id).await.unwrap();
            assert_eq!(found.as_ref(), Some(record));
        }
        assert_eq!(world.apply([insert(&registered(&world, "another"))]).await, None);
        let count = async |most| world.storage.count_registered_clients(&world.tenant, most).await.unwrap();
        assert_eq!((count(9).await, count(1).await), (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_got_a_token_stays_and_another_leaves() {
    for world in World::each().await {
        let writes = ["used", "unused"].map(|id| Write::InsertClient(Box::new(registered(&world, id))));
        assert_eq!(world.apply(writes).await, None);
        let find = async |id: &str| {
            world
                .storage
                .find_client(&world.tenant, &client_id(id))
                .await
                .unwrap()
                .map(|client| client.record.clone())
        };
        assert!(!find("used").await.unwrap().is_usable(world.in_seconds(100)), "not even in memory");
        assert_eq!(world.apply([keep("used", None)]).await, None);
        assert!(find("used").await.unwrap().is_usable(world.in_seconds(100)), "seen at once");

        // A change that was decided on what was read before it got a token.
        let late = Write::UpdateClient {
            client: Box::new(ClientRecord { version: 2, ..registered(&world, "used") }),
            expected: 1,
        };
        assert_eq!(world.apply([late]).await, None);
        assert!(find("used").await.unwrap().is_usable(world.in_seconds(100)));

        assert_eq!(world.storage.delete_expired(world.in_seconds(99), 10).await.unwrap().clients, 0);
        assert_eq!(world.storage.delete_expired(world.in_seconds(100), 10).await.unwrap().clients, 1);
        let of =
            async |id: &str| world.storage.find_client_record(&world.tenant, &client_id(id)).await.unwrap();
        assert!(of("used").await.is_some() && of("unused").await.is_none());
    }
}

fn keep(id: &str, until: Option<Timestamp>) -> Write {
    Write::KeepClient { client: client_id(id), until }
}

/// What people consented to at a client, and the names that it knows them by, leave with it and in batches like it.
#[tokio::test(flavor = "multi_thread")]
async fn client_that_gets_no_more_tokens_leaves_with_what_people_consented_to_at_it() {
    for world in World::each().await {
        let of = async |id: &str| {
            let found = world.storage.find_client_record(&world.tenant, &client_id(id)).await.unwrap();
            found.map(|record| record.registration.unwrap().unused_until)
        };
        let writes = ["idle", "busy"].map(|id| Write::InsertClient(Box::new(registered(&world, id))));
        assert_eq!(world.apply(writes).await, None);
        let later = |seconds| Some(world.in_seconds(seconds));
        for (id, until) in [("idle", 1000), ("busy", 1000), ("busy", 5000), ("busy", 2000)] {
            assert_eq!(world.apply([keep(id, later(until))]).await, None);
        }
        assert_eq!(of("busy").await, Some(later(5000)), "of two tokens at once the later end counts");
        // A change that was decided on what was read before.
        let late = Write::UpdateClient {
            client: Box::new(ClientRecord { version: 2, ..registered(&world, "busy") }),
            expected: 1,
        };
        assert_eq!(world.apply([late]).await, None);
        assert_eq!(of("busy").await, Some(later(5000)));

        let person = |n| IdentityId(Uuid::from_u128(n));
        for n in 0..5 {
            let mut consents: Vec<Write> = ["idle", "busy"]
                .map(|id| Write::RememberConsent(Box::new(world.consent(person(n), id))))
                .into();
            consents.push(Write::NameSubject(Box::new(world.forced(
                "idle",
                &format!("name-{n}"),
                person(n),
            ))));
            assert_eq!(world.apply(consents).await, None);
        }
        let sweep = async |at, limit| {
            let counts = world.storage.delete_expired(world.in_seconds(at), limit).await.unwrap();
            assert!(counts.total() <= u64::from(limit), "{counts:?}");
            counts.is_full(limit)
        };
        assert!(!sweep(999, 10).await, "not before its time");
        assert!(of("idle").await.is_some());
        assert!(sweep(1000, 2).await, "there is more of it");
        assert!(of("idle").await.is_some(), "what hangs on it leaves first");
        while sweep(1000, 2).await {}
        sweep(1000, 2).await;
        assert!(of("idle").await.is_none() && of("busy").await.is_some());
        let consents = async |id: &str| {
            let mut found = 0;
            for n in 0..5 {
                let one = world.storage.find_consent(&world.tenant, person(n), &client_id(id)).await;
                found += usize::from(one.unwrap().is_some());
            }
            found
        };
        assert_eq!((consents("idle").await, consents("busy").await), (0, 5));
        let name = world.storage.find_forced_subject(&world.tenant, &client_id("idle"), "name-1").await;
        assert_eq!(name.unwrap(), None);
    }
}

/// Attack: a tenant lets everybody register, and fifty come at the same moment, each of whom is counted before any is there.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_that_register_at_once_as_many_are_let_in_as_are_left() {
    for world in World::each().await {
        let register = |id: String| {
            let count = Write::CountRegistration { most: 10 };
            [count, Write::InsertClient(Box::new(registered(&world, &id)))]
        };
        for n in 0..3 {
            assert_eq!(world.apply(register(format!("before-{n}"))).await, None);
        }
        // What an operator made is none of them.
        assert_eq!(world.apply([Write::InsertClient(Box::new(world.client("made")))]).await, None);
        let outcomes = join_all((0..50).map(|n| world.apply(register(format!("client-{n}"))))).await;
        let made = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        let missed = outcomes.iter().filter(|outcome| **outcome == Some(0)).count();
        assert_eq!((made, missed), (7, 43), "on {}", world.storage.kind());
        assert_eq!(world.storage.count_registered_clients(&world.tenant, 99).await.unwrap(), 10);
        // A place is free again when one leaves.
        let leave = Write::DeleteClient { client: client_id("before-0"), expected: 1 };
        assert_eq!(world.apply([leave]).await, None);
        assert_eq!(world.apply(register("next".to_owned())).await, None);
        assert_eq!(world.apply(register("late".to_owned())).await, Some(0));
    }
}
