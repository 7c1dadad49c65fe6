//! The bodies of the fuzz targets (`tests/fuzz/bodies`), on the stable compiler: the corpus, the corpus with bytes changed, and drawn bytes.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::collection::vec;
use proptest::prelude::*;

#[path = "../../../tests/fuzz/bodies/mod.rs"]
mod bodies;
#[path = "../../../tests/fuzz/bodies/seeds.rs"]
mod seeds;

use seeds::Body;

/// Each target with its body, by the name of its corpus.
const TARGETS: [(&str, Body); 8] = [
    ("jose", bodies::jose),
    ("encrypted", bodies::encrypted),
    ("proof", bodies::proof),
    ("details", bodies::details),
    ("request", bodies::request),
    ("redirect_uri", bodies::redirect_uri),
    ("sealed", bodies::sealed),
    ("cookies", bodies::cookies),
];

#[test]
fn corpus_is_read_as_it_is() {
    seeds::run(&TARGETS);
}

proptest! {
    #![proptest_config(seeds::config())]

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
        seeds::run_changed(&TARGETS, which, &changes);
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
