//! Identities are found by what is known of them, in either database.

use identity::administration::{CreateIdentity, ReplaceIdentity, create, replace};
use identity::ports::Identities as _;
use identity::search::{
    Found, FoundByStart, IdentitySearch as _, SearchPosition, SearchQuery, StartOfIdentifier,
};
use identity::{Identifier, Identity, IdentityState, Write};
use primitives::{Actor, Change, Clock as _, IdentityId, TenantId};
use serde_json::{Value, json};

use super::World;

impl World {
    async fn person(&self, email: &str, first: &str, more: &Value) -> Identity {
        let mut body = json!({
            "schema_id": "default",
            "traits": { "email": email, "name": { "first": first, "last": "Lovelace" } },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = CreateIdentity::from_json(body.to_string().as_bytes()).unwrap();
        let made = create(self.room(), Actor::System, body).await.unwrap();
        self.storage.apply(made.change).await.unwrap();
        made.identity
    }

    /// Somebody who is not stored.
    async fn unstored(&self, email: &str) -> Identity {
        let body = json!({ "schema_id": "default", "traits": { "email": email } });
        let body = CreateIdentity::from_json(body.to_string().as_bytes()).unwrap();
        create(self.room(), Actor::System, body).await.unwrap().identity
    }

    async fn page(&self, query: &SearchQuery, after: Option<SearchPosition>, limit: u32) -> Found {
        self.storage.search(&self.tenant, query, after, limit).await.unwrap()
    }

    /// All pages, by the e-mail addresses.
    async fn found(&self, filters: &[(&str, &str)], limit: u32) -> Vec<String> {
        let query = query(filters);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(&query, after, limit).await;
            assert!(page.identities.len() <= limit as usize);
            found.extend(page.identities.iter().map(email));
            after = page.next;
            if after.is_none() {
                found.sort();
                return found;
            }
        }
    }
}

fn email(identity: &Identity) -> String {
    identity.traits.get("email").unwrap().as_str().unwrap().to_owned()
}

fn query(filters: &[(&str, &str)]) -> SearchQuery {
    let mut query = SearchQuery::default();
    for (name, value) in filters {
        query.filter(name, value).unwrap();
    }
    query
}

const COMPANY: &str = "7a0b2a0e-6d5c-4c4c-9a3e-111111111111";

#[tokio::test]
async fn each_filter_finds_who_is_meant_and_nobody_else() {
    for world in World::both().await {
        world.person("ada@example.com", "Ada", &json!({ "external_id": "CRM-77" })).await;
        world.person("bob@example.org", "Bob", &json!({ "state": "inactive" })).await;
        world.person("adam@example.com", "Ådam", &json!({ "organization_id": COMPANY })).await;
        let (ada, bob, adam) = ("ada@example.com", "bob@example.org", "adam@example.com");
        for (filters, expect) in [
            (&[][..], &[ada, adam, bob][..]),
            (&[("address", "ADA@example.com")], &[ada]),
            (&[("address", "ada@example.co")], &[]),
            (&[("trait.email", "ada@EXAMPLE.com")], &[ada]),
            (&[("trait.name.first", "bob")], &[bob]),
            (&[("trait.name.first", "bo")], &[]),
            (&[("trait.name.last", "Lovelace")], &[ada, adam, bob]),
            (&[("trait.name.middle", "x")], &[]),
            (&[("schema", "default")], &[ada, adam, bob]),
            (&[("schema", "other")], &[]),
            (&[("state", "inactive")], &[bob]),
            (&[("state", "active")], &[ada, adam]),
            (&[("organisation", COMPANY)], &[adam]),
            (&[("text", "ada")], &[ada, adam]),
            (&[("text", "lovel exam")], &[ada, adam, bob]),
            (&[("text", "lovel org")], &[bob]),
            (&[("text", "crm 77")], &[ada]),
            (&[("text", "ådam")], &[adam]),
            (&[("text", "da")], &[]),
            (&[("text", "ada"), ("state", "active"), ("organisation", COMPANY)], &[adam]),
            (&[("text", "lovelace"), ("state", "inactive")], &[bob]),
            (&[("trait.name.last", "lovelace"), ("state", "active"), ("address", bob)], &[]),
        ] {
            for limit in [1, 2, 100] {
                assert_eq!(world.found(filters, limit).await, expect, "{filters:?} by {limit}");
            }
        }
        let elsewhere: TenantId = "other".parse().unwrap();
        for filters in [&[][..], &[("text", "ada")], &[("address", ada)], &[("state", "active")]] {
            let found = world.storage.search(&elsewhere, &query(filters), None, 10).await.unwrap();
            assert_eq!(found, Found::default(), "{filters:?}");
        }
    }
}

#[tokio::test]
async fn who_has_several_words_of_the_kind_is_found_once() {
    for world in World::both().await {
        let twice = world.person("ada@adams.example", "Adam", &json!({})).await;
        world.person("adele@example.com", "Bob", &json!({})).await;
        for limit in [1, 10] {
            let found = world.found(&[("text", "ad")], limit).await;
            assert_eq!(found, [email(&twice).as_str(), "adele@example.com"], "{limit}");
        }
    }
}

#[tokio::test]
async fn what_is_found_follows_what_is_changed() {
    for world in World::both().await {
        let ada = world.person("ada@example.com", "Ada", &json!({})).await;
        let body = br#"{"schema_id":"default","traits":{"email":"grace@example.com"},"state":"active"}"#;
        let body = ReplaceIdentity::from_json(body).unwrap();
        let changed = replace(world.room(), Actor::System, ada.id, body).await.unwrap();
        world.storage.apply(changed.change).await.unwrap();
        assert_eq!(world.found(&[("text", "ada")], 10).await, [] as [&str; 0]);
        assert_eq!(world.found(&[("text", "grace")], 10).await, ["grace@example.com"]);
        let apply = |write| world.storage.apply(Change::new(world.tenant.clone()).write(write));
        for (state, inactive) in
            [(IdentityState::Inactive, 1), (IdentityState::Inactive, 1), (IdentityState::Active, 0)]
        {
            apply(Write::SetState { identity: ada.id, state, at: world.clock.now() }).await.unwrap();
            assert_eq!(world.found(&[("state", "inactive")], 10).await.len(), inactive, "{state:?}");
            assert_eq!(world.found(&[("state", "active")], 10).await.len(), 1 - inactive, "{state:?}");
        }
        apply(Write::DeleteIdentity(ada.id)).await.unwrap();
        assert_eq!(world.found(&[("text", "grace")], 10).await, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn common_filters_that_nobody_meets_together_are_looked_at_piece_by_piece() {
    for world in World::both().await {
        let mut change = Change::new(world.tenant.clone());
        for number in 0..1200 {
            let mut identity = world.unstored(&format!("p{number}@example.com")).await;
            if number % 2 == 0 {
                identity.organisation = Some(COMPANY.parse().unwrap());
            } else {
                identity.state = IdentityState::Inactive;
            }
            change = change.write(Write::InsertIdentity(Box::new(identity)));
        }
        world.storage.apply(change).await.unwrap();
        let query = query(&[("state", "inactive"), ("organisation", COMPANY)]);
        let first = world.page(&query, None, 10).await;
        assert_eq!(first.identities, []);
        let second = world.page(&query, Some(first.next.unwrap()), 10).await;
        assert_eq!((second.identities, second.next), (Vec::new(), None));
        assert_eq!(world.found(&[("state", "inactive"), ("text", "p1")], 7).await.len(), 156);
    }
}

#[tokio::test]
async fn several_are_read_by_their_ids_in_order() {
    for world in World::both().await {
        let mut ids = Vec::new();
        for number in 0..60 {
            ids.push(world.person(&format!("p{number}@example.com"), "P", &json!({})).await.id);
        }
        let nobody = IdentityId::generate(&*world.rng);
        let asked: Vec<IdentityId> = ids.iter().copied().chain([nobody]).collect();
        let found = world.storage.find_identities(&world.tenant, &asked).await.unwrap();
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), ids);
    }
}

#[tokio::test]
async fn who_has_an_identifier_that_begins_so_is_found_page_by_page() {
    for world in World::both().await {
        for number in 0..12 {
            let organisation =
                if number % 2 == 0 { json!({ "organization_id": COMPANY }) } else { json!({}) };
            world.person(&format!("p{number}@example.com"), "Ada", &organisation).await;
        }
        let found = async |start: &str, organisation: Option<&str>, limit: u32| {
            let organisation = organisation.map(|id| id.parse().unwrap());
            let mut asked = StartOfIdentifier { start: start.to_owned(), organisation, after: None };
            let mut all = Vec::new();
            loop {
                let page =
                    world.storage.find_by_start_of_identifier(&world.tenant, &asked, limit).await.unwrap();
                assert!(page.identities.len() <= limit as usize);
                all.extend(page.identities.iter().map(email));
                asked.after = page.next;
                if asked.after.is_none() {
                    return all;
                }
            }
        };
        for limit in [1, 2, 100] {
            assert_eq!(
                found("p1", None, limit).await,
                ["p10@example.com", "p11@example.com", "p1@example.com"]
            );
            assert_eq!(found("p1", Some(COMPANY), limit).await, ["p10@example.com"]);
            assert_eq!(found("p", Some(COMPANY), limit).await.len(), 6);
            assert_eq!(found("q", None, limit).await, [""; 0]);
        }
        let asked = StartOfIdentifier { start: "p".to_owned(), organisation: None, after: None };
        let elsewhere: TenantId = "other".parse().unwrap();
        let other = world.storage.find_by_start_of_identifier(&elsewhere, &asked, 10).await.unwrap();
        assert_eq!(other, FoundByStart::default());
    }
}

#[tokio::test]
async fn who_was_there_before_is_found_when_their_terms_are_taken() {
    let rows = |_: fn(&str) -> String| {
        let insert = |tenant: &str, last: u8| {
            format!(
                "INSERT INTO identities (tenant, id, schema_id, state, state_changed_at, traits, verifiable_addresses,
                     recovery_addresses, version, created_at, updated_at)
                 VALUES ('{tenant}', '00000000-0000-4000-8000-00000000000{last}', 'default', 'active', 1,
                     '{{\"email\":\"p{last}@example.com\"}}', '[]', '[]', 1, 1, 1);"
            )
        };
        [insert("default", 1), insert("default", 2), insert("other", 3)].concat()
    };
    for world in crate::world::World::each_migrated_from(16, rows).await {
        let query = query(&[("text", "example")]);
        let count = async |tenant: &str| {
            let tenant = tenant.parse().unwrap();
            world.storage.search(&tenant, &query, None, 10).await.unwrap().identities.len()
        };
        assert!(world.storage.has_identities_without_terms().await.unwrap());
        assert_eq!((count("default").await, count("other").await), (0, 0));
        assert_eq!(world.storage.take_terms(2).await.unwrap(), 2);
        assert_eq!((count("default").await, count("other").await), (2, 0));
        assert_eq!(world.storage.take_terms(2).await.unwrap(), 1);
        assert_eq!((count("default").await, count("other").await), (2, 1));
        assert!(!world.storage.has_identities_without_terms().await.unwrap());
        assert_eq!(world.storage.take_terms(2).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn who_is_imported_with_many_is_searched_for_later_and_found_by_name_at_once() {
    for world in World::both().await {
        let mut people = Vec::new();
        for number in 0..5 {
            people.push(world.unstored(&format!("p{number}@example.com")).await);
        }
        people[4].state = IdentityState::Inactive;
        let import = people.iter().cloned().map(|person| Write::ImportIdentity(Box::new(person)));
        let change = import.fold(Change::new(world.tenant.clone()), Change::write);
        let claims = people.iter().map(|person| Write::ClaimIdentifier {
            identity: person.id,
            identifier: Identifier::parse(&email(person)).unwrap(),
        });
        world.storage.apply(claims.fold(change, Change::write)).await.unwrap();

        let identifier = Identifier::parse("p3@example.com").unwrap();
        let named = world.storage.find_by_identifier(&world.tenant, &identifier).await.unwrap().unwrap();
        assert_eq!(named.0.id, people[3].id);
        let waits = async || world.storage.has_identities_without_terms_of(&world.tenant).await.unwrap();
        let elsewhere: TenantId = "other".parse().unwrap();
        assert!(waits().await);
        assert!(!world.storage.has_identities_without_terms_of(&elsewhere).await.unwrap());
        assert_eq!(world.found(&[("text", "example")], 10).await, [""; 0]);
        // Whoever may not sign in is never among those who may.
        assert_eq!(world.found(&[("state", "active")], 10).await.len(), 4);
        assert_eq!(world.found(&[("state", "inactive")], 10).await, ["p4@example.com"]);

        assert_eq!(world.storage.take_terms(3).await.unwrap(), 3);
        assert_eq!(world.found(&[("text", "example")], 10).await.len(), 3);
        assert_eq!(world.storage.take_terms(3).await.unwrap(), 2);
        assert!(!waits().await);
        for (number, person) in people.iter().enumerate() {
            let address = format!("p{number}@example.com");
            assert_eq!(world.found(&[("address", &address)], 10).await, [email(person)]);
            assert_eq!(world.found(&[("trait.email", &address)], 10).await, [email(person)]);
        }
    }
}

#[tokio::test]
async fn many_who_are_read_at_once_are_found_by_all_that_is_theirs() {
    for world in World::both().await {
        let mut change = Change::new(world.tenant.clone());
        for number in 0..41 {
            let person = world.unstored(&format!("p{number}@example.com")).await;
            change = change.write(Write::ImportIdentity(Box::new(person)));
        }
        world.storage.apply(change).await.unwrap();
        assert_eq!(world.storage.take_terms(100).await.unwrap(), 41);
        for filter in [("text", "example"), ("schema", "default"), ("text", "p")] {
            assert_eq!(world.found(&[filter], 10).await.len(), 41, "{filter:?}");
        }
        for number in 0..41 {
            assert_eq!(world.found(&[("text", &format!("p{number} com"))], 50).await.len(), {
                // As a beginning.
                (0..41).filter(|other| other.to_string().starts_with(&number.to_string())).count()
            });
        }
    }
}
