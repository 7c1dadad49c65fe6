//! Nonces of ours for proofs (RFC 9449 sections 8 and 9).
//!
//! A nonce is the keyed hash of a window of time: nobody else makes one, nobody knows one before its time, and nothing of it is kept.
//! It is the same for every client of a tenant, which is no harm: it dates a proof, and does not name it. Each
//! tenant has keys of its own, so that one tenant's nonce means nothing to another.

use std::time::Duration;

use primitives::{KeyedHash, Timestamp, base64url};

use crate::server::AuthorizationServer;

/// How long a nonce is the one that is given; it is taken for as long again.
const WINDOW: Duration = Duration::from_mins(5);

/// Longer texts are none of ours: a keyed hash takes 36 bytes.
const LENGTH: usize = 48;

const PURPOSE: &str = "dpop_nonce";

impl AuthorizationServer {
    /// The nonce that a client is given now (`DPoP-Nonce`).
    pub fn dpop_nonce(&self) -> String {
        let window = window_of(self.now());
        base64url::encode(self.sealer.hash(&self.tenant, PURPOSE, &window.to_be_bytes()).0)
    }
}

/// Whether it is one that we gave lately.
pub(super) fn is_current(server: &AuthorizationServer, nonce: &str) -> bool {
    let Some(hash) = Some(nonce).filter(|text| text.len() == LENGTH).and_then(base64url::decode) else {
        return false;
    };
    let (hash, now) = (KeyedHash(hash), window_of(server.now()));
    [now, now.saturating_sub(1)]
        .iter()
        .any(|window| server.sealer.verify_hash(&server.tenant, PURPOSE, &window.to_be_bytes(), &hash))
}

fn window_of(at: Timestamp) -> i64 {
    let length = i64::try_from(WINDOW.as_micros()).unwrap_or(i64::MAX);
    at.micros().div_euclid(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::World;

    #[test]
    fn nonce_is_good_for_its_window_and_the_next_and_for_its_tenant() {
        let world = World::new();
        let (server, other) = (&world.server, world.other_tenant());
        let nonce = server.dpop_nonce();
        assert_eq!(nonce.len(), LENGTH);
        assert!(is_current(server, &nonce));
        assert!(!is_current(&other, &nonce), "another tenant's");
        assert!(is_current(&other, &other.dpop_nonce()));
        for foreign in ["", "x", &nonce[1..], &"A".repeat(LENGTH), &"=".repeat(LENGTH)] {
            assert!(!is_current(server, foreign), "{foreign}");
        }
        world.wait(300);
        assert_ne!(server.dpop_nonce(), nonce);
        assert!(is_current(server, &nonce), "the one before");
        world.wait(300);
        assert!(!is_current(server, &nonce), "two windows ago");
    }

    #[test]
    fn nonce_of_a_time_to_come_is_not_taken() {
        let world = World::new();
        let later = World::new();
        later.wait(300);
        assert!(!is_current(&world.server, &later.server.dpop_nonce()));
    }
}
