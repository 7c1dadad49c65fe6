//! The corpus, and what is made of it, for the suites that run the bodies in every run of the tests.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

/// A target's body.
pub(crate) type Body = fn(&[u8]);

/// The seeds of a target; there are some.
pub(crate) fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let files = fs::read_dir(&directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let seeds: Vec<_> = files.collect();
    assert!(!seeds.is_empty(), "no corpus for {name}");
    seeds
}

/// The same draws each time.
pub(crate) fn config() -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(1);
    ProptestConfig { cases: 256, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

/// Runs each body on its corpus.
pub(crate) fn run(targets: &[(&str, Body)]) {
    for (name, body) in targets {
        for seed in corpus(name) {
            body(&seed);
        }
    }
}

/// Runs each body on a seed of its corpus with bytes changed.
pub(crate) fn run_changed(targets: &[(&str, Body)], which: Index, changes: &[(Index, u8)]) {
    for (name, body) in targets {
        let seeds = corpus(name);
        let mut bytes = which.get(&seeds).clone();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = *byte;
        }
        body(&bytes);
    }
}
