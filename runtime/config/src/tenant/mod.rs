//! `[[tenant]]`

mod alias;
mod client;
mod courier;
mod json;
mod plugin;
mod requests;
mod settings;
mod smtp;
mod stored;
pub mod token_hook;

use std::collections::{BTreeMap, HashMap};

use identity::settings::check_cookie_domain;
use identity::webauthn::{RelyingParty, UnusableRelyingParty};
use primitives::{SecretReference, TenantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenancy::plugin::TrustSettings;
use tenancy::plugin::secrets::is_secret_name;
use tenancy::secrets::TENANT_SECRETS_AT_MOST;
use tenancy::webhook::WebhookAuth;
use tenancy::{DeclaredPlugin, Webhook};
use url::Url;

use crate::problem::{Checker, Report};
use crate::server::check_issuer;

pub use client::DeclaredClient;
pub use courier::{TenantChannels, TenantCourier};

pub use settings::{SettingsError, StoredSettings, TenantSettings};
pub use smtp::TenantSmtp;

/// A tenant that this file owns: one product with its keys, clients, people, plugins and looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// 1 to 63 lower-case letters, digits and inner hyphens. `default` answers at the root of the base
    /// URL, others below `/t/<id>` or at their `host`. Never changes.
    #[schemars(with = "String")]
    pub id: TenantId,
    /// The host name at which it answers, e.g. `id.customer.example`, without scheme and port.
    #[serde(default)]
    pub host: Option<String>,
    /// The issuer that its tokens name. Without it, `https://<host>`, or the base URL with `/t/<id>`
    /// (`default`: without).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub issuer: Option<Url>,
    /// Whether it answers nobody while its data stays.
    #[serde(default)]
    pub suspended: bool,
    /// How its authorization server behaves.
    #[serde(default)]
    pub oauth2: oauth2::settings::Settings,
    /// How its people sign up, sign in and stay signed in.
    #[serde(default)]
    pub identity: identity::Settings,
    /// The other providers with which its people sign in.
    #[serde(default)]
    pub federation: federation::Settings,
    /// How its pages look.
    #[serde(default)]
    pub branding: ui::Branding,
    /// What it signs with.
    #[serde(default)]
    pub keys: jose::settings::Settings,
    /// The components that shape what it does. The order in the file means nothing.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<DeclaredPlugin>,
    /// Whose signatures of components it accepts.
    #[serde(default)]
    pub plugin_trust: TrustSettings,
    /// The servers of its own that are told what happens, or asked.
    #[serde(default, rename = "webhook")]
    pub webhooks: Vec<Webhook>,
    /// What its messages say, and who carries them.
    #[serde(default)]
    pub courier: TenantCourier,
    /// Its secrets, by the names by which its settings refer to them. They are read when the file is, and
    /// kept encrypted.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretReference>,
    /// Its applications.
    #[serde(default, rename = "client")]
    pub clients: Vec<DeclaredClient>,
}

impl Tenant {
    /// The settings that its sections hold.
    pub fn settings(&self) -> TenantSettings {
        TenantSettings {
            oauth2: self.oauth2.clone(),
            identity: self.identity.clone(),
            // Their secrets go another way, as those of plugins do.
            federation: self.federation.without_secrets(),
            branding: self.branding.clone(),
            keys: self.keys.clone(),
            plugin_trust: self.plugin_trust.clone(),
            webhooks: self.webhooks.clone(),
            courier: self.courier.clone(),
            // Their secrets go another way: sealed, and not into a document that the API shows.
            plugins: self
                .plugins
                .iter()
                .map(|plugin| DeclaredPlugin { secrets: BTreeMap::new(), ..plugin.clone() })
                .collect(),
        }
    }

    /// The issuer, where it can be known: of a tenant without issuer and host only with a base URL.
    fn effective_issuer(&self, base_url: Option<&Url>) -> Option<String> {
        let mut tenant = tenancy::Tenant::new(
            self.id.clone(),
            tenancy::ManagedBy::File,
            primitives::Timestamp::from_seconds(0),
        );
        tenant.host.clone_from(&self.host);
        tenant.issuer.clone_from(&self.issuer);
        let known = self.issuer.is_some() || self.host.is_some();
        // An issuer or a host comes before the base URL, so that any will do then.
        let any = || if known { Url::parse("http://localhost").ok() } else { None };
        base_url.cloned().or_else(any).map(|base_url| tenant.issuer(&base_url))
    }
}

/// Checks what is declared of a plugin outside of a tenant's settings, by the rules that they have.
pub fn check_plugin(declared: &DeclaredPlugin) -> Result<(), SettingsError> {
    let mut found = Vec::new();
    plugin::check_all(std::slice::from_ref(declared), &mut |key, message| {
        found.push((key.strip_prefix("plugin[0].").unwrap_or(key).to_owned(), message));
    });
    if found.is_empty() { Ok(()) } else { Err(SettingsError::Contradiction(found)) }
}

/// Checks each tenant, and that they do not collide.
pub(crate) fn check_all(tenants: &[Tenant], base_url: Option<&Url>, checker: &mut Checker<'_>) {
    check_names(tenants, base_url, checker);
    check_issuers(tenants, base_url, checker);
    for (index, tenant) in tenants.iter().enumerate() {
        let at = format!("tenant[{index}]");
        tenant.settings().check(&mut |key, message| checker.report(&format!("{at}.{key}"), message));
        let files = checker.files();
        let mut report = |key: &str, message| checker.report(&format!("{at}.{key}"), message);
        plugin::check_files(&tenant.plugins, files, &mut report);
        plugin::check_secrets(&tenant.plugins, &mut report);
        check_secrets(tenant, &mut report);
        if let Some(list) = tenant.identity.password.breached.list.as_ref().filter(|list| !files(list)) {
            report("identity.password.breached.list", format!("there is no file {}", list.display()));
        }
        check_session_cookie(tenant, base_url, &at, checker);
        alias::check_places(tenants, (index, base_url), &mut |key, message| {
            checker.report(&format!("{at}.{key}"), message);
        });
        check_relying_party(tenant, base_url, &at, checker);
        check_clients(tenant, &at, checker);
    }
}

/// Checks that somebody is trusted where signatures are required.
pub(crate) fn check_trust(tenants: &[Tenant], node: &tenancy::plugin::Settings, checker: &mut Checker<'_>) {
    for (index, tenant) in tenants.iter().enumerate() {
        plugin::check_trust(tenant, node, &mut |key, message| {
            checker.report(&format!("tenant[{index}].{key}"), message);
        });
    }
}

fn check_names(tenants: &[Tenant], base_url: Option<&Url>, checker: &mut Checker<'_>) {
    let mut ids = HashMap::new();
    let mut hosts = HashMap::new();
    for (index, tenant) in tenants.iter().enumerate() {
        let key = |name: &str| format!("tenant[{index}].{name}");
        if let Some(first) = ids.insert(&tenant.id, index) {
            checker.report(&key("id"), format!("`{}` is also the id of tenant[{first}]", tenant.id));
        }
        let Some(host) = &tenant.host else { continue };
        if let Err(message) = check_host(host) {
            checker.report(&key("host"), format!("`{host}` {message}"));
        } else if let Some(first) = hosts.insert(host, index) {
            checker.report(&key("host"), format!("tenant[{first}] answers at `{host}` too"));
        } else if base_url.and_then(Url::host_str) == Some(host) && tenant.id.as_str() != TenantId::DEFAULT {
            checker.report(
                &key("host"),
                format!("`{host}` is the host of the base URL, where `{}` answers", TenantId::DEFAULT),
            );
        }
    }
}

fn check_issuers(tenants: &[Tenant], base_url: Option<&Url>, checker: &mut Checker<'_>) {
    let mut issuers = HashMap::new();
    // `default` is there whether the file declares it or not.
    if !tenants.iter().any(|tenant| tenant.id.as_str() == TenantId::DEFAULT)
        && let Some(base_url) = base_url
    {
        let issuer = base_url.as_str().trim_end_matches('/').to_owned();
        issuers.insert(issuer, (TenantId::DEFAULT.to_owned(), false));
    }
    for (index, tenant) in tenants.iter().enumerate() {
        let key = format!("tenant[{index}].issuer");
        if let Some(Err(message)) = tenant.issuer.as_ref().map(check_issuer) {
            checker.report(&key, message);
            continue;
        }
        // A second tenant of one id was reported as such.
        if tenants.iter().take(index).any(|earlier| earlier.id == tenant.id) {
            continue;
        }
        let Some(issuer) = tenant.effective_issuer(base_url) else { continue };
        let written = tenant.issuer.is_some();
        // Two that follow from hosts are two equal hosts, which were reported.
        if let Some((first, first_written)) =
            issuers.insert(issuer.clone(), (format!("tenant[{index}]"), written))
            && (written || first_written)
        {
            checker.report(&key, format!("{issuer} is also the issuer of {first}"));
        }
    }
}

/// Checks what the file says of a tenant's secrets: each has a name, and none is missing that its settings need.
fn check_secrets(tenant: &Tenant, report: &mut Report<'_>) {
    if tenant.secrets.len() > TENANT_SECRETS_AT_MOST {
        report("secrets", format!("are more than {TENANT_SECRETS_AT_MOST}"));
    }
    for name in tenant.secrets.keys().filter(|name| !is_secret_name(name)) {
        report("secrets", format!("`{name}` is no name: 1 to 64 letters, digits, `_`, `-` and `.`"));
    }
    if let Some(captcha) = &tenant.identity.captcha
        && is_secret_name(&captcha.secret)
        && !tenant.secrets.contains_key(&captcha.secret)
    {
        report("identity.captcha.secret", format!("`secrets` has no `{}`", captcha.secret));
    }
    let channels = &tenant.courier.channels;
    for (key, channel) in [("email", &channels.email), ("sms", &channels.sms)] {
        let name = channel.as_ref().and_then(|channel| channel.auth.as_ref()).map(WebhookAuth::secret);
        if let Some(name) = name.filter(|name| is_secret_name(name) && !tenant.secrets.contains_key(*name)) {
            report(&format!("courier.channels.{key}.auth.secret"), format!("`secrets` has no `{name}`"));
        }
    }
    let hook = tenant.oauth2.token_hook.as_ref().and_then(|hook| hook.auth.as_ref());
    if let Some(oauth2::token_webhook::TokenHookAuth::ApiKey { secret, .. }) = hook
        && is_secret_name(secret)
        && !tenant.secrets.contains_key(secret)
    {
        report("oauth2.token_hook.auth.secret", format!("`secrets` has no `{secret}`"));
    }
    let password = tenant.courier.smtp.as_ref().and_then(|smtp| smtp.password.as_deref());
    if let Some(name) = password.filter(|name| is_secret_name(name) && !tenant.secrets.contains_key(*name)) {
        report("courier.smtp.password", format!("`secrets` has no `{name}`"));
    }
    for (index, webhook) in tenant.webhooks.iter().enumerate() {
        let auth = webhook.auth.as_ref().map(|auth| ("auth.secret", auth.secret()));
        let signing = webhook.signing_secret.as_deref().map(|name| ("signing_secret", name));
        for (key, name) in auth.into_iter().chain(signing) {
            if is_secret_name(name) && !tenant.secrets.contains_key(name) {
                report(&format!("webhook[{index}].{key}"), format!("`secrets` has no `{name}`"));
            }
        }
    }
}

/// A cookie's domain is the host's own or above it, and nobody else's.
fn check_session_cookie(tenant: &Tenant, base_url: Option<&Url>, at: &str, checker: &mut Checker<'_>) {
    let Some(domain) = &tenant.identity.session.cookie_domain else { return };
    let issuer = tenant.effective_issuer(base_url).and_then(|issuer| Url::parse(&issuer).ok());
    let Some(host) = issuer.as_ref().and_then(Url::host_str) else { return };
    if let Err(error) = check_cookie_domain(domain, host) {
        checker.report(&format!("{at}.identity.session.cookie_domain"), error.to_string());
    }
}

/// Passkeys are bound to a domain that the tenant's host is in and nobody else shares. Where nothing was configured, a
/// tenant whose host cannot have passkeys just has none.
fn check_relying_party(tenant: &Tenant, base_url: Option<&Url>, at: &str, checker: &mut Checker<'_>) {
    let settings = &tenant.identity.relying_party;
    let Some(base) = tenant.effective_issuer(base_url).and_then(|issuer| Url::parse(&issuer).ok()) else {
        return;
    };
    if *settings == identity::settings::RelyingPartySettings::default() {
        return;
    }
    if let Err(error) = RelyingParty::of(settings, &base) {
        let key = match &error {
            UnusableRelyingParty::Origin(_) => "origins",
            UnusableRelyingParty::NoName
            | UnusableRelyingParty::Insecure
            | UnusableRelyingParty::NotAbove { .. }
            | UnusableRelyingParty::PublicSuffix(_) => "id",
        };
        checker.report(&format!("{at}.identity.relying_party.{key}"), error.to_string());
    }
}

fn check_clients(tenant: &Tenant, at: &str, checker: &mut Checker<'_>) {
    let mut ids = HashMap::new();
    for (index, client) in tenant.clients.iter().enumerate() {
        let at = format!("{at}.client[{index}]");
        if let Some(first) = ids.insert(&client.client_id, index) {
            checker.report(
                &format!("{at}.client_id"),
                format!("`{}` is also the id of client[{first}]", client.client_id),
            );
        }
        client.check(tenant.oauth2.security_profile, &mut |key, message| {
            checker.report(&format!("{at}.{key}"), message);
        });
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let labels = host.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if host.len() > 253 || !labels {
        return Err("is not a host name; write it in lower case without scheme, port or path");
    }
    Ok(())
}
