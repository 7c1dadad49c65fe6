//! What operators list and change: sessions of anybody, external ids.

use std::time::Duration;

use identity::administration::{CreateIdentity, ReplaceIdentity, create, replace};
use identity::ports::{Identities as _, SessionFilter, Sessions as _};
use identity::session::Session;
use identity::{Identity, Step, Write};
use portcullis_storage::ApplyError;
use primitives::{Actor, Change, Clock as _, TenantId, Timestamp};

use super::World;

impl World {
    async fn create(&self, email: &str, external_id: &str) -> Identity {
        let body = format!(
            r#"{{"schema_id":"default","traits":{{"email":"{email}"}},"external_id":"{external_id}",
                "credentials":{{"password":{{"config":{{"password":"correct horse"}}}}}}}}"#
        );
        let body = CreateIdentity::from_json(body.as_bytes()).unwrap();
        let made = create(self.room(), Actor::System, body).await.unwrap();
        self.storage.apply(made.change).await.unwrap();
        made.identity
    }

    async fn sign_in(&self, email: &str) -> Session {
        let Step::SignedIn(signed_in) = self.login(email, "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let session = signed_in.session.clone();
        self.storage.apply(signed_in.change.seal(self.storage.sealer())).await.unwrap();
        session
    }

    async fn listed(&self, filter: SessionFilter, limit: u32) -> Vec<Session> {
        self.storage.list_sessions(&self.tenant, filter, self.clock.now(), limit).await.unwrap()
    }

    async fn apply(&self, write: Write) -> Result<(), ApplyError> {
        self.storage.apply(Change::new(self.tenant.clone()).write(write)).await
    }
}

#[tokio::test]
async fn sessions_are_listed_by_identity_liveness_and_page() {
    for world in World::both().await {
        let ada = world.create("ada@example.com", "1").await;
        world.create("bob@example.com", "2").await;
        let (first, second) =
            (world.sign_in("ada@example.com").await, world.sign_in("ada@example.com").await);
        world.sign_in("bob@example.com").await;
        let at = world.clock.now();
        world.apply(Write::RevokeSession { session: first.id, identity: ada.id, at }).await.unwrap();
        let of_ada = SessionFilter { identity: Some(ada.id), ..SessionFilter::default() };
        for (filter, count) in [
            (SessionFilter::default(), 3),
            (of_ada, 2),
            (SessionFilter { live: Some(true), ..of_ada }, 1),
            (SessionFilter { live: Some(false), ..of_ada }, 1),
            (SessionFilter { live: Some(true), ..SessionFilter::default() }, 2),
        ] {
            assert_eq!(world.listed(filter, 10).await.len(), count, "{filter:?}");
        }
        let page = world.listed(SessionFilter::default(), 2).await;
        let after = SessionFilter { after: Some(page[1].id), ..SessionFilter::default() };
        let rest = world.listed(after, 2).await;
        assert_eq!((page.len(), rest.len()), (2, 1));
        assert!(page.iter().all(|session| session.id != rest[0].id));
        let elsewhere: TenantId = "other".parse().unwrap();
        let seen = world.storage.list_sessions(&elsewhere, SessionFilter::default(), at, 10).await.unwrap();
        assert!(seen.is_empty());

        world.apply(Write::DeleteSessions(ada.id)).await.unwrap();
        assert!(world.listed(of_ada, 10).await.is_empty());
        assert_eq!(world.storage.find_session(&world.tenant, second.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn only_live_sessions_last_longer() {
    for world in World::both().await {
        world.create("ada@example.com", "1").await;
        let session = world.sign_in("ada@example.com").await;
        let until: Timestamp = session.expires_at.after(Duration::from_hours(1));
        let extend = |world: &World| {
            let at = world.clock.now();
            Write::ExtendSession { session: session.id, expires_at: until, at }
        };
        world.apply(extend(&world)).await.unwrap();
        let found = world.storage.find_session(&world.tenant, session.id).await.unwrap().unwrap();
        assert_eq!(found.expires_at, until);
        world.clock.advance(Duration::from_hours(26));
        assert!(matches!(world.apply(extend(&world)).await, Err(ApplyError::Missed { write: 0 })));
    }
}

#[tokio::test]
async fn external_ids_name_one_identity() {
    for world in World::both().await {
        let ada = world.create("ada@example.com", "1").await;
        let bob = world.create("bob@example.com", "2").await;
        let found = world.storage.find_by_external_id(&world.tenant, "1").await.unwrap();
        assert_eq!(found.map(|identity| identity.id), Some(ada.id));
        let elsewhere: TenantId = "other".parse().unwrap();
        assert_eq!(world.storage.find_by_external_id(&elsewhere, "1").await.unwrap(), None);
        // Decided before the other took it: the guard refuses.
        let body = br#"{"schema_id":"default","traits":{"email":"bob@example.com"},"external_id":"3"}"#;
        let body = ReplaceIdentity::from_json(body).unwrap();
        let late = replace(world.room(), Actor::System, bob.id, body).await.unwrap();
        let body = br#"{"schema_id":"default","traits":{"email":"ada@example.com"},"external_id":"3"}"#;
        let body = ReplaceIdentity::from_json(body).unwrap();
        let first = replace(world.room(), Actor::System, ada.id, body).await.unwrap();
        world.storage.apply(first.change).await.unwrap();
        assert!(matches!(world.storage.apply(late.change).await, Err(ApplyError::Missed { write: 0 })));
    }
}
