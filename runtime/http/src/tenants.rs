//! Which tenant a request is for, and that tenant ready for decisions.
//!
//! Start-up and memory do not grow with the number of tenants: one is loaded when it is first visited and
//! leaves when others need its place, or at once when the change log says that it is no longer the same.

mod place;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::str::FromStr as _;
use std::sync::Arc;

use federation::TenantProviders;
use identity::schema::Schemas;
use oauth2::server::{AuthorizationServer, Environment, Issuer, Ports};
use primitives::{Remembered, TenantId, Timestamp};
use serde_json::{Map, Value};
use storage::{EVERYTHING_CHANGED, InvalidatedCache, Storage, TENANT_CHANGED};
use tenancy::plugin::uploaded::{StoredPlugin, UploadedPlugin, UploadedPlugins as _};
use tenancy::plugin::{Binding, HookName, TrustSettings};
use tenancy::webhook::WEBHOOK_PREFIX;
use tenancy::{ManagedBy, Tenant, TenantState, Tenants as _, Webhook};
use ui::{Branding, Locale, PageContext};
use url::Url;

use config::tenant::{StoredSettings, TenantCourier, TenantSettings};

use crate::federated::LinkedSubjects;
use crate::node::Node;
use crate::oauth2::detail_schemas::CompiledSchemas;
use crate::webhooks::TokenHookServer;

/// What a tenant with default settings takes in memory, in bytes.
const AT_LEAST: u64 = 12 * 1024;
/// What a byte of settings takes at most, once it is read and its schemas are compiled.
const PER_BYTE: u64 = 72;
/// What a byte of an uploaded plugin's declaration takes at most: a tree of JSON values.
const DECLARED_PER_BYTE: u64 = 16;
/// Hosts that are remembered.
const HOSTS: u64 = 10_000;

/// A tenant as requests use it: what it is at the address that a browser is at, and what it is everywhere.
#[derive(Debug)]
pub struct LoadedTenant {
    /// What browsers call it here: the issuer, or another address of its own, without a slash at its end.
    pub(crate) base_url: String,
    /// The same, taken apart.
    pub(crate) url: Url,
    /// The path of `base_url`: empty, or e.g. `/t/acme`.
    pub(crate) base_path: String,
    /// The domain of the session's cookie here. Without one it is the host's alone.
    pub(crate) cookie_domain: Option<String>,
    /// Other providers, which lead back to this address.
    pub(crate) providers: TenantProviders,
    everywhere: Arc<TenantRules>,
    /// Itself at its other addresses; none at those.
    aliases: Vec<Arc<Self>>,
}

/// What a tenant is at each of its addresses: its rooms' settings, checked and compiled.
#[derive(Debug)]
pub struct TenantRules {
    pub(crate) id: TenantId,
    pub(crate) state: TenantState,
    /// What tokens call it, without a slash at its end.
    pub(crate) issuer: String,
    pub(crate) oauth2: AuthorizationServer,
    pub(crate) identity: identity::Settings,
    pub(crate) schemas: Schemas,
    pub(crate) branding: Branding,
    /// What its messages say, and who carries them.
    pub(crate) courier: TenantCourier,
    /// Its own servers that are asked or told.
    pub(crate) webhooks: Vec<Webhook>,
    /// Whether the operator's file says what its settings are.
    pub(crate) by_operator: bool,
    /// Whose signatures of components it accepts.
    pub(crate) plugin_trust: TrustSettings,
    /// The plugins that its settings declare, which are not uploaded.
    pub(crate) declared_plugins: BTreeSet<String>,
    /// What it takes in memory, in bytes, as far as its settings tell.
    memory: u64,
}

impl Deref for LoadedTenant {
    type Target = TenantRules;

    fn deref(&self) -> &TenantRules {
        &self.everywhere
    }
}

/// Why a tenant cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LoadError {
    /// The database did not answer.
    #[error("{0}")]
    Store(String),
    /// Its stored settings are not usable; the operator's to mend.
    #[error("the settings of tenant {tenant} are not usable: {reason}")]
    Settings {
        /// Which.
        tenant: TenantId,
        /// What is wrong with them.
        reason: String,
    },
}

impl LoadedTenant {
    /// Whether cookies may only travel over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.base_url.starts_with("https:")
    }

    /// The path that cookies of this tenant are bound to.
    pub(crate) fn cookie_path(&self) -> &str {
        if self.base_path.is_empty() { "/" } else { &self.base_path }
    }

    /// An absolute URL of this tenant.
    pub(crate) fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// What surrounds this tenant's pages. `here` is the page's own path and query.
    pub(crate) fn page_context<'a>(
        &'a self,
        here: &'a str,
        locale: Locale,
        now: Timestamp,
    ) -> PageContext<'a> {
        PageContext {
            branding: &self.branding,
            locale,
            base_path: &self.base_path,
            here,
            client_name: None,
            acting: false,
            registration: self.identity.registration_enabled,
            recovery: self.identity.recovery.enabled,
            password_min_length: self.identity.password.min_length,
            now,
        }
    }
}

/// Finds and keeps tenants.
#[derive(Debug)]
pub(crate) struct TenantDirectory {
    loaded: InvalidatedCache<Arc<LoadedTenant>>,
    /// Host names that were asked for, with the tenant that answers there, if any.
    hosts: Arc<Remembered<String, Option<TenantId>>>,
}

/// A request's path with the tenant that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) tenant: TenantId,
    /// The path within the tenant.
    pub(crate) path: String,
}

impl TenantDirectory {
    /// Keeps at most `count` tenants, which take at most `bytes`.
    pub(crate) fn new(storage: &Storage, (count, bytes): (u64, u64)) -> Self {
        let hosts = Arc::new(Remembered::new(HOSTS));
        let listened: Arc<Remembered<String, Option<TenantId>>> = Arc::clone(&hosts);
        storage.on_change(Box::new(move |record| {
            if record.kind == TENANT_CHANGED || record.kind == EVERYTHING_CHANGED {
                listened.forget_all();
            }
        }));
        // None weighs less than its share: the sum bounds the number too.
        let share = bytes / count.max(1);
        let weigh = move |tenant: &Arc<LoadedTenant>| tenant.memory.max(share);
        Self { loaded: InvalidatedCache::weighed(storage, TENANT_CHANGED, bytes, weigh), hosts }
    }

    /// Says which tenant a request is for: the one of its host, else the one of `/t/{tenant}`, else
    /// `default`. `None` for a prefix that names no possible tenant.
    pub(crate) async fn locate(
        &self,
        storage: &Storage,
        host: Option<&str>,
        path: &str,
    ) -> Result<Option<Located>, LoadError> {
        if let Some(host) = host.and_then(host_name)
            && let Some(tenant) = self.find_by_host(storage, host).await?
        {
            return Ok(Some(Located { tenant, path: path.to_owned() }));
        }
        Ok(split_prefix(path))
    }

    async fn find_by_host(&self, storage: &Storage, host: String) -> Result<Option<TenantId>, LoadError> {
        let unavailable = |error: &dyn std::fmt::Display| LoadError::Store(error.to_string());
        let load = async {
            let found =
                storage.find_tenant_by_host(host.clone()).await.map_err(|error| unavailable(&error))?;
            let found = if let Some(tenant) = found {
                Some(tenant.id)
            } else {
                // Nor does anybody else answer at the host of one that was deleted.
                let deleted = storage.find_deleted_tenant_by_host(&host).await;
                deleted.map_err(|error| unavailable(&error))?
            };
            // That nobody answers at a host is remembered too.
            Ok(Some(found))
        };
        let found = if storage.is_caught_up() {
            self.hosts.find_or_load(host.clone(), load).await?
        } else {
            load.await?
        };
        Ok(found.flatten())
    }

    /// The tenant, loaded; `None` if there is none of that id.
    pub(crate) async fn load(
        &self,
        node: &Node,
        id: &TenantId,
    ) -> Result<Option<Arc<LoadedTenant>>, LoadError> {
        self.loaded
            .find_or_load(id, id.as_str(), async {
                let found = node.storage.find_tenant(id.clone()).await;
                let found = found.map_err(|error| LoadError::Store(error.to_string()))?;
                match found {
                    // Large and rare: in a box, so that requests that find the tenant here stay small.
                    Some(tenant) => {
                        Box::pin(prepare(node, tenant)).await.map(|tenant| Some(Arc::new(tenant)))
                    }
                    None => Ok(None),
                }
            })
            .await
    }
}

/// Turns a stored tenant into one that requests use, and has its plugins loaded.
///
/// Attack: a tenant is changed or evicted while a token request is under way; if its plugins left the host
/// at that moment, the request would see a tenant without plugins and issue what they deny. So plugins are
/// replaced here, whole and before anybody sees the tenant, and never taken away.
async fn prepare(node: &Node, tenant: Tenant) -> Result<LoadedTenant, LoadError> {
    let unusable = |reason: String| LoadError::Settings { tenant: tenant.id.clone(), reason };
    let memory = memory(&tenant.settings.document);
    let stored = TenantSettings::from_document(&tenant.settings.document);
    let StoredSettings { settings, unknown } = stored.map_err(|error| unusable(error.to_string()))?;
    if !unknown.is_empty() {
        let keys = unknown.join(", ");
        tracing::warn!(tenant = %tenant.id, keys, "settings that this version does not know have no effect");
    }
    let base_url = tenant.issuer(&node.settings.base_url);
    let issuer = Issuer::parse(&base_url).map_err(|error| unusable(error.to_string()))?;
    let url = Url::parse(&base_url).map_err(|error| unusable(error.to_string()))?;
    let schemas = Schemas::compile(&settings.identity).map_err(|error| unusable(error.to_string()))?;
    let details = CompiledSchemas::compile(&settings.oauth2.authorization_details_types)
        .map_err(|error| unusable(error.to_string()))?;
    let declared_plugins = settings.plugins.iter().map(|plugin| plugin.name.clone()).collect();
    let stored = stored_plugins(node, &tenant.id, &declared_plugins).await?;
    let shown = alias_memory(&settings) + settings.branding.texts.memory();
    let memory = memory + declared_memory(&stored) + shown;
    if tenant.state == TenantState::Active {
        // One that cannot be loaded is logged there. Its hooks fail closed, or go on with the version before:
        // never as if there were no plugin.
        begin_events(node, &tenant.id, &settings, &stored).await?;
        let plugins = (settings.plugins.clone(), stored);
        node.plugins.install_all(&tenant.id, plugins, &settings.plugin_trust).await;
    }
    crate::keys::ensure(node, &tenant.id, &settings).await.map_err(LoadError::Store)?;
    let by_operator = tenant.managed_by == ManagedBy::File;
    let providers =
        TenantProviders::new(&node.federation, (&tenant.id, &base_url), &settings.federation, by_operator);
    let ports = Ports {
        clients: Arc::new(node.storage.clone()),
        grants: Arc::new(node.storage.clone()),
        tokens: Arc::new(node.storage.clone()),
        devices: Arc::new(node.storage.clone()),
        trusts: Arc::new(node.storage.clone()),
        logins: Arc::new(node.storage.clone()),
        subjects: Arc::new(node.storage.clone()),
        federated: Arc::new(LinkedSubjects::new(&node.storage, &providers)),
        keys: Arc::clone(&node.keys),
        hook: node.hook.clone(),
        policy: node.policy.clone(),
        hasher: node.secrets.clone(),
        outbound: node.outbound.clone(),
    };
    let token_webhook = TokenHookServer::of(node, (&tenant.id, by_operator), &settings.oauth2);
    let environment = Environment {
        sealer: node.sealer().clone(),
        clock: node.clock.clone(),
        rng: node.rng.clone(),
        verified_secrets: Arc::clone(&node.verified_secrets),
    };
    let everywhere = Arc::new(TenantRules {
        oauth2: AuthorizationServer::new(
            tenant.id.clone(),
            issuer,
            Arc::new(settings.oauth2),
            ports,
            environment,
        )
        .with_detail_schemas(Arc::new(details))
        .with_token_webhook(token_webhook),
        id: tenant.id,
        state: tenant.state,
        issuer: base_url,
        identity: settings.identity,
        schemas,
        branding: settings.branding,
        webhooks: settings.webhooks,
        courier: settings.courier,
        by_operator,
        plugin_trust: settings.plugin_trust,
        declared_plugins,
        memory,
    });
    Ok(place::everywhere(&everywhere, (url, providers), tenant.host.as_deref(), |rules, base_url| {
        TenantProviders::new(&node.federation, (&rules.id, base_url), &settings.federation, by_operator)
    }))
}

/// The uploaded plugins that run. The settings come first where both have a name: what they declare has that
/// name's secrets.
async fn stored_plugins(
    node: &Node,
    tenant: &TenantId,
    declared: &BTreeSet<String>,
) -> Result<Vec<StoredPlugin>, LoadError> {
    let uploaded = node.storage.list_uploaded_plugins(tenant).await;
    let uploaded = uploaded.map_err(|error| LoadError::Store(error.to_string()))?;
    let (hidden, running): (Vec<_>, Vec<_>) = uploaded
        .iter()
        .filter_map(UploadedPlugin::stored)
        .partition(|stored| declared.contains(&stored.name));
    for StoredPlugin { name, .. } in hidden {
        tracing::warn!(%tenant, plugin = name, "the settings declare a plugin of this name: the uploaded one does not run");
    }
    Ok(running)
}

/// What declarations of uploaded plugins take in memory, in bytes, read and in the plugin host.
fn declared_memory(stored: &[StoredPlugin]) -> u64 {
    let written =
        |plugin: &StoredPlugin| serde_json::to_string(&plugin.declaration).map_or(0, |text| text.len());
    stored.iter().map(|plugin| DECLARED_PER_BYTE * written(plugin) as u64).sum()
}

/// What the other addresses of a tenant take in memory, in bytes: each has providers that lead back to it.
fn alias_memory(settings: &TenantSettings) -> u64 {
    let providers = serde_json::to_string(&settings.federation).map_or(0, |text| text.len() as u64);
    settings.identity.aliases.len() as u64 * (1024 + PER_BYTE * providers)
}

/// Whoever is to be told of events is told of those from now on: nothing happens in a tenant before it is loaded.
async fn begin_events(
    node: &Node,
    tenant: &TenantId,
    settings: &TenantSettings,
    stored: &[StoredPlugin],
) -> Result<(), LoadError> {
    let declared = settings.plugins.iter().map(|plugin| (&plugin.name, &plugin.bind));
    let uploaded = stored.iter().map(|plugin| (&plugin.name, &plugin.declaration.bind));
    let is_told = |bind: &[Binding]| bind.iter().any(|binding| binding.hook == HookName::Event);
    let plugins = declared.chain(uploaded).filter(|(_, bind)| is_told(bind)).map(|(name, _)| name.clone());
    let webhooks = settings.webhooks.iter().filter(|webhook| !webhook.events.is_empty());
    let webhooks = webhooks.map(|webhook| format!("{WEBHOOK_PREFIX}{}", webhook.name));
    for name in plugins.chain(webhooks) {
        let begun = node.storage.begin_plugin_events(tenant, &name, node.clock.now()).await;
        begun.map_err(|error| LoadError::Store(error.to_string()))?;
    }
    Ok(())
}

/// What a tenant takes in memory, in bytes, by the size of its settings.
///
/// Attack: the settings of a tenant are its administrator's to write; a thousand with a schema of 64 KiB each
/// would take what a thousand small ones do not. An estimate from above, measured: `cargo xtask bench start`.
fn memory(settings: &Map<String, Value>) -> u64 {
    AT_LEAST + PER_BYTE * serde_json::to_string(settings).map_or(0, |text| text.len() as u64)
}

/// A host without its port, in lower case; `None` for what cannot be a host name.
fn host_name(host: &str) -> Option<String> {
    let name = match host.strip_prefix('[') {
        Some(_) => return None,
        None => host.split(':').next().unwrap_or_default(),
    };
    let of_form = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && name.bytes().any(|b| b.is_ascii_alphabetic());
    of_form.then(|| name.to_ascii_lowercase())
}

/// The documents that a path issuer also has at the root, with its path after them (RFC 8414 section 3.1).
const INSERTED: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// Where an API is described whose identifier is below a path issuer: its own path comes after this (RFC 9728 section 3.1).
const DESCRIBED: &str = "/.well-known/oauth-protected-resource";

/// Takes `/t/{tenant}` off a path.
fn split_prefix(path: &str) -> Option<Located> {
    for document in INSERTED {
        if let Some(issuer_path) = path.strip_prefix(document).filter(|rest| rest.starts_with("/t/")) {
            let tenant = TenantId::from_str(issuer_path.strip_prefix("/t/")?).ok()?;
            return Some(Located { tenant, path: document.to_owned() });
        }
    }
    if let Some(rest) = path.strip_prefix(DESCRIBED).and_then(|rest| rest.strip_prefix("/t/")) {
        let (tenant, api) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        return Some(Located { tenant: tenant.parse().ok()?, path: format!("{DESCRIBED}{api}") });
    }
    let Some(rest) = path.strip_prefix("/t/") else {
        return Some(Located { tenant: TenantId::default_tenant(), path: path.to_owned() });
    };
    let (tenant, path) = rest.split_once('/').map_or((rest, ""), |(tenant, path)| (tenant, path));
    Some(Located { tenant: tenant.parse().ok()?, path: format!("/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: Option<(&str, &str)>) {
        let found = split_prefix(path).map(|located| (located.tenant.to_string(), located.path));
        assert_eq!(found, expect.map(|(tenant, path)| (tenant.to_owned(), path.to_owned())), "{path}");
    }

    #[test]
    fn a_prefix_names_the_tenant() {
        check("/", Some(("default", "/")));
        check("/oauth2/token", Some(("default", "/oauth2/token")));
        check("/t/acme", Some(("acme", "/")));
        check("/t/acme/", Some(("acme", "/")));
        check("/t/acme/oauth2/token", Some(("acme", "/oauth2/token")));
        check("/t/ACME/x", None);
        check("/t//x", None);
        check("/tea", Some(("default", "/tea")));
    }

    #[test]
    fn a_prefix_is_taken_off_once() {
        check("/t/a/t/b/x", Some(("a", "/t/b/x")));
    }

    #[test]
    fn path_issuers_have_their_metadata_at_the_root_too() {
        let document = "/.well-known/oauth-authorization-server";
        check("/.well-known/oauth-authorization-server/t/acme", Some(("acme", document)));
        check("/.well-known/oauth-authorization-server/t/acme/x", None);
        check(
            "/.well-known/openid-configuration/t/acme",
            Some(("acme", "/.well-known/openid-configuration")),
        );
        for (api, path) in [
            ("", DESCRIBED.to_owned()),
            ("/api", format!("{DESCRIBED}/api")),
            ("/a/t/b", format!("{DESCRIBED}/a/t/b")),
        ] {
            check(&format!("{DESCRIBED}/t/acme{api}"), Some(("acme", path.as_str())));
            check(&format!("/t/acme{DESCRIBED}{api}"), Some(("acme", path.as_str())));
        }
        check(&format!("{DESCRIBED}/t/ACME/api"), None);
        check(
            &format!("{DESCRIBED}/mcp.example/t/x"),
            Some(("default", &*format!("{DESCRIBED}/mcp.example/t/x"))),
        );
        check("/.well-known/jwks.json/t/acme", Some(("default", "/.well-known/jwks.json/t/acme")));
    }

    #[test]
    fn only_names_are_looked_up_as_hosts() {
        for (host, expect) in [
            ("id.Example.com:443", Some("id.example.com")),
            ("127.0.0.1:4480", None),
            ("[::1]:4480", None),
            ("", None),
            ("a b", None),
            ("localhost", Some("localhost")),
        ] {
            assert_eq!(host_name(host).as_deref(), expect, "{host}");
        }
    }
}
