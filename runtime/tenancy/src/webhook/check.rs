//! What a tenant's webhooks must be.

use std::collections::{BTreeMap, HashMap};

use url::Url;

use super::place::{FlowName, Place, Stage};
use super::settings::{ApiKeyPlace, Webhook, WebhookAuth};
use crate::plugin::secrets::is_secret_name;

/// How many a tenant may have: each is called in turn.
const AT_MOST: usize = 32;
/// How long a call in a form may take, in milliseconds.
const TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=30_000;
/// How often a call is made again at most.
const RETRIES_AT_MOST: u32 = 5;

/// The methods of each form, as a session or the form names them.
const METHODS: [&str; 9] =
    ["password", "code", "oidc", "passkey", "webauthn", "totp", "lookup_secret", "profile", "link"];

/// Headers that are the request's own.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Reports what cannot be, by key, e.g. `webhook[0].url`.
pub fn check_all(webhooks: &[Webhook], report: &mut dyn FnMut(&str, String)) {
    if webhooks.len() > AT_MOST {
        report("webhook", format!("are more than {AT_MOST}"));
    }
    let mut names = HashMap::new();
    for (index, webhook) in webhooks.iter().enumerate() {
        let mut say = |key: &str, message: String| report(&format!("webhook[{index}].{key}"), message);
        if let Some(first) = names.insert(webhook.name.as_str(), index) {
            say("name", format!("`{}` is also the name of webhook[{first}]", webhook.name));
        }
        check(webhook, &mut say);
    }
}

fn check(webhook: &Webhook, say: &mut dyn FnMut(&str, String)) {
    let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !(1..=63).contains(&webhook.name.len()) || !webhook.name.bytes().all(of_form) {
        say("name", format!("`{}` is no name: 1 to 63 lower-case letters, digits and hyphens", webhook.name));
    }
    if !is_private_enough(&webhook.url) || webhook.url.fragment().is_some() {
        say("url", "must be an https URL without a user (http for a server on this machine)".to_owned());
    }
    check_headers(&webhook.headers, say);
    check_auth(webhook.auth.as_ref(), say);
    if webhook.on.is_empty() && webhook.events.is_empty() {
        say("on", "is empty, as `events` is: it would never be called".to_owned());
    }
    for (index, place) in webhook.on.iter().enumerate() {
        check_place(webhook, place, &mut |message| say(&format!("on[{index}]"), message));
    }
    if webhook.response.ignore && webhook.has_a_say() {
        say(
            "response.ignore",
            "contradicts `response.parse` and `can_interrupt`: what nobody waits for has no say".to_owned(),
        );
    }
    if !TIMEOUT_MS.contains(&webhook.timeout_ms) {
        say("timeout_ms", format!("must be {} to {}", TIMEOUT_MS.start(), TIMEOUT_MS.end()));
    }
    if webhook.retries > RETRIES_AT_MOST {
        say("retries", format!("must be at most {RETRIES_AT_MOST}"));
    }
    for (index, pattern) in webhook.events.iter().enumerate() {
        let name = pattern.strip_suffix('*').unwrap_or(pattern);
        let of_form = |c: u8| c.is_ascii_lowercase() || matches!(c, b'_' | b'.');
        if pattern.is_empty() || pattern.len() > 100 || !name.bytes().all(of_form) {
            say(&format!("events[{index}]"), format!("`{pattern}` is no name of events"));
        }
    }
    match &webhook.signing_secret {
        Some(name) if !is_secret_name(name) => say("signing_secret", no_secret(name)),
        None if !webhook.events.is_empty() => say(
            "signing_secret",
            "is needed: whoever takes events must be able to tell from whom they are".to_owned(),
        ),
        Some(_) | None => {}
    }
}

pub(super) fn check_headers(headers: &BTreeMap<String, String>, say: &mut dyn FnMut(&str, String)) {
    for (name, value) in headers {
        if !is_header_name(name) || OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            say("headers", format!("`{name}` is no header that can be set here"));
        }
        if value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
            say("headers", format!("the value of `{name}` is not plain text"));
        }
    }
}

pub(super) fn check_auth(auth: Option<&WebhookAuth>, say: &mut dyn FnMut(&str, String)) {
    let Some(auth) = auth else { return };
    if !is_secret_name(auth.secret()) {
        say("auth.secret", no_secret(auth.secret()));
    }
    match auth {
        WebhookAuth::ApiKey { place: ApiKeyPlace::Header, name, .. } => {
            if !is_header_name(name) || OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                say("auth.name", format!("`{name}` is no header that can be set here"));
            }
        }
        WebhookAuth::ApiKey { place: ApiKeyPlace::Cookie, name, .. } => {
            if !is_header_name(name) {
                say("auth.name", format!("`{name}` is no name of a cookie"));
            }
        }
        WebhookAuth::BasicAuth { user, .. } => {
            if user.contains(':') || user.chars().any(char::is_control) {
                say("auth.user", "must have no colon".to_owned());
            }
        }
    }
}

fn check_place(webhook: &Webhook, place: &Place, say: &mut dyn FnMut(String)) {
    let Some(method) = &place.method else { return };
    let has_methods = matches!(place.flow, FlowName::Login | FlowName::Registration | FlowName::Settings);
    if place.when == Stage::Before || !has_methods {
        say("has no `method`: it is one of login, registration and settings, when they end".to_owned());
    } else if !METHODS.contains(&method.as_str()) {
        say(format!("`{method}` of webhook `{}` is none of {}", webhook.name, METHODS.join(", ")));
    }
}

fn no_secret(name: &str) -> String {
    format!("`{name}` is no name of a secret: 1 to 64 letters, digits, `_`, `-` and `.`")
}

/// A token (RFC 9110 section 5.6.2).
fn is_header_name(name: &str) -> bool {
    let of_form = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    (1..=64).contains(&name.len()) && name.bytes().all(of_form)
}

/// Whether nobody on the way reads along: TLS, or no way at all.
pub(super) fn is_private_enough(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_near = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    !has_user && (url.scheme() == "https" || (url.scheme() == "http" && is_near))
}
