//! What was set before an address was proven is taken away whole, and nobody who is signed in adds to it meanwhile.

use futures_util::future::join_all;
use identity::factor::SecondFactor;
use identity::factor::lookup_secret::LookupSecrets;
use identity::ports::{Factors as _, Identities as _, Links as _};
use identity::session::LiveSession;
use identity::webauthn::KeyKind;
use identity::{Identity, Step, Write};
use primitives::subject::AssuranceLevel;
use primitives::{Change, Clock as _};

use super::World;

impl World {
    async fn has_nothing(&self, identity: &Identity) -> bool {
        let (storage, tenant, id) = (&self.storage, &self.tenant, identity.id);
        let found = storage.find_identity(tenant, id).await.unwrap().unwrap();
        storage.find_password(tenant, id).await.unwrap().is_none()
            && storage.list_keys(tenant, id).await.unwrap().is_empty()
            && storage.list_links(tenant, id).await.unwrap().is_empty()
            && storage.list_factors(tenant, id).await.unwrap().is_empty()
            && found.available == AssuranceLevel::Aal1
    }

    async fn signed_in(&self, email: &str) -> LiveSession {
        let Step::SignedIn(signed_in) = self.login(email, "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let live = LiveSession::check(signed_in.session, signed_in.identity, self.clock.now()).unwrap();
        self.storage.apply(signed_in.change.seal(self.storage.sealer())).await.unwrap();
        live
    }

    /// What the first proof of an address writes.
    fn claim(&self, identity: &Identity) -> Change<Write> {
        let (identity, at) = (identity.id, self.clock.now());
        Change::new(self.tenant.clone())
            .write(Write::RevokeSessions { identity, except: None, at })
            .write(Write::RemoveCredentials(identity))
    }

    /// What somebody signed in writes who sets a password.
    fn set_password(
        &self,
        live: &LiveSession,
        password: &identity::password::HashedPassword,
    ) -> Change<Write> {
        let (session, identity, at) = (live.session().id, live.identity().id, self.clock.now());
        Change::new(self.tenant.clone())
            .write(Write::HoldSession { session, identity, at })
            .write(Write::SetPassword { identity, password: password.clone(), at })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_somebody_signs_in_with_goes_the_last_of_it_too() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        let bob = world.somebody("bob@example.com").await;
        for (seed, kind) in [(1, KeyKind::Passkey), (2, KeyKind::SecondFactor)] {
            let (_, key) = world.credential(seed, kind, ada.id);
            assert!(world.is_written(world.added(ada.id, &key)).await);
        }
        assert!(world.link(&ada, "acme", "1").await);
        let factor = SecondFactor::LookupSecret(LookupSecrets::generate(world.rng.as_ref()));
        let set = Write::SetFactor { identity: ada.id, factor, replaces: None, at: world.clock.now() };
        assert!(world.is_written(set).await);
        assert!(world.is_written(Write::RemoveCredentials(ada.id)).await);
        assert!(world.has_nothing(&ada).await, "{}", world.storage.kind());
        assert!(world.is_written(Write::RemoveCredentials(ada.id)).await, "there may be none");
        let bobs = world.storage.find_password(&world.tenant, bob.id).await.unwrap();
        assert!(bobs.is_some(), "nobody else's");
        let nobody = primitives::IdentityId::generate(world.rng.as_ref());
        assert!(!world.is_written(Write::RemoveCredentials(nobody)).await);
    }
}

/// The attack: whoever signed up first sets a password again and again while the owner's proof takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_by_a_proof_sets_nothing_more() {
    for world in World::both().await {
        for round in 0..20 {
            let email = format!("ada{round}@example.com");
            let ada = world.somebody(&email).await;
            let stored = world.storage.find_password(&world.tenant, ada.id).await.unwrap().unwrap();
            let live = world.signed_in(&email).await;
            let mut changes: Vec<_> = (0..12).map(|_| world.set_password(&live, &stored.password)).collect();
            changes.insert(6, world.claim(&ada));
            let written = join_all(changes.into_iter().map(|change| world.storage.apply(change))).await;
            assert!(written[6].is_ok(), "{}", world.storage.kind());
            assert!(world.has_nothing(&ada).await, "{}, round {round}", world.storage.kind());
            assert!(world.storage.apply(world.set_password(&live, &stored.password)).await.is_err());
        }
    }
}
