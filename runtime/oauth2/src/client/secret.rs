//! Client secrets at rest.
//!
//! A secret that we made has 256 random bits: a keyed hash of it cannot be reversed by guessing and
//! costs microseconds. A secret that a person chose may be a word: it is kept under Argon2id, whose
//! cost is paid once per process and secret, because what was found out is remembered (under a keyed hash).
//!
//! Attacks, and what stands against them (RFC 6749 section 2.3.1):
//!
//! - Words are tried until one is right: [`SecretHasher::attempt`] counts each before it is looked at.
//! - The hashes of a flood of guesses keep people from signing in: it has a pool of its own.
//! - So many guesses that the client itself is refused: whoever brings a secret that was right before is not counted, and an
//!   operator who gives the client the secret that it has changes nothing.
//! - One wrong secret over and over, as a forgotten program does, so that the right one is not looked at: it is a guess once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::ready;
use futures_util::lock::Mutex as Turn;
use primitives::{KeyedHash, Rng, Sealer, Secret, TenantId};
use serde::{Deserialize, Serialize};

use super::{ClientRecord, ManagedBy};
use crate::ports::{PortError, PortResult, SecretGuess, SecretHasher};
use crate::token_format::{CLIENT_SECRET, scannable};

/// What the keyed hash of a generated secret is for.
pub const CLIENT_SECRET_PURPOSE: &str = "client_secret";
const VERIFIED_PURPOSE: &str = "verified_client_secret";

/// A client secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredSecret {
    /// Generated here, or declared in the configuration file: a keyed hash, in base64url.
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

    /// Whether a person may have chosen it, so that it can be guessed. The file declares secrets that somebody chose.
    fn may_be_chosen(&self, managed_by: ManagedBy) -> bool {
        match self {
            Self::Argon2id(_) => true,
            Self::Keyed(_) => managed_by == ManagedBy::File,
        }
    }

    /// Stores a secret that a person chose.
    pub async fn chosen(secret: &Secret<String>, hasher: &dyn SecretHasher) -> Result<Self, PortError> {
        hasher.hash(secret.clone()).await.map(Self::Argon2id)
    }
}

/// Remembers which chosen secrets were right in this process, and which were wrong, of all tenants.
///
/// It holds keyed hashes over tenant, client, stored hash and secret: changing the secret makes its
/// entry unreachable, and reading this memory tells no secret.
#[derive(Default)]
pub struct VerifiedSecrets(Mutex<Known>);

#[derive(Default)]
struct Known {
    right: HashSet<KeyedHash>,
    wrong: HashSet<KeyedHash>,
    /// What is being found out.
    asked: HashMap<KeyedHash, Asked>,
}

/// A secret that is being checked.
#[derive(Default)]
struct Asked {
    /// Whoever holds it checks, and leaves what came of it to the others, who brought the same.
    outcome: Arc<Turn<Option<bool>>>,
    /// How many have brought it.
    by: usize,
}

/// More entries than this and it starts anew; each costs about 80 bytes.
const MOST_VERIFIED: usize = 65_536;
/// The same, of secrets that were wrong.
const MOST_WRONG: usize = 16_384;

impl fmt::Debug for VerifiedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedSecrets(…)")
    }
}

impl VerifiedSecrets {
    fn find(&self, key: &KeyedHash) -> Option<bool> {
        let known = self.lock();
        let is_right = known.right.contains(key);
        (is_right || known.wrong.contains(key)).then_some(is_right)
    }

    fn remember(&self, key: &KeyedHash, is_right: bool) {
        let mut known = self.lock();
        let Known { right, wrong, .. } = &mut *known;
        let (known, most) = if is_right { (right, MOST_VERIFIED) } else { (wrong, MOST_WRONG) };
        if known.len() >= most {
            known.clear();
        }
        known.insert(key.clone());
    }

    fn ask(&self, key: KeyedHash) -> Asking<'_> {
        let mut known = self.lock();
        let asked = known.asked.entry(key.clone()).or_default();
        asked.by += 1;
        Asking { outcome: Arc::clone(&asked.outcome), secrets: self, key }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That somebody has brought a secret and waits for what comes of it.
struct Asking<'a> {
    secrets: &'a VerifiedSecrets,
    key: KeyedHash,
    outcome: Arc<Turn<Option<bool>>>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut known = self.secrets.lock();
        if let Some(asked) = known.asked.get_mut(&self.key) {
            asked.by = asked.by.saturating_sub(1);
            if asked.by == 0 {
                known.asked.remove(&self.key);
            }
        }
    }
}

/// What checking a secret needs.
#[derive(Debug, Clone, Copy)]
pub struct SecretCheck<'a> {
    /// Hashes.
    pub sealer: &'a Sealer,
    /// Verifies Argon2id, off the request's thread.
    pub hasher: &'a dyn SecretHasher,
    /// What was found out before.
    pub verified: &'a VerifiedSecrets,
    /// Whose it is said to be, and by whom.
    pub guess: SecretGuess<'a>,
}

impl SecretCheck<'_> {
    /// Whether `secret` is one of the client's.
    pub async fn matches(&self, client: &ClientRecord, secret: &Secret<String>) -> Result<bool, PortError> {
        // What costs neither a count nor a hash comes first.
        if self.find_known((client.secrets.as_slice(), client.managed_by), secret).is_some() {
            return Ok(true);
        }
        let chosen: Vec<_> =
            client.secrets.iter().filter(|stored| stored.may_be_chosen(client.managed_by)).collect();
        for stored in chosen {
            if self.is_guessed(stored, secret).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of what is stored of a client that which `secret` is, where that shows without a count and a hash.
    fn find_known<'s>(
        &self,
        (stored, managed_by): (&'s [StoredSecret], ManagedBy),
        secret: &Secret<String>,
    ) -> Option<&'s StoredSecret> {
        stored.iter().find(|stored| {
            if stored.may_be_chosen(managed_by) {
                self.verified.find(&self.key(stored, secret)) == Some(true)
            } else {
                self.is_keyed(stored, secret)
            }
        })
    }

    /// What is stored of a secret that an operator gives a client.
    ///
    /// Attack: somebody guesses while the operator's tools write down the client as it was. Hashed anew it would be a secret that
    /// no node knows, and the client's next request one more guess. So what is known to be right stays as it is stored.
    pub(super) async fn keep(
        &self,
        before: (&[StoredSecret], ManagedBy),
        secret: &Secret<String>,
    ) -> Result<StoredSecret, PortError> {
        if let Some(known) = self.find_known(before, secret) {
            return Ok(known.clone());
        }
        let stored = StoredSecret::chosen(secret, self.hasher).await?;
        self.verified.remember(&self.key(&stored, secret), true);
        Ok(stored)
    }

    /// However many bring the same secret at once, it is counted and hashed once.
    async fn is_guessed(&self, stored: &StoredSecret, secret: &Secret<String>) -> Result<bool, PortError> {
        let key = self.key(stored, secret);
        if let Some(known) = self.verified.find(&key) {
            return Ok(known);
        }
        let asking = self.verified.ask(key);
        let mut outcome = asking.outcome.lock().await;
        // Whoever was before us has found it out; or had, before we began to wait.
        if let Some(known) = outcome.or_else(|| self.verified.find(&asking.key)) {
            return Ok(known);
        }
        if matches!(stored, StoredSecret::Argon2id(_)) && !self.hasher.has_room() {
            return Err(PortError::busy("too many secrets are being checked"));
        }
        let check: PortResult<'_, bool> = match stored {
            StoredSecret::Argon2id(phc) => self.hasher.verify(secret.clone(), phc.clone()),
            StoredSecret::Keyed(_) => Box::pin(ready(Ok(self.is_keyed(stored, secret)))),
        };
        let is_right = self.hasher.attempt(self.guess, check).await?;
        self.verified.remember(&asking.key, is_right);
        *outcome = Some(is_right);
        Ok(is_right)
    }

    fn is_keyed(&self, stored: &StoredSecret, secret: &Secret<String>) -> bool {
        let StoredSecret::Keyed(hash) = stored else { return false };
        primitives::base64url::decode(hash).is_some_and(|hash| {
            let secret = secret.expose().as_bytes();
            self.sealer.verify_hash(self.guess.tenant, CLIENT_SECRET_PURPOSE, secret, &KeyedHash(hash))
        })
    }

    /// By which a secret is remembered.
    fn key(&self, stored: &StoredSecret, secret: &Secret<String>) -> KeyedHash {
        let (StoredSecret::Keyed(stored) | StoredSecret::Argon2id(stored)) = stored;
        // The zero byte cannot occur in a client id or in what is stored, so that the parts do not run together.
        let text = [self.guess.client.as_str(), stored, secret.expose()].join("\0");
        self.sealer.hash(self.guess.tenant, VERIFIED_PURPOSE, text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
