//! Languages: which one a person reads, and the words in it.
//!
//! Words are in `locales/<language>.toml`, embedded.

mod dates;
mod plural;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use plural::Counted;
pub use words::LocaleError;
pub(crate) use words::{Catalogue, Words, fill};

/// A language that the pages speak.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English, which everything falls back to.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
}

impl Locale {
    /// Every language, in the order in which the pages offer them.
    pub const ALL: [Self; 4] = [Self::En, Self::De, Self::Fr, Self::Es];

    /// The language's tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::En => include_str!("../locales/en.toml"),
            Self::De => include_str!("../locales/de.toml"),
            Self::Fr => include_str!("../locales/fr.toml"),
            Self::Es => include_str!("../locales/es.toml"),
        }
    }

    /// The words of its file, by section and key.
    pub(crate) fn table(self) -> toml::Table {
        // That the files can be read is known since the program began, where all of them are.
        toml::from_str(self.source()).unwrap_or_default()
    }

    /// Its words after a change.
    pub(crate) fn words_with(self, change: impl FnOnce(&mut toml::Table)) -> Result<Words, LocaleError> {
        let mut table = self.table();
        change(&mut table);
        let words = table.try_into::<Words>();
        words.map(|words| words.of(self)).map_err(|source| LocaleError { tag: self.tag(), source })
    }

    /// The language for a tag such as `de-AT`, by its primary part (RFC 4647 section 3.4, lookup).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(primary))
    }

    /// Chooses from `ui_locales` (OpenID Connect Core 1.0 section 3.1.2.1), then from `Accept-Language` (RFC 9110
    /// section 12.5.4); none where neither names a language of ours.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Option<Self> {
        ui_locales.and_then(Self::from_tags).or_else(|| accept_language.and_then(Self::accepted))
    }

    /// The first language of ours in `ui_locales`: tags by preference, separated by spaces.
    pub fn from_tags(ui_locales: &str) -> Option<Self> {
        ui_locales.split_ascii_whitespace().take(32).find_map(Self::from_tag)
    }

    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for part in header.split(',').take(32) {
            let mut pieces = part.split(';').map(str::trim);
            let Some(locale) = pieces.next().and_then(Self::from_tag) else { continue };
            let quality = pieces.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > 0.0 && best.is_none_or(|(_, most)| quality > most) {
                best = Some((locale, quality));
            }
        }
        best.map(|(locale, _)| locale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UiText;

    /// The places to fill are part of a key: a translation must not lose one.
    fn with_places(key: &str, text: &str) -> String {
        assert!(!text.trim().is_empty(), "{key} is empty");
        let mut places: Vec<&str> = text.split('{').skip(1).filter_map(|p| p.split('}').next()).collect();
        places.sort_unstable();
        format!("{key} {places:?}")
    }

    fn keys(locale: Locale) -> Vec<String> {
        fn walk(prefix: &str, value: &toml::Value, keys: &mut Vec<String>) {
            match value {
                toml::Value::String(text) => keys.push(with_places(prefix, text)),
                toml::Value::Array(texts) => keys.push(format!("{prefix} {}", texts.len())),
                // Forms by number: which there are is the language's own, what they are filled with is not.
                toml::Value::Table(forms) if forms.contains_key("one") => {
                    let (by, forms): (Vec<_>, Vec<_>) = forms.iter().partition(|(form, _)| *form == "by");
                    let filled = |text: &toml::Value| with_places(prefix, text.as_str().unwrap());
                    let expect = filled(forms.iter().find(|(form, _)| *form == "other").unwrap().1);
                    for (form, text) in forms {
                        assert!(["one", "many", "other"].contains(&form.as_str()), "{prefix}.{form}");
                        assert_eq!(filled(text), expect, "{prefix}.{form}");
                    }
                    keys.push(format!("{expect} {by:?}"));
                }
                toml::Value::Table(table) => {
                    for (key, value) in table {
                        walk(&format!("{prefix}.{key}"), value, keys);
                    }
                }
                other => panic!("{prefix} is not a text: {other}"),
            }
        }
        let mut keys = Vec::new();
        walk("", &toml::from_str(locale.source()).unwrap(), &mut keys);
        keys.sort();
        keys
    }

    #[test]
    fn every_language_has_the_same_keys_and_places() {
        assert!(keys(Locale::En).len() > 300);
        for locale in Locale::ALL {
            assert_eq!(keys(locale), keys(Locale::En), "{}", locale.tag());
        }
        Catalogue::load().unwrap();
    }

    /// French sets a space before these signs, and a line must not break there: the sign would begin the next one.
    #[test]
    fn french_signs_stay_with_their_words() {
        for line in Locale::Fr.source().lines().filter(|line| !line.starts_with('#')) {
            let Some((key, text)) = line.split_once(" = ") else { continue };
            for (at, sign) in text.char_indices().filter(|(_, sign)| ":;?!»".contains(*sign)) {
                assert!(text[..at].ends_with('\u{a0}'), "{key}: before {sign}");
            }
            for (at, sign) in text.match_indices('«') {
                assert!(text[at + sign.len()..].starts_with('\u{a0}'), "{key}: after {sign}");
            }
            assert!(!text.contains('\''), "{key}: an apostrophe is ’");
        }
    }

    #[test]
    fn language_is_chosen_by_preference() {
        for (ui_locales, accept, expect) in [
            (None, None, None),
            (Some("it de en"), Some("en"), Some(Locale::De)),
            (Some("de-AT"), None, Some(Locale::De)),
            (Some("it"), Some("de"), Some(Locale::De)),
            (Some("es fr"), Some("de"), Some(Locale::Es)),
            (Some("fr_CA"), None, Some(Locale::Fr)),
            (None, Some("de-DE,de;q=0.9,en;q=0.8"), Some(Locale::De)),
            (None, Some("en;q=0.7, de;q=0.8"), Some(Locale::De)),
            (None, Some("fr-CA,fr;q=0.8,en;q=0.5"), Some(Locale::Fr)),
            (None, Some("es-419"), Some(Locale::Es)),
            (None, Some("it, ES-mx;q=0.9, en;q=0.1"), Some(Locale::Es)),
            // North Frisian is no French, whatever its tag begins with.
            (None, Some("frr, est"), None),
            (None, Some("it, de;q=0"), None),
            (None, Some("de;q=x,en;q=0.1"), Some(Locale::En)),
            (None, Some(";;;,,,*"), None),
        ] {
            assert_eq!(Locale::choose(ui_locales, accept), expect, "{ui_locales:?} {accept:?}");
        }
    }

    #[test]
    fn text_goes_by_its_number_and_falls_back_to_the_api() {
        let catalogue = Catalogue::load().unwrap();
        for (json, expect) in [
            (r#"{"id":1070001,"text":"Password","type":"info"}"#, "Passwort"),
            (
                r#"{"id":4000032,"text":"too short","type":"error","context":{"min_length":8}}"#,
                "Bitte verwenden Sie mindestens 8 Zeichen.",
            ),
            (r#"{"id":4000032,"text":"too short","type":"error"}"#, "too short"),
            (r#"{"id":1070002,"text":"E-Mail","type":"info","context":null}"#, "E-Mail-Adresse"),
            (r#"{"id":1070002,"text":"Shoe size","type":"info"}"#, "Shoe size"),
            (
                r#"{"id":4000001,"text":"is not valid \"email\"","type":"error"}"#,
                "Bitte geben Sie eine vollständige E-Mail-Adresse ein, zum Beispiel name@example.com.",
            ),
            (
                r#"{"id":4000001,"text":"is not valid \"date\"","type":"error"}"#,
                "Das hat nicht die richtige Form.",
            ),
            // What a plugin says is its own.
            (r#"{"id":4000001,"text":"Is not welcome \"here\"","type":"error"}"#, "Is not welcome \"here\""),
            (
                r#"{"id":4000003,"text":"too short","type":"error","context":{"min_length":1}}"#,
                "Bitte verwenden Sie mindestens 1 Zeichen.",
            ),
            (
                r#"{"id":1050020,"text":"x","type":"info","context":{"added_on":"2026-11-26","added_at_unix":1795687200}}"#,
                "Passkey vom 26. November 2026 entfernen",
            ),
            // A flow of before that was said: as it came.
            (
                r#"{"id":1050020,"text":"x","type":"info","context":{"added_on":"2026-11-26"}}"#,
                "Passkey vom 2026-11-26 entfernen",
            ),
            (
                r#"{"id":1010002,"text":"x","type":"info","context":{"provider":"{provider}"}}"#,
                "Mit {provider} anmelden",
            ),
        ] {
            let text: UiText = serde_json::from_str(json).unwrap();
            assert_eq!(catalogue.words(Locale::De).text(&text), expect);
        }
    }
}
