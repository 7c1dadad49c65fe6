//! The bodies of the fuzz targets (`tests/fuzz/bodies`), on the stable compiler: the corpus, the corpus with bytes changed, and drawn bytes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

#[path = "../../../tests/fuzz/bodies/mod.rs"]
mod bodies;

type Body = fn(&[u8]);

/// Each target with its body, by the name of its corpus.
const TARGETS: [(&str, Body); 4] = [
    ("jose", bodies::jose),
    ("request", bodies::request),
    ("redirect_uri", bodies::redirect_uri),
    ("sealed", bodies::sealed),
];

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let files = fs::read_dir(&directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let seeds: Vec<_> = files.collect();
    assert!(!seeds.is_empty(), "no corpus for {name}");
    seeds
}

fn config() -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(1);
    ProptestConfig { cases: 256, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

#[test]
fn corpus_is_read_as_it_is() {
    for (name, body) in TARGETS {
        for seed in corpus(name) {
            body(&seed);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn drawn_bytes_break_nothing(bytes in vec(any::<u8>(), 0..400)) {
        for (_, body) in TARGETS {
            body(&bytes);
        }
    }

    #[test]
    fn changed_seeds_break_nothing(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (name, body) in TARGETS {
            let seeds = corpus(name);
            let mut bytes = seeds[which.index(seeds.len())].clone();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            body(&bytes);
        }
    }

    /// What is asked for differs in one character from what was registered: it is another address.
    #[test]
    fn redirect_uri_matches_itself_and_nothing_that_was_changed(
        at in any::<prop::sample::Index>(),
        character in any::<char>(),
    ) {
        let registered = "https://app.example/cb?x=1";
        let mut asked: Vec<char> = registered.chars().collect();
        let at = at.index(asked.len());
        let is_same = asked[at] == character;
        asked[at] = character;
        let asked: String = asked.into_iter().collect();
        let uri = portcullis_oauth2::client::RedirectUri::check(registered).unwrap();
        prop_assert_eq!(uri.matches(&asked), is_same);
        bodies::redirect_uri(format!("{registered}\n{asked}").as_bytes());
    }
}
