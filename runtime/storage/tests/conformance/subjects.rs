//! What the authorization server learns of people: only the active, with what was proven of them, and
//! from when on their tokens live.

use identity::identity::{AddressKind, AddressStatus, Identity, VerifiableAddress};
use identity::session::{AuthenticationMethod, Device, Method, NewSession, Session};
use identity::{IdentityState, Settings, Write};
use oauth2::ports::SubjectClaims as _;
use primitives::subject::AssuranceLevel;
use primitives::{ClientAddress, IdentityId, Rng as _, SessionId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

impl World {
    pub(crate) fn person(&self) -> Identity {
        let address = |value: &str, verified| VerifiableAddress {
            id: self.rng.uuid(),
            value: value.to_owned(),
            verified,
            via: AddressKind::Email,
            status: AddressStatus::Pending,
            verified_at: None,
            created_at: self.now(),
            updated_at: self.now(),
        };
        Identity {
            id: IdentityId(self.rng.uuid()),
            external_id: None,
            schema_id: "default".to_owned(),
            state: IdentityState::Active,
            state_changed_at: self.now(),
            traits: json!({"email": "ada@example.com"}).as_object().unwrap().clone(),
            verifiable_addresses: vec![address("ada@example.com", true), address("new@example.com", false)],
            recovery_addresses: Vec::new(),
            metadata_public: Some(json!({"plan": "pro"})),
            metadata_admin: Some(json!({"note": "secret"})),
            created_at: self.now(),
            updated_at: self.now(),
            organisation: None,
            available: AssuranceLevel::Aal1,
            version: 1,
        }
    }

    pub(crate) fn session_of(&self, identity: &Identity, token: &str) -> NewSession {
        let method = AuthenticationMethod::new(Method::Password, AssuranceLevel::Aal1, self.now());
        let device = Device::new(&*self.rng, ClientAddress("203.0.113.9".parse().unwrap()), None);
        let session = Session::begin(&*self.rng, identity, method, device, &Settings::default().session);
        NewSession { session, token: self.hash(token) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn active_person_is_described_by_what_was_proven() {
    for world in World::each().await {
        let person = world.person();
        assert_eq!(world.apply([Write::InsertIdentity(Box::new(person.clone()))]).await, None);
        let found = world.storage.find_subject(&world.tenant, person.id).await.unwrap().unwrap();
        assert_eq!(found.traits, person.traits);
        assert_eq!(serde_json::Value::from(found.metadata_public), json!({"plan": "pro"}));
        assert_eq!(found.verified_addresses, ["ada@example.com"]);
        assert_eq!((found.updated_at, found.not_before), (person.updated_at, Timestamp::from_seconds(0)));
        let nobody = IdentityId(Uuid::nil());
        assert_eq!(world.storage.find_subject(&world.tenant, nobody).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_before_a_revocation_or_a_suspension_stay_dead() {
    for world in World::each().await {
        let person = world.person();
        assert_eq!(world.apply([Write::InsertIdentity(Box::new(person.clone()))]).await, None);
        let not_before = async || {
            let found = world.storage.find_subject(&world.tenant, person.id).await.unwrap();
            found.map(|profile| profile.not_before)
        };
        let revoke = |at| Write::RevokeTokens { identity: person.id, at };
        assert_eq!(world.apply([revoke(world.in_seconds(5))]).await, None);
        assert_eq!(world.apply([revoke(world.in_seconds(3))]).await, None);
        assert_eq!(not_before().await, Some(world.in_seconds(5)), "never moves back");

        let set =
            |state, seconds| Write::SetState { identity: person.id, state, at: world.in_seconds(seconds) };
        assert_eq!(world.apply([set(IdentityState::Inactive, 7)]).await, None);
        assert_eq!(not_before().await, None, "the inactive are nobody");
        assert_eq!(world.apply([set(IdentityState::Active, 9)]).await, None);
        assert_eq!(not_before().await, Some(world.in_seconds(7)), "old tokens do not come back");

        let nobody = Write::RevokeTokens { identity: IdentityId(Uuid::nil()), at: world.now() };
        assert_eq!(world.apply([nobody]).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_an_identity_by_an_inactive_one_kills_its_tokens() {
    for world in World::each().await {
        let mut person = world.person();
        assert_eq!(world.apply([Write::InsertIdentity(Box::new(person.clone()))]).await, None);
        (person.state, person.state_changed_at) = (IdentityState::Inactive, world.in_seconds(4));
        assert_eq!(world.apply([Write::ReplaceIdentity(Box::new(person.clone()))]).await, None);
        (person.state, person.state_changed_at) = (IdentityState::Active, world.in_seconds(6));
        person.version += 1;
        assert_eq!(world.apply([Write::ReplaceIdentity(Box::new(person.clone()))]).await, None);
        let found = world.storage.find_subject(&world.tenant, person.id).await.unwrap().unwrap();
        assert_eq!(found.not_before, world.in_seconds(4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_live_until_it_is_ended_or_its_person_may_no_longer() {
    for world in World::each().await {
        let person = world.person();
        let (first, second) = (world.session_of(&person, "s1"), world.session_of(&person, "s2"));
        let writes = [
            Write::InsertIdentity(Box::new(person.clone())),
            Write::InsertSession(Box::new(first.clone())),
            Write::InsertSession(Box::new(second.clone())),
        ];
        assert_eq!(world.apply(writes).await, None);
        let live = async |session| world.storage.is_session_live(&world.tenant, session).await.unwrap();
        let (first, second) = (first.session.id, second.session.id);
        assert_eq!((live(first).await, live(SessionId(Uuid::nil())).await), (true, false));
        let revoke = Write::RevokeSession { session: first, identity: person.id, at: world.now() };
        assert_eq!(world.apply([revoke]).await, None);
        assert_eq!((live(first).await, live(second).await), (false, true));
        let at = world.now();
        let suspend = Write::SetState { identity: person.id, state: IdentityState::Inactive, at };
        assert_eq!(world.apply([suspend]).await, None);
        assert!(!live(second).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_not_live_after_its_time() {
    for world in World::each().await {
        let person = world.person();
        let new = world.session_of(&person, "s");
        let (id, expires_at) = (new.session.id, new.session.expires_at);
        let writes = [Write::InsertIdentity(Box::new(person)), Write::InsertSession(Box::new(new))];
        assert_eq!(world.apply(writes).await, None);
        world.clock.advance(expires_at.since(world.now()));
        assert!(!world.storage.is_session_live(&world.tenant, id).await.unwrap());
    }
}
