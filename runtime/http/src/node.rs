//! What every handler shares: the node, put together by the composition root.

use std::sync::Arc;
use std::time::Duration;

use config::CertificateHeader;
use federation::{Federation, Parts};
use identity::hooks::{ClaimMapper, IdentityHooks};
use identity::limiter::AttemptsInMemory;
use identity::limiter::shared::SharedAttempts;
use identity::organisation::ports::TextRecords;
use identity::password::HashingPool;
use identity::password::breach::RangeCache;
use identity::session::SessionCache;
use oauth2::client::secret::VerifiedSecrets;
use oauth2::hooks::TokenHook;
use oauth2::ports::TokenKeys;
use primitives::message::MessageHook;
use primitives::outbound::Outbound;
use primitives::policy::PolicyHook;
use primitives::transform::TransformHook;
use primitives::{Clock, Rng, Sealer, TrustedProxies};
use prometheus_client::registry::Registry;
use storage::{
    COMPONENT_CHANGED, EVERYTHING_CHANGED, IDENTITY_CHANGED, SESSION_CHANGED, Storage, TENANT_CHANGED,
};
use tenancy::Tenants as _;
use tenancy::plugin::{EventHook, TenantPlugins};
use tokio::sync::{Mutex, Semaphore};
use ui::Pages;
use url::Url;

use crate::metrics::HttpMetrics;
use crate::secrets::{ClientSecretHasher, ProvenSources};
use crate::tenants::TenantDirectory;

/// The node.
#[derive(Debug)]
pub struct Node {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) settings: NodeSettings,
    pub(crate) tenants: TenantDirectory,
    pub(crate) hashing: HashingPool,
    pub(crate) ranges: RangeCache,
    pub(crate) secrets: Arc<ClientSecretHasher>,
    /// What was found out of clients' secrets. Tenants that are loaded anew have it from here.
    pub(crate) verified_secrets: Arc<VerifiedSecrets>,
    pub(crate) attempts: Arc<SharedAttempts>,
    pub(crate) sessions: Arc<SessionCache>,
    pub(crate) pages: Pages,
    pub(crate) metrics: HttpMetrics,
    pub(crate) registry: Arc<Registry>,
    pub(crate) hook: Arc<dyn TokenHook>,
    pub(crate) policy: Arc<dyn PolicyHook>,
    pub(crate) identity_hooks: Arc<dyn IdentityHooks>,
    pub(crate) federation: Arc<Federation>,
    pub(crate) plugins: Arc<dyn TenantPlugins>,
    pub(crate) events: Arc<dyn EventHook>,
    pub(crate) messages: Arc<dyn MessageHook>,
    pub(crate) transform: Arc<dyn TransformHook>,
    pub(crate) outbound: Arc<dyn Outbound>,
    pub(crate) records: Arc<dyn TextRecords>,
    /// Held while a key is made that takes long.
    pub(crate) slow_keys: Arc<Mutex<()>>,
    /// What tenants sign with.
    pub(crate) keys: Arc<dyn TokenKeys>,
    /// Places of large bodies, which are in memory whole.
    pub(crate) large_bodies: Semaphore,
}

/// What the node was told about itself.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// What browsers and apps call it.
    pub base_url: Url,
    /// Whose `X-Forwarded-…` is believed.
    pub trusted_proxies: TrustedProxies,
    /// In which header they tell the certificate of a client.
    pub client_certificate_header: Option<CertificateHeader>,
    /// The largest request body, in bytes.
    pub body_bytes: u64,
    /// How long a request may take to arrive and to be answered.
    pub request_timeout: Duration,
    /// Tenants kept in memory at most.
    pub loaded_tenants: u64,
    /// Memory that they may take, in bytes.
    pub loaded_tenants_bytes: u64,
    /// Sessions kept in memory.
    pub cached_sessions: u64,
    /// Whether whoever is on this machine may read the mail that it sends to people.
    pub shows_mail: bool,
    /// The version that `/version` tells.
    pub version: &'static str,
}

/// What the composition root puts in.
#[derive(Debug)]
#[expect(missing_docs, reason = "each type says what it is")]
pub struct NodeParts {
    pub storage: Storage,
    /// What tenants sign with: the storage, whose keys are in our memory, or whatever puts keys beside them that are not.
    pub keys: Arc<dyn TokenKeys>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub hashing: HashingPool,
    /// The same for secrets of clients that are tried, which have nothing to do with people who sign in: another one.
    pub client_secrets: HashingPool,
    pub pages: Pages,
    pub metrics: HttpMetrics,
    pub registry: Arc<Registry>,
    pub hook: Arc<dyn TokenHook>,
    pub policy: Arc<dyn PolicyHook>,
    pub identity_hooks: Arc<dyn IdentityHooks>,
    pub claim_mapper: Arc<dyn ClaimMapper>,
    pub plugins: Arc<dyn TenantPlugins>,
    pub events: Arc<dyn EventHook>,
    pub messages: Arc<dyn MessageHook>,
    pub transform: Arc<dyn TransformHook>,
    pub outbound: Arc<dyn Outbound>,
    pub records: Arc<dyn TextRecords>,
}

/// Large bodies at a time; further ones are told to come back.
const LARGE_BODIES: usize = 2;
/// Clients' addresses and identifiers whose attempts are counted at a time.
const COUNTED_ATTEMPTS: u64 = 100_000;

impl Node {
    /// Puts the node together and subscribes its caches to the change log.
    pub fn new(settings: NodeSettings, parts: NodeParts) -> Arc<Self> {
        let storage = parts.storage;
        let sessions = Arc::new(SessionCache::new(settings.cached_sessions));
        forget_what_changes(&storage, &sessions);
        make_ready_what_is_uploaded(&storage, &parts.plugins);
        let federation = Federation::new(Parts {
            outbound: Arc::clone(&parts.outbound),
            mapper: parts.claim_mapper,
            secrets: Arc::new(storage.clone()),
            connections: Arc::new(storage.clone()),
            sealer: storage.sealer().clone(),
            clock: Arc::clone(&parts.clock),
            rng: Arc::clone(&parts.rng),
        });
        let attempts = Arc::new(shared_attempts(&storage));
        let secrets = ClientSecretHasher {
            pool: parts.client_secrets,
            chosen: parts.hashing.clone(),
            attempts: attempts.clone(),
            proven: ProvenSources::default(),
            clock: Arc::clone(&parts.clock),
        };
        let node = Arc::new(Self {
            federation,
            tenants: TenantDirectory::new(&storage, (settings.loaded_tenants, settings.loaded_tenants_bytes)),
            secrets: Arc::new(secrets),
            verified_secrets: Arc::default(),
            ranges: RangeCache::default(),
            attempts,
            clock: parts.clock,
            rng: parts.rng,
            hashing: parts.hashing,
            sessions,
            pages: parts.pages,
            metrics: parts.metrics,
            registry: parts.registry,
            hook: parts.hook,
            policy: parts.policy,
            identity_hooks: parts.identity_hooks,
            plugins: parts.plugins,
            events: parts.events,
            messages: parts.messages,
            transform: parts.transform,
            outbound: parts.outbound,
            records: parts.records,
            slow_keys: Arc::default(),
            keys: parts.keys,
            large_bodies: Semaphore::new(LARGE_BODIES),
            storage,
            settings,
        });
        forget_what_is_deleted(&node);
        node
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        self.storage.sealer()
    }
}

/// Attempts as all nodes on the database count them.
fn shared_attempts(storage: &Storage) -> SharedAttempts {
    let memory = AttemptsInMemory::new(COUNTED_ATTEMPTS);
    SharedAttempts::new(memory, Arc::new(storage.clone()), storage.sealer().clone())
}

/// A component that any node took in is compiled here before it is enabled, so that no request waits for that. The plugin
/// host reads components from the storage, so what the storage holds of it is weak: neither would ever be let go of.
fn make_ready_what_is_uploaded(storage: &Storage, plugins: &Arc<dyn TenantPlugins>) {
    let plugins = Arc::downgrade(plugins);
    storage.on_change(Box::new(move |record| {
        if record.kind == COMPONENT_CHANGED
            && let Some(plugins) = plugins.upgrade()
        {
            let (tenant, sha256) = (record.tenant.clone(), record.key.clone());
            tokio::spawn(async move { plugins.make_ready(&tenant, &sha256).await });
        }
    }));
}

/// The plugins of a tenant that any node deleted are forgotten here, and once more when no request of it is left that could
/// have had them loaded again. What holds the node is not held by its storage.
///
/// Attack: a request is under way when its tenant is deleted; without plugins it would issue what they deny. Hooks of a
/// tenant of which nothing is installed fail.
fn forget_what_is_deleted(node: &Arc<Node>) {
    let this = Arc::downgrade(node);
    node.storage.on_change(Box::new(move |record| {
        if record.kind == TENANT_CHANGED
            && let Some(node) = this.upgrade()
        {
            let tenant = record.tenant.clone();
            tokio::spawn(async move {
                match node.storage.find_tenant(tenant.clone()).await {
                    Ok(Some(_)) => {}
                    Ok(None) => node.plugins.forget(&tenant),
                    Err(error) => {
                        tracing::warn!(%tenant, %error, "whether a tenant was deleted is not known");
                    }
                }
            });
        }
    }));
}

fn forget_what_changes(storage: &Storage, sessions: &Arc<SessionCache>) {
    let sessions = Arc::clone(sessions);
    storage.on_change(Box::new(move |record| {
        if record.kind == SESSION_CHANGED {
            match record.key.parse() {
                Ok(session) => sessions.forget_session(&record.tenant, session),
                Err(_) => sessions.forget_all(),
            }
        } else if record.kind == IDENTITY_CHANGED {
            match record.key.parse() {
                Ok(identity) => sessions.forget_identity(&record.tenant, identity),
                Err(_) => sessions.forget_all(),
            }
        } else if record.kind == EVERYTHING_CHANGED {
            sessions.forget_all();
        }
    }));
}
