//! Languages: which one a person reads, and the words in it.
//!
//! Words are in `locales/<language>.toml`, embedded. Every key is a field here, so a template cannot ask for a
//! word that does not exist, and a locale file cannot lack one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::flow::UiText;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
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

    /// The language for a tag such as `de-AT`, by its primary part (RFC 4647 section 3.4, lookup).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(primary))
    }

    /// Chooses from `ui_locales` (OpenID Connect Core 1.0 section 3.1.2.1: tags by preference, separated by
    /// spaces), then from `Accept-Language` (RFC 9110 section 12.5.4), then English.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        ui_locales
            .and_then(|tags| tags.split_ascii_whitespace().find_map(Self::from_tag))
            .or_else(|| accept_language.and_then(Self::accepted))
            .unwrap_or_default()
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

/// A locale file is not what the pages need.
#[derive(Debug, thiserror::Error)]
#[error("locale {tag}: {source}")]
pub struct LocaleError {
    /// The language.
    pub tag: &'static str,
    /// What is wrong.
    pub source: toml::de::Error,
}

/// The words of every language.
#[derive(Debug)]
pub(crate) struct Catalogue {
    words: BTreeMap<Locale, Words>,
    fallback: Words,
}

impl Catalogue {
    pub(crate) fn load() -> Result<Self, LocaleError> {
        let read = |locale: Locale| {
            toml::from_str::<Words>(locale.source())
                .map_err(|source| LocaleError { tag: locale.tag(), source })
        };
        let words = Locale::ALL.into_iter().map(|l| read(l).map(|w| (l, w))).collect::<Result<_, _>>()?;
        Ok(Self { words, fallback: read(Locale::En)? })
    }

    pub(crate) fn words(&self, locale: Locale) -> &Words {
        self.words.get(&locale).unwrap_or(&self.fallback)
    }
}

macro_rules! words {
    ($($section:ident: $kind:ident { $($key:ident),+ $(,)? })+) => {
        /// The words of one language.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Words {
            $(pub(crate) $section: $kind,)+
            /// What a scope allows, by scope.
            pub(crate) scopes: BTreeMap<String, String>,
            labels: BTreeMap<String, String>,
            error_titles: BTreeMap<String, String>,
            error_messages: BTreeMap<String, String>,
            messages: BTreeMap<String, String>,
        }
        $(
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $kind { $(pub(crate) $key: String,)+ }
        )+
    };
}

words! {
    common: CommonWords {
        language, language_label, secured_by, privacy, terms, help, optional, error_prefix, form_error,
        or, signed_in_as, sign_out,
    }
    login: LoginWords { title, to_client, to_tenant, confirm_title, confirm_lead, confirm_lead_as, other_account, no_account, create_account, forgotten, code_lead, identified_lead, here_title, here_lead,
        second_title, second_lead, second_totp, second_lookup_secret, second_code, second_webauthn, second_other, key_failed,
    }
    registration: RegistrationWords {
        title, to_client, to_tenant, have_account, sign_in, agree_both, agree_terms, agree_privacy, terms,
        privacy, password_hint, code_lead,
    }
    settings: SettingsWords {
        title, profile, profile_lead, password, password_lead, new_password, password_save, other, totp, totp_lead,
        lookup_secret, lookup_secret_lead, passkey, passkey_lead, webauthn, webauthn_lead, oidc,
    }
    sessions: SessionsWords {
        title, lead, current, signed_in, revoke, revoke_one, revoke_others, only_this, revoked, unknown_device,
        device_on, now, minute, minutes, hour, hours, day, days, on_date,
    }
    impersonation: ImpersonationWords { title, lead, begin, banner }
    devices: DevicesWords { title, lead, since, forget, forget_one }
    deletion: DeletionWords {
        title, lead, confirm, delete, unconfirmed, last_owner, done_title, done_lead,
    }
    consent: ConsentWords {
        title, as_subject, not_you, will, remember, allow, deny, redirect_note,
    }
    logout: LogoutWords {
        title, lead, lead_nameless, client_lead, confirm, stay, done_title, done_lead, sign_in_again,
    }
    error: ErrorWords { title, request_id, request_hint, restart, home, help }
    verification: VerificationWords { title, lead, code_lead, link_lead, link_sent_lead, opened_lead, done_lead }
    recovery: RecoveryWords { title, lead, code_lead, link_lead, link_sent_lead, opened_lead, done_lead, remembered }
    mailbox: MailboxWords { title, lead, empty }
    mail: MailWords {
        code, link, ends, ignore, sent_by, verification_subject, verification_lead, verification_unknown_subject,
        verification_unknown_lead, recovery_subject, recovery_lead, recovery_unknown_subject, recovery_unknown_lead,
        verification_button, recovery_button, link_alone, link_ends, link_ignore, verification_link_subject,
        recovery_link_subject, login_subject, login_lead, login_button, login_link, login_unknown_subject,
        login_unknown_lead, registration_subject, registration_lead, registration_button, registration_taken_subject,
        registration_taken_lead, removed_subject, removed_lead, removed_next,
    }
    invitation: InvitationWords { title, lead, accept, other_account, sign_in, sign_up, refused }
    organisation: OrganisationWords {
        title, lead, back, done, no_address, last_owner, refused, too_many, invite_title, invite_lead, address, role, invite,
        members_title, members_lead, you, role_of, change, change_of, remove, remove_of, more, invitations_title,
        invitations_lead, ends, revoke, revoke_of, owner, admin, member, links_title, links_lead,
    }
    invitation_mail: InvitationMailWords { subject, lead, link, button, ends, ignore }
    welcome: WelcomeWords { title, lead, signed_in_title, settings, sign_in, create_account }
}

impl Words {
    /// A flow's text in this language: by its number, else a known label, else as the API says it.
    pub(crate) fn text(&self, text: &UiText) -> String {
        self.messages
            .get(&text.id.to_string())
            .and_then(|template| fill_from(template, &text.context))
            .or_else(|| self.labels.get(&text.text.to_lowercase()).cloned())
            .unwrap_or_else(|| text.text.clone())
    }

    /// What an error's id is called, and what to do about it.
    pub(crate) fn error(&self, id: &str) -> Option<(&str, &str)> {
        Some((self.error_titles.get(id)?, self.error_messages.get(id)?))
    }
}

/// Fills `{name}` places. A value is text, not mark-up; the template escapes the result.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    fill_with(template, |name| values.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        .unwrap_or_else(|| template.to_owned())
}

fn fill_from(template: &str, context: &Map<String, Value>) -> Option<String> {
    fill_with(template, |name| match context.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    })
}

/// One pass, so that a value which contains braces is never filled again.
fn fill_with(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(locale: Locale) -> Vec<String> {
        fn walk(prefix: &str, value: &toml::Value, keys: &mut Vec<String>) {
            match value {
                toml::Value::Table(table) => {
                    for (key, value) in table {
                        walk(&format!("{prefix}.{key}"), value, keys);
                    }
                }
                toml::Value::String(text) => {
                    assert!(!text.trim().is_empty(), "{prefix} is empty");
                    // The places to fill are part of the key: a translation must not lose one.
                    let mut places: Vec<&str> =
                        text.split('{').skip(1).filter_map(|p| p.split('}').next()).collect();
                    places.sort_unstable();
                    keys.push(format!("{prefix} {places:?}"));
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
    fn every_error_has_a_title_and_a_message() {
        let catalogue = Catalogue::load().unwrap();
        let words = catalogue.words(Locale::En);
        assert!(words.error_titles.keys().eq(words.error_messages.keys()));
    }

    #[test]
    fn language_is_chosen_by_preference() {
        for (ui_locales, accept, expect) in [
            (None, None, Locale::En),
            (Some("it de en"), Some("en"), Locale::De),
            (Some("de-AT"), None, Locale::De),
            (Some("it"), Some("de"), Locale::De),
            (Some("es fr"), Some("de"), Locale::Es),
            (Some("fr_CA"), None, Locale::Fr),
            (None, Some("de-DE,de;q=0.9,en;q=0.8"), Locale::De),
            (None, Some("en;q=0.7, de;q=0.8"), Locale::De),
            (None, Some("fr-CA,fr;q=0.8,en;q=0.5"), Locale::Fr),
            (None, Some("es-419"), Locale::Es),
            (None, Some("it, ES-mx;q=0.9, en;q=0.1"), Locale::Es),
            // North Frisian is no French, whatever its tag begins with.
            (None, Some("frr, est"), Locale::En),
            (None, Some("it, de;q=0"), Locale::En),
            (None, Some("de;q=x,en;q=0.1"), Locale::En),
            (None, Some(";;;,,,*"), Locale::En),
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
                r#"{"id":1010002,"text":"x","type":"info","context":{"provider":"{provider}"}}"#,
                "Mit {provider} anmelden",
            ),
        ] {
            let text: UiText = serde_json::from_str(json).unwrap();
            assert_eq!(catalogue.words(Locale::De).text(&text), expect);
        }
    }
}
