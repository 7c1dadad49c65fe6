//! Names that a login app gives people at clients: one person's each, and the last one counts.

use futures_util::future::join_all;
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::forced_subject::ForcedSubject;
use oauth2::write::Write;
use primitives::IdentityId;
use uuid::Uuid;

use crate::world::{World, client_id};

impl World {
    pub(crate) fn forced(&self, client: &str, name: &str, subject: IdentityId) -> ForcedSubject {
        ForcedSubject { client: client_id(client), name: name.to_owned(), subject, at: self.now() }
    }

    async fn call(&self, client: &str, name: &str, subject: IdentityId) -> Option<usize> {
        self.apply([Write::NameSubject(Box::new(self.forced(client, name, subject)))]).await
    }
}

fn person(n: u128) -> IdentityId {
    IdentityId(Uuid::from_u128(n))
}

/// Attack: two people have one name at a client, which takes the one for the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_people_with_one_name_one_has_it() {
    for world in World::each().await {
        let called = join_all((0..50).map(|n| world.call("nexboard", "crm-7", person(n)))).await;
        let won: Vec<_> =
            (0..50).zip(&called).filter(|(_, missed)| missed.is_none()).map(|(n, _)| n).collect();
        assert_eq!(won.len(), 1, "on {}", world.storage.kind());
        let (tenant, client) = (&world.tenant, client_id("nexboard"));
        let found = world.storage.find_forced_subject(tenant, &client, "crm-7").await.unwrap();
        assert_eq!(found, Some(person(won[0])));
        assert_eq!(world.call("nexboard", "crm-7", person(won[0])).await, None, "it is theirs");
        assert_eq!(
            world.call("another", "crm-7", person(99)).await,
            None,
            "another client's names are its own"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_of_a_name_is_found_and_one_that_is_noted_again_is_noted_once() {
    for world in World::each().await {
        let found = async |name: &str| world.storage.list_subjects_named(&world.tenant, name).await.unwrap();
        for n in [1, 1, 2] {
            let client = if n == 1 { "nexboard" } else { "another" };
            let noted = Write::NoteName(Box::new(world.forced(client, "x", person(n))));
            assert_eq!(world.apply([noted]).await, None);
        }
        assert_eq!(world.call("nexboard", "crm-7", person(1)).await, None);
        assert_eq!(found("x").await, [person(1), person(2)]);
        assert_eq!(found("crm-7").await, [person(1)]);
        assert_eq!(found("y").await, []);
        // It is not to be had by noting it.
        let others = Write::NoteName(Box::new(world.forced("nexboard", "crm-7", person(3))));
        assert_eq!(world.apply([others]).await, None);
        assert_eq!(found("crm-7").await, [person(1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_name_counts_and_an_earlier_one_is_still_theirs() {
    for world in World::each().await {
        let insert = Write::InsertClient(Box::new(world.client("nexboard")));
        assert_eq!(world.apply([insert]).await, None);
        let (tenant, client) = (&world.tenant, client_id("nexboard"));
        let name = async || world.storage.find_forced_name(tenant, &client, person(1)).await.unwrap();
        assert_eq!(name().await, None);
        for expect in ["b", "a", "b"] {
            assert_eq!(world.call("nexboard", expect, person(1)).await, None);
            assert_eq!(name().await.as_deref(), Some(expect));
            world.clock.advance(std::time::Duration::from_secs(1));
        }
        assert_eq!(world.call("nexboard", "a", person(2)).await, Some(0), "nobody else's, ever");
        // But for a client that was made anew under the same id, which knows nobody.
        assert_eq!(world.apply([Write::DeleteClient { client: client.clone(), expected: 1 }]).await, None);
        assert_eq!(name().await, None);
        assert_eq!(world.call("nexboard", "a", person(2)).await, None);
    }
}
