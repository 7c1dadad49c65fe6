//! The words of a language, as its locale file has them.
//!
//! Every key is a field here, so a template cannot ask for a word that does not exist, and a locale file cannot lack
//! one.

use std::collections::BTreeMap;

use primitives::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Locale;
use super::dates::Dates;
use super::plural::Counted;
use crate::flow::UiText;

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
            let words = toml::from_str::<Words>(locale.source()).map(|words| words.of(locale));
            words.map_err(|source| LocaleError { tag: locale.tag(), source })
        };
        let words = Locale::ALL.into_iter().map(|l| read(l).map(|w| (l, w))).collect::<Result<_, _>>()?;
        Ok(Self { words, fallback: read(Locale::En)? })
    }

    pub(crate) fn words(&self, locale: Locale) -> &Words {
        self.words.get(&locale).unwrap_or(&self.fallback)
    }
}

macro_rules! words {
    ($($section:ident: $kind:ident { $($key:ident),+ $(,)? $(; $($counted:ident),+ $(,)?)? })+) => {
        /// The words of one language.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Words {
            /// Whose words these are.
            #[serde(skip)]
            pub(super) locale: Locale,
            /// How a date is written.
            pub(super) dates: Dates,
            $(pub(crate) $section: $kind,)+
            /// What a scope allows, by scope.
            pub(crate) scopes: BTreeMap<String, String>,
            labels: BTreeMap<String, String>,
            reasons: BTreeMap<String, String>,
            error_titles: BTreeMap<String, String>,
            error_messages: BTreeMap<String, String>,
            messages: BTreeMap<String, Message>,
        }
        $(
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $kind { $(pub(crate) $key: String,)+ $($(pub(crate) $counted: Counted,)+)? }
        )+
    };
}

words! {
    common: CommonWords {
        language, language_label, secured_by, privacy, terms, help, optional, error_prefix, form_error,
        or, signed_in_as, sign_out, keys_need_script, widget_needs_script,
    }
    login: LoginWords { title, to_client, to_tenant, confirm_title, confirm_lead, confirm_lead_as, other_account, no_account, create_account, forgotten, code_lead, identified_lead, here_title, here_lead,
        second_title, second_lead, second_totp, second_lookup_secret, second_code, second_webauthn, second_other, use_totp, use_lookup_secret, use_code, use_webauthn, key_failed,
    }
    registration: RegistrationWords {
        title, to_client, to_tenant, have_account, sign_in, agree_both, agree_terms, agree_privacy, terms,
        privacy, code_lead, password_advice; password_hint,
    }
    settings: SettingsWords {
        title, profile, profile_lead, password, password_lead, new_password, password_save, other, totp, totp_lead,
        lookup_secret, lookup_secret_lead, passkey, passkey_lead, webauthn, webauthn_lead, oidc, oidc_lead, key_passkey, key_webauthn,
        key_added, key_remove,
    }
    sessions: SessionsWords {
        title, lead, current, signed_in, revoke, revoke_one, revoke_others, only_this, revoked, unknown_device,
        device_on, now, day, on_date; minutes, hours, days,
    }
    impersonation: ImpersonationWords { title, lead, begin, banner }
    devices: DevicesWords { title, lead, since, forget, forget_one }
    apps: AppsWords { title, lead, since, remove, remove_one, nothing, more; permissions }
    deletion: DeletionWords {
        title, lead, confirm, delete, unconfirmed, last_owner, done_title, done_lead,
    }
    consent: ConsentWords {
        title, as_subject, not_you, will, places, remember, each_time, described, registered, registered_somewhere, local, allow, deny,
        redirect_note,
    }
    device: DeviceWords {
        title, lead, label, warning, go_on, unknown, too_many, question, check, question_warning, allowed_title,
        allowed_lead, denied_title, denied_lead,
    }
    logout: LogoutWords {
        title, lead, lead_nameless, client_lead, confirm, stay, done_title, done_lead, sign_in_again, leaving, go_on,
        go_on_to,
    }
    error: ErrorWords { title, request_id, request_hint, restart, home, help, setting, code }
    verification: VerificationWords {
        title, title_number, title_either, lead, lead_either, code_lead, link_lead, link_sent_lead, opened_lead, done_lead,
    }
    recovery: RecoveryWords {
        title, lead, lead_either, code_lead, link_lead, link_sent_lead, opened_lead, done_lead, remembered,
    }
    mailbox: MailboxWords { title, lead, empty }
    api: ApiWords { title, lead, document, access, key, scope, in_body, nothing, parameters, required, body, answers, schemas, name }
    samples: SamplesWords { title, lead }
    mail: MailWords {
        code, link, ignore, sent_by, verification_subject, verification_lead, verification_unknown_subject,
        verification_unknown_lead, recovery_subject, recovery_lead, recovery_unknown_subject, recovery_unknown_lead,
        verification_button, recovery_button, link_alone, link_ignore, verification_link_subject,
        recovery_link_subject, login_subject, login_lead, login_button, login_link, login_unknown_subject,
        login_unknown_lead, registration_subject, registration_lead, registration_button, registration_taken_subject,
        registration_taken_lead, removed_subject, removed_lead, removed_next; ends, link_ends,
    }
    invitation: InvitationWords { title, lead, accept, other_account, sign_in, sign_up, refused }
    organisation: OrganisationWords {
        title, lead, back, done, no_address, last_owner, refused, too_many, invite_title, invite_lead, address, role, invite,
        members_title, members_lead, you, role_of, change, change_of, remove, remove_of, more, invitations_title,
        invitations_lead, revoke, revoke_of, owner, admin, member, links_title, links_lead; ends,
    }
    ownership: OwnershipWords {
        confirm_title, confirm_lead, confirm, domains_title, domains_lead, domain, domain_add, domain_none, proven,
        unproven, record_lead, record_name, record_type, record_value, check, check_of, not_a_domain, not_found,
        unanswered, domain_taken, connection_title, connection_lead, label, issuer, issuer_hint, client_id,
        client_secret, secret_hint, secret_kept, trusts_email, connection_none, connect, edit, save, redirect, redirect_lead, on,
        off, test, turn_on, turn_off, connection_remove, enforced, answers, silent, not_a_provider, keys_title,
        keys_lead, key_name, key_access, key_read, key_write, key_ends, key_create, key_none, key_made,
        key_made_lead, key_until, key_used, key_unused, key_revoke, key_revoke_of, no_name, too_many_keys; key_days,
    }
    invitation_mail: InvitationMailWords { subject, lead, link, button, ignore; ends }
    welcome: WelcomeWords { title, lead, signed_in_title, settings, sign_in, create_account }
}

/// What a flow's text says, in one language.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    Plain(String),
    /// It depends on a number of its context.
    Counted {
        /// Which.
        by: String,
        #[serde(flatten)]
        text: Counted,
    },
}

impl Words {
    /// The same as words of a language.
    pub(super) fn of(self, locale: Locale) -> Self {
        Self { locale, ..self }
    }

    /// A flow's text in this language: by its number, else a known label or reason, else as the API says it.
    pub(crate) fn text(&self, text: &UiText) -> String {
        self.messages
            .get(&text.id.to_string())
            .and_then(|message| self.filled(message, &text.context))
            .or_else(|| self.known(&text.text.to_lowercase()).cloned())
            .unwrap_or_else(|| text.text.clone())
    }

    /// What a schema calls a field, and why an input cannot be used, have no numbers of their own. A reason may end with
    /// its details in quotes.
    fn known(&self, text: &str) -> Option<&String> {
        let before_details = || text.strip_suffix('"')?.split_once('"').map(|(before, _)| before.trim_end());
        self.labels
            .get(text)
            .or_else(|| self.reasons.get(text))
            .or_else(|| self.reasons.get(before_details()?))
    }

    /// The form of a text that its number asks for.
    pub(crate) fn counted<'a>(&self, text: &'a Counted, count: u64) -> &'a str {
        text.form(self.locale, count)
    }

    /// A day (UTC), as people write it.
    pub(crate) fn date(&self, at: Timestamp) -> String {
        self.dates.written(at)
    }

    /// A message with the values of its context; none if it names one that is not there.
    fn filled(&self, message: &Message, context: &Map<String, Value>) -> Option<String> {
        let template = match message {
            Message::Plain(text) => text,
            Message::Counted { by, text } => self.counted(text, context.get(by)?.as_u64()?),
        };
        fill_with(template, |name| self.value(name, context))
    }

    /// A value of a context. `{added_on}` is the day of its `added_at_unix`.
    fn value(&self, name: &str, context: &Map<String, Value>) -> Option<String> {
        let moment = name.strip_suffix("_on").and_then(|event| context.get(&format!("{event}_at_unix")));
        if let Some(seconds) = moment.and_then(Value::as_i64) {
            return Some(self.date(Timestamp::from_seconds(seconds)));
        }
        match context.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
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

    #[test]
    fn every_error_has_a_title_and_a_message() {
        let catalogue = Catalogue::load().unwrap();
        let words = catalogue.words(Locale::En);
        assert!(words.error_titles.keys().eq(words.error_messages.keys()));
    }

    /// Who speaks to the machine says what is written on a button (WCAG 2.2, 2.5.3).
    #[test]
    fn what_a_button_is_called_has_what_is_written_on_it() {
        let catalogue = Catalogue::load().unwrap();
        for locale in Locale::ALL {
            let words = catalogue.words(locale);
            let (s, d, o) = (&words.sessions, &words.devices, &words.organisation);
            let w = &words.ownership;
            let key = &words.settings.key_remove;
            let message = |id: &str| match words.messages.get(id) {
                Some(Message::Plain(text)) => text,
                other => panic!("{id}: {other:?}"),
            };
            for (written, called) in [
                (&s.revoke, &s.revoke_one),
                (&d.forget, &d.forget_one),
                (&words.apps.remove, &words.apps.remove_one),
                (&o.change, &o.change_of),
                (&o.remove, &o.remove_of),
                (&o.revoke, &o.revoke_of),
                (&w.check, &w.check_of),
                (&w.key_revoke, &w.key_revoke_of),
                (key, message("1050018")),
                (key, message("1050020")),
            ] {
                let is_in = called.to_lowercase().contains(&written.to_lowercase());
                assert!(is_in, "{}: {written}: {called}", locale.tag());
            }
        }
    }
}
