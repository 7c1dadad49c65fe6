//! The machine's randomness.

use primitives::Rng;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Draws from the operating system.
#[derive(Debug)]
pub(crate) struct SystemRng(SystemRandom);

impl SystemRng {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        if self.0.fill(bytes).is_err() {
            // Whatever is made without randomness could be guessed: nothing may go on.
            eprintln!("portcullis: the operating system gives no randomness");
            std::process::abort();
        }
    }
}
