//! The check that a person is there and no script: which service makes it, and on which forms.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// A service that tells people from scripts (a CAPTCHA). Its widget stands on the tenant's forms, and what the widget hands
/// over is shown to the service, with the secret, before anything is hashed or sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptchaSettings {
    /// Which service.
    pub provider: CaptchaProvider,
    /// The key under which the service knows the tenant's pages. It is no secret.
    pub site_key: String,
    /// The name of the secret among the tenant's `secrets`.
    pub secret: String,
    /// The forms that ask.
    #[serde(default = "every_flow")]
    pub flows: BTreeSet<CaptchaFlow>,
    /// The host that the service must name as the page's; any without it. The service's own settings bind a site key to
    /// hosts too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Whether the forms of native applications ask, too. Without it a script only has to say that it is one.
    #[serde(default = "yes")]
    pub native: bool,
    /// What becomes of a form when the service does not answer.
    #[serde(default)]
    pub on_failure: CaptchaFailure,
    /// The script of the widget, where it is not the service's own. In the file of the node alone: it runs on the pages of
    /// every tenant of the same origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub script_url: Option<Url>,
    /// Where proofs are shown, where it is not the service's own. Only public addresses are called, unless the operator's file
    /// owns the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub verify_url: Option<Url>,
}

/// A service of the form of `siteverify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaProvider {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    Hcaptcha,
    /// Google reCAPTCHA, version 2.
    Recaptcha,
}

/// A form that can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaFlow {
    /// To sign in.
    Login,
    /// To sign up.
    Registration,
    /// To get back in.
    Recovery,
    /// To prove an address.
    Verification,
}

/// What becomes of a form when the service does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaFailure {
    /// Nobody gets on until it does.
    #[default]
    Deny,
    /// Everybody does.
    Allow,
}

impl CaptchaFlow {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Login, Self::Registration, Self::Recovery, Self::Verification];
}

fn every_flow() -> BTreeSet<CaptchaFlow> {
    BTreeSet::from(CaptchaFlow::ALL)
}

const fn yes() -> bool {
    true
}

/// The longest site key, in bytes.
const LONGEST_SITE_KEY: usize = 128;

impl CaptchaSettings {
    /// Reports what cannot be, by key.
    pub fn check(&self, report: &mut dyn FnMut(&str, String)) {
        let of_form = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !(1..=LONGEST_SITE_KEY).contains(&self.site_key.len()) || !self.site_key.bytes().all(of_form) {
            let words = format!("must be 1 to {LONGEST_SITE_KEY} letters, digits, `-` and `_`");
            report("site_key", words);
        }
        if self.flows.is_empty() {
            report("flows", "is empty: no form would ask".to_owned());
        }
        let is_host = |host: &str| {
            (1..=253).contains(&host.len())
                && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        };
        if self.hostname.as_deref().is_some_and(|host| !is_host(host)) {
            report("hostname", "must be a host name in lower case, without scheme and port".to_owned());
        }
        for (key, url) in [("script_url", &self.script_url), ("verify_url", &self.verify_url)] {
            if url.as_ref().is_some_and(|url| !is_private_enough(url)) {
                report(key, "must be an https URL without a user (http for this machine)".to_owned());
            }
        }
    }
}

/// Whether nobody on the way reads along or changes what comes: TLS, or no way at all.
pub(super) fn is_private_enough(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_near = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    !has_user && url.fragment().is_none() && (url.scheme() == "https" || (url.scheme() == "http" && is_near))
}
