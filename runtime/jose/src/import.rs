//! Keys made elsewhere: a tenant that moves here brings the keys that its tokens were signed with.

use primitives::audit::Actor;
use primitives::{AuditEvent, Change, TenantId, Timestamp};

use crate::algorithm::{Algorithm, SigningAlgorithm};
use crate::jwk::{JwkError, PrivateJwk, PublicJwk};
use crate::rotation::{Keys, retire};
use crate::settings::RotationSchedule;
use crate::signer::Signer;
use crate::signing_key::{KeyId, KeyState, SigningKey, Write};

/// A key pair made elsewhere that can sign for a tenant.
#[derive(Debug, Clone)]
pub struct ImportedKey {
    kid: KeyId,
    algorithm: SigningAlgorithm,
    key: PrivateJwk,
}

/// Why a key was not imported. All are the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The document is not a key pair that signs.
    #[error("not a key that signs: {0}")]
    Key(#[from] JwkError),
    /// The tenant has revoked that very key, under this name or another.
    #[error("that key was revoked, and signs nothing any more")]
    Revoked,
    /// The tenant has a key of that name, perhaps this one.
    #[error("a key of that name exists")]
    KeyExists,
    /// Another key of that algorithm waits to take over.
    #[error("another key of that algorithm waits to take over")]
    SuccessorExists,
}

impl ImportedKey {
    /// Reads a private JWK. Without `alg` it gets the usual algorithm of its type (RSA: `RS256`),
    /// without a usable `kid` its thumbprint is its name.
    pub fn parse(text: &[u8]) -> Result<Self, ImportError> {
        let mut key = PrivateJwk::parse(text)?;
        let usual = key.public.parts.usual_algorithm();
        let algorithm: Algorithm = key.public.algorithm.unwrap_or(usual);
        let signing: SigningAlgorithm = algorithm.as_str().parse().map_err(|_| JwkError::Unsupported)?;
        let named = key.public.kid().and_then(|kid| kid.parse::<KeyId>().ok());
        let kid = match named {
            Some(kid) => kid,
            None => key.public.thumbprint().parse().map_err(|_| JwkError::Member("kid"))?,
        };
        key.public.algorithm = Some(algorithm);
        key.public.kid = Some(kid.as_str().to_owned());
        // `use` or `key_ops` may forbid signing.
        Signer::new(&key)?;
        Ok(Self { kid, algorithm: signing, key })
    }

    /// The key's name.
    pub const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicJwk {
        self.key.public()
    }

    /// Signs at once, and the key that signed so far retires: for a key whose public half is in every
    /// verifier's copy of the set already.
    pub fn sign_at_once(
        self,
        tenant: &TenantId,
        existing: &[SigningKey],
        schedule: &RotationSchedule,
        now: Timestamp,
        actor: Actor,
    ) -> Result<Change<Write>, ImportError> {
        let mut change = Change::new(tenant.clone());
        if let Some(former) = Keys(existing).active(self.algorithm) {
            change = retire(change, former, schedule.retired_until(now), actor.clone());
        }
        let state = KeyState::Active { rotate_at: schedule.rotate_at(now) };
        self.insert(change, existing, state, now, actor)
    }

    /// Signs after it was published for as long as any key is.
    pub fn publish(
        self,
        tenant: &TenantId,
        existing: &[SigningKey],
        schedule: &RotationSchedule,
        now: Timestamp,
        actor: Actor,
    ) -> Result<Change<Write>, ImportError> {
        if Keys(existing).pending(self.algorithm).is_some() {
            return Err(ImportError::SuccessorExists);
        }
        let state = KeyState::Pending { signs_from: schedule.signs_from(now) };
        self.insert(Change::new(tenant.clone()), existing, state, now, actor)
    }

    fn insert(
        self,
        change: Change<Write>,
        existing: &[SigningKey],
        state: KeyState,
        now: Timestamp,
        actor: Actor,
    ) -> Result<Change<Write>, ImportError> {
        let Self { kid, algorithm, key } = self;
        let is_revoked = |other: &&SigningKey| matches!(other.state, KeyState::Revoked { .. });
        let thumbprint = key.public.thumbprint();
        if existing.iter().filter(is_revoked).any(|other| other.key.public.thumbprint() == thumbprint) {
            return Err(ImportError::Revoked);
        }
        if existing.iter().any(|other| other.kid == kid) {
            return Err(ImportError::KeyExists);
        }
        let audit =
            AuditEvent::new("signing_key.imported", actor, "signing_key", &kid).with("algorithm", &algorithm);
        let key = SigningKey { kid, algorithm, created_at: now, state, key };
        Ok(change.write(Write::InsertSigningKey(Box::new(key))).audit(audit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use primitives::rng::SeededRng;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn document(
        algorithm: SigningAlgorithm,
        change: impl FnOnce(&mut serde_json::Map<String, Value>),
    ) -> Vec<u8> {
        let key = generate(algorithm, &SeededRng::new(1)).unwrap();
        let mut document: Value = serde_json::from_str(&key.to_json()).unwrap();
        change(document.as_object_mut().unwrap());
        document.to_string().into_bytes()
    }

    #[test]
    fn bare_key_gets_a_name_and_the_usual_algorithm() {
        for (algorithm, usual) in [
            (SigningAlgorithm::EdDsa, SigningAlgorithm::EdDsa),
            (SigningAlgorithm::Es384, SigningAlgorithm::Es384),
            (SigningAlgorithm::Ps256, SigningAlgorithm::Rs256),
        ] {
            let text = document(algorithm, |map| {
                for name in ["kid", "alg", "use"] {
                    map.remove(name);
                }
            });
            let key = ImportedKey::parse(&text).unwrap();
            assert_eq!(key.algorithm(), usual);
            assert_eq!(key.kid().as_str(), key.key.public().thumbprint());
        }
    }

    #[test]
    fn unfit_keys_are_refused() {
        let check = |name: &str, value: Value, expect: JwkError| {
            let text = document(SigningAlgorithm::Rs256, |map| drop(map.insert(name.to_owned(), value)));
            assert_eq!(ImportedKey::parse(&text).err(), Some(ImportError::Key(expect)), "{name}");
        };
        check("use", json!("enc"), JwkError::NotForSignatures);
        check("key_ops", json!(["verify"]), JwkError::NotForSignatures);
        check("alg", json!("HS512"), JwkError::AlgorithmMismatch);
        check("alg", json!("ES256"), JwkError::AlgorithmMismatch);
        check("d", json!("AQAB"), JwkError::Inconsistent);
        let public = document(SigningAlgorithm::EdDsa, |map| drop(map.remove("d")));
        assert_eq!(ImportedKey::parse(&public).err(), Some(ImportError::Key(JwkError::Member("d"))));
    }

    #[test]
    fn imported_key_keeps_its_name_and_finds_its_place() {
        let schedule = RotationSchedule::default();
        let tenant = TenantId::default_tenant();
        let text = document(SigningAlgorithm::EdDsa, |map| drop(map.insert("kid".to_owned(), json!("old"))));
        let parse = || ImportedKey::parse(&text).unwrap();
        assert_eq!(parse().kid().as_str(), "old");
        let sign =
            |existing: &[SigningKey]| parse().sign_at_once(&tenant, existing, &schedule, NOW, Actor::System);
        let publish =
            |existing: &[SigningKey]| parse().publish(&tenant, existing, &schedule, NOW, Actor::System);
        let key =
            |state| SigningKey::generate(SigningAlgorithm::EdDsa, state, NOW, &SeededRng::new(2)).unwrap();
        let active = key(KeyState::Active { rotate_at: NOW });
        let pending = key(KeyState::Pending { signs_from: NOW });
        let same_name = SigningKey { kid: "old".parse().unwrap(), ..active.clone() };

        assert_eq!(sign(&[same_name]).err(), Some(ImportError::KeyExists));
        // A key that leaked does not come back under another name.
        let kid = "leaked".parse().unwrap();
        let revoked =
            SigningKey { kid, state: KeyState::Revoked { at: NOW }, key: parse().key, ..active.clone() };
        for brought in [sign(std::slice::from_ref(&revoked)), publish(&[revoked])] {
            assert_eq!(brought.err(), Some(ImportError::Revoked));
        }
        assert_eq!(publish(&[pending]).err(), Some(ImportError::SuccessorExists));
        let writes = sign(std::slice::from_ref(&active)).unwrap().writes;
        let [Write::RetireSigningKey { kid, .. }, Write::InsertSigningKey(inserted)] = &writes[..] else {
            panic!("{writes:?}")
        };
        assert_eq!(*kid, active.kid, "the former key retires before the imported one signs");
        assert!(matches!(inserted.state, KeyState::Active { .. }));
        let writes = publish(&[active]).unwrap().writes;
        let [Write::InsertSigningKey(inserted)] = &writes[..] else { panic!("{writes:?}") };
        assert_eq!(inserted.state, KeyState::Pending { signs_from: schedule.signs_from(NOW) });
    }
}
