//! Nonces for proofs of wallets' keys (OpenID for Verifiable Credential Issuance draft 11 section 7.3.2, `c_nonce`).
//!
//! A nonce is the time at which it ends, randomness, and the keyed hash of both with the access token that it was given for:
//! nobody else makes one, nothing of it is kept, and one that was caught is of no use beside another token. Each tenant has keys of
//! its own.

use primitives::{KeyedHash, Timestamp, base64url};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::server::AuthorizationServer;

const PURPOSE: &str = "credential_nonce";
/// Bytes of the time, and of the randomness.
const TIME: usize = 8;
const RANDOM: usize = 16;
/// Longer texts are none of ours: with a keyed hash, of 36 bytes, it takes 60.
const LENGTH: usize = 80;

/// A nonce as a wallet is given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialNonce {
    /// The nonce.
    pub c_nonce: String,
    /// For how long it is good, in seconds.
    pub c_nonce_expires_in: u64,
}

/// A nonce of ours that has not ended. Only [`check`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CurrentNonce {
    pub(super) expires_at: Timestamp,
}

/// A nonce for the holder of an access token.
pub(super) fn new(server: &AuthorizationServer, access_token: &str) -> CredentialNonce {
    let lifespan = server.settings.credentials.nonce_lifespan.0;
    let mut bytes = server.now().after(lifespan).micros().to_be_bytes().to_vec();
    let mut random = [0; RANDOM];
    server.rng.fill(&mut random);
    bytes.extend(random);
    let hash = server.sealer.hash(&server.tenant, PURPOSE, &hashed(&bytes, access_token));
    bytes.extend(hash.0);
    CredentialNonce { c_nonce: base64url::encode(bytes), c_nonce_expires_in: lifespan.as_secs() }
}

/// Checks that a nonce was given for this access token, and lately.
pub(super) fn check(server: &AuthorizationServer, access_token: &str, text: &str) -> Option<CurrentNonce> {
    let bytes = Some(text).filter(|text| text.len() == LENGTH).and_then(base64url::decode)?;
    let (said, hash) = bytes.split_at_checked(TIME + RANDOM)?;
    let expires_at = Timestamp::from_micros(i64::from_be_bytes(*said.first_chunk::<TIME>()?));
    let hash = KeyedHash(hash.to_vec());
    let is_ours = server.sealer.verify_hash(&server.tenant, PURPOSE, &hashed(said, access_token), &hash);
    Some(CurrentNonce { expires_at }).filter(|_| is_ours && server.now() < expires_at)
}

/// What is hashed: a part of fixed length, and the token's hash.
fn hashed(said: &[u8], access_token: &str) -> Vec<u8> {
    [said, digest(&SHA256, access_token.as_bytes()).as_ref()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::World;

    #[test]
    fn nonce_is_good_for_its_token_its_tenant_and_its_time() {
        let world = World::new();
        let (server, other) = (&world.server, world.other_tenant());
        let nonce = new(server, "token").c_nonce;
        assert_eq!(nonce.len(), LENGTH);
        assert!(check(server, "token", &nonce).is_some());
        assert_eq!(check(server, "another", &nonce), None);
        assert_eq!(check(&other, "token", &nonce), None);
        assert_ne!(new(server, "token").c_nonce, nonce);
        for foreign in ["", "x", &nonce[1..], &"A".repeat(LENGTH), &"=".repeat(LENGTH), &format!("{nonce}A")]
        {
            assert_eq!(check(server, "token", foreign), None, "{foreign}");
        }
        world.wait(599);
        assert!(check(server, "token", &nonce).is_some());
        world.wait(1);
        assert_eq!(check(server, "token", &nonce), None);
    }

    #[test]
    fn none_of_its_bytes_can_be_changed() {
        let world = World::new();
        let nonce = base64url::decode(new(&world.server, "token").c_nonce).unwrap();
        for at in 0..nonce.len() {
            let mut changed = nonce.clone();
            changed[at] ^= 1;
            assert_eq!(check(&world.server, "token", &base64url::encode(changed)), None, "byte {at}");
        }
    }
}
