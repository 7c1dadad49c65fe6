//! Client secrets at rest.
//!
//! A secret that we made has 256 random bits: a keyed hash of it cannot be reversed by guessing and
//! costs microseconds. A secret that a person chose may be a word: it is kept under Argon2id, whose
//! cost is paid once per process and secret, because what verified is remembered (under a keyed hash).

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;

use primitives::{ClientId, KeyedHash, Rng, Sealer, Secret, TenantId};
use serde::{Deserialize, Serialize};

use crate::ports::{PortError, SecretHasher};
use crate::token_format::{CLIENT_SECRET, scannable};

/// What the keyed hash of a generated secret is for.
pub const CLIENT_SECRET_PURPOSE: &str = "client_secret";
const VERIFIED_PURPOSE: &str = "verified_client_secret";

/// A client secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredSecret {
    /// Generated here: a keyed hash, in base64url.
    Keyed(String),
    /// Chosen by a person: Argon2id in PHC form.
    Argon2id(String),
}

impl StoredSecret {
    /// Makes a secret of 256 random bits, with the first word of the tenant's prefixes; gives it in clear, once.
    pub fn generate(
        sealer: &Sealer,
        rng: &dyn Rng,
        tenant: &TenantId,
        prefix: &str,
    ) -> (Self, Secret<String>) {
        let secret = scannable(prefix, CLIENT_SECRET, &rng.token());
        let hash = sealer.hash(tenant, CLIENT_SECRET_PURPOSE, secret.as_bytes());
        (Self::Keyed(primitives::base64url::encode(hash.0)), Secret::new(secret))
    }

    /// Stores a secret that a person chose.
    pub async fn chosen(secret: &Secret<String>, hasher: &dyn SecretHasher) -> Result<Self, PortError> {
        hasher.hash(secret.clone()).await.map(Self::Argon2id)
    }
}

/// Remembers which chosen secrets have verified in this process.
///
/// It holds keyed hashes over tenant, client, stored hash and secret: changing the secret makes its
/// entry unreachable, and reading this memory tells no secret.
#[derive(Default)]
pub struct VerifiedSecrets(Mutex<HashSet<KeyedHash>>);

/// More entries than this and it starts anew; each costs about 80 bytes.
const MOST_VERIFIED: usize = 16_384;

impl fmt::Debug for VerifiedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedSecrets(…)")
    }
}

impl VerifiedSecrets {
    fn contains(&self, key: &KeyedHash) -> bool {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(key)
    }

    fn remember(&self, key: KeyedHash) {
        let mut verified = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if verified.len() >= MOST_VERIFIED {
            verified.clear();
        }
        verified.insert(key);
    }
}

/// What checking a secret needs.
#[derive(Debug, Clone, Copy)]
pub struct SecretCheck<'a> {
    /// Hashes.
    pub sealer: &'a Sealer,
    /// Verifies Argon2id, off the request's thread.
    pub hasher: &'a dyn SecretHasher,
    /// What verified before.
    pub verified: &'a VerifiedSecrets,
    /// Whose client.
    pub tenant: &'a TenantId,
}

impl SecretCheck<'_> {
    /// Whether `secret` is one of the client's.
    pub async fn matches(
        &self,
        client: &ClientId,
        stored: &[StoredSecret],
        secret: &Secret<String>,
    ) -> Result<bool, PortError> {
        for candidate in stored {
            let matches = match candidate {
                StoredSecret::Keyed(hash) => primitives::base64url::decode(hash).is_some_and(|hash| {
                    let secret = secret.expose().as_bytes();
                    self.sealer.verify_hash(self.tenant, CLIENT_SECRET_PURPOSE, secret, &KeyedHash(hash))
                }),
                StoredSecret::Argon2id(phc) => self.chosen_matches(client, phc, secret).await?,
            };
            if matches {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn chosen_matches(
        &self,
        client: &ClientId,
        phc: &str,
        secret: &Secret<String>,
    ) -> Result<bool, PortError> {
        // The zero byte cannot occur in a client id or a PHC text, so that the parts do not run together.
        let text = [client.as_str(), phc, secret.expose()].join("\0");
        let key = self.sealer.hash(self.tenant, VERIFIED_PURPOSE, text.as_bytes());
        if self.verified.contains(&key) {
            return Ok(true);
        }
        let matches = self.hasher.verify(secret.clone(), phc.to_owned()).await?;
        if matches {
            self.verified.remember(key);
        }
        Ok(matches)
    }
}
