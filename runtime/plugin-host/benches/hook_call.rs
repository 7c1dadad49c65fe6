//! One call of the sample guest with about 1 kB of typed input, in a fresh instance, as the node makes it.
//!
//! Criterion gives means; the bar is on quantiles, so they are taken from a loop of our own. Run with
//! `cargo bench -p portcullis-plugin-host` after `cargo xtask guests`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use oauth2::hooks::{TokenHook as _, TokenRequest, TokenSubject};
use portcullis_plugin_host::{Compiler, HookName, Limits, PluginHost, PluginSource, PluginSpec, Settings};
use primitives::hooks::HookContext;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::FixedClock;
use primitives::{Actor, RequestId, Sealer, TenantId, Timestamp};
use serde_json::{Map, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Calls per quantile.
const CALLS: usize = 50_000;

/// Guests that never end. All for one subject, so that the circuit stays closed.
const RUNAWAYS: usize = 40;

struct Node {
    calls: Arc<Calls>,
    runtime: Runtime,
    _cache: tempfile::TempDir,
}

struct Calls {
    host: PluginHost,
    context: HookContext,
    request: TokenRequest,
}

impl Node {
    fn new() -> Self {
        let settings = json!({ "domains": { "acme.example": { "plan": "team", "seats": 12 } } });
        let mut spec = PluginSpec::new("plugin", guest("enrich_token_rust"), HookName::Token);
        spec.settings.clone_from(settings.as_object().unwrap());
        Self::with(spec)
    }

    fn with(spec: PluginSpec) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let keyring = Keyring::new(DataKey { id: 1, material: [7; 32].into() }, Vec::new());
        let host = PluginHost::new(
            Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() },
            &cache.path().join("code"),
            Compiler::ThisProcess,
            Arc::new(Sealer::new(keyring, Arc::new(SeededRng::new(7)))),
            Arc::new(FixedClock::new(Timestamp::from_seconds(1_000))),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let tenant = TenantId::default_tenant();
        runtime.block_on(host.install_plugin(&tenant, spec)).unwrap();
        let context = HookContext {
            tenant,
            organisation: None,
            client: Some("nexboard".parse().unwrap()),
            actor: Actor::System,
            request: RequestId(Uuid::nil()),
        };
        Self { calls: Arc::new(Calls { host, context, request: request() }), runtime, _cache: cache }
    }

    /// Calls so often, and how long each took. On a worker, as requests are, and the next one when that
    /// has done what the call left to be done.
    fn times(&self, calls: usize) -> Vec<Duration> {
        let all = Arc::clone(&self.calls);
        let work = self.runtime.spawn(async move {
            let mut times = Vec::with_capacity(calls);
            for _ in 0..calls {
                let start = Instant::now();
                black_box(all.host.shape_tokens(&all.context, &all.request).await).unwrap();
                times.push(start.elapsed());
                tokio::task::yield_now().await;
            }
            times
        });
        self.runtime.block_on(work).unwrap()
    }
}

fn guest(name: &str) -> PluginSource {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    PluginSource::File(target.join(format!("guests/wasm32-wasip2/release/{name}.wasm")))
}

/// About 1 kB of traits, metadata and the rest.
fn request() -> TokenRequest {
    let traits = json!({
        "email": "ada.lovelace@acme.example",
        "name": { "first": "Ada", "last": "Lovelace" },
        "phone": "+44 20 7946 0000",
        "department": "Analytical Engines",
        "manager": "charles.babbage@acme.example",
        "address": { "street": "12 St James's Square", "city": "London", "country": "GB" },
        "languages": ["en", "fr", "it"],
    });
    let metadata = json!({
        "imported_from": "directory",
        "employee_number": "A-1815-12-10",
        "cost_centre": "1843-notes",
        "labels": ["analyst", "countess", "founder", "engine", "notes-a-to-g"],
        "note": "x".repeat(300),
    });
    let object = |value: serde_json::Value| -> Map<_, _> { value.as_object().unwrap().clone() };
    TokenRequest {
        grant_type: "authorization_code".to_owned(),
        subject: Some(TokenSubject {
            id: "6c0f3a5e-3a87-4d44-9d65-0a6f5d4f3b21".to_owned(),
            session: Some("b9f3c2a4-0d39-4d29-8f5b-2a1c5d7e9f00".to_owned()),
            assurance: "aal1".to_owned(),
            methods: vec!["pwd".to_owned()],
            traits: object(traits),
            metadata: object(metadata),
            session_claims: Map::new(),
        }),
        scopes: ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec(),
        audience: vec!["https://api.example".to_owned()],
        id_token: true,
        exchange: None,
    }
}

/// Resident memory of this process in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn hook_call(criterion: &mut Criterion) {
    let before = resident();
    let node = Node::new();
    let at_rest = resident();
    node.times(CALLS);
    println!("RSS: {before} kB without, {at_rest} kB with the engine, {} kB after {CALLS} calls", resident());
    for round in 1..=3 {
        let mut times = node.times(CALLS);
        times.sort();
        let at = |of_thousand: usize| times[times.len() * of_thousand / 1_000].as_nanos() as f64 / 1e3;
        println!("round {round}: p50 {:.1} µs, p99 {:.1} µs, p999 {:.1} µs", at(500), at(990), at(999));
    }
    criterion.bench_function("hook_call", |bencher| {
        bencher.iter_custom(|calls| node.times(usize::try_from(calls).unwrap()).iter().sum());
    });
}

/// As the node logs by default: spans are made, and written only with an event.
fn hook_call_logged(criterion: &mut Criterion) {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::sink).init();
    println!("with the node's log:");
    hook_call(criterion);
}

/// How long after its limit a guest that never ends is stopped.
fn runaway(_: &mut Criterion) {
    let mut spec = PluginSpec::new("plugin", guest("token_loop"), HookName::Token);
    spec.limits = Limits { cpu_ms: 50, wall_ms: Some(5_000), ..Limits::default() };
    let node = Node::with(spec);
    let mut times: Vec<Duration> = (0..RUNAWAYS)
        .map(|_| {
            let start = Instant::now();
            let call = node.calls.host.shape_tokens(&node.calls.context, &node.calls.request);
            node.runtime.block_on(call).unwrap_err();
            start.elapsed()
        })
        .collect();
    times.sort();
    let (least, most) = (times[0], times[RUNAWAYS - 1]);
    println!("a guest with 50 ms of CPU that never ends is stopped after {least:?} to {most:?}");
}

criterion_group!(benches, runaway, hook_call, hook_call_logged);
criterion_main!(benches);
