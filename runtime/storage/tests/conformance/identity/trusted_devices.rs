//! Trusted devices: whose they are, until when, and what has them forgotten.

use identity::factor::lookup_secret::LookupSecrets;
use identity::factor::{FactorKind, SecondFactor};
use identity::ports::{Factors as _, Identities as _, Sessions as _};
use identity::session::{Device, NewSession, Session};
use identity::trusted_device::{MOST_TRUSTED, NewTrustedDevice, TrustedDevice, TrustedDeviceId};
use identity::webauthn::KeyKind;
use identity::{Identity, Step, Write};
use primitives::{Clock as _, KeyedHash, Rng as _, Timestamp};

use super::World;

impl World {
    fn hash(&self, name: &str) -> KeyedHash {
        self.storage.sealer().hash(&self.tenant, "test", name.as_bytes())
    }

    fn in_days(&self, days: i64) -> Timestamp {
        Timestamp::from_seconds(self.clock.now().seconds() + days * 86_400)
    }

    /// A device with a token of this name, trusted for thirty days.
    fn device(&self, identity: &Identity, name: &str) -> NewTrustedDevice {
        let device = TrustedDevice {
            id: TrustedDeviceId(self.rng.uuid()),
            identity: identity.id,
            device: Device { id: self.rng.uuid(), ip_address: None, user_agent: Some(name.to_owned()) },
            created_at: self.clock.now(),
            expires_at: self.in_days(30),
        };
        NewTrustedDevice { device, token: self.hash(name) }
    }

    async fn trusts(&self, identity: &Identity, name: &str, at: Timestamp) -> Option<TrustedDevice> {
        let hashes = [self.hash(name)];
        self.storage.find_trusted_device(&self.tenant, identity.id, &hashes, at).await.unwrap()
    }

    /// A session of somebody that counts by a device.
    async fn session_on(&self, email: &str, device: &NewTrustedDevice) -> Session {
        let Step::SignedIn(signed_in) = self.login(email, "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let session = Session { trusted_device: Some(device.device.id), ..signed_in.session };
        let token = signed_in.token.hash(self.storage.sealer(), &self.tenant);
        let new = NewSession { session: session.clone(), token };
        assert!(self.is_written(Write::InsertSession(Box::new(new))).await);
        self.storage.find_session(&self.tenant, session.id).await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn device_is_one_persons_for_a_time() {
    for world in World::both().await {
        let (ada, bob) = (world.somebody("ada@example.com").await, world.somebody("bob@example.com").await);
        let device = world.device(&ada, "laptop");
        assert!(world.is_written(Write::TrustDevice(Box::new(device.clone()))).await);
        let now = world.clock.now();
        assert_eq!(world.trusts(&ada, "laptop", now).await, Some(device.device.clone()));
        assert_eq!(world.trusts(&bob, "laptop", now).await, None, "another person's");
        assert_eq!(world.trusts(&ada, "phone", now).await, None);
        assert_eq!(world.trusts(&ada, "laptop", world.in_days(30)).await, None, "too old");
        let listed = async |whose: &Identity, at| {
            world.storage.list_trusted_devices(&world.tenant, whose.id, at).await.unwrap()
        };
        assert_eq!(listed(&ada, now).await, std::slice::from_ref(&device.device));
        assert_eq!((listed(&bob, now).await, listed(&ada, world.in_days(30)).await), (vec![], vec![]));
        let id = device.device.id;
        assert!(!world.is_written(Write::ForgetTrustedDevice { identity: bob.id, device: id }).await);
        assert!(world.is_written(Write::ForgetTrustedDevice { identity: ada.id, device: id }).await);
        assert!(!world.is_written(Write::ForgetTrustedDevice { identity: ada.id, device: id }).await);
        assert!(world.is_written(Write::TrustDevice(Box::new(device))).await);
        let early = world.storage.delete_expired(world.in_days(29), 10).await.unwrap();
        let gone = world.storage.delete_expired(world.in_days(30), 10).await.unwrap();
        assert_eq!((early.trusted_devices, gone.trusted_devices), (0, 1));
        let nobody = Identity { id: primitives::IdentityId::generate(&*world.rng), ..ada };
        assert!(!world.is_written(Write::TrustDevice(Box::new(world.device(&nobody, "x")))).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_how_somebody_signs_in_has_devices_forgotten_and_sessions_count_no_more() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        let password = world.storage.find_password(&world.tenant, ada.id).await.unwrap().unwrap().password;
        let (_, key) = world.credential(1, KeyKind::SecondFactor, ada.id);
        let codes = || SecondFactor::LookupSecret(LookupSecrets::generate(&*world.rng));
        let (identity, at) = (ada.id, world.clock.now());
        let set = |replaces| Write::SetFactor { identity, factor: codes(), replaces, at };
        for (write, forgets) in [
            (set(None), true),
            (set(Some(1)), false),
            (Write::RemoveFactor { identity, kind: FactorKind::LookupSecret }, true),
            (world.added(identity, &key), true),
            (Write::RemoveKey { identity, id: key.id.clone() }, true),
            (Write::SetPassword { identity, password: password.clone(), at }, true),
            (Write::ForgetTrustedDevices(identity), true),
            (Write::RemoveCredentials(identity), true),
        ] {
            assert!(world.is_written(Write::SetPassword { identity, password: password.clone(), at }).await);
            let device = world.device(&ada, "laptop");
            assert!(world.is_written(Write::TrustDevice(Box::new(device.clone()))).await);
            let session = Box::pin(world.session_on("ada@example.com", &device)).await;
            assert_eq!(session.trusted_device, Some(device.device.id));
            let what = format!("{write:?}");
            assert!(world.is_written(write).await, "{what}");
            let found = world.trusts(&ada, "laptop", at).await;
            let session = world.storage.find_session(&world.tenant, session.id).await.unwrap().unwrap();
            assert_eq!((found.is_none(), session.trusted_device.is_none()), (forgets, forgets), "{what}");
            world.is_written(Write::ForgetTrustedDevices(identity)).await;
        }
        // A session that begins when its device was just forgotten does not count by it.
        assert!(world.is_written(Write::SetPassword { identity, password, at }).await);
        let forgotten = world.device(&ada, "gone");
        let session = Box::pin(world.session_on("ada@example.com", &forgotten)).await;
        assert_eq!(session.trusted_device, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_devices_the_oldest_go() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        let at = |second: i64| Timestamp::from_seconds(world.clock.now().seconds() + second);
        for number in 0..i64::from(MOST_TRUSTED) + 3 {
            let mut device = world.device(&ada, &number.to_string());
            device.device.created_at = at(number);
            assert!(world.is_written(Write::TrustDevice(Box::new(device))).await);
        }
        let listed = world.storage.list_trusted_devices(&world.tenant, ada.id, at(0)).await.unwrap();
        let names: Vec<_> = listed.iter().map(|one| one.device.user_agent.clone().unwrap()).collect();
        assert_eq!((names.len(), names[0].as_str(), names[19].as_str()), (20, "22", "3"));
    }
}
