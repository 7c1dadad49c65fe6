//! Randomness that can be repeated.

use std::env;

/// A seed for every run of the ordinary tests: what they find is found again.
const USUAL_SEED: u64 = 20_26;

/// Draws numbers (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one case of one test.
    pub(crate) fn of(test: &str, seed: u64, case: u64) -> Self {
        let name = test.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte));
        let mut dice = Self(seed ^ name.rotate_left(32) ^ case.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Of a thousand times, so many.
    pub(crate) fn often(&mut self, per_mille: usize) -> bool {
        self.below(1_000) < per_mille
    }

    pub(crate) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Says how a test is repeated, when it fails in whatever way.
#[derive(Debug)]
pub(crate) struct Repeat {
    test: &'static str,
    pub(crate) seed: u64,
    pub(crate) case: u64,
}

impl Repeat {
    pub(crate) fn new(test: &'static str) -> Self {
        Self { test, seed: number("PORTCULLIS_FUZZ_SEED").unwrap_or(USUAL_SEED), case: 0 }
    }

    pub(crate) fn dice(&mut self, case: u64) -> Dice {
        self.case = case;
        Dice::of(self.test, self.seed, case)
    }
}

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { test, seed, case } = self;
            eprintln!("{test}: case {case}; to repeat: PORTCULLIS_FUZZ_SEED={seed}");
        }
    }
}

/// How many cases there are where usually there are `usual`.
pub(crate) fn cases(usual: u64) -> u64 {
    usual * number("PORTCULLIS_FUZZ_CASES").unwrap_or(1).max(1)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how much a developer has time for is no configuration of a node"
)]
fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {value:?}")))
}
