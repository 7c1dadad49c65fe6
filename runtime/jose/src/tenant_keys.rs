//! A tenant's keys in memory: parsed once, used by every request.

use std::sync::Arc;

use primitives::Timestamp;

use crate::algorithm::{Algorithm, SigningAlgorithm};
use crate::jwk::{JwkError, JwkSet};
use crate::signer::Signer;
use crate::signing_key::{KeyState, SigningKey};
use crate::token_signer::{ForeignKey, ForeignSigner, TokenSigner};
use crate::verifying::{VerifyingKey, VerifyingKeys};

/// The signers, verifying keys and published set of one tenant. Immutable: made anew when a key changes.
#[derive(Debug)]
pub struct TenantKeys {
    signers: Vec<TokenSigner>,
    verifying: VerifyingKeys,
    jwks: JwkSet,
    jwks_json: Arc<str>,
}

impl TenantKeys {
    /// Parses a tenant's keys. Retired keys whose time is over are left out, and revoked ones at once.
    pub fn new(keys: &[SigningKey], now: Timestamp) -> Result<Self, JwkError> {
        let published = |key: &&SigningKey| match key.state {
            KeyState::Pending { .. } | KeyState::Active { .. } => true,
            KeyState::Retired { until } => until > now,
            KeyState::Revoked { .. } => false,
        };
        let published: Vec<&SigningKey> = keys.iter().filter(published).collect();
        let jwks = JwkSet {
            keys: published.iter().map(|key| key.key.public().clone().with_kid(key.kid.as_str())).collect(),
        };
        let verifying = jwks.keys.iter().map(|key| VerifyingKey::new(key, None)).collect::<Result<_, _>>()?;
        let signers = published
            .iter()
            .filter(|key| key.signs())
            .map(|key| Signer::new(&key.key).map(TokenSigner::Embedded))
            .collect::<Result<_, _>>()?;
        let jwks_json = Arc::from(serde_json::to_string(&jwks).unwrap_or_default());
        Ok(Self { signers, verifying: VerifyingKeys::new(verifying)?, jwks, jwks_json })
    }

    /// With keys that are elsewhere, which sign in the place of those in memory.
    pub fn with_foreign(mut self, keys: Vec<Arc<dyn ForeignKey>>) -> Result<Self, JwkError> {
        let foreign = keys.into_iter().map(ForeignSigner::new).collect::<Result<Vec<_>, _>>()?;
        self.jwks.keys.extend(foreign.iter().map(ForeignSigner::published));
        let verifying = self.verifying.iter().chain(foreign.iter().map(ForeignSigner::verifying)).cloned();
        self.verifying = VerifyingKeys::new(verifying.collect())?;
        self.signers.splice(0..0, foreign.into_iter().map(TokenSigner::Foreign));
        self.jwks_json = Arc::from(serde_json::to_string(&self.jwks).unwrap_or_default());
        Ok(self)
    }

    /// The signer of an algorithm, if the tenant has an active key of it.
    pub fn signer(&self, algorithm: SigningAlgorithm) -> Option<&TokenSigner> {
        self.signers.iter().find(|signer| signer.algorithm() == algorithm)
    }

    /// The algorithms that the tenant can sign with, for discovery.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.signers.iter().map(|signer| signer.algorithm().verified_by())
    }

    /// What the tenant's own tokens are verified with.
    pub const fn verifying(&self) -> &VerifyingKeys {
        &self.verifying
    }

    /// The published set: pending, active, and retired keys whose tokens may still be about.
    pub const fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// The published set as JSON text, ready to send.
    pub fn jwks_json(&self) -> Arc<str> {
        Arc::clone(&self.jwks_json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TokenType, UnverifiedJws};
    use futures_util::FutureExt as _;
    use primitives::rng::SeededRng;

    #[test]
    fn all_but_spent_keys_are_published_and_only_active_ones_sign() {
        let now = Timestamp::from_seconds(1_000);
        let (past, later) = (Timestamp::from_seconds(1_000), Timestamp::from_seconds(2_000));
        let key = |state, seed| {
            SigningKey::generate(SigningAlgorithm::EdDsa, state, now, &SeededRng::new(seed)).unwrap()
        };
        let keys = [
            key(KeyState::Retired { until: past }, 1),
            key(KeyState::Retired { until: later }, 2),
            key(KeyState::Active { rotate_at: later }, 3),
            key(KeyState::Pending { signs_from: later }, 4),
            key(KeyState::Revoked { at: past }, 5),
        ];
        let tenant = TenantKeys::new(&keys, now).unwrap();
        let published: Vec<_> = tenant.jwks().keys.iter().map(|key| key.kid().unwrap()).collect();
        assert_eq!(published, [keys[1].kid.as_str(), keys[2].kid.as_str(), keys[3].kid.as_str()]);
        assert!(JwkSet::parse(tenant.jwks_json().as_bytes()).is_ok(), "no private member is published");
        assert!(tenant.signer(SigningAlgorithm::Es256).is_none());
        let signer = tenant.signer(SigningAlgorithm::EdDsa).unwrap();
        assert_eq!(signer.kid(), keys[2].kid.as_str());
        let token = signer.sign(TokenType::Jwt, &1).now_or_never().unwrap().unwrap();
        assert!(UnverifiedJws::parse(&token).unwrap().verify_with(tenant.verifying()).is_ok());
    }
}
