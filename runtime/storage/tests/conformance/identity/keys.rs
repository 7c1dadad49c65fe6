//! Passkeys and security keys: what was written is what is read, an answer counts once, and the last way in stays.

use futures_util::future::join_all;
use identity::flow::{Caller, StartRequest, Transport, start_login};
use identity::identity::AddressKind;
use identity::ports::{AddressUse, Factors as _, Identities as _};
use identity::settings::Conveyance;
use identity::webauthn::{
    Asked, AttestationPolicy, Challenge, CredentialId, CredentialRecord, Expected, KeyKind, RelyingParty,
    UnverifiedRegistration, UserHandle, UserVerification, creation_options,
};
use identity::{Identifier, Step, Submission, Write, next_step};
use portcullis_storage::ApplyError;
use primitives::subject::AssuranceLevel;
use primitives::{Change, ClientAddress, Clock as _, IdentityId};
use serde_json::{Value, json};
use testkit::authenticator::Authenticator;

use super::World;

impl World {
    /// A credential of somebody, with the authenticator that has it.
    pub(super) fn credential(
        &self,
        seed: u8,
        kind: KeyKind,
        identity: IdentityId,
    ) -> (Authenticator, CredentialRecord) {
        let relying_party = RelyingParty::of(&self.settings.relying_party, &self.base).unwrap();
        let mut authenticator = Authenticator::new(seed, &self.base.origin().ascii_serialization()).unwrap();
        let challenge = Challenge::generate(&*self.rng);
        let handle = UserHandle::of(identity);
        let asked = Asked { kind, attestation: Conveyance::None, settings: &self.settings.ceremony };
        let options = creation_options(&relying_party, &challenge, asked, (&handle, "ada"), &[]);
        let answer = UnverifiedRegistration::parse(&authenticator.create(&options)).unwrap();
        let user_verification = UserVerification::Required;
        let expected = Expected { relying_party: &relying_party, challenge: &challenge, user_verification };
        let policy = AttestationPolicy::of(&self.settings.attestation, kind, self.clock.now());
        let new = answer.verify(&expected, &policy).unwrap();
        (authenticator, new.record(kind, handle, String::new()))
    }

    async fn apply_one(&self, write: Write) -> Result<(), ApplyError> {
        self.storage.apply(Change::new(self.tenant.clone()).write(write)).await
    }

    pub(super) fn added(&self, identity: IdentityId, record: &CredentialRecord) -> Write {
        Write::AddKey { identity, record: Box::new(record.clone()), at: self.clock.now() }
    }

    fn removed(identity: IdentityId, id: &CredentialId) -> Write {
        Write::RemoveKey { identity, id: id.clone() }
    }
}

fn missed(applied: &Result<(), ApplyError>) -> bool {
    matches!(applied, Err(ApplyError::Missed { .. }))
}

#[tokio::test]
async fn key_is_read_as_it_was_written_and_is_one_persons() {
    for world in World::both().await {
        let ada = world.ada().await;
        let (_, passkey) = world.credential(1, KeyKind::Passkey, ada.id);
        world.apply_one(world.added(ada.id, &passkey)).await.unwrap();
        let found = world.storage.find_key(&world.tenant, &passkey.id).await.unwrap().unwrap();
        assert_eq!((&found.record, found.identity, found.version), (&passkey, ada.id, 1));
        assert_eq!(world.storage.list_keys(&world.tenant, ada.id).await.unwrap(), [found]);
        let elsewhere = "other".parse().unwrap();
        assert_eq!(world.storage.find_key(&elsewhere, &passkey.id).await, Ok(None));
        assert!(missed(&world.apply_one(world.added(ada.id, &passkey)).await), "an id is one credential's");
        let nobody = IdentityId::generate(&*world.rng);
        let (_, of_nobody) = world.credential(2, KeyKind::Passkey, nobody);
        assert!(missed(&world.apply_one(world.added(nobody, &of_nobody)).await));
        world.apply_one(Write::DeleteIdentity(ada.id)).await.unwrap();
        assert_eq!(world.storage.find_key(&world.tenant, &passkey.id).await, Ok(None));
    }
}

/// The attack: what is read in place of somebody who is not there is told.
#[tokio::test]
async fn keys_of_a_name_are_its_own_and_nobody_elses() {
    for world in World::both().await {
        let ada = world.ada().await;
        let of_name = async |name: &str| {
            let identifier = Identifier::parse(name).unwrap();
            world.storage.list_keys_of_identifier(&world.tenant, &identifier).await.unwrap()
        };
        let name = world.storage.list_identifiers(&world.tenant, ada.id).await.unwrap().remove(0);
        assert_eq!(of_name(&name).await, []);
        for seed in [1, 2] {
            let (_, record) = world.credential(seed, KeyKind::Passwordless, ada.id);
            world.apply_one(world.added(ada.id, &record)).await.unwrap();
        }
        assert_eq!(of_name(&name).await, world.storage.list_keys(&world.tenant, ada.id).await.unwrap());
        assert_eq!(of_name(&name).await.len(), 2);
        assert_eq!(of_name("nobody@example.com").await, []);
        let identifier = Identifier::parse("nobody@example.com").unwrap();
        assert_eq!(world.storage.find_by_identifier(&world.tenant, &identifier).await.unwrap(), None);
        let address = async |use_: AddressUse| {
            let found =
                world.storage.find_by_address(&world.tenant, use_, AddressKind::Email, "nobody@example.com");
            found.await.unwrap()
        };
        assert_eq!(address(AddressUse::Recovery).await, None);
        assert_eq!(address(AddressUse::Verification).await, None);
    }
}

#[tokio::test]
async fn only_a_second_factor_raises_what_can_be_proven() {
    for world in World::both().await {
        let ada = world.ada().await;
        for (seed, kind, expect) in [
            (1, KeyKind::Passkey, AssuranceLevel::Aal1),
            (2, KeyKind::SecondFactor, AssuranceLevel::Aal2),
            (3, KeyKind::Passwordless, AssuranceLevel::Aal1),
        ] {
            let (_, record) = world.credential(seed, kind, ada.id);
            world.apply_one(world.added(ada.id, &record)).await.unwrap();
            assert_eq!(world.read_ada().await.available, expect, "{kind:?}");
            world.apply_one(World::removed(ada.id, &record.id)).await.unwrap();
            assert_eq!(world.read_ada().await.available, AssuranceLevel::Aal1);
        }
    }
}

/// The attack: a passkey and a security key that signs in alone are removed at once, and each removal sees the other one.
#[tokio::test]
async fn one_way_in_stays_however_removals_meet() {
    for world in World::both().await {
        let ada = world.ada().await;
        let records = [(1, KeyKind::Passkey), (2, KeyKind::Passwordless)];
        let records = records.map(|(seed, kind)| world.credential(seed, kind, ada.id).1);
        for record in &records {
            world.apply_one(world.added(ada.id, record)).await.unwrap();
        }
        let (_, second) = world.credential(3, KeyKind::SecondFactor, ada.id);
        world.apply_one(world.added(ada.id, &second)).await.unwrap();
        let removals = records.iter().map(|record| world.apply_one(World::removed(ada.id, &record.id)));
        let password = world.apply_one(Write::RemovePassword(ada.id));
        let (removed, password) = futures_util::join!(join_all(removals), password);
        let done = removed.iter().chain([&password]).filter(|applied| applied.is_ok()).count();
        assert_eq!(done, 2, "{}", world.storage.kind());
        let keys = world.storage.list_keys(&world.tenant, ada.id).await.unwrap();
        let has_password = world.storage.find_password(&world.tenant, ada.id).await.unwrap().is_some();
        let first = keys.iter().filter(|key| key.record.kind.is_first_factor()).count();
        assert_eq!(first + usize::from(has_password), 1, "{}", world.storage.kind());
    }
}

/// The attack: one answer is sent fifty times at once.
#[tokio::test]
async fn fifty_submits_of_one_answer_sign_in_once() {
    for mut world in World::both().await {
        world.settings.limits.address.burst = 10_000;
        let ada = world.ada().await;
        let (mut authenticator, passkey) = world.credential(1, KeyKind::Passkey, ada.id);
        world.apply_one(world.added(ada.id, &passkey)).await.unwrap();
        let base = world.base.clone();
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: None, session: None };
        let request = StartRequest::new(Transport::Api, &base, "/self-service/login/api");
        let (own, change) = start_login(world.room(), caller, request).await.unwrap();
        world.storage.apply(change).await.unwrap();
        let identity::flow::KeyForm::SignIn(ceremony) = &own.flow.factors.keys else { panic!("not asked") };
        let options: Value = serde_json::from_str(&ceremony.options).unwrap();
        let body = json!({ "method": "passkey", "passkey_login": authenticator.get(&options) }).to_string();
        let submit = || async {
            let submission = Submission::from_json(body.as_bytes()).unwrap();
            let step = next_step(world.room(), caller, own.flow.clone(), submission).await.unwrap();
            let Step::SignedIn(signed_in) = step else { return false };
            world.storage.apply(signed_in.change.seal(world.storage.sealer())).await.is_ok()
        };
        let won = join_all((0..50).map(|_| submit())).await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "{}", world.storage.kind());
    }
}
