//! What holds for every answer, whoever wrote it: this parser's fuzzing, many cases, run by every CI.
//!
//! Attack: an answer whose names point at themselves, at each other or behind its end keeps a worker busy for ever; one
//! that says that it has 65,535 records takes memory for them; one that ends in the middle of something is read beyond.

use proptest::collection::vec;
use proptest::prelude::*;

use super::answer::{Found, Question, Unreadable, texts};

const NAME: &str = "_portcullis-challenge.acme.example";
const TEXT: u16 = 16;
const INTERNET: u16 = 1;

/// Seeded, so that a run repeats; a failing case is printed, not kept in a file.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 4_096,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

fn question() -> Question {
    Question::new(0x1234, NAME).unwrap()
}

/// A record as a server writes it, which may be no honest one.
#[derive(Debug, Clone)]
struct Record {
    name: Vec<u8>,
    kind: u16,
    class: u16,
    strings: Vec<Vec<u8>>,
}

impl Record {
    fn write(&self, message: &mut Vec<u8>) {
        message.extend(&self.name);
        message.extend(self.kind.to_be_bytes());
        message.extend(self.class.to_be_bytes());
        message.extend([0, 0, 0, 60]);
        let mut data = Vec::new();
        for string in &self.strings {
            data.push(u8::try_from(string.len()).unwrap());
            data.extend(string);
        }
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(data);
    }

    /// What of it is found.
    fn text(&self) -> Option<String> {
        let is_text = self.kind == TEXT && self.class == INTERNET;
        is_text.then(|| String::from_utf8(self.strings.concat()).ok()).flatten()
    }
}

/// A name: labels and an end, or a pointer in its place (RFC 1035 section 4.1.4): at the question, at itself, forward, behind
/// the end, anywhere.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let label = vec(any::<u8>(), 1..=63).prop_map(|bytes| {
        let mut label = vec![u8::try_from(bytes.len()).unwrap()];
        label.extend(bytes);
        label
    });
    let end =
        prop_oneof![Just(vec![0]), (0xc0..=0xff_u8, any::<u8>()).prop_map(|(high, low)| vec![high, low])];
    (vec(label, 0..6), end).prop_map(|(labels, end)| {
        let mut name = labels.concat();
        name.extend(end);
        name
    })
}

fn records() -> impl Strategy<Value = Record> {
    let kind = prop_oneof![3 => Just(TEXT), 1 => any::<u16>()];
    let class = prop_oneof![5 => Just(INTERNET), 1 => any::<u16>()];
    let text = prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..=255),
        Just(b"portcullis-verification=x".to_vec()),
    ];
    (names(), kind, class, vec(text, 0..5)).prop_map(|(name, kind, class, strings)| Record {
        name,
        kind,
        class,
        strings,
    })
}

/// The message of an answer that says that it has `count` records.
fn message(count: u16, records: &[Record]) -> Vec<u8> {
    let asked = question();
    let end = 12 + NAME.len() + 2 + 4;
    let mut message = asked.bytes()[..2].to_vec();
    message.extend([0x81, 0x80, 0, 1]);
    message.extend(count.to_be_bytes());
    message.extend([0; 4]);
    message.extend(&asked.bytes()[12..end]);
    for record in records {
        record.write(&mut message);
    }
    message
}

proptest! {
    #![proptest_config(config())]

    /// Every text of the question's kind is found, whatever the records are called and whatever is between them.
    #[test]
    fn texts_are_found_among_records_of_any_names(records in vec(records(), 0..12)) {
        let whole = message(u16::try_from(records.len()).unwrap(), &records);
        let expect: Vec<String> = records.iter().filter_map(Record::text).collect();
        prop_assert_eq!(texts(&whole, &question()), Ok(Found::Texts(expect)));
    }

    /// An answer that ends early, in a name, a length or a text, is none: nothing of it is believed.
    #[test]
    fn answer_that_was_cut_is_none(records in vec(records(), 1..6), at in any::<prop::sample::Index>()) {
        let mut whole = message(u16::try_from(records.len()).unwrap(), &records);
        whole.truncate(at.index(whole.len()));
        let read = texts(&whole, &question());
        prop_assert!(matches!(read, Err(Unreadable::Malformed | Unreadable::AnotherQuestion)), "{:?}", read);
    }

    /// More records than the message holds are no reason to look for them.
    #[test]
    fn answer_that_promises_more_than_it_has_is_none(records in vec(records(), 0..4), more in 1_u16..=60_000) {
        let count = u16::try_from(records.len()).unwrap() + more;
        prop_assert_eq!(texts(&message(count, &records), &question()), Err(Unreadable::Malformed));
    }

    /// Whatever bytes follow the question, they are read within their bounds, and no more is found than they hold.
    #[test]
    fn any_bytes_are_read_within_their_bounds(count in any::<u16>(), rest in vec(any::<u8>(), 0..600)) {
        let mut whole = message(count, &[]);
        whole.extend(rest);
        if let Ok(Found::Texts(found)) = texts(&whole, &question()) {
            prop_assert!(found.iter().map(String::len).sum::<usize>() <= whole.len());
        }
    }

    /// Nor are bytes that do not even repeat the question ever an answer.
    #[test]
    fn bytes_without_the_question_are_no_answer(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(texts(&bytes, &question()).is_err());
    }
}

#[test]
fn names_that_point_in_circles_end_at_the_first_pointer() {
    let at = u8::try_from(12 + NAME.len() + 2 + 4).unwrap();
    let record =
        |name: Vec<u8>| Record { name, kind: TEXT, class: INTERNET, strings: vec![b"found".to_vec()] };
    for name in [
        // At itself, at the one before it, at the header, and behind the end.
        vec![0xc0, at],
        vec![1, b'a', 0xc0, at],
        vec![0xc0, 0],
        vec![0xff, 0xff],
    ] {
        let whole = message(2, &[record(name.clone()), record(vec![0xc0, at])]);
        let expect = Ok(Found::Texts(vec!["found".to_owned(); 2]));
        assert_eq!(texts(&whole, &question()), expect, "{name:?}");
    }
    // Names of labels that are reserved (RFC 1035 section 4.1.4) are none.
    for first in [64_u8, 0x80, 0xbf] {
        let whole = message(1, &[record(vec![first, 0, 0])]);
        assert_eq!(texts(&whole, &question()), Err(Unreadable::Malformed), "{first}");
    }
}
