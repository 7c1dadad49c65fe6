//! A tenant's settings: one type for its TOML section and for the document that the database keeps.

use std::time::Duration;

use identity::return_to::AllowedReturn;
use identity::schema::{SchemaError, Schemas};
use identity::settings::AccountEnumeration;
use jose::{RotationSchedule, SigningAlgorithm};
use oauth2::authorization::ResponseType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tenancy::plugin::TrustSettings;
use tenancy::plugin::secrets::is_secret_name;
use tenancy::{DeclaredPlugin, Webhook};
use url::Url;

use super::{TenantCourier, alias, json, plugin, requests, stored, token_hook};
use crate::problem::Report;

/// What a tenant may set about itself. A section or key that is absent has its default.
///
/// In a file these are the sections of `[[tenant]]`; the database keeps them as one document of the same
/// form ([`TenantSettings::to_document`]).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    /// How its authorization server behaves.
    pub oauth2: oauth2::settings::Settings,
    /// How its people sign up, sign in and stay signed in.
    pub identity: identity::Settings,
    /// The other providers with which its people sign in.
    pub federation: federation::Settings,
    /// How its pages look.
    pub branding: ui::Branding,
    /// What it signs with.
    pub keys: jose::settings::Settings,
    /// Its plugins.
    #[serde(rename = "plugin")]
    pub plugins: Vec<DeclaredPlugin>,
    /// Whose signatures of components it accepts.
    pub plugin_trust: TrustSettings,
    /// The servers of its own that are told what happens, or asked.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<Webhook>,
    /// What its messages say, and who carries them.
    pub courier: TenantCourier,
}

/// Settings as they were read from the database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSettings {
    /// The settings.
    pub settings: TenantSettings,
    /// Keys that this binary does not know, e.g. `oauth2.par_required`: an older or newer one wrote them.
    /// They have no effect here; whoever loads the tenant logs them.
    pub unknown: Vec<String>,
}

/// A settings document cannot be used. The fault of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A key is unknown, or a value has the wrong type or form.
    #[error("{0}")]
    Form(String),
    /// Values contradict each other or a rule, each with its key.
    #[error("{}", .0.iter().map(|(key, message)| format!("{key}: {message}")).collect::<Vec<_>>().join("; "))]
    Contradiction(Vec<(String, String)>),
}

impl TenantSettings {
    /// Reads a stored document. Keys that this binary does not know are named and otherwise passed over,
    /// so that a node of an older version goes on serving; a value that it does not know is an error.
    pub fn from_document(document: &Map<String, Value>) -> Result<StoredSettings, SettingsError> {
        stored::read(document)
    }

    /// Takes a new document, as the API receives it: what is unknown or contradicts itself is refused.
    pub fn check_document(document: &Map<String, Value>) -> Result<Self, SettingsError> {
        let settings = stored::parse(document)?;
        let mut found = Vec::new();
        settings.check(&mut |key, message| found.push((key.to_owned(), message)));
        check_document_alone(&settings, &mut |key, message| found.push((key.to_owned(), message)));
        if found.is_empty() { Ok(settings) } else { Err(SettingsError::Contradiction(found)) }
    }

    /// The document that the database keeps: what differs from the defaults, so that a default that
    /// changes reaches every tenant that left it.
    pub fn to_document(&self) -> Map<String, Value> {
        stored::write(self)
    }

    /// The algorithms of which the tenant has keys: those that it names, and those that its tokens are
    /// signed with.
    pub fn signing_algorithms(&self) -> Vec<SigningAlgorithm> {
        let mut wanted = self.keys.algorithms.clone();
        for used in [self.oauth2.id_token_signing_algorithm, self.oauth2.access_token_signing_algorithm] {
            if !wanted.contains(&used) {
                wanted.push(used);
            }
        }
        wanted
    }

    /// When its keys follow each other: a retired one is kept for the tenant's longest token at least, those of sessions
    /// included. Who
    /// retires one sees to those of clients with lifespans of their own
    /// ([`oauth2::lifespan::longest_of_clients`]).
    pub fn rotation_schedule(&self) -> RotationSchedule {
        self.keys.rotation.covering(self.longest_token())
    }

    /// How long what its keys sign lives at most, clients with lifespans of their own aside.
    fn longest_token(&self) -> Duration {
        let oauth2 = &self.oauth2;
        let tokens = [oauth2.access_token_lifespan, oauth2.id_token_lifespan, oauth2.credentials.lifespan];
        let longest = tokens.into_iter().map(|lifespan| lifespan.0).max().unwrap_or_default();
        longest.max(self.identity.session.whoami.tokenizer.longest())
    }

    /// The same by a stored document, for whoever puts another in its place ([`oauth2::lifespan::keys_needed`]); no time by one that
    /// cannot be read, since nobody is served by it.
    pub fn longest_token_by(document: &Map<String, Value>) -> Duration {
        Self::from_document(document).map_or(Duration::ZERO, |stored| stored.settings.longest_token())
    }

    /// Reports what contradicts itself, by key, e.g. `identity.session.cookie_domain`.
    pub(crate) fn check(&self, report: &mut Report<'_>) {
        check_oauth2(&self.oauth2, report);
        check_identity(&self.identity, report);
        self.federation.check(&mut |key, message| report(&format!("federation.{key}"), message));
        check_branding(&self.branding, report);
        check_keys(&self.keys, report);
        check_profile(self, report);
        plugin::check_all(&self.plugins, report);
        requests::check_judges(&self.oauth2, &self.plugins, report);
        tenancy::webhook::check_all(&self.webhooks, report);
        self.courier.check(report);
    }
}

/// Why whoever writes a tenant's settings elsewhere than in the file may not write a key.
const FILE_ALONE: &str = "can only be declared in the node's configuration file";

/// What the file of a node may say of a tenant, and whoever else writes its settings may not.
///
/// Attack: whoever may write a tenant's settings has a script of their own run on the tenant's pages, which are of one origin
/// with those of other tenants, and acts there in the name of whoever visits them.
fn check_document_alone(settings: &TenantSettings, report: &mut Report<'_>) {
    if settings.identity.captcha.as_ref().is_some_and(|captcha| captcha.script_url.is_some()) {
        report("identity.captcha.script_url", FILE_ALONE.to_owned());
    }
    // Attack: they learn which files the node has, and of which form they are.
    if settings.identity.password.breached.list.is_some() {
        report("identity.password.breached.list", FILE_ALONE.to_owned());
    }
}

fn check_registration(settings: &oauth2::registration::RegistrationSettings, report: &mut Report<'_>) {
    if settings.unused_lifespan.0.is_zero() {
        report("oauth2.registration.unused_lifespan", "must be longer than nothing".to_owned());
    }
    if settings.idle_lifespan.is_some_and(|idle| idle.0.is_zero()) {
        report("oauth2.registration.idle_lifespan", "must be longer than nothing".to_owned());
    }
    if oauth2::scope::Scopes::parse(&settings.scopes.join(" ")).is_err() {
        report("oauth2.registration.scopes", "holds what is no scope".to_owned());
    }
    for (index, host) in settings.metadata_document_hosts.iter().enumerate() {
        if !oauth2::metadata_document::is_host(host) {
            let words = format!("`{host}` is not the name of a host, with its port perhaps, nor `*`");
            report(&format!("oauth2.registration.metadata_document_hosts[{index}]"), words);
        }
    }
    if settings.require_software_statement && settings.software_publishers.is_empty() {
        let words = "asks for what nobody can bring: there are no `software_publishers`";
        report("oauth2.registration.require_software_statement", words.to_owned());
    }
    for (index, publisher) in settings.software_publishers.iter().enumerate() {
        if let Err(error) = jose::JwkSet::from_map(&publisher.jwks) {
            report(&format!("oauth2.registration.software_publishers[{index}].jwks"), error.to_string());
        }
    }
}

/// A profile holds for what the tenant signs as for what its clients do.
fn check_profile(settings: &TenantSettings, report: &mut Report<'_>) {
    let Some(profile) = settings.oauth2.security_profile else { return };
    let oauth2 = &settings.oauth2;
    let named = settings.keys.algorithms.iter().map(|algorithm| ("keys.algorithms", *algorithm));
    let used = [
        ("oauth2.id_token_signing_algorithm", oauth2.id_token_signing_algorithm),
        ("oauth2.access_token_signing_algorithm", oauth2.access_token_signing_algorithm),
    ];
    for (key, algorithm) in named.chain(used) {
        if !oauth2::security_profile::ALGORITHMS.contains(&algorithm.as_str()) {
            let known = oauth2::security_profile::ALGORITHMS.join(", ");
            report(key, format!("`{algorithm}` is none of those of `{}`: {known}", profile.as_str()));
        }
    }
    if oauth2.pkce_plain {
        report("oauth2.pkce_plain", format!("`{}` has no method of PKCE but S256", profile.as_str()));
    }
}

fn check_certificates(settings: &oauth2::mtls::CertificateSettings, report: &mut Report<'_>) {
    const AT: &str = "oauth2.client_certificates";
    for (index, authority) in settings.authorities.iter().enumerate() {
        if let Err(error) = oauth2::mtls::Authorities::parse([authority.as_str()]) {
            report(&format!("{AT}.authorities[{index}]"), error.to_string());
        }
    }
    if let Some(url) = &settings.base_url {
        let at = format!("{AT}.base_url");
        let is_bare = Url::parse(url).is_ok_and(|url| {
            url.scheme() == "https"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        });
        if !is_bare {
            report(&at, format!("`{url}` must be an https URL without query and fragment"));
        }
    }
}

fn check_oauth2(settings: &oauth2::settings::Settings, report: &mut Report<'_>) {
    for (key, lifespan) in [
        ("authorization_code_lifespan", settings.authorization_code_lifespan),
        ("access_token_lifespan", settings.access_token_lifespan),
        ("id_token_lifespan", settings.id_token_lifespan),
        ("refresh_token_lifespan", settings.refresh_token_lifespan),
        ("pushed_request_lifespan", settings.pushed_request_lifespan),
        ("request_object_lifespan", settings.request_object_lifespan),
        ("interaction_lifespan", settings.interaction_lifespan),
        ("device_code_lifespan", settings.device_code_lifespan),
        ("device_poll_interval", settings.device_poll_interval),
        ("login_session_lifespan", settings.login_session_lifespan),
        ("client_assertion_lifespan", settings.client_assertion_lifespan),
        ("dpop_proof_lifespan", settings.dpop_proof_lifespan),
        ("credentials.lifespan", settings.credentials.lifespan),
        ("credentials.nonce_lifespan", settings.credentials.nonce_lifespan),
    ] {
        if lifespan.0.is_zero() {
            report(&format!("oauth2.{key}"), "must be longer than nothing".to_owned());
        }
    }
    if !oauth2::token_format::is_prefix(&settings.token_prefix) {
        let words = "must be 2 to 16 lower-case letters and digits, a letter first";
        report("oauth2.token_prefix", words.to_owned());
    }
    // RFC 9126 section 2.2: what is pushed is for a browser that comes at once.
    if settings.pushed_request_lifespan.0 > std::time::Duration::from_mins(10) {
        report("oauth2.pushed_request_lifespan", "must be ten minutes at most".to_owned());
    }
    if !settings.response_types.contains(&ResponseType::Code) {
        report("oauth2.response_types", "must hold `code`; others stand beside it".to_owned());
    }
    // A request that was signed names the grant that it becomes, which is remembered for days.
    if settings.request_object_lifespan.0 > std::time::Duration::from_hours(1) {
        report("oauth2.request_object_lifespan", "must be an hour at most".to_owned());
    }
    // RFC 9449 section 11.1: each proof is remembered for as long as it could be used again.
    if settings.dpop_proof_lifespan.0 > std::time::Duration::from_mins(5) {
        report("oauth2.dpop_proof_lifespan", "must be five minutes at most".to_owned());
    }
    // Nothing ends a credential before its time.
    if settings.credentials.lifespan.0 > std::time::Duration::from_hours(24) {
        report("oauth2.credentials.lifespan", "must be a day at most".to_owned());
    }
    if settings.credentials.nonce_lifespan.0 > std::time::Duration::from_hours(1) {
        report("oauth2.credentials.nonce_lifespan", "must be an hour at most".to_owned());
    }
    if settings.device_code_lifespan.0 > std::time::Duration::from_hours(1) {
        report("oauth2.device_code_lifespan", "must be an hour at most".to_owned());
    }
    let interval = settings.device_poll_interval.0;
    if interval.subsec_nanos() != 0 || interval > std::time::Duration::from_mins(1) {
        report("oauth2.device_poll_interval", "must be whole seconds, a minute at most".to_owned());
    }
    if settings.refresh_token_grace.0 >= settings.refresh_token_lifespan.0 {
        report("oauth2.refresh_token_grace", "must be shorter than `refresh_token_lifespan`".to_owned());
    }
    if !settings.userinfo_step_up.is_plain() {
        let words =
            "holds what cannot stand in an answer: one word of ASCII each, without quotes and backslashes";
        report("oauth2.userinfo_step_up.acr_values", words.to_owned());
    }
    check_registration(&settings.registration, report);
    requests::check(settings, report);
    if let Some(hook) = &settings.token_hook {
        token_hook::check(hook, report);
    }
    for (index, api) in settings.protected_resources.iter().enumerate() {
        for (property, words) in api.mistakes() {
            report(&format!("oauth2.protected_resources[{index}].{property}"), words.to_owned());
        }
        if settings.protected_resources.iter().take(index).any(|other| other.resource == api.resource) {
            report(&format!("oauth2.protected_resources[{index}].resource"), "is declared twice".to_owned());
        }
    }
    check_certificates(&settings.client_certificates, report);
    for (index, scope) in settings.scopes_supported.iter().enumerate() {
        let one = !scope.is_empty() && !scope.contains(' ') && oauth2::scope::Scopes::parse(scope).is_ok();
        if !one {
            report(&format!("oauth2.scopes_supported[{index}]"), format!("`{scope}` is not one scope"));
        }
    }
    let urls = &settings.urls;
    for (key, url) in [
        ("post_logout_redirect_uri", &settings.post_logout_redirect_uri),
        ("urls.login", &urls.login),
        ("urls.consent", &urls.consent),
        ("urls.logout", &urls.logout),
        ("urls.error", &urls.error),
        ("urls.device.verification", &urls.device.verification),
    ] {
        if let Some(url) = url {
            check_page(url, &format!("oauth2.{key}"), report);
            // What is appended would stand in the fragment, which the app's server never sees.
            if key.starts_with("urls.") && url.contains('#') {
                report(&format!("oauth2.{key}"), format!("`{url}` must have no fragment"));
            }
        }
    }
}

fn check_identity(settings: &identity::Settings, report: &mut Report<'_>) {
    for (id, schema) in &settings.schemas {
        if let Value::Object(schema) = &schema.schema {
            json::check_object(&format!("identity.schemas.{id}.schema"), schema, report);
        }
    }
    if let Err(error) = Schemas::compile(settings) {
        let key = match &error {
            SchemaError::UnknownDefault(_) => "identity.default_schema".to_owned(),
            SchemaError::TooLarge(id)
            | SchemaError::UnknownDialect(id)
            | SchemaError::NoTraits(id)
            | SchemaError::OutsideReference { schema: id, .. }
            | SchemaError::Invalid { schema: id, .. } => format!("identity.schemas.{id}"),
        };
        report(&key, error.to_string());
    }
    let seconds = [
        ("session.lifespan_seconds", settings.session.lifespan_seconds),
        ("session.privileged_max_age_seconds", settings.session.privileged_max_age_seconds),
        ("flow.lifespan_seconds", settings.flow.lifespan_seconds),
        ("password.min_length", u64::from(settings.password.min_length)),
    ];
    for (key, value) in seconds {
        if value == 0 {
            report(&format!("identity.{key}"), "must be at least 1".to_owned());
        }
    }
    if settings.password.max_bytes < settings.password.min_length {
        report(
            "identity.password.max_bytes",
            "is less than `min_length`: no password could be both".to_owned(),
        );
    }
    settings
        .password
        .breached
        .check(&mut |key, message| report(&format!("identity.password.breached.{key}"), message));
    check_argon2(&settings.argon2, report);
    let ceiling = settings.limits.tenant;
    if ceiling.attempts > 0 && ceiling.within_seconds == 0 {
        let words = "must be at least 1; `attempts = 0` is no ceiling";
        report("identity.limits.tenant.within_seconds", words.to_owned());
    }
    let longest = identity::settings::TrustedDeviceSettings::LONGEST_DAYS;
    if settings.trusted_device.lifespan_days > longest {
        report("identity.trusted_device.lifespan_days", format!("must be 0 to {longest}"));
    }
    let bounds = identity::settings::CeremonySettings::TIMEOUT_SECONDS;
    if !bounds.contains(&settings.ceremony.timeout_seconds) {
        let (shortest, longest) = (bounds.start(), bounds.end());
        report("identity.ceremony.timeout_seconds", format!("must be {shortest} to {longest}"));
    }
    settings.attestation.check(&mut |key, message| report(&format!("identity.attestation.{key}"), message));
    alias::check(&settings.aliases, report);
    check_tokenizer(&settings.session.whoami.tokenizer, report);
    if let Some(captcha) = &settings.captcha {
        captcha.check(&mut |key, message| report(&format!("identity.captcha.{key}"), message));
        if !is_secret_name(&captcha.secret) {
            let words = "is no name of a secret: 1 to 64 letters, digits, `_`, `-` and `.`";
            report("identity.captcha.secret", format!("`{}` {words}", captcha.secret));
        }
    }
    let default = &settings.flow.default_return_url;
    if !default.starts_with('/') || default.starts_with("//") {
        check_page(default, "identity.flow.default_return_url", report);
    }
    if let Some(prefix) = settings.sms.unusable_prefix() {
        let words =
            format!("no international number begins with `{prefix}`; write `+` and digits, e.g. `+49`");
        report("identity.sms.prefixes", words);
    }
    if settings.recovery.choose_address && settings.account_enumeration == AccountEnumeration::Mitigate {
        let words = "tells who has an account: it must be off where `account_enumeration` is \"mitigate\"";
        report("identity.recovery.choose_address", words.to_owned());
    }
    for (index, url) in settings.flow.native_return_urls.iter().enumerate() {
        check_application(url, &format!("identity.flow.native_return_urls[{index}]"), report);
    }
    for (index, url) in settings.flow.allowed_return_urls.iter().enumerate() {
        if let Err(error) = AllowedReturn::parse(url) {
            report(&format!("identity.flow.allowed_return_urls[{index}]"), format!("`{url}` {error}"));
        }
    }
}

fn check_tokenizer(settings: &identity::settings::TokenizerSettings, report: &mut Report<'_>) {
    const AT: &str = "identity.session.whoami.tokenizer";
    settings.check(&mut |key, message| report(&format!("{AT}.{key}"), message));
    for (name, template) in &settings.templates {
        let claims = template.claims.clone().into_iter().collect();
        json::check_object(&format!("{AT}.templates.{name}.claims"), &claims, report);
    }
}

/// The bounds that the schema states; beyond them one login could take the node's memory.
fn check_argon2(argon2: &identity::settings::Argon2Settings, report: &mut Report<'_>) {
    for (key, value, lowest, highest) in [
        ("memory_kib", argon2.memory_kib, 8 * argon2.parallelism.clamp(1, 16), 1_048_576),
        ("iterations", argon2.iterations, 1, 10),
        ("parallelism", argon2.parallelism, 1, 16),
    ] {
        if !(lowest..=highest).contains(&value) {
            report(&format!("identity.argon2.{key}"), format!("must be {lowest} to {highest}"));
        }
    }
}

/// What fits below a name on a phone, in two lines.
const HEADLINE_CHARACTERS: usize = 80;

fn check_branding(branding: &ui::Branding, report: &mut Report<'_>) {
    if branding.name.trim().is_empty() {
        report("branding.name", "is empty; people need to see where they sign in".to_owned());
    }
    if branding.monogram.as_ref().is_some_and(|letters| !(1..=2).contains(&letters.trim().chars().count())) {
        report("branding.monogram", "must be one or two letters".to_owned());
    }
    for (key, url) in [
        ("logo_url", &branding.logo_url),
        ("logo_dark_url", &branding.logo_dark_url),
        ("favicon_url", &branding.favicon_url),
    ] {
        if url.as_ref().is_some_and(|url| url.as_str().starts_with("mailto:")) {
            report(&format!("branding.{key}"), "is an address for mail, not a picture".to_owned());
        }
    }
    for (language, text) in &branding.headline {
        let key = format!("branding.headline.{}", language.tag());
        if !(1..=HEADLINE_CHARACTERS).contains(&text.trim().chars().count()) {
            report(&key, format!("must have 1 to {HEADLINE_CHARACTERS} characters"));
        }
        if text.contains(char::is_control) {
            report(&key, "must be one line of text".to_owned());
        }
    }
    for (key, problem) in branding.texts.problems() {
        report(&format!("branding.texts{key}"), problem);
    }
    if !branding.headline.is_empty() && !branding.headline.contains_key(&branding.default_language) {
        let missing = branding.default_language.tag();
        report("branding.headline", format!("has no text in `default_language`, `{missing}`"));
    }
}

/// How long the published set may be kept by whoever verifies tokens, in seconds, as our answers say: a key that signs
/// sooner makes good tokens look forged.
const LEAST_AHEAD_SECONDS: u64 = 300;

fn check_keys(keys: &jose::settings::Settings, report: &mut Report<'_>) {
    if keys.algorithms.is_empty() {
        report("keys.algorithms", "is empty: there would be no key to sign a token with".to_owned());
    }
    for (index, algorithm) in keys.algorithms.iter().enumerate() {
        if keys.algorithms.iter().take(index).any(|earlier| earlier == algorithm) {
            report(
                &format!("keys.algorithms[{index}]"),
                format!("`{}` is written twice", algorithm.as_str()),
            );
        }
    }
    let rotation = &keys.rotation;
    if rotation.publish_ahead_seconds >= rotation.rotate_every_seconds {
        report("keys.rotation.publish_ahead_seconds", "must be less than `rotate_every_seconds`".to_owned());
    } else if rotation.publish_ahead_seconds < LEAST_AHEAD_SECONDS {
        let words = format!(
            "must be at least {LEAST_AHEAD_SECONDS}: whoever verifies tokens keeps a copy of the key set for so long"
        );
        report("keys.rotation.publish_ahead_seconds", words);
    }
}

/// An address at which a native application is called, by a scheme of its own (RFC 8252 section 7.1).
fn check_application(text: &str, key: &str, report: &mut Report<'_>) {
    const OF_BROWSERS: [&str; 8] =
        ["about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"];
    let wrong = match Url::parse(text) {
        Err(_) => Some("is not an absolute URL"),
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            Some("is no application's; write it in `allowed_return_urls`")
        }
        Ok(url) if OF_BROWSERS.contains(&url.scheme()) => {
            Some("has a scheme that browsers take for their own")
        }
        Ok(url) if url.fragment().is_some() => {
            Some("must have no fragment: what follows it would be part of that")
        }
        Ok(_) => None,
    };
    if let Some(wrong) = wrong {
        report(key, format!("`{text}` {wrong}"));
    }
}

/// An address that a browser may be sent to.
fn check_page(text: &str, key: &str, report: &mut Report<'_>) {
    let wrong = match Url::parse(text) {
        Err(_) => Some("is not an absolute URL"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Some("must be an http or https URL"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("must hold no user name or password")
        }
        Ok(_) => None,
    };
    if let Some(wrong) = wrong {
        report(key, format!("`{text}` {wrong}"));
    }
}
