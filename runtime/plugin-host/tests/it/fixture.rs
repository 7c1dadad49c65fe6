//! A host with an empty cache, guests by the names of their fixtures, and a typical request.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures_util::FutureExt as _;
use oauth2::hooks::{TokenDecision, TokenHook as _, TokenRequest, TokenShape, TokenSubject};
use portcullis_plugin_host::{
    Compiler, HookName, HostError, PluginHost, PluginSource, PluginSpec, Services, Settings,
};
use primitives::hooks::{HookContext, HookFailure};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::FixedClock;
use primitives::{Actor, OrganisationId, RequestId, Sealer, TenantId, Timestamp};
use serde_json::{Map, json};
use tenancy::TenantPlugins;
use tenancy::plugin::TrustSettings;
use uuid::Uuid;

/// A host with an empty cache of its own, and the tenant `default`.
pub(crate) struct Fixture {
    pub(crate) host: PluginHost,
    pub(crate) tenant: TenantId,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) cache: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new(settings: Settings) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let (host, clock) = host(settings, &cache.path().join("code"), 7);
        Self::on(host.unwrap(), clock, cache)
    }

    /// The same, with what holds its compilations.
    pub(crate) fn gated() -> (Self, Gate) {
        let cache = tempfile::tempdir().unwrap();
        let gate = Gate(cache.path().join("gate"));
        let code = cache.path().join("code");
        let (host, clock) = compiling(gate.compiler(), Settings::default(), &code, 7);
        (Self::on(host.unwrap(), clock, cache), gate)
    }

    fn on(host: PluginHost, clock: Arc<FixedClock>, cache: tempfile::TempDir) -> Self {
        let tenant = TenantId::default_tenant();
        run(TenantPlugins::install(&host, &tenant, Vec::new(), &TrustSettings::default()));
        Self { host, tenant, clock, cache }
    }

    /// The same, on a node that offers this to plugins.
    pub(crate) fn offering(self, services: Services) -> Self {
        Self { host: self.host.offering(services), ..self }
    }

    pub(crate) fn with(guest: &str) -> Self {
        let fixture = Self::new(Settings::default());
        run(fixture.host.install_plugin(&fixture.tenant, spec(guest))).unwrap();
        fixture
    }

    pub(crate) fn shape(
        &self,
        organisation: Option<OrganisationId>,
        email: &str,
    ) -> Result<TokenDecision, HookFailure> {
        let (context, request) = (self.context(organisation), request(email));
        run(self.host.shape_tokens(&context, &request))
    }

    pub(crate) fn context(&self, organisation: Option<OrganisationId>) -> HookContext {
        HookContext {
            tenant: self.tenant.clone(),
            organisation,
            client: Some("nexboard".parse().unwrap()),
            actor: Actor::System,
            request: RequestId(Uuid::nil()),
        }
    }
}

/// Stands in for `portcullis compile-plugin`.
const COMPILER: &str = env!("CARGO_BIN_EXE_portcullis-compile-plugin");

pub(crate) fn host(
    settings: Settings,
    cache: &Path,
    key: u8,
) -> (Result<PluginHost, HostError>, Arc<FixedClock>) {
    compiling(Compiler::Child { program: COMPILER.into(), arguments: Vec::new() }, settings, cache, key)
}

fn compiling(
    compiler: Compiler,
    settings: Settings,
    cache: &Path,
    key: u8,
) -> (Result<PluginHost, HostError>, Arc<FixedClock>) {
    let key = DataKey { id: 1, material: [key; 32].into() };
    let sealer = Sealer::new(Keyring::new(key, Vec::new()), Arc::new(SeededRng::new(7)));
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_000)));
    (PluginHost::new(settings, cache, compiler, Arc::new(sealer), clock.clone()), clock)
}

/// Runs on a runtime of one thread: a guest that held the worker would hold the test.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn component(guest: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let path = target.join(format!("guests/wasm32-wasip2/release/{guest}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}

pub(crate) fn spec(guest: &str) -> PluginSpec {
    let name = guest.replace('_', "-");
    let mut spec = PluginSpec::new(name, PluginSource::File(component(guest)), HookName::Token);
    // A busy machine is no failure of the guest's.
    spec.limits.wall_ms = Some(10_000);
    spec
}

pub(crate) fn request(email: &str) -> TokenRequest {
    let traits = json!({ "email": email, "name": { "first": "Ada", "last": "Lovelace" } });
    TokenRequest {
        grant_type: "authorization_code".to_owned(),
        subject: Some(TokenSubject {
            id: "6c0f3a5e-3a87-4d44-9d65-0a6f5d4f3b21".to_owned(),
            session: Some("b9f3".to_owned()),
            assurance: "aal1".to_owned(),
            methods: vec!["pwd".to_owned()],
            traits: traits.as_object().unwrap().clone(),
            metadata: Map::new(),
            session_claims: Map::new(),
        }),
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        audience: vec!["https://api.example".to_owned()],
        id_token: true,
        exchange: None,
    }
}

pub(crate) fn issued(decision: Result<TokenDecision, HookFailure>) -> TokenShape {
    match decision {
        Ok(TokenDecision::Issue(shape)) => shape,
        other => panic!("expected claims, got {other:?}"),
    }
}

/// What holds compilations: they wait while there is a pipe at its path that somebody has open.
pub(crate) struct Gate(PathBuf);

impl Gate {
    /// What a compilation runs: it waits at the gate, and then compiles.
    fn compiler(&self) -> Compiler {
        let script = r#"if [ -p "$0" ]; then read -r _ < "$0"; fi; exec "$1""#;
        let arguments: [OsString; 4] = ["-c".into(), script.into(), self.0.clone().into(), COMPILER.into()];
        Compiler::Child { program: "/bin/sh".into(), arguments: arguments.to_vec() }
    }

    /// Lets `doing` go on until it compiles: it has read its files then. It goes no further while the pipe is open; other
    /// compilations wait for their turn.
    pub(crate) async fn reached_by(&self, doing: &mut (impl Future<Output: Debug> + Unpin)) -> File {
        assert!(Command::new("mkfifo").arg(&self.0).status().unwrap().success());
        let gate = self.0.clone();
        let opening = std::thread::spawn(move || {
            let pipe = File::options().write(true).open(&gate).unwrap();
            std::fs::remove_file(gate).unwrap();
            pipe
        });
        while !opening.is_finished() {
            assert!(doing.now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        opening.join().unwrap()
    }
}
