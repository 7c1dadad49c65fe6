//! A host with an empty cache, guests by the names of their fixtures, and a typical request.

use std::fmt::Debug;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;

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
        let (host, tenant) = (host.unwrap(), TenantId::default_tenant());
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

pub(crate) fn host(
    settings: Settings,
    cache: &Path,
    key: u8,
) -> (Result<PluginHost, HostError>, Arc<FixedClock>) {
    let key = DataKey { id: 1, material: [key; 32].into() };
    let sealer = Sealer::new(Keyring::new(key, Vec::new()), Arc::new(SeededRng::new(7)));
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_000)));
    let compiler = Compiler::Child {
        program: env!("CARGO_BIN_EXE_portcullis-compile-plugin").into(),
        arguments: Vec::new(),
    };
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
    }
}

pub(crate) fn issued(decision: Result<TokenDecision, HookFailure>) -> TokenShape {
    match decision {
        Ok(TokenDecision::Issue(shape)) => shape,
        other => panic!("expected claims, got {other:?}"),
    }
}

/// A file that is being read: a pipe, out of which a guest comes.
pub(crate) struct Slowly(JoinHandle<File>);

impl Slowly {
    pub(crate) fn from(file: &Path, guest: &'static str) -> Self {
        std::fs::remove_file(file).unwrap();
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        let file = file.to_owned();
        Self(std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(file).unwrap();
            pipe.write_all(&std::fs::read(component(guest)).unwrap()).unwrap();
            pipe
        }))
    }

    /// Lets `reader` go on until it reads. It goes no further while the pipe is open.
    pub(crate) async fn read_by(self, reader: &mut (impl Future<Output: Debug> + Unpin)) -> File {
        while !self.0.is_finished() {
            assert!(reader.now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        self.0.join().unwrap()
    }
}
