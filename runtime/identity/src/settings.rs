//! A tenant's identity settings: its part of the configuration, with the defaults beside the fields.

mod alias;
mod attestation;
mod breached;
mod captcha;
mod cookie_domain;
mod keys;
mod proof;
mod sms;
mod style;
mod tokenizer;
mod trusted_device;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use primitives::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limiter::bucket::Allowance;

pub use alias::{AliasSettings, UnusableAlias};
pub use attestation::{AttestationSettings, BoundKeys, Conveyance};
pub use breached::BreachedSettings;
pub use captcha::{CaptchaFailure, CaptchaFlow, CaptchaProvider, CaptchaSettings};
pub use cookie_domain::{UnusableCookieDomain, check_cookie_domain};
pub use keys::{CeremonySettings, Hint, PasskeySettings, RelyingPartySettings, WebauthnSettings};
pub use proof::{CodeSettings, ProofMeans, RecoverySettings, UnprovenCredentials, VerificationSettings};
pub use sms::SmsSettings;
pub use style::{LoginSettings, LoginStyle, RegistrationSettings, RegistrationStyle};
pub use tokenizer::{SubjectSource, TokenTemplate, TokenizerSettings};
pub use trusted_device::TrustedDeviceSettings;

/// How people of a tenant sign up, sign in and stay signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The schema of new identities that name none.
    pub default_schema: String,
    /// Identity schemas by name: JSON Schema (draft-07 or 2020-12) of an object with a property
    /// `traits`. The schema `default` (e-mail and name) is there unless it is replaced.
    pub schemas: BTreeMap<String, SchemaSettings>,
    /// Whether people may create accounts themselves.
    pub registration_enabled: bool,
    /// Sessions and their cookie.
    pub session: SessionSettings,
    /// Other addresses at which browsers meet the tenant.
    #[serde(rename = "alias", skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<AliasSettings>,
    /// Self-service forms.
    pub flow: FlowSettings,
    /// What a password must be.
    pub password: PasswordPolicy,
    /// How passwords are hashed. Hashes made with other parameters are replaced at the next login.
    pub argon2: Argon2Settings,
    /// How many attempts are answered before they are refused.
    pub limits: LimitSettings,
    /// Whether forms may tell that an account exists.
    pub account_enumeration: AccountEnumeration,
    /// The check that a person is there and no script, by another service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captcha: Option<CaptchaSettings>,
    /// Signing in.
    #[serde(skip_serializing_if = "is_default")]
    pub login: LoginSettings,
    /// Signing up.
    #[serde(skip_serializing_if = "is_default")]
    pub registration: RegistrationSettings,
    /// Codes that are sent to people.
    pub code: CodeSettings,
    /// Text messages.
    #[serde(skip_serializing_if = "is_default")]
    pub sms: SmsSettings,
    /// Proving addresses.
    pub verification: VerificationSettings,
    /// Getting back in.
    pub recovery: RecoverySettings,
    /// Authenticator apps as a second factor.
    #[serde(skip_serializing_if = "is_default")]
    pub totp: TotpSettings,
    /// Backup codes as a second factor.
    #[serde(skip_serializing_if = "is_default")]
    pub lookup_secret: LookupSecretSettings,
    /// Devices on which no second factor is asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_device: TrustedDeviceSettings,
    /// Passkeys.
    #[serde(skip_serializing_if = "is_default")]
    pub passkey: PasskeySettings,
    /// Security keys.
    #[serde(skip_serializing_if = "is_default")]
    pub webauthn: WebauthnSettings,
    /// For whom passkeys and security keys are made.
    #[serde(skip_serializing_if = "is_default")]
    pub relying_party: RelyingPartySettings,
    /// How browsers are asked for them.
    #[serde(skip_serializing_if = "is_default")]
    pub ceremony: CeremonySettings,
    /// Which authenticators may make them.
    #[serde(skip_serializing_if = "is_default")]
    pub attestation: AttestationSettings,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_schema: "default".to_owned(),
            schemas: BTreeMap::new(),
            registration_enabled: true,
            session: SessionSettings::default(),
            aliases: Vec::new(),
            flow: FlowSettings::default(),
            password: PasswordPolicy::default(),
            argon2: Argon2Settings::default(),
            limits: LimitSettings::default(),
            account_enumeration: AccountEnumeration::default(),
            captcha: None,
            login: LoginSettings::default(),
            registration: RegistrationSettings::default(),
            code: CodeSettings::default(),
            sms: SmsSettings::default(),
            verification: VerificationSettings::default(),
            recovery: RecoverySettings::default(),
            totp: TotpSettings::default(),
            lookup_secret: LookupSecretSettings::default(),
            trusted_device: TrustedDeviceSettings::default(),
            passkey: PasskeySettings::default(),
            webauthn: WebauthnSettings::default(),
            relying_party: RelyingPartySettings::default(),
            ceremony: CeremonySettings::default(),
            attestation: AttestationSettings::default(),
        }
    }
}

/// Authenticator apps as a second factor (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TotpSettings {
    /// Whether people may set one up. Those that are set up go on to be asked for.
    pub enabled: bool,
    /// The name under which the app lists the account; by default the host of the tenant.
    pub issuer: Option<String>,
}

impl Default for TotpSettings {
    fn default() -> Self {
        Self { enabled: true, issuer: None }
    }
}

/// Backup codes as a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookupSecretSettings {
    /// Whether people may have them made. Those that are there go on to be taken.
    pub enabled: bool,
}

impl Default for LookupSecretSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// How much a session must have proven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequiredAssurance {
    /// One factor.
    Aal1,
    /// A second factor, of whoever has one.
    #[default]
    HighestAvailable,
}

/// What a session must be to count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhoamiSettings {
    /// How much it must have proven to be told who is signed in, and to get tokens.
    pub required_aal: RequiredAssurance,
    /// Sessions as tokens (`tokenize_as`).
    #[serde(skip_serializing_if = "is_default")]
    pub tokenizer: TokenizerSettings,
}

/// What a session must be to change an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsFlowSettings {
    /// How much it must have proven.
    pub required_aal: RequiredAssurance,
    /// Whether people may delete their accounts themselves, on the settings page or by `DELETE /portcullis/v1/account`. It
    /// cannot be undone, and whatever apps keep of an account is theirs to delete: so it is off until somebody who knows
    /// of it (the audit record `identity.deleted`, the hook `event`) switches it on.
    #[serde(skip_serializing_if = "is_default")]
    pub account_deletion: bool,
}

/// One identity schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaSettings {
    /// The JSON Schema itself. References must stay inside the document.
    pub schema: serde_json::Value,
    /// Whether people may choose it when they sign up (`?identity_schema=`).
    #[serde(default)]
    pub selfservice_selectable: bool,
}

/// Sessions and their cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSettings {
    /// How long a session lasts, in seconds. A day.
    pub lifespan_seconds: u64,
    /// Whether the browser keeps the cookie after it closes.
    pub persistent_cookie: bool,
    /// The domain on which browsers send the session's cookie, subdomains included: one session over
    /// `app.example.com` and `shop.example.com` of a tenant at `id.example.com` with `example.com`. At most the
    /// registrable domain; absent binds it to the very host. Whatever runs on a host of the domain can read requests
    /// with the cookie, and set one. A tenant whose host it does not fit has it bound to its host. Under another registrable
    /// domain it is another cookie: see `alias`.
    pub cookie_domain: Option<String>,
    /// How long after signing in a session may change credentials without signing in again, in
    /// seconds. An hour.
    pub privileged_max_age_seconds: u64,
    /// What a session must be to count.
    #[serde(skip_serializing_if = "is_default")]
    pub whoami: WhoamiSettings,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            lifespan_seconds: 24 * 3600,
            persistent_cookie: true,
            cookie_domain: None,
            privileged_max_age_seconds: 3600,
            whoami: WhoamiSettings::default(),
        }
    }
}

impl SessionSettings {
    /// How long a session lasts.
    pub const fn lifespan(&self) -> Duration {
        Duration::from_secs(self.lifespan_seconds)
    }

    /// How long a session may change credentials.
    pub const fn privileged_max_age(&self) -> Duration {
        Duration::from_secs(self.privileged_max_age_seconds)
    }
}

/// Self-service forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowSettings {
    /// How long a form may be submitted, in seconds. An hour.
    pub lifespan_seconds: u64,
    /// Where a browser goes after a form that named no `return_to`: a path of this server, or a URL.
    pub default_return_url: String,
    /// Where `return_to` may point besides this server: URLs; scheme, host and port must be equal
    /// and the path must be the same or below it, by whole segments. `https://*.example.com/app` allows every host below
    /// that domain, by https alone. The domain must be one that somebody registered, or be below one: neither `*.com` nor
    /// `*.co.uk`, and no host below it that is a public suffix or under one. Whoever controls one of the hosts can be where
    /// people are sent, so name each where they are known.
    pub allowed_return_urls: Vec<String>,
    /// Addresses of native applications besides, to which a browser in which their user signed in with another provider leads
    /// back, e.g. `com.example.app:/callback` (RFC 8252 section 7.1): compared exactly, and for forms alone whose session
    /// is fetched with a code (`return_session_token_exchange_code`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native_return_urls: Vec<String>,
    /// Servers to which the tenant's plugins on the hook `login` may send people who begin to sign in, besides
    /// `allowed_return_urls`, e.g. `https://login.customer.example`: scheme, host and port, compared exactly.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    pub login_redirect_origins: BTreeSet<Origin>,
    /// Whether signing up also signs in.
    pub session_after_registration: bool,
    /// Where the pages are that show forms and errors.
    pub ui: UiUrls,
    /// About how many forms of the tenant are stored at a time; of more, the oldest are forgotten. A browser keeps its own
    /// until something is done with them.
    pub most_open: u32,
    /// What a session must be to change an account.
    #[serde(skip_serializing_if = "is_default")]
    pub settings: SettingsFlowSettings,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            lifespan_seconds: 3600,
            default_return_url: "/ui/settings".to_owned(),
            allowed_return_urls: Vec::new(),
            native_return_urls: Vec::new(),
            login_redirect_origins: BTreeSet::new(),
            session_after_registration: true,
            ui: UiUrls::default(),
            most_open: 200_000,
            settings: SettingsFlowSettings::default(),
        }
    }
}

impl FlowSettings {
    /// How long a form may be submitted.
    pub const fn lifespan(&self) -> Duration {
        Duration::from_secs(self.lifespan_seconds)
    }
}

/// The pages to which browsers are sent with `?flow=<id>` (errors: `?id=<id>`): paths of this server, by
/// default the built-in pages, or URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UiUrls {
    /// Signing in.
    pub login: String,
    /// Signing up.
    pub registration: String,
    /// Changing one's account.
    pub settings: String,
    /// Proving an address.
    pub verification: String,
    /// Getting back in.
    pub recovery: String,
    /// Errors.
    pub error: String,
}

impl Default for UiUrls {
    fn default() -> Self {
        Self {
            login: "/ui/login".to_owned(),
            registration: "/ui/registration".to_owned(),
            settings: "/ui/settings".to_owned(),
            verification: "/ui/verification".to_owned(),
            recovery: "/ui/recovery".to_owned(),
            error: "/ui/error".to_owned(),
        }
    }
}

/// What a password must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// The fewest characters (NIST SP 800-63B section 5.1.1 asks for 8 at least).
    pub min_length: u32,
    /// The most bytes; a longer one is refused before it is hashed.
    pub max_bytes: u32,
    /// Whether a password that resembles the identifier is refused.
    pub refuse_similar_to_identifier: bool,
    /// Passwords that are known from breaches.
    #[serde(skip_serializing_if = "is_default")]
    pub breached: BreachedSettings,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: 8,
            max_bytes: 1024,
            refuse_similar_to_identifier: true,
            breached: BreachedSettings::default(),
        }
    }
}

/// Argon2id parameters (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Argon2Settings {
    /// Memory in KiB.
    #[schemars(range(min = 8, max = 1_048_576))]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[schemars(range(min = 1, max = 10))]
    pub iterations: u32,
    /// Lanes.
    #[schemars(range(min = 1, max = 16))]
    pub parallelism: u32,
}

impl Default for Argon2Settings {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// How many attempts are answered before they are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Failed logins for one identifier, from everywhere.
    pub identifier: Rate,
    /// Failed logins and registrations from one client address (IPv6: one /64).
    pub address: Rate,
    /// Failed logins and registrations at the tenant as a whole, at all nodes together. While there are more, nobody signs
    /// in there.
    pub tenant: TenantCeiling,
    /// Who guesses on where an identifier, an address, a code or a second factor has no attempts left waits twice as long
    /// each time, up to so many seconds. 0 turns that off: then the next attempt is always due after `refill_seconds`.
    pub longest_wait_seconds: u32,
    /// Forms begun from one client address (IPv6: one /64). Those that end well do not count.
    pub flow: Rate,
    /// Codes sent to one address.
    pub mail: Rate,
    /// Codes tried for one address, in whatever form.
    pub code: Rate,
    /// Wrong codes of one person's second factors, from everywhere.
    #[serde(default = "LimitSettings::second_factor")]
    pub second_factor: Rate,
}

const fn mail_rate() -> Rate {
    Rate { burst: 5, refill_seconds: 60 }
}

const fn code_rate() -> Rate {
    Rate { burst: 15, refill_seconds: 60 }
}

impl LimitSettings {
    /// Few: a code has six digits, and whoever guesses them knows the password.
    const fn second_factor() -> Rate {
        Rate { burst: 10, refill_seconds: 300 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            identifier: Rate { burst: 20, refill_seconds: 30 },
            address: Rate { burst: 100, refill_seconds: 3 },
            tenant: TenantCeiling::default(),
            longest_wait_seconds: 900,
            flow: Rate { burst: 1000, refill_seconds: 1 },
            mail: mail_rate(),
            code: code_rate(),
            second_factor: Self::second_factor(),
        }
    }
}

/// How many attempts there may be at a tenant as a whole.
///
/// The default is what the hashes of two cores allow anyway: it is there for nodes with many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantCeiling {
    /// So many attempts; 0 for no ceiling.
    pub attempts: u32,
    /// Within so many seconds.
    pub within_seconds: u32,
}

impl Default for TenantCeiling {
    fn default() -> Self {
        Self { attempts: 100_000, within_seconds: 600 }
    }
}

impl TenantCeiling {
    /// What the tenant's bucket holds. It does not back off: that would make an outage of each flood.
    pub(crate) fn allowance(self) -> Option<Allowance> {
        let within = Duration::from_secs(u64::from(self.within_seconds));
        let step = within.checked_div(self.attempts)?;
        Some(Allowance { burst: self.attempts, step, longest_wait: Duration::ZERO })
    }
}

/// A bucket of attempts that fills again with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Attempts in a row; 0 refuses all.
    pub burst: u32,
    /// Seconds after which one more is allowed.
    pub refill_seconds: u32,
}

/// Whether forms may tell that an account exists.
///
/// Login never tells, by text, status or time, whatever is set here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountEnumeration {
    /// Registration says that an identifier is taken, as people expect, and signs in at once. Also written `compatible`.
    #[default]
    #[serde(alias = "compatible")]
    Disclose,
    /// Registration ends in a message whoever has the address: with a code that makes the account, or with word that
    /// there is one. Without an address to send it to, a taken identifier is answered like any other invalid input.
    /// New tenants that are made by API or by command have it.
    Mitigate,
}
