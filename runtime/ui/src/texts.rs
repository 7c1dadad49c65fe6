//! What a tenant's pages and messages say in place of the built-in words.
//!
//! Attack: a text holds mark-up, so that a page runs what whoever may write settings wants, on an origin that tenants
//! share. A text is a text: templates escape it as they escape the built-in ones, and subjects of messages hold no line
//! end.
//!
//! A text that is of no use here (of a later version, say) has no effect; what is wrong with one is told where settings are
//! checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::locale::{Locale, Words};

/// The most texts of a tenant, in all languages together.
const MOST: usize = 256;
/// The longest text, in characters.
const LONGEST: usize = 500;
/// Sections whose texts are parts of others.
const NOT_THEIRS: [&str; 1] = ["dates"];
/// What the words of one language take in memory, in bytes.
const WORDS: u64 = 160 * 1024;

/// A tenant's texts, by language, section and key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Given", into = "Given")]
pub struct Texts {
    given: Given,
    /// All words of a language in which it has texts, made when they are first asked for.
    words: Arc<BTreeMap<Locale, OnceLock<Option<Box<Words>>>>>,
}

type Given = BTreeMap<Locale, Sections>;
type Sections = BTreeMap<String, BTreeMap<String, Text>>;

/// A text in place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Text {
    /// One that is the same for each number.
    Plain(String),
    /// One that depends on a number, by form.
    Forms(BTreeMap<String, String>),
}

impl From<Given> for Texts {
    fn from(given: Given) -> Self {
        let words = Arc::new(given.keys().map(|locale| (*locale, OnceLock::new())).collect());
        Self { given, words }
    }
}

impl From<Texts> for Given {
    fn from(texts: Texts) -> Self {
        texts.given
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.given == other.given
    }
}

impl Eq for Texts {}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Given::json_schema(generator)
    }
}

impl Texts {
    /// All words of a language with the tenant's among them; none where it has no texts.
    pub(crate) fn words(&self, locale: Locale) -> Option<&Words> {
        let (place, sections) = (self.words.get(&locale)?, self.given.get(&locale)?);
        place
            .get_or_init(|| locale.words_with(|words| overlay(words, sections)).ok().map(Box::new))
            .as_deref()
    }

    /// What they take in memory, in bytes, at most.
    pub fn memory(&self) -> u64 {
        self.given.keys().map(|_| WORDS).sum()
    }

    /// What is wrong with them: where (`.en.login.title`), and what.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let count: usize = self.given.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum();
        if count > MOST {
            problems.push((String::new(), format!("has {count} texts; there may be {MOST}")));
        }
        for (locale, sections) in &self.given {
            let built_in = locale.table();
            for (section, texts) in sections {
                for (key, text) in texts {
                    let theirs = !NOT_THEIRS.contains(&section.as_str());
                    let of = built_in.get(section).and_then(|texts| texts.get(key)).filter(|_| theirs);
                    let place = format!(".{}.{section}.{key}", locale.tag());
                    problems.extend(problem(of, text).map(|problem| (place, problem)));
                }
            }
        }
        problems
    }
}

/// What is wrong with a text that is to stand in the place of `of`.
fn problem(of: Option<&toml::Value>, text: &Text) -> Option<String> {
    match (of, text) {
        (Some(toml::Value::String(of)), Text::Plain(text)) => problem_of(of, text),
        (Some(toml::Value::Table(of)), Text::Forms(forms)) => forms.iter().find_map(|(form, text)| {
            let of = of.get(form).filter(|_| form != "by").and_then(toml::Value::as_str);
            of.map_or_else(|| Some(format!("has no form `{form}`")), |of| problem_of(of, text))
        }),
        (Some(toml::Value::String(_)), Text::Forms(_)) => Some("depends on no number".to_owned()),
        (Some(toml::Value::Table(_)), Text::Plain(_)) => {
            Some("depends on a number: write its forms, `one` and `other`".to_owned())
        }
        _ => Some("is no text of the pages (see `runtime/ui/locales`)".to_owned()),
    }
}

fn problem_of(of: &str, text: &str) -> Option<String> {
    if text.trim().is_empty() || text.chars().count() > LONGEST {
        return Some(format!("must have 1 to {LONGEST} characters"));
    }
    if text.contains(char::is_control) {
        return Some("must be one line of text".to_owned());
    }
    let wanted = places(of);
    if places(text) == wanted {
        return None;
    }
    Some(match wanted.unwrap_or_default().as_slice() {
        [] => "has no places to fill".to_owned(),
        wanted => format!("must have the places {}, each as often as here", wanted.join(", ")),
    })
}

/// The places of a text in the order of their names; none of one whose braces are not those of places.
fn places(text: &str) -> Option<Vec<String>> {
    let mut places = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (name, after) = rest.get(at..)?.strip_prefix('{')?.split_once('}')?;
        if name.contains('{') {
            return None;
        }
        places.push(format!("{{{name}}}"));
        rest = after;
    }
    places.sort();
    Some(places)
}

/// Puts texts in the places of others. What has no place is left out.
fn overlay(words: &mut toml::Table, sections: &Sections) {
    for (section, texts) in sections {
        if NOT_THEIRS.contains(&section.as_str()) {
            continue;
        }
        let Some(toml::Value::Table(built_in)) = words.get_mut(section) else { continue };
        for (key, text) in texts {
            let of = built_in.get_mut(key);
            if problem(of.as_deref(), text).is_some() {
                continue;
            }
            match (of, text) {
                (Some(toml::Value::String(of)), Text::Plain(text)) => of.clone_from(text),
                (Some(toml::Value::Table(of)), Text::Forms(forms)) => {
                    of.extend(forms.iter().map(|(form, text)| (form.clone(), text.clone().into())));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use primitives::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::samples::SAMPLES;
    use crate::{Branding, MailView, PageContext, Pages};

    fn texts(value: &Value) -> Texts {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn text_takes_the_place_of_another_in_its_language_alone() {
        let texts = texts(&json!({
            "de": {
                "login": {"title": "Willkommen bei Nexboard"},
                "registration": {"password_hint": {"one": "{min} Zeichen genügt."}},
                "messages": {"1070001": "Kennwort"},
            },
        }));
        assert_eq!(texts.problems(), []);
        let words = texts.words(Locale::De).unwrap();
        assert_eq!(words.login.title, "Willkommen bei Nexboard");
        assert_eq!(words.counted(&words.registration.password_hint, 1), "{min} Zeichen genügt.");
        let label =
            serde_json::from_value(json!({"id": 1_070_001, "text": "Password", "type": "info"})).unwrap();
        assert_eq!(words.text(&label), "Kennwort");
        let built_in = crate::locale::Catalogue::load().unwrap();
        let built_in = built_in.words(Locale::De);
        assert_eq!(words.login.forgotten, built_in.login.forgotten, "others stay");
        let two = |words: &Words| words.counted(&words.registration.password_hint, 2).to_owned();
        assert_eq!(two(words), two(built_in));
        assert!(texts.words(Locale::En).is_none());
    }

    #[test]
    fn text_that_fits_no_place_is_told_and_has_no_effect() {
        let long = "x".repeat(501);
        for (section, key, text, expect) in [
            ("login", "nothing", json!("x"), "is no text of the pages (see `runtime/ui/locales`)"),
            ("nothing", "title", json!("x"), "is no text of the pages (see `runtime/ui/locales`)"),
            (
                "dates",
                "date",
                json!("{day} {month} {year}"),
                "is no text of the pages (see `runtime/ui/locales`)",
            ),
            ("login", "title", json!(" "), "must have 1 to 500 characters"),
            ("login", "title", json!(long), "must have 1 to 500 characters"),
            ("mail", "login_subject", json!("a\r\nBcc: eve@rival.example"), "must be one line of text"),
            ("login", "title", json!("Hi {tenant}"), "has no places to fill"),
            ("login", "title", json!("Hi }"), "has no places to fill"),
            ("login", "no_account", json!("New?"), "must have the places {tenant}, each as often as here"),
            (
                "login",
                "no_account",
                json!("{tenant} {x}"),
                "must have the places {tenant}, each as often as here",
            ),
            (
                "login",
                "no_account",
                json!("{tenant {tenant}"),
                "must have the places {tenant}, each as often as here",
            ),
            ("login", "title", json!({"one": "x"}), "depends on no number"),
            (
                "registration",
                "password_hint",
                json!("x"),
                "depends on a number: write its forms, `one` and `other`",
            ),
            ("registration", "password_hint", json!({"two": "x"}), "has no form `two`"),
            ("messages", "4000032", json!({"by": "x"}), "has no form `by`"),
        ] {
            let texts = texts(&json!({"en": {section: {key: text}}}));
            let place = format!(".en.{section}.{key}");
            assert_eq!(texts.problems(), [(place, expect.to_owned())]);
            let catalogue = crate::locale::Catalogue::load().unwrap();
            let (built_in, words) = (catalogue.words(Locale::En), texts.words(Locale::En).unwrap());
            assert_eq!(format!("{words:?}"), format!("{built_in:?}"), "{section}.{key}");
        }
    }

    #[test]
    fn there_are_so_many_texts_at_most() {
        let section = |count: usize| {
            let texts: Value = (0..count).map(|n| (n.to_string(), json!("x"))).collect();
            let found = self::texts(&json!({"en": {"labels": texts}})).problems();
            found.into_iter().find(|(place, _)| place.is_empty()).map(|(_, problem)| problem)
        };
        assert_eq!(section(256), None);
        assert_eq!(section(257).as_deref(), Some("has 257 texts; there may be 256"));
    }

    /// Attack: a tenant's text is mark-up on an origin that it shares with others.
    #[test]
    fn text_is_text_on_each_page_and_in_each_message() {
        // Every text that there is, begun with mark-up.
        let marked = |text: &toml::Value| match text {
            toml::Value::String(text) => Some(json!(format!("<mark title='\"'>{text}"))),
            toml::Value::Table(forms) => {
                let forms = forms.iter().filter(|(form, _)| *form != "by");
                Some(
                    forms
                        .map(|(form, text)| {
                            (form.clone(), json!(format!("<mark>{}", text.as_str().unwrap())))
                        })
                        .collect(),
                )
            }
            _ => None,
        };
        let section = |(name, texts): (String, toml::Value)| {
            let texts = texts.as_table()?.iter();
            let texts: Value = texts.filter_map(|(key, text)| Some((key.clone(), marked(text)?))).collect();
            Some((name, texts))
        };
        let own: Value = Locale::En.table().into_iter().filter_map(section).collect();
        let branding = Branding { texts: texts(&json!({ "en": own })), ..Branding::default() };
        let pages = Pages::new().unwrap();
        let context = PageContext {
            branding: &branding,
            locale: Locale::En,
            base_path: "",
            here: "/",
            client_name: Some("Nexboard"),
            acting: true,
            registration: true,
            recovery: true,
            password_min_length: 8,
            now: Timestamp::from_seconds(1_795_514_400),
        };
        for sample in SAMPLES {
            let html = sample.page(&pages, &context).unwrap();
            assert!(html.contains("&#60;mark title=") && !html.contains("<mark"), "{}: {html}", sample.name);
        }
        let url = Some("https://id.example/x");
        let view = MailView {
            template: "login_code_valid",
            to: "a@b.example",
            code: Some("1"),
            url,
            short: false,
            minutes: 1,
        };
        let letter = pages.mail(&view, &branding, Locale::En);
        assert!(letter.subject.starts_with("<mark title=") && letter.text.contains("<mark"), "{letter:?}");
        assert!(
            letter.html.contains("&#60;mark title=") && !letter.html.contains("<mark"),
            "{}",
            letter.html
        );
    }

    #[test]
    fn document_reads_back_as_it_was_written() {
        for given in [json!({}), json!({"fr": {"common": {"help": "Aide"}}})] {
            assert_eq!(serde_json::to_value(texts(&given)).unwrap(), given);
        }
    }
}
