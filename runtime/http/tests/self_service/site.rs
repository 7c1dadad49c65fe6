//! A node on loopback with a database of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::listener::{ClientAuthentication, ListenAddress, Listener};
use identity::flow::FlowTrace;
use identity::hooks::{NoClaimMapper, NoIdentityHooks};
use identity::password::HashingPool;
use identity::ports::Flows as _;
use oauth2::hooks::NoTokenHook;
use portcullis_http::{
    GuardedOutbound, HttpMetrics, NameServers, Node, NodeParts, NodeSettings, OutboundPolicy, Server,
    ServerSettings,
};
use primitives::outbound::Outbound;
use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::transform::{NoTransformHook, TransformHook};
use primitives::{Actor, Rng, TenantId, Timestamp, TrustedProxies};
use serde_json::{Value, json};
use storage::{Location, MasterKey, Storage};
use tenancy::plugin::uploaded::{
    CandidateRefusal, CheckedComponent, ComponentRoom, PluginCandidates, RefusalReason, ShadowReport,
    StoredPlugin, UploadBounds,
};
use tenancy::plugin::{DeclaredPlugin, PluginLines, PluginReport, Reread, TenantPlugins, TrustSettings};
use tenancy::{ManagedBy, Tenant};
use tokio::sync::watch;

use crate::client::Client;

/// What browsers call the node; tests connect to wherever it listens.
pub(crate) const BASE: &str = "https://id.example";

pub(crate) struct Site {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<FixedClock>,
    address: SocketAddr,
    /// Of the listener that lets operators in by their keys alone.
    keyed: SocketAddr,
    /// Dropped last: the server ends with it.
    _stop: watch::Sender<bool>,
    directory: tempfile::TempDir,
}

/// A node without plugins.
#[derive(Debug)]
struct NoPlugins;

impl TenantPlugins for NoPlugins {
    fn install_all<'a>(
        &'a self,
        _: &'a TenantId,
        _: (Vec<DeclaredPlugin>, Vec<StoredPlugin>),
        _: &'a TrustSettings,
    ) -> futures_util::future::BoxFuture<'a, Vec<PluginReport>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn reread(&self, _: Reread) -> futures_util::future::BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn forget(&self, _: &TenantId) {}

    fn shadow(&self, _: &TenantId, _: &str) -> Option<ShadowReport> {
        None
    }

    fn lines(&self, _: &TenantId, _: &str, _: u64) -> Option<PluginLines> {
        None
    }

    fn list(&self, _: &TenantId) -> Vec<PluginReport> {
        Vec::new()
    }
}

impl PluginCandidates for NoPlugins {
    fn upload_bounds(&self) -> UploadBounds {
        UploadBounds { component_bytes: 0, room: ComponentRoom::default(), compile: Duration::ZERO }
    }

    fn check_component(
        &self,
        _: Arc<[u8]>,
    ) -> futures_util::future::BoxFuture<'_, Result<CheckedComponent, CandidateRefusal>> {
        let reason = RefusalReason::NotOffered;
        Box::pin(std::future::ready(Err(CandidateRefusal { reason, detail: String::new() })))
    }

    fn check_candidate<'a>(
        &'a self,
        _: &'a TenantId,
        _: StoredPlugin,
        _: &'a TrustSettings,
    ) -> futures_util::future::BoxFuture<'a, Result<(), CandidateRefusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn check_shadow<'a>(
        &'a self,
        _: &'a TenantId,
        _: StoredPlugin,
        _: &'a TrustSettings,
    ) -> futures_util::future::BoxFuture<'a, Result<(), CandidateRefusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn make_ready<'a>(&'a self, _: &'a TenantId, _: &'a str) -> futures_util::future::BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

pub(crate) fn nowhere() -> Arc<dyn Outbound> {
    Arc::new(GuardedOutbound::new(OutboundPolicy::default()).unwrap())
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(json!({})).await
    }

    /// A node whose tenants `default` and `other` have these identity settings.
    pub(crate) async fn with(identity: Value) -> Self {
        Self::reaching(identity, &json!({}), nowhere()).await
    }

    /// A node whose tenants have these looks.
    pub(crate) async fn branded(branding: &Value) -> Self {
        let settings = json!({ "identity": {}, "branding": branding });
        Self::configured(settings, nowhere(), Arc::new(NoTransformHook)).await
    }

    /// The same with other providers, which are reached by `outbound`.
    pub(crate) async fn reaching(identity: Value, federation: &Value, outbound: Arc<dyn Outbound>) -> Self {
        let settings = json!({ "identity": identity, "federation": federation });
        Self::configured(settings, outbound, Arc::new(NoTransformHook)).await
    }

    /// The same with any settings, and with what makes documents of templates.
    pub(crate) async fn configured(
        settings: Value,
        outbound: Arc<dyn Outbound>,
        transform: Arc<dyn TransformHook>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("test.db"));
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
        let rng = Arc::new(SeededRng::new(7));
        Storage::migrate(&location).await.unwrap();
        let storage =
            Storage::open(&location, &MasterKey::new([7; 32]), clock.clone(), rng.clone()).await.unwrap();
        let mut document = settings;
        document["identity"]["argon2"] = json!({"memory_kib": 64, "iterations": 1, "parallelism": 1});
        for id in ["default", "other"] {
            let mut tenant = Tenant::new(id.parse().unwrap(), ManagedBy::Api, Timestamp::from_seconds(0));
            tenant.settings.document.clone_from(document.as_object().unwrap());
            storage.apply(tenant.create(Actor::System)).await.unwrap();
        }
        let settings = NodeSettings {
            base_url: BASE.parse().unwrap(),
            client_certificate_header: None,
            trusted_proxies: TrustedProxies::default(),
            body_bytes: 1 << 20,
            request_timeout: Duration::from_secs(30),
            loaded_tenants: 10,
            loaded_tenants_bytes: 16 << 20,
            cached_sessions: 100,
            shows_mail: false,
            version: "test",
        };
        let parts = NodeParts {
            storage: storage.clone(),
            keys: Arc::new(storage.clone()),
            clock: clock.clone(),
            hashing: HashingPool::start(1, 16, rng.clone() as Arc<dyn Rng>).unwrap(),
            client_secrets: HashingPool::start(1, 16, rng.clone() as Arc<dyn Rng>).unwrap(),
            records: Arc::new(NameServers::new(Vec::new(), rng.clone())),
            rng,
            pages: ui::Pages::new().unwrap(),
            metrics: HttpMetrics::default(),
            registry: Arc::default(),
            hook: Arc::new(NoTokenHook),
            policy: Arc::new(primitives::policy::NoPolicyHook),
            identity_hooks: Arc::new(NoIdentityHooks),
            claim_mapper: Arc::new(NoClaimMapper),
            events: Arc::new(tenancy::plugin::NoEventHook),
            messages: Arc::new(primitives::message::NoMessageHook),
            transform,
            plugins: Arc::new(NoPlugins),
            outbound,
        };
        let listener = Listener {
            name: "test".to_owned(),
            address: ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()),
            routers: vec![config::Router::Public, config::Router::Admin],
            auth: ClientAuthentication::None,
            reason: Some("a test".to_owned()),
            tls: None,
            client_ca: None,
            app_certificates: false,
            api_document: true,
            body_bytes: None,
            request_timeout: None,
        };
        let node = Node::new(settings, parts);
        let limits = ServerSettings { connections: 100, drain: Duration::from_secs(1) };
        let by_key =
            Listener { name: "keyed".to_owned(), auth: ClientAuthentication::Key, ..listener.clone() };
        let server = Server::open(node, &[listener, by_key], limits).await.unwrap();
        let [address, keyed] = [0, 1].map(|index: usize| match server.listening()[index].address.clone() {
            ListenAddress::Tcp(address) => address,
            other @ ListenAddress::Unix(_) => panic!("not TCP: {other:?}"),
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server.serve(stopped));
        Self { storage, clock, address, keyed, _stop: stop, directory }
    }

    /// Has the audit records written that are on their way.
    pub(crate) async fn flush_audit(&self) {
        self.storage.flush_audit().await.unwrap();
    }

    /// Whether a form has a row, spent or not.
    pub(crate) async fn has_row(&self, flow: &str) -> bool {
        let tenant = TenantId::default_tenant();
        let trace = self.storage.trace_flow(&tenant, flow.parse().unwrap()).await.unwrap();
        !matches!(trace, FlowTrace::Nothing { .. })
    }

    /// All that the database has on disk: each commit of the writer adds to it.
    pub(crate) fn written(&self) -> Vec<Vec<u8>> {
        ["test.db", "test.db-wal"].map(|name| std::fs::read(self.directory.path().join(name)).unwrap()).into()
    }

    /// A new client without cookies.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A new client of the listener that asks operators for a key.
    pub(crate) fn keyed_client(&self) -> Client {
        Client::new(self.keyed)
    }

    /// An admin key of a tenant for one scope.
    pub(crate) async fn key(&self, tenant: &str, scope: &str) -> String {
        let body = json!({ "name": "k", "tenant": tenant, "scopes": [scope] });
        let made = self.client().json("POST", "/admin/portcullis/v1/keys", &body).await;
        made.json()["secret"].as_str().unwrap_or_else(|| panic!("{}", made.body)).to_owned()
    }

    /// A browser in which somebody is signed in, with the password "correct horse".
    pub(crate) async fn signed_in(&self, email: &str) -> Client {
        self.person(email).await;
        let mut browser = self.client();
        self.sign_in(&mut browser, email).await;
        browser
    }

    /// Somebody with the password "correct horse".
    pub(crate) async fn person(&self, email: &str) -> Value {
        let body = json!({
            "schema_id": "default",
            "traits": {"email": email},
            "credentials": {"password": {"config": {"password": "correct horse"}}},
        });
        let made = self.client().json("POST", "/admin/identities", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    }

    pub(crate) async fn sign_in(&self, browser: &mut Client, email: &str) {
        let flow = browser.begin("login").await;
        let form = [("identifier", email), ("password", "correct horse"), ("method", "password")];
        let answer = browser.submit(&flow, &form).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(browser.cookies.contains_key("ory_kratos_session"));
    }
}
