//! A detail in words, for whoever is asked.
//!
//! What comes of the client is never a part of the tenant's words: pages escape it and set it apart. And all of it is shown: what
//! the words leave out stands below them.

use serde_json::{Map, Value};

use super::AuthorizationDetails;
use super::settings::{DetailsType, in_language};

/// One detail, for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailWords {
    /// Its type.
    pub name: String,
    /// What it lets the client do; empty where the type has no words.
    pub sentence: Vec<Part>,
    /// The members that the sentence does not say: their places, and what is there.
    pub rest: Vec<(String, String)>,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Of the tenant's.
    Words(String),
    /// Of the client's.
    Value(String),
}

impl AuthorizationDetails {
    /// Each in words of the first of these languages that its type speaks.
    pub fn in_words(&self, types: &[DetailsType], languages: &[&str]) -> Vec<DetailWords> {
        let one = |(name, detail): (&str, &Map<String, Value>)| {
            let known = types.iter().find(|known| known.name == name);
            let words = known.and_then(|known| in_language(&known.words, languages));
            describe(name, detail, words.unwrap_or_default())
        };
        self.iter().map(one).collect()
    }
}

fn describe(name: &str, detail: &Map<String, Value>, words: &str) -> DetailWords {
    let (mut sentence, mut said) = (Vec::new(), Vec::new());
    let mut left = words;
    while let Some((before, place, after)) = next_place(left) {
        sentence.push(Part::Words(before.to_owned()));
        // A member that is not there is nothing to say.
        if let Some(value) = find(detail, place) {
            sentence.push(Part::Value(text(value)));
            said.push(value);
        }
        left = after;
    }
    sentence.push(Part::Words(left.to_owned()));
    sentence.retain(|part| !matches!(part, Part::Words(words) if words.is_empty()));
    let mut rest = Vec::new();
    for (member, value) in detail.iter().filter(|(member, _)| *member != "type") {
        gather(visible(member), value, &said, &mut rest);
    }
    DetailWords { name: visible(name), sentence, rest }
}

/// What stands before the first `{place}`, the place, and what stands behind.
fn next_place(words: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = words.split_once('{')?;
    let (place, after) = rest.split_once('}')?;
    Some((before, place, after))
}

fn find<'a>(detail: &'a Map<String, Value>, place: &str) -> Option<&'a Value> {
    let mut names = place.split('.');
    let mut found = detail.get(names.next()?)?;
    for name in names {
        found = match found {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            other => other.get(name)?,
        };
    }
    Some(found)
}

/// Attack: a member whose name looks like the place of another is taken for said. It is the value that was said, not its place.
fn gather(place: String, value: &Value, said: &[&Value], rest: &mut Vec<(String, String)>) {
    if said.iter().any(|said| std::ptr::eq(*said, value)) {
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                gather(format!("{place}.{}", visible(name)), field, said, rest);
            }
        }
        Value::Array(items) if !items.iter().all(is_plain) => {
            for (number, item) in items.iter().enumerate() {
                gather(format!("{place}.{number}"), item, said, rest);
            }
        }
        plain => rest.push((place, text(plain))),
    }
}

const fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Array(items) if items.iter().all(is_plain) => {
            items.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => visible(&other.to_string()),
    }
}

/// Attack: what is read is not what is there, because its direction is turned round or a part of it takes no room.
fn visible(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(words: &str, detail: &Value) -> (String, String) {
        let described = describe("payment", detail.as_object().unwrap(), words);
        let sentence = described.sentence.iter().map(|part| match part {
            Part::Words(words) => words.clone(),
            Part::Value(value) => format!("<{value}>"),
        });
        let rest = described.rest.iter().map(|(place, value)| format!("{place}={value}"));
        (sentence.collect(), rest.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn words_say_members_and_what_they_leave_out_stands_below() {
        let payment = json!({"type": "payment", "amount": {"value": 12.5, "currency": "EUR"}, "to": "Shop"});
        for (words, sentence, rest) in [
            ("Pay {amount.value} {amount.currency} to {to}", "Pay <12.5> <EUR> to <Shop>", ""),
            ("Pay {amount.value} to {to}", "Pay <12.5> to <Shop>", "amount.currency=EUR"),
            ("Pay somebody", "Pay somebody", "amount.value=12.5 amount.currency=EUR to=Shop"),
            ("", "", "amount.value=12.5 amount.currency=EUR to=Shop"),
            ("Pay {nobody}{to", "Pay {to", "amount.value=12.5 amount.currency=EUR to=Shop"),
            ("Pay {amount}", "Pay <{\"value\":12.5,\"currency\":\"EUR\"}>", "to=Shop"),
        ] {
            assert_eq!(described(words, &payment), (sentence.to_owned(), rest.to_owned()), "{words}");
        }
    }

    #[test]
    fn lists_are_read_and_what_is_in_them_is_not_lost() {
        let detail = json!({"type": "files", "actions": ["read", "write"], "of": [{"id": 1}, {"id": 2}], "no": [], "nil": null});
        let expect = "of.0.id=1 of.1.id=2 no= nil=null";
        assert_eq!(described("May {actions}", &detail), ("May <read, write>".to_owned(), expect.to_owned()));
        assert_eq!(described("Of {of.1.id}", &detail).0, "Of <2>");
    }

    #[test]
    fn clients_text_is_no_place_and_hides_nothing() {
        let hostile = json!({"type": "payment", "to": "{amount}\u{202e}\nevil\u{200b}", "a\u{202e}b": 1});
        let expect = ("To <{amount}\u{fffd}\u{fffd}evil\u{fffd}>".to_owned(), "a\u{fffd}b=1".to_owned());
        assert_eq!(described("To {to}", &hostile), expect);
        let disguised = json!({"type": "payment", "a": {"b": 1}, "a.b": 1});
        assert_eq!(described("{a.b}", &disguised), ("<1>".to_owned(), "a.b=1".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_left_unsaid(words in "[a-c{}. ]{0,16}", a in "[x-z]{1,4}", b in "[x-z]{1,4}") {
            let detail = json!({"type": "t", "a": a, "b": {"c": [b]}});
            let (sentence, rest) = described(&words, &detail);
            let said = format!("{sentence} {rest}");
            proptest::prop_assert!(said.contains(&a) && said.contains(&b), "{said}");
        }
    }
}
