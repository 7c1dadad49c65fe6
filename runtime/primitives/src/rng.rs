//! Randomness as an argument.

use std::fmt;
use std::sync::Mutex;

use uuid::Uuid;

use crate::base64url;
use crate::time::Timestamp;

/// A source of randomness fit for keys. Only the composition root knows the real one.
pub trait Rng: Send + Sync + fmt::Debug {
    /// Fills `bytes`. An implementation that cannot must end the process: there is no safe fallback.
    fn fill(&self, bytes: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A version 7 UUID (RFC 9562 section 5.7): the time in milliseconds, then 74 random bits.
    fn uuid_at(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// 256 random bits as 43 base64url characters.
    fn token(&self) -> String {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        base64url::encode(bytes)
    }
}

/// Whether a text may be one of [`Rng::token`]: of a presented one, what cannot be ours is not looked up.
pub fn is_token(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A repeatable source for tests: SHA-256 of a seed and a counter. Never use it for anything real.
#[derive(Debug)]
pub struct SeededRng(Mutex<(u64, u64)>);

impl SeededRng {
    /// A source that always gives the same sequence for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(32) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&state.0.to_be_bytes());
            block[8..].copy_from_slice(&state.1.to_be_bytes());
            state.1 += 1;
            let digest = ring::digest::digest(&ring::digest::SHA256, &block);
            chunk.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        }
    }
}
