//! A node to test against, and the operator's way in.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use config::{ListenAddress, Listener, Router};
use identity::password::HashingPool;
use jobs::{Handlers, JobMetrics, JobName, Jobs, Outcome, Receivers};
use oauth2::hooks::TokenHook;
use oauth2::ports::TokenKeys;
use plugin_host::{Compiler, PluginHost, Services};
use portcullis_http::{
    Certificates, GuardedOutbound, HttpMetrics, NameServers, Node, NodeParts, NodeSettings, OutboundPolicy,
    Server, ServerSettings,
};
use primitives::outbound::Outbound;
use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::{Actor, Clock, Rng, Secret, TenantId, Timestamp, TrustedProxies};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use storage::{Location, MasterKey, Storage};
use tenancy::{KeyOwner, ManagedBy, NewAdminKey, Scope, Tenant, TenantPlugins};
use testkit::dns::NameServer;
use testkit::postgres::Postgres;
use tokio::sync::watch;

use crate::browser::{Browser, Response};

/// A running node.
pub(crate) struct World {
    /// Where the public listener is, e.g. `http://127.0.0.1:1234`.
    pub(crate) base: String,
    /// Where the admin listener is.
    pub(crate) admin: String,
    /// An operator's key that may do everything.
    pub(crate) key: String,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) storage: Storage,
    /// Whom it asks for the records of domains.
    pub(crate) names: NameServer,
    rng: Arc<dyn Rng>,
    host: Arc<PluginHost>,
    node: Arc<Node>,
    stop: watch::Sender<bool>,
    /// Its database.
    location: Location,
    _directory: tempfile::TempDir,
}

/// What a node has of its own, its database aside.
struct Own {
    directory: tempfile::TempDir,
    clock: Arc<FixedClock>,
    /// What its randomness begins with.
    seed: u64,
    plugins: tenancy::plugin::Settings,
    /// What it asks other servers with.
    outbound: Arc<dyn Outbound>,
    /// What it signs with, if not with the keys of its storage.
    keys: Option<Arc<dyn TokenKeys>>,
}

impl Own {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000))),
            seed: 11,
            plugins: tenancy::plugin::Settings::default(),
            outbound: outbound(),
            keys: None,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl World {
    /// Starts a node with the tenants `acme` and `rival` besides `default`.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with other settings of the node.
    pub(crate) async fn start_with(change: impl FnOnce(&mut NodeSettings)) -> Self {
        Self::start_listening(change, |_| {}).await.0
    }

    /// The same, with other listeners; and what re-reads their certificates.
    pub(crate) async fn start_listening(
        change: impl FnOnce(&mut NodeSettings),
        listen: impl Fn(&mut Listener),
    ) -> (Self, Certificates) {
        let own = Own::new();
        let location = location(own.directory.path());
        let (mut world, certificates) = Self::serve(location, own, change, listen).await;
        world.populate().await;
        (world, certificates)
    }

    /// The same, with other settings of the plugin host.
    pub(crate) async fn start_hosting(plugins: tenancy::plugin::Settings) -> Self {
        let own = Own { plugins, ..Own::new() };
        let location = location(own.directory.path());
        let (mut world, _) = Self::serve(location, own, |_| {}, |_| {}).await;
        world.populate().await;
        world
    }

    /// The same, which signs with these keys.
    pub(crate) async fn start_signing_with(keys: Arc<dyn TokenKeys>) -> Self {
        let own = Own { keys: Some(keys), ..Own::new() };
        let location = location(own.directory.path());
        let (mut world, _) = Self::serve(location, own, |_| {}, |_| {}).await;
        world.populate().await;
        world
    }

    /// The same, which asks other servers with this.
    ///
    /// Its requests may take long: a debug build compiles a large component for many seconds.
    pub(crate) async fn start_reaching(outbound: Arc<dyn Outbound>) -> Self {
        let own = Own { outbound, ..Own::new() };
        let location = location(own.directory.path());
        let patient = |settings: &mut NodeSettings| settings.request_timeout = Duration::from_mins(3);
        let (mut world, _) = Self::serve(location, own, patient, |_| {}).await;
        world.populate().await;
        world
    }

    /// Two nodes on one PostgreSQL, each with a disk of its own; `None` where it is not installed.
    pub(crate) async fn start_two() -> Option<[Self; 2]> {
        let server = Postgres::shared().unwrap()?;
        let url = Secret::new(server.create_database().unwrap());
        let location = Location::Postgres { url, connections: 8 };
        let (mut first, _) = Self::serve(location.clone(), Own::new(), |_| {}, |_| {}).await;
        first.populate().await;
        let own = Own { clock: first.clock.clone(), seed: 12, ..Own::new() };
        let (mut second, _) = Self::serve(location, own, |_| {}, |_| {}).await;
        second.key.clone_from(&first.key);
        Some([first, second])
    }

    async fn populate(&mut self) {
        for id in ["default", "acme", "rival"] {
            let tenant = Tenant::new(id.parse().unwrap(), ManagedBy::Api, self.clock.now());
            self.storage.apply(tenant.create(Actor::System)).await.unwrap();
        }
        self.key = self.admin_key(KeyOwner::Operator, vec![Scope::All]).await;
    }

    /// A node on a database.
    async fn serve(
        location: Location,
        own: Own,
        change: impl FnOnce(&mut NodeSettings),
        listen: impl Fn(&mut Listener),
    ) -> (Self, Certificates) {
        let Own { directory, clock, seed, plugins, outbound, keys } = own;
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(seed));
        Storage::migrate(&location).await.unwrap();
        let master = MasterKey::new([3; 32]);
        let storage = Storage::open(&location, &master, clock.clone(), rng.clone()).await.unwrap();
        let (public, admin) = (free_port(), free_port());
        let base = format!("http://127.0.0.1:{public}");
        let mut settings = NodeSettings {
            base_url: base.parse().unwrap(),
            trusted_proxies: TrustedProxies::default(),
            client_certificate_header: None,
            body_bytes: 64 * 1024,
            request_timeout: Duration::from_secs(20),
            loaded_tenants: 100,
            loaded_tenants_bytes: 16 << 20,
            cached_sessions: 100,
            shows_mail: true,
            version: "test",
        };
        change(&mut settings);
        let host = Arc::new(host(&storage, &clock, plugins, &directory.path().join("compiled")));
        let names = NameServer::start().await.unwrap();
        let servers = NameServers::new(vec![names.address()], rng.clone());
        let parts = parts(&storage, &clock, &rng, host.clone());
        let keys = keys.unwrap_or_else(|| Arc::clone(&parts.keys));
        let node = Node::new(settings, NodeParts { records: Arc::new(servers), outbound, keys, ..parts });
        let mut listeners = [
            listener("public", public, vec![Router::Public]),
            listener("admin", admin, vec![Router::Admin, Router::Metrics]),
        ];
        listeners.iter_mut().for_each(listen);
        let server_settings = ServerSettings { connections: 500, drain: Duration::from_secs(5) };
        let server = Server::open(node.clone(), &listeners, server_settings).await.unwrap();
        let certificates = server.certificates();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(server.serve(stopping));
        let admin = format!("http://127.0.0.1:{admin}");
        let key = String::new();
        let world = Self {
            base,
            admin,
            key,
            clock,
            storage,
            names,
            rng,
            host,
            node,
            stop,
            location,
            _directory: directory,
        };
        (world, certificates)
    }

    /// Where its database is, for who breaks it.
    pub(crate) const fn location(&self) -> &Location {
        &self.location
    }

    /// What the node asks when tokens are issued, and what it runs plugins with.
    pub(crate) fn hook(&self) -> &dyn TokenHook {
        &*self.host
    }

    pub(crate) fn plugins(&self) -> &dyn TenantPlugins {
        &*self.host
    }

    /// Another plugin host on this database, as a node has one that was not told yet what changed.
    pub(crate) fn another_host(&self, compiled: &Path) -> PluginHost {
        host(&self.storage, &self.clock, tenancy::plugin::Settings::default(), compiled)
    }

    /// Makes an admin key.
    pub(crate) async fn admin_key(&self, owner: KeyOwner, scopes: Vec<Scope>) -> String {
        let new = NewAdminKey { name: "test".to_owned(), owner, scopes, expires_at: None, uses: None };
        let (_, text, change) =
            new.create(Actor::System, self.storage.sealer(), self.rng.as_ref(), self.clock.now());
        self.storage.apply(change).await.unwrap();
        text.expose().clone()
    }

    /// Runs a background job as another node would that is due now.
    pub(crate) async fn run_job(&self, job: JobName) -> Outcome {
        let (jobs, courier) = (config::Jobs::default(), config::Courier::default());
        let settings = jobs::Settings { jobs: &jobs, courier: &courier };
        let (hook, tenants) = (self.node.clone(), self.node.clone());
        let mail = jobs::Ways { mailer: None, channels: jobs::Channels::default(), hook, tenants };
        let (events, webhooks) = (self.node.clone(), self.node.clone());
        let receivers = Receivers { messages: Handlers::default(), mail, events, webhooks };
        let metrics = JobMetrics::default();
        let jobs = Jobs::new(&self.storage, self.clock.clone(), &self.rng, settings, receivers, &metrics);
        jobs.run_once(job, &self.stop.subscribe()).await
    }

    /// Where a tenant is.
    pub(crate) fn tenant(&self, id: &str) -> String {
        if id == TenantId::DEFAULT { self.base.clone() } else { format!("{}/t/{id}", self.base) }
    }

    /// Asks the admin listener with a key, for a tenant.
    pub(crate) async fn operate(
        &self,
        key: &str,
        request: (&str, &str),
        tenant: &str,
        body: &Value,
    ) -> Response {
        let (method, path) = request;
        let prefix = if tenant == TenantId::DEFAULT { String::new() } else { format!("/t/{tenant}") };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers =
            [("authorization", format!("Bearer {key}")), ("content-type", "application/json".to_owned())];
        Browser::default().send(method, &format!("{}{prefix}{path}", self.admin), &headers, body).await
    }

    /// Sends a component to the admin listener, as a version of a plugin of a tenant.
    pub(crate) async fn upload(
        &self,
        key: &str,
        (tenant, name): (&str, &str),
        component: Vec<u8>,
    ) -> Response {
        let prefix = if tenant == TenantId::DEFAULT { String::new() } else { format!("/t/{tenant}") };
        let url = format!("{}{prefix}/admin/portcullis/v1/plugins?name={name}", self.admin);
        let headers =
            [("authorization", format!("Bearer {key}")), ("content-type", "application/wasm".to_owned())];
        Browser::default().send("POST", &url, &headers, component).await
    }

    /// Makes a client of a tenant; gives its secret.
    pub(crate) async fn client(&self, tenant: &str, document: Value) -> String {
        let made = self.operate(&self.key, ("POST", "/admin/clients"), tenant, &document).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["client_secret"].as_str().unwrap_or_default().to_owned()
    }

    /// A machine's client with its secret.
    pub(crate) async fn machine(&self, tenant: &str, more: Value) -> (String, String) {
        let mut document = json!({
            "client_id": "machine",
            "grant_types": ["client_credentials"],
            "scope": "read write",
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let secret = self.client(tenant, document).await;
        ("machine".to_owned(), secret)
    }
}

/// The variable that says on which database the suite runs: `sqlite` (the default) or `postgres`.
const DATABASE: &str = "PORTCULLIS_TEST_DATABASE";

/// A database for one node: an SQLite file, or one of the PostgreSQL server that this process shares.
fn location(directory: &Path) -> Location {
    #[expect(clippy::disallowed_methods, reason = "who starts the suite chooses, as `cargo xtask test` does")]
    let wanted = std::env::var(DATABASE).unwrap_or_else(|_| "sqlite".to_owned());
    match wanted.as_str() {
        "sqlite" => Location::Sqlite(directory.join("test.db")),
        "postgres" => {
            let server = Postgres::shared().unwrap();
            // Asked for by name, it is not skipped.
            let server = server.unwrap_or_else(|| panic!("{DATABASE}={wanted}, and there is no PostgreSQL"));
            Location::Postgres { url: Secret::new(server.create_database().unwrap()), connections: 8 }
        }
        other => panic!("{DATABASE}={other}: it is `sqlite` or `postgres`"),
    }
}

fn parts(
    storage: &Storage,
    clock: &Arc<FixedClock>,
    rng: &Arc<dyn Rng>,
    plugins: Arc<PluginHost>,
) -> NodeParts {
    NodeParts {
        storage: storage.clone(),
        keys: Arc::new(storage.clone()),
        clock: clock.clone(),
        rng: rng.clone(),
        hashing: HashingPool::start(2, 64, rng.clone()).unwrap(),
        client_secrets: HashingPool::start(1, 32, rng.clone()).unwrap(),
        pages: ui::Pages::new().unwrap(),
        metrics: HttpMetrics::default(),
        registry: Arc::new(Registry::default()),
        hook: plugins.clone(),
        policy: plugins.clone(),
        identity_hooks: plugins.clone(),
        claim_mapper: plugins.clone(),
        events: plugins.clone(),
        messages: plugins.clone(),
        transform: plugins.clone(),
        plugins,
        outbound: outbound(),
        records: Arc::new(NameServers::new(Vec::new(), rng.clone())),
    }
}

fn outbound() -> Arc<dyn Outbound> {
    Arc::new(GuardedOutbound::new(OutboundPolicy::default()).unwrap())
}

/// A plugin host on a database.
fn host(
    storage: &Storage,
    clock: &Arc<FixedClock>,
    settings: tenancy::plugin::Settings,
    compiled: &Path,
) -> PluginHost {
    let sealer = Arc::new(storage.sealer().clone());
    let host = PluginHost::new(settings, compiled, Compiler::ThisProcess, sealer, clock.clone()).unwrap();
    host.offering(Services {
        secrets: Some(Arc::new(storage.clone())),
        values: Some(Arc::new(storage.clone())),
        outbound: Some(outbound()),
        profiles: Some(Arc::new(storage.clone())),
        components: Some(Arc::new(storage.clone())),
        permissions: None,
    })
}

fn listener(name: &str, port: u16, routers: Vec<Router>) -> Listener {
    let address = ListenAddress::Tcp(([127, 0, 0, 1], port).into());
    let known = Listener::defaults();
    let first = known.first().unwrap().clone();
    Listener { name: name.to_owned(), address, routers, ..first }
}

/// A port that no other node of the suite is given, below those of which the system takes one for each connection: the
/// tests open many of these before the server binds its port itself. Processes begin in different places.
fn free_port() -> u16 {
    const FIRST: u32 = 10_240;
    const PORTS: u32 = 20_480;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..PORTS {
        let port = FIRST + begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("every port is in use")
}

/// A guest of `plugins/`, built by `cargo xtask guests`.
pub(crate) fn guest(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "where cargo builds is in its environment")]
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| here.join("../target"), PathBuf::from);
    let path = target.join(format!("guests/wasm32-wasip2/release/{name}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}
