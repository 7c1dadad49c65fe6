//! What storage costs on SQLite with its default settings: `cargo bench -p portcullis-storage`.
//!
//! Prints the median and the 99th percentile of each operation, one caller at a time unless it says
//! otherwise, and what the file system itself takes to make a page durable, which bounds every write.
//! A directory to measure in may follow `--`; it is the system's temporary one otherwise.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement that cannot go on ends")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use identity::identity::{Identity, IdentityState};
use identity::ports::Sessions as _;
use identity::session::{AuthenticationMethod, Device, Method, NewSession, Session};
use identity::{Settings, Write as IdentityWrite};
use oauth2::client::{ClientDocument, ClientRecord, ManagedBy, StoredSecret};
use oauth2::grant::{AccessToken, Grant, GrantSubject};
use oauth2::lineage::Lineage;
use oauth2::ports::{ClientRepository as _, TokenRepository as _};
use oauth2::scope::Scopes;
use oauth2::write::Write;
use portcullis_storage::{CacheSizes, Location, MasterKey, OpenOptions, Storage, Stored};
use primitives::rng::SeededRng;
use primitives::subject::AssuranceLevel;
use primitives::time::FixedClock;
use primitives::{
    Change, ClientAddress, ClientId, Clock as _, GrantId, IdentityId, KeyedHash, Rng as _, SessionId,
    TenantId, Timestamp,
};
use serde_json::json;

const ROWS: usize = 10_000;

struct Bench {
    storage: Storage,
    tenant: TenantId,
    clock: Arc<FixedClock>,
    rng: SeededRng,
}

fn main() {
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(directory).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(directory.path()));
}

async fn run(directory: &Path) {
    report("fdatasync of one page", fdatasync(directory));
    let location = Location::Sqlite(directory.join("bench.db"));
    Storage::migrate(&location).await.unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
    let rng = Arc::new(SeededRng::new(1));
    // Access tokens are read from the database each time, to see what that costs.
    let caches = CacheSizes { access_tokens: 0, ..CacheSizes::default() };
    let options = OpenOptions { caches, ..OpenOptions::default() };
    let master = MasterKey::new([7; 32]);
    let storage = Storage::open_with(&location, &master, clock.clone(), rng, options).await.unwrap();
    let bench = Bench { storage, tenant: TenantId::default_tenant(), clock, rng: SeededRng::new(2) };
    bench.fill().await;
    report_memory("after filling");

    let small = |n: usize| {
        let write = Write::RevokeJwt { jti: format!("jti-{n}"), expires_at: bench.now() };
        bench.apply([write])
    };
    measure("apply, alone", 500, 1, small).await;
    measure("apply, 64 callers at once", 20_000, 64, |n| small(1_000_000 + n)).await;

    let id = |n: usize| client_id(n % ROWS);
    for at_once in [1, 64] {
        measure(&format!("SELECT 1, {at_once} at once"), 20_000, at_once, async |_| {
            bench.storage.ping().await.unwrap();
        })
        .await;
        measure(&format!("find_client cached, {at_once} at once"), 100_000, at_once, async |n| {
            assert!(bench.storage.find_client(&bench.tenant, &id(n % 100)).await.unwrap().is_some());
        })
        .await;
        measure(&format!("client record, {at_once} at once"), 20_000, at_once, async |n| {
            let found = bench.storage.find_client_record(&bench.tenant, &id(n * 7919)).await.unwrap();
            assert!(found.is_some());
        })
        .await;
        measure(&format!("session by token, {at_once} at once"), 20_000, at_once, async |n| {
            let hashes = [bench.hash(n * 7919 % ROWS)];
            assert!(bench.storage.find_by_token(&bench.tenant, &hashes).await.unwrap().is_some());
        })
        .await;
        measure(&format!("access token, {at_once} at once"), 20_000, at_once, async |n| {
            let hash = bench.hash(n * 7919 % ROWS);
            assert!(bench.storage.find_access_token(&bench.tenant, &hash).await.unwrap().is_some());
        })
        .await;
    }
    report_memory("at the end");
}

/// Runs `call` so many times, `at_once` of them at a time, and reports how long each took.
async fn measure<F: Future<Output = ()>>(
    name: &str,
    times: usize,
    at_once: usize,
    call: impl Fn(usize) -> F,
) {
    let began = Instant::now();
    let took: Vec<Duration> = stream::iter(0..times)
        .map(|n| {
            let call = call(n);
            async move {
                let began = Instant::now();
                call.await;
                began.elapsed()
            }
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    let per_second = f64::from(u32::try_from(times).unwrap()) / began.elapsed().as_secs_f64();
    report(&format!("{name} ({per_second:.0}/s)"), took);
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort();
    let percentile = |p: usize| took[(took.len() * p / 100).min(took.len() - 1)].as_secs_f64() * 1e6;
    let line = format!("{name:<48} p50 {:>9.1} µs  p99 {:>9.1} µs\n", percentile(50), percentile(99));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Resident memory, where the system tells.
fn report_memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("RssAnon")) {
        std::io::stdout().write_all(format!("{when}: {line}\n").as_bytes()).unwrap();
    }
}

fn fdatasync(directory: &Path) -> Vec<Duration> {
    let mut file = File::create(directory.join("sync")).unwrap();
    let sync = |_| {
        file.write_all(&[7; 4096]).unwrap();
        let began = Instant::now();
        file.sync_data().unwrap();
        began.elapsed()
    };
    (0..500).map(sync).collect()
}

fn client_id(n: usize) -> ClientId {
    format!("client-{n}").parse().unwrap()
}

impl Bench {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn hash(&self, n: usize) -> KeyedHash {
        self.storage.sealer().hash(&self.tenant, "bench", &n.to_be_bytes())
    }

    async fn apply<W: Stored>(&self, writes: impl IntoIterator<Item = W>) {
        let mut change = Change::new(self.tenant.clone());
        change.writes.extend(writes);
        self.storage.apply(change).await.unwrap();
    }

    /// A client, a person, a session, a grant and an opaque access token of each number.
    async fn fill(&self) {
        for piece in (0..ROWS).collect::<Vec<_>>().chunks(500) {
            let people: Vec<_> = piece.iter().flat_map(|n| self.person(*n)).collect();
            self.apply(people).await;
            let granted: Vec<_> = piece.iter().flat_map(|n| self.granted(*n)).collect();
            self.apply(granted).await;
        }
    }

    fn person(&self, n: usize) -> [IdentityWrite; 2] {
        let now = self.now();
        let identity = Identity {
            id: IdentityId(self.rng.uuid()),
            external_id: None,
            schema_id: "default".to_owned(),
            state: IdentityState::Active,
            state_changed_at: now,
            traits: json!({"email": format!("person-{n}@example.com"), "name": {"first": "Ada", "last": "Lovelace"}})
                .as_object()
                .unwrap()
                .clone(),
            verifiable_addresses: Vec::new(),
            recovery_addresses: Vec::new(),
            metadata_public: None,
            metadata_admin: None,
            created_at: now,
            updated_at: now,
            organisation: None,
            available: AssuranceLevel::Aal1,
            version: 1,
        };
        let method = AuthenticationMethod::new(Method::Password, AssuranceLevel::Aal1, now);
        let device = Device::new(&self.rng, ClientAddress("203.0.113.9".parse().unwrap()), Some("Firefox"));
        let session = Session::begin(&self.rng, &identity, method, device, &Settings::default().session);
        let session = NewSession { session, token: self.hash(n) };
        [IdentityWrite::InsertIdentity(Box::new(identity)), IdentityWrite::InsertSession(Box::new(session))]
    }

    fn granted(&self, n: usize) -> [Write; 3] {
        let now = self.now();
        let document = json!({"client_id": client_id(n), "redirect_uris": ["https://app.example/callback"]});
        let client = ClientRecord {
            document: serde_json::from_value::<ClientDocument>(document).unwrap().with_defaults(),
            secrets: vec![StoredSecret::Keyed("A".repeat(48))],
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: now,
            updated_at: now,
            not_before: Timestamp::from_seconds(0),
            version: 1,
            registration: None,
        };
        let grant = Grant {
            id: GrantId(self.rng.uuid()),
            client: client_id(n),
            subject: GrantSubject {
                id: IdentityId(self.rng.uuid()),
                session: SessionId(self.rng.uuid()),
                organisation: None,
                authenticated_at: now,
                acr: "aal1".to_owned(),
                amr: vec!["pwd".to_owned()],
                session_claims: primitives::SessionClaims::default(),
                actor: None,
                external: None,
                forced: None,
            },
            scope: Scopes::parse("openid profile").unwrap(),
            audience: vec!["https://api.example".to_owned()],
            details: oauth2::details::AuthorizationDetails::default(),
            requested: oauth2::claims_request::RequestedClaims::default(),
            nonce: None,
            claims: oauth2::grant::GrantedClaims::default(),
            created_at: now,
            revoked_at: None,
        };
        let token = AccessToken {
            hash: self.hash(n),
            grant: Some(grant.id),
            subject: None,
            client: client_id(n),
            scope: Scopes::parse("openid profile").unwrap(),
            audience: vec!["https://api.example".to_owned()],
            details: oauth2::details::AuthorizationDetails::default(),
            confirmation: None,
            derivation: None,
            lineage: Lineage::default(),
            claims: serde_json::Map::new(),
            issued_at: now,
            expires_at: now.after(Duration::from_hours(1)),
        };
        [
            Write::InsertClient(Box::new(client)),
            Write::InsertGrant(Box::new(grant)),
            Write::InsertAccessToken(Box::new(token)),
        ]
    }
}
