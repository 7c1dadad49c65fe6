//! What a configuration changes in the database: decided whole, then applied.
//!
//! Everything that can be wrong with a new file (a secret that cannot be read, a host that is taken, a
//! client that makes no sense) shows while the plan is made, when nothing has been changed yet.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use config::{Config, TenantSettings};
use federation::ports::{NamedSecret, ProviderSecrets as _};
use federation::secrets as provider_secrets;
use oauth2::client::{ClientRecord, DeclaredClient, ManagedBy as ClientManagedBy, reconcile_clients};
use oauth2::lifespan::keys_needed;
use oauth2::ports::{ClientFilter, ClientPlace, ClientRepository as _};
use primitives::{Change, Clock, TenantId};
use storage::{ApplyError, Storage, Stored};
use tenancy::plugin::secrets::SECRET_BYTES;
use tenancy::plugin::{PluginSecret, PluginSecrets as _, reconcile_secrets};
use tenancy::ports::Tenants as _;
use tenancy::secrets::TENANT_SECRET_BYTES;
use tenancy::{
    DeclaredTenant, ManagedBy, Tenant, TenantSecret, TenantSecrets as _, check_hosts, reconcile,
    reconcile_tenant_secrets,
};

use crate::configuration::secret;

/// Two edits at once (of the file and by the API) are decided again so often.
const ATTEMPTS: usize = 4;
/// Clients that are read at a time.
const PAGE: u32 = 500;

/// Makes the database agree with the file; says how many changes that took.
pub(super) async fn apply(config: &Config, storage: &Storage, clock: &dyn Clock) -> anyhow::Result<usize> {
    let declared = Declared::read(config)?;
    for _ in 0..ATTEMPTS {
        let plan = Plan::make(&declared, storage, clock).await?;
        let count = plan.count();
        if plan.apply(storage).await? {
            return Ok(count);
        }
    }
    anyhow::bail!("somebody else keeps changing the same tenants, or two of them want one host")
}

/// What the file says.
struct Declared {
    tenants: Vec<DeclaredTenant>,
    clients: Vec<(TenantId, Vec<DeclaredClient>)>,
    secrets: Vec<(TenantId, Vec<PluginSecret>)>,
    provider_secrets: Vec<(TenantId, Vec<NamedSecret>)>,
    tenant_secrets: Vec<(TenantId, Vec<TenantSecret>)>,
}

impl Declared {
    /// Reads the secrets that the file refers to.
    fn read(config: &Config) -> anyhow::Result<Self> {
        let mut declared = Self {
            tenants: Vec::new(),
            clients: Vec::new(),
            secrets: Vec::new(),
            provider_secrets: Vec::new(),
            tenant_secrets: Vec::new(),
        };
        for tenant in &config.tenants {
            declared.tenants.push(DeclaredTenant {
                id: tenant.id.clone(),
                host: tenant.host.clone(),
                issuer: tenant.issuer.clone(),
                suspended: tenant.suspended,
                settings: tenant.settings().to_document(),
            });
            let clients = tenant.clients.iter().map(|client| {
                let whose = || format!("client {} of tenant {}", client.client_id, tenant.id);
                let secret = client.secret.as_ref().map(secret).transpose().with_context(whose)?;
                Ok(DeclaredClient { document: client.document().with_context(whose)?, secret })
            });
            declared.clients.push((tenant.id.clone(), clients.collect::<anyhow::Result<_>>()?));
            declared.secrets.push((tenant.id.clone(), plugin_secrets(tenant)?));
            declared.provider_secrets.push((tenant.id.clone(), secrets_of_providers(tenant)?));
            declared.tenant_secrets.push((tenant.id.clone(), secrets_of_tenant(tenant)?));
        }
        Ok(declared)
    }
}

fn plugin_secrets(tenant: &config::Tenant) -> anyhow::Result<Vec<PluginSecret>> {
    let mut secrets = Vec::new();
    for plugin in &tenant.plugins {
        for (name, reference) in &plugin.secrets {
            let whose = || format!("secret {name} of plugin {} of tenant {}", plugin.name, tenant.id);
            let value = secret(reference).with_context(whose)?;
            if value.expose().is_empty() || value.expose().len() > SECRET_BYTES {
                return Err(anyhow::anyhow!("it must have 1 to {SECRET_BYTES} bytes")).with_context(whose);
            }
            secrets.push(PluginSecret { plugin: plugin.name.clone(), name: name.clone(), value });
        }
    }
    Ok(secrets)
}

fn secrets_of_providers(tenant: &config::Tenant) -> anyhow::Result<Vec<NamedSecret>> {
    let mut secrets = Vec::new();
    for provider in &tenant.federation.providers {
        let Some(reference) = &provider.client_secret else { continue };
        let whose = || format!("client_secret of provider {} of tenant {}", provider.id, tenant.id);
        let value = secret(reference).with_context(whose)?;
        if value.expose().is_empty() || value.expose().len() > provider_secrets::SECRET_BYTES {
            let most = provider_secrets::SECRET_BYTES;
            return Err(anyhow::anyhow!("it must have 1 to {most} bytes")).with_context(whose);
        }
        secrets.push((provider.id.clone(), value));
    }
    Ok(secrets)
}

fn secrets_of_tenant(tenant: &config::Tenant) -> anyhow::Result<Vec<TenantSecret>> {
    let mut secrets = Vec::new();
    for (name, reference) in &tenant.secrets {
        let whose = || format!("secret {name} of tenant {}", tenant.id);
        let value = secret(reference).with_context(whose)?;
        if value.expose().is_empty() || value.expose().len() > TENANT_SECRET_BYTES {
            return Err(anyhow::anyhow!("it must have 1 to {TENANT_SECRET_BYTES} bytes")).with_context(whose);
        }
        secrets.push(TenantSecret { name: name.clone(), value });
    }
    Ok(secrets)
}

/// The changes, in the order in which they are applied.
struct Plan {
    /// Before the tenants: what was signed while tokens lived longer keeps its keys.
    kept_keys: Vec<Change<oauth2::write::Write>>,
    /// Clients of tenants that left the file.
    vanished_clients: Vec<Change<oauth2::write::Write>>,
    /// Before the tenants: a plugin that is new finds its secrets.
    secrets: Vec<Change<tenancy::Write>>,
    provider_secrets: Vec<Change<provider_secrets::Write>>,
    tenants: Vec<Change<tenancy::Write>>,
    clients: Vec<Change<oauth2::write::Write>>,
}

impl Plan {
    async fn make(declared: &Declared, storage: &Storage, clock: &dyn Clock) -> anyhow::Result<Self> {
        let current = current_tenants(storage, &declared.tenants).await?;
        check_hosts(&current, &declared.tenants)?;
        for tenant in &declared.tenants {
            ensure!(
                !storage.is_deleted_tenant(&tenant.id).await?,
                "tenant {} was deleted, and what is left of it is going: declare it again in an hour or two",
                tenant.id
            );
        }
        let now = clock.now();
        let mut clients = Vec::new();
        for (tenant, declared) in &declared.clients {
            let current = current_clients(storage, tenant, declared).await?;
            let changes = reconcile_clients(tenant, storage.sealer(), &current, declared, now);
            clients.extend(changes.with_context(|| format!("tenant {tenant}"))?);
        }
        let mut secrets = Vec::new();
        for (tenant, declared) in &declared.secrets {
            let current = storage.list_secrets_of_plugins(tenant).await?;
            secrets.extend(reconcile_secrets(tenant, &current, declared, now));
        }
        let mut of_providers = Vec::new();
        for (tenant, declared) in &declared.provider_secrets {
            let current = storage.list_provider_secrets(tenant).await?;
            of_providers.extend(provider_secrets::reconcile(tenant, &current, declared, now));
        }
        for (tenant, declared) in &declared.tenant_secrets {
            let current = storage.list_tenant_secrets(tenant).await?;
            secrets.extend(reconcile_tenant_secrets(tenant, &current, declared, now));
        }
        let mut vanished_clients = Vec::new();
        let is_declared = |id: &TenantId| declared.tenants.iter().any(|tenant| tenant.id == *id);
        for tenant in current.iter().filter(|t| t.managed_by == ManagedBy::File && !is_declared(&t.id)) {
            let current = current_clients(storage, &tenant.id, &[]).await?;
            vanished_clients.extend(reconcile_clients(&tenant.id, storage.sealer(), &current, &[], now)?);
            let current = storage.list_secrets_of_plugins(&tenant.id).await?;
            secrets.extend(reconcile_secrets(&tenant.id, &current, &[], now));
            let current = storage.list_tenant_secrets(&tenant.id).await?;
            secrets.extend(reconcile_tenant_secrets(&tenant.id, &current, &[], now));
            let current = storage.list_provider_secrets(&tenant.id).await?;
            of_providers.extend(provider_secrets::reconcile(&tenant.id, &current, &[], now));
        }
        let kept_keys = declared.tenants.iter().filter_map(|declared| {
            let before = current.iter().find(|tenant| tenant.id == declared.id)?;
            let before = TenantSettings::longest_token_by(&before.settings.document);
            let after = TenantSettings::longest_token_by(&declared.settings);
            Some(Change::new(declared.id.clone()).write(keys_needed(before, after, now)?))
        });
        let kept_keys = kept_keys.collect();
        let tenants = reconcile(&current, &declared.tenants, now);
        Ok(Self { kept_keys, vanished_clients, secrets, provider_secrets: of_providers, tenants, clients })
    }

    /// Kept keys go with the tenants that keep them.
    fn count(&self) -> usize {
        self.vanished_clients.len()
            + self.secrets.len()
            + self.provider_secrets.len()
            + self.tenants.len()
            + self.clients.len()
    }

    /// Applies it; `false` if something had changed since it was made.
    async fn apply(self, storage: &Storage) -> anyhow::Result<bool> {
        Ok(apply_all(storage, self.kept_keys).await?
            && apply_all(storage, self.vanished_clients).await?
            && apply_all(storage, self.secrets).await?
            && apply_all(storage, self.provider_secrets).await?
            && apply_all(storage, self.tenants).await?
            && apply_all(storage, self.clients).await?)
    }
}

async fn apply_all<W: Stored>(storage: &Storage, changes: Vec<Change<W>>) -> anyhow::Result<bool> {
    for change in changes {
        match storage.apply(change).await {
            Ok(()) => {}
            Err(ApplyError::Missed { .. }) => return Ok(false),
            Err(ApplyError::Storage(error)) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Every tenant that the file declares or owns, or that answers at a host that the file names.
async fn current_tenants(storage: &Storage, declared: &[DeclaredTenant]) -> anyhow::Result<Vec<Tenant>> {
    let mut current = storage.list_file_tenants().await?;
    let mut known: HashSet<TenantId> = current.iter().map(|tenant| tenant.id.clone()).collect();
    for declared in declared {
        let by_id = if known.contains(&declared.id) {
            None
        } else {
            storage.find_tenant(declared.id.clone()).await?
        };
        let by_host = match &declared.host {
            None => None,
            Some(host) => storage.find_tenant_by_host(host.clone()).await?,
        };
        for tenant in by_id.into_iter().chain(by_host) {
            if known.insert(tenant.id.clone()) {
                current.push(tenant);
            }
        }
    }
    Ok(current)
}

/// Every client of the tenant that the file declares or owns.
async fn current_clients(
    storage: &Storage,
    tenant: &TenantId,
    declared: &[DeclaredClient],
) -> anyhow::Result<Vec<ClientRecord>> {
    let mut current = Vec::new();
    let mut filter = ClientFilter::default();
    loop {
        let page = storage.list_clients(tenant, &filter, PAGE).await?;
        let full = page.len() == usize::try_from(PAGE)?;
        filter.after = page.last().and_then(ClientPlace::of);
        current.extend(page.into_iter().filter(|record| {
            let id = &record.document.client_id;
            record.managed_by == ClientManagedBy::File || declared.iter().any(|d| d.document.client_id == *id)
        }));
        if !full {
            return Ok(current);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use config::Source;
    use primitives::Timestamp;
    use primitives::rng::SeededRng;
    use primitives::time::FixedClock;
    use storage::{Location, MasterKey};
    use tenancy::TenantState;

    use super::*;

    struct World {
        storage: Storage,
        clock: Arc<FixedClock>,
        directory: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let location = Location::Sqlite(directory.path().join("p.db"));
            Storage::migrate(&location).await.unwrap();
            let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
            let rng = Arc::new(SeededRng::new(1));
            let storage =
                Storage::open(&location, &MasterKey::new([1; 32]), clock.clone(), rng).await.unwrap();
            std::fs::write(directory.path().join("secret"), "a secret of the app\n").unwrap();
            Self { storage, clock, directory }
        }

        /// Applies a file; the number of changes, or what was wrong.
        async fn apply(&self, text: &str) -> Result<usize, String> {
            let source =
                Source { text, file: "p.toml", directory: self.directory.path(), exists: &Path::exists };
            let config = Config::parse(&source).unwrap();
            apply(&config, &self.storage, self.clock.as_ref()).await.map_err(|error| format!("{error:#}"))
        }

        async fn enabled(&self, tenant: &str, client: &str) -> Option<bool> {
            let (tenant, client) = (tenant.parse().unwrap(), client.parse().unwrap());
            let found = self.storage.find_client_record(&tenant, &client).await.unwrap();
            found.map(|record| record.enabled)
        }

        async fn state(&self, tenant: &str) -> Option<TenantState> {
            let found = self.storage.find_tenant(tenant.parse().unwrap()).await.unwrap();
            found.map(|tenant| tenant.state)
        }
    }

    fn file(id: &str, clients: &[&str]) -> String {
        let client = |client: &&str| {
            format!(
                "[[tenant.client]]\nclient_id = \"{client}\"\nsecret = {{ file = \"secret\" }}\n\
                 redirect_uris = [\"https://a.example/cb\"]\n"
            )
        };
        format!("[[tenant]]\nid = \"{id}\"\n{}", clients.iter().map(client).collect::<String>())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lifespan_that_the_file_lowers_keeps_the_keys_for_what_they_signed() {
        let world = World::new().await;
        let file = |span: &str| {
            format!("[[tenant]]\nid = \"a\"\n[tenant.oauth2]\naccess_token_lifespan = \"{span}\"\n")
        };
        let kept = async |span: &str| {
            let (text, directory) = (file(span), world.directory.path());
            let source = Source { text: &text, file: "p.toml", directory, exists: &Path::exists };
            let declared = Declared::read(&Config::parse(&source).unwrap()).unwrap();
            let plan = Plan::make(&declared, &world.storage, world.clock.as_ref()).await.unwrap();
            plan.kept_keys.into_iter().flat_map(|change| change.writes).collect::<Vec<_>>()
        };
        assert_eq!(kept("2000h").await, [], "it is new");
        assert_eq!(world.apply(&file("2000h")).await, Ok(1));
        assert_eq!((kept("3000h").await, kept("2000h").await), (vec![], vec![]));
        let hours = std::time::Duration::from_hours;
        let needed = keys_needed(hours(2000), hours(1), world.clock.now()).unwrap();
        assert_eq!(kept("1h").await, [needed]);
        assert_eq!(world.apply(&file("1h")).await, Ok(1));
        assert_eq!(kept("1h").await, []);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn clients_come_and_go_with_the_file() {
        let world = World::new().await;
        assert_eq!(world.apply(&file("a", &["web", "job"])).await, Ok(3));
        assert_eq!(world.apply(&file("a", &["web", "job"])).await, Ok(0), "the same file changes nothing");
        assert_eq!(world.apply(&file("a", &["web"])).await, Ok(1));
        assert_eq!(world.enabled("a", "web").await, Some(true));
        assert_eq!(world.enabled("a", "job").await, Some(false));
        assert_eq!(world.apply(&file("a", &["web", "job"])).await, Ok(1));
        assert_eq!(world.enabled("a", "job").await, Some(true));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tenant_that_leaves_the_file_takes_its_clients_along() {
        let world = World::new().await;
        assert_eq!(
            world.apply(&format!("{}{}", file("a", &["web"]), file("default", &["web"]))).await,
            Ok(4)
        );
        assert_eq!(world.apply("").await, Ok(4));
        assert_eq!(world.state("a").await, Some(TenantState::Disabled));
        assert_eq!(world.state("default").await, Some(TenantState::Active));
        assert_eq!(world.enabled("a", "web").await, Some(false));
        assert_eq!(world.enabled("default", "web").await, Some(false));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn file_that_cannot_be_followed_changes_nothing() {
        let world = World::new().await;
        let wrong = file("b", &["web"]).replace("\"secret\"", "\"nothing\"");
        let error = world.apply(&format!("{}{wrong}", file("a", &[]))).await.unwrap_err();
        assert!(error.contains("client web of tenant b") && error.contains("nothing"), "{error}");
        std::fs::write(world.directory.path().join("short"), "x").unwrap();
        let wrong = file("b", &["web"]).replace("\"secret\"", "\"short\"");
        let error = world.apply(&format!("{}{wrong}", file("a", &[]))).await.unwrap_err();
        assert!(error.contains("6 to 512 bytes"), "{error}");
        assert_eq!((world.state("a").await, world.state("b").await), (None, None));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn secrets_of_plugins_follow_the_file_and_what_it_refers_to() {
        let world = World::new().await;
        let plugin = |secrets: &str| {
            format!(
                "{}[[tenant.plugin]]\nname = \"plan\"\ncomponent = \"secret\"\ngrants = [\"secrets\"]\n{secrets}",
                file("a", &[])
            )
        };
        let text = plugin("secrets = { key = { file = \"secret\" } }");
        let kept = async || {
            let tenant = "a".parse().unwrap();
            let secrets = world.storage.list_plugin_secrets(&tenant, "plan").await.unwrap();
            secrets.iter().map(|secret| secret.value.expose().clone()).collect::<Vec<_>>()
        };
        assert_eq!(world.apply(&text).await, Ok(2));
        assert_eq!(kept().await, ["a secret of the app"]);
        assert_eq!(world.apply(&text).await, Ok(0), "the same secrets change nothing");
        std::fs::write(world.directory.path().join("secret"), "another secret\n").unwrap();
        assert_eq!(world.apply(&text).await, Ok(1));
        assert_eq!(kept().await, ["another secret"]);
        let wrong = world.apply(&text.replace("file = \"secret\"", "file = \"nothing\"")).await.unwrap_err();
        assert!(wrong.contains("secret key of plugin plan of tenant a"), "{wrong}");
        assert_eq!(world.apply(&plugin("")).await, Ok(1));
        assert!(kept().await.is_empty(), "what the file no longer declares is deleted");
        world.apply(&text).await.unwrap();
        world.apply("").await.unwrap();
        assert!(kept().await.is_empty(), "with its tenant too");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn secrets_of_a_tenant_follow_the_file_and_are_in_no_document() {
        let world = World::new().await;
        let webhook = "[[tenant.webhook]]\nname = \"crm\"\nurl = \"https://crm.example/\"\nevents = [\"*\"]\n\
                       signing_secret = \"key\"\n";
        let text =
            format!("[[tenant]]\nid = \"a\"\nsecrets = {{ key = {{ file = \"secret\" }} }}\n{webhook}");
        let tenant: TenantId = "a".parse().unwrap();
        let kept = async || {
            let secret = world.storage.find_tenant_secret(&tenant, "key").await.unwrap();
            secret.map(|secret| secret.expose().clone())
        };
        assert_eq!(world.apply(&text).await, Ok(2));
        assert_eq!(kept().await.as_deref(), Some("a secret of the app"));
        let stored = world.storage.find_tenant(tenant.clone()).await.unwrap().unwrap();
        let document = serde_json::to_string(&stored.settings.document).unwrap();
        assert!(document.contains("crm") && !document.contains("file"), "{document}");
        assert_eq!(world.apply(&text).await, Ok(0), "the same secret changes nothing");
        std::fs::write(world.directory.path().join("secret"), "another secret\n").unwrap();
        assert_eq!(world.apply(&text).await, Ok(1));
        assert_eq!(kept().await.as_deref(), Some("another secret"));
        world.apply("").await.unwrap();
        assert_eq!(kept().await, None, "what the file no longer declares is deleted");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn secrets_of_providers_follow_the_file_and_are_in_no_document() {
        let world = World::new().await;
        let provider = |secret: &str| {
            format!(
                "{}[[tenant.federation.provider]]\nid = \"acme\"\nprovider = \"google\"\nclient_id = \"c\"\n{secret}",
                file("a", &[])
            )
        };
        let text = provider("client_secret = { file = \"secret\" }");
        let tenant: TenantId = "a".parse().unwrap();
        let kept = async || {
            let secret = world.storage.find_provider_secret(&tenant, "acme").await.unwrap();
            secret.map(|secret| secret.expose().clone())
        };
        assert_eq!(world.apply(&text).await, Ok(2));
        assert_eq!(kept().await.as_deref(), Some("a secret of the app"));
        let stored = world.storage.find_tenant(tenant.clone()).await.unwrap().unwrap();
        let document = serde_json::to_string(&stored.settings.document).unwrap();
        assert!(document.contains("acme") && !document.contains("client_secret"), "{document}");
        assert_eq!(world.apply(&text).await, Ok(0), "the same secret changes nothing");
        std::fs::write(world.directory.path().join("secret"), "another secret\n").unwrap();
        assert_eq!(world.apply(&text).await, Ok(1));
        assert_eq!(kept().await.as_deref(), Some("another secret"));
        world.apply("").await.unwrap();
        assert_eq!(kept().await, None, "what the file no longer declares is deleted");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn changed_secret_is_a_change() {
        let world = World::new().await;
        world.apply(&file("a", &["web"])).await.unwrap();
        std::fs::write(world.directory.path().join("secret"), "another secret\n").unwrap();
        assert_eq!(world.apply(&file("a", &["web"])).await, Ok(1));
    }
}
