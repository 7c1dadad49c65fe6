//! Databases to run a test on, and rows to put into them.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use oauth2::authorization::external::LoginSession;
use oauth2::claims_request::RequestedClaims;
use oauth2::client::{ClientDocument, ClientRecord, ManagedBy, StoredSecret};
use oauth2::details::AuthorizationDetails;
use oauth2::device::{DeviceCode, Polling};
use oauth2::grant::{
    AccessToken, AuthorizationCode, Consent, Grant, GrantSubject, GrantedClaims, RefreshToken,
};
use oauth2::lineage::Lineage;
use oauth2::pkce::ChallengeMethod;
use oauth2::scope::Scopes;
use oauth2::write::Write;
use portcullis_storage::{
    ApplyError, CacheSizes, Location, MasterKey, MigrationState, OpenOptions, SCHEMA_VERSION, Storage,
    StorageError, Stored,
};
use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::{
    ActingParty, Change, ClientId, Clock as _, GrantId, IdentityId, KeyedHash, Rng as _, Secret, SessionId,
    TenantId, Timestamp,
};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// An open, migrated, empty database.
pub(crate) struct World {
    pub(crate) storage: Storage,
    pub(crate) location: Location,
    pub(crate) tenant: TenantId,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) rng: Arc<SeededRng>,
    _directory: Option<tempfile::TempDir>,
}

impl World {
    /// SQLite always; PostgreSQL where its binaries are (its absence fails under `CI`); each with caches
    /// and without.
    pub(crate) async fn each() -> Vec<Self> {
        let mut worlds = Vec::new();
        for caches in [CacheSizes::default(), CacheSizes::NONE] {
            let directory = tempfile::tempdir().unwrap();
            let sqlite = Location::Sqlite(directory.path().join("test.db"));
            worlds.push(Self::open(sqlite, caches, Some(directory)).await);
            if let Some(server) = testkit::postgres::Postgres::shared().unwrap() {
                let url = Secret::new(server.create_database().unwrap());
                worlds.push(Self::open(Location::Postgres { url, connections: 8 }, caches, None).await);
            }
        }
        worlds
    }

    /// Databases that the migrations up to `number` have made and somebody has used, migrated to today's.
    /// `rows` writes the statements; it is given how the database writes bytes in hexadecimal digits.
    pub(crate) async fn each_migrated_from(
        number: i64,
        rows: impl Fn(fn(&str) -> String) -> String,
    ) -> Vec<Self> {
        let mut worlds = Vec::new();
        let directory = tempfile::tempdir().unwrap();
        let mut places = vec![(Location::Sqlite(directory.path().join("test.db")), Some(directory))];
        if let Some(server) = testkit::postgres::Postgres::shared().unwrap() {
            let url = Secret::new(server.create_database().unwrap());
            places.push((Location::Postgres { url, connections: 8 }, None));
        }
        for (location, directory) in places {
            run(&location, &migrations(&location, number)).await;
            let bytes: fn(&str) -> String = match location {
                Location::Sqlite(_) => |digits| format!("x'{digits}'"),
                Location::Postgres { .. } => |digits| format!(r"'\x{digits}'::bytea"),
            };
            run(&location, &rows(bytes)).await;
            let state = Storage::migrate(&location).await.unwrap();
            assert_eq!(state, MigrationState { from: number, to: SCHEMA_VERSION });
            worlds.push(Self::open(location, CacheSizes::default(), directory).await);
        }
        worlds
    }

    async fn open(location: Location, caches: CacheSizes, directory: Option<tempfile::TempDir>) -> Self {
        let rng = Arc::new(SeededRng::new(7));
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
        Storage::migrate(&location).await.unwrap();
        let storage = open(&location, clock.clone(), caches).await.unwrap();
        let tenant = TenantId::default_tenant();
        Self { storage, location, tenant, clock, rng, _directory: directory }
    }

    /// Runs a statement past storage, as somebody with access to the database would.
    pub(crate) async fn raw(&self, sql: &str) {
        run(&self.location, sql).await;
    }

    /// The texts in the first column of what a query past storage gives, in order.
    pub(crate) async fn raw_texts(&self, sql: &str) -> Vec<String> {
        let mut texts: Vec<String> = match &self.location {
            Location::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path);
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
            }
            Location::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url.expose()).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
            }
        };
        texts.sort();
        texts
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The instant `seconds` from now.
    pub(crate) fn in_seconds(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.now().micros() + seconds * 1_000_000)
    }

    /// Applies and says which write missed, if one did.
    pub(crate) async fn apply<W: Stored>(&self, writes: impl IntoIterator<Item = W>) -> Option<usize> {
        let mut change = Change::new(self.tenant.clone());
        change.writes.extend(writes);
        match self.storage.apply(change).await {
            Ok(()) => None,
            Err(ApplyError::Missed { write }) => Some(write),
            Err(ApplyError::Storage(error)) => panic!("{error}"),
        }
    }

    /// Applies `write` fifty times at once: one must win, all others must miss their guard.
    pub(crate) async fn race<W: Stored + Clone>(&self, write: W) {
        let outcomes = join_all((0..50).map(|_| self.apply([write.clone()]))).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        let missed = outcomes.iter().filter(|outcome| **outcome == Some(0)).count();
        assert_eq!((won, missed), (1, 49), "on {}", self.storage.kind());
    }

    pub(crate) fn hash(&self, secret: &str) -> KeyedHash {
        self.storage.sealer().hash(&self.tenant, "test", secret.as_bytes())
    }

    pub(crate) fn client(&self, id: &str) -> ClientRecord {
        let document = json!({
            "client_id": id, "client_name": format!("Name of {id}"), "owner": "ada",
            "redirect_uris": ["https://app.example/callback"], "metadata": {"k": [1, null]},
        });
        let document = serde_json::from_value::<ClientDocument>(document).unwrap().with_defaults();
        ClientRecord {
            document,
            secrets: vec![StoredSecret::Argon2id("$argon2id$1".to_owned())],
            managed_by: ManagedBy::Api,
            enabled: true,
            created_at: self.now(),
            updated_at: self.now(),
            not_before: Timestamp::from_seconds(0),
            version: 1,
            registration: None,
        }
    }

    pub(crate) fn grant(&self, subject: IdentityId, client: &str) -> Grant {
        Grant {
            id: GrantId::generate(&*self.rng),
            client: client.parse().unwrap(),
            subject: GrantSubject {
                id: subject,
                session: SessionId(self.rng.uuid()),
                organisation: None,
                authenticated_at: self.now(),
                acr: "aal1".to_owned(),
                amr: vec!["pwd".to_owned()],
                session_claims: session_claims("3.14"),
                actor: Some(ActingParty { sub: "admin_key:1".to_owned() }),
                external: Some("ada@crm".to_owned()),
                forced: Some("crm-7".to_owned()),
            },
            scope: scopes("openid offline_access"),
            audience: vec!["https://api.example".to_owned()],
            details: details("write"),
            requested: requested_claims(),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            claims: granted_claims(),
            created_at: self.now(),
            revoked_at: None,
        }
    }

    pub(crate) fn consent(&self, subject: IdentityId, client: &str) -> Consent {
        Consent {
            subject,
            client: client.parse().unwrap(),
            scope: scopes("openid"),
            audience: Vec::new(),
            details: details("read"),
            granted_at: self.now(),
            expires_at: None,
            grant: None,
            record: None,
        }
    }

    pub(crate) fn code(&self, grant: &Grant, code: &str) -> AuthorizationCode {
        AuthorizationCode {
            hash: self.hash(code),
            grant: grant.id,
            redirect_uri: Some("https://app.example/callback".to_owned()),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            code_challenge_method: ChallengeMethod::S256,
            dpop_jkt: None,
            expires_at: self.in_seconds(60),
            consumed_at: None,
        }
    }

    pub(crate) fn device_code(&self, client: &str, code: &str) -> DeviceCode {
        DeviceCode {
            hash: self.hash(code),
            user_code: self.hash(&format!("user code of {code}")),
            client: client.parse().unwrap(),
            scope: scopes("openid offline_access"),
            audience: vec!["https://api.example".to_owned()],
            details: details("read"),
            created_at: self.now(),
            expires_at: self.in_seconds(600),
            polling: Polling { interval: 5, next_at: self.now() },
            answer: None,
        }
    }

    pub(crate) fn access_token(&self, grant: Option<&Grant>, client: &str, token: &str) -> AccessToken {
        let claims = json!({"plan": "pro", "seats": 5});
        AccessToken {
            hash: self.hash(token),
            grant: grant.map(|grant| grant.id),
            client: client.parse().unwrap(),
            subject: grant.is_none().then(|| "mike@example.com".to_owned()),
            scope: scopes("openid"),
            audience: vec!["https://api.example".to_owned()],
            details: details("read"),
            confirmation: None,
            derivation: None,
            lineage: Lineage::default(),
            claims: claims.as_object().unwrap().clone(),
            issued_at: self.now(),
            expires_at: self.in_seconds(3600),
        }
    }

    pub(crate) fn refresh_token(&self, grant: &Grant, token: &str) -> RefreshToken {
        RefreshToken {
            hash: self.hash(token),
            grant: grant.id,
            scope: scopes("openid offline_access"),
            confirmation: None,
            issued_at: self.now(),
            expires_at: self.in_seconds(30 * 86_400),
            rotation: None,
        }
    }

    /// A sign-in at a login app, which is remembered for a minute and lasts for an hour.
    pub(crate) fn login_session(&self, subject: IdentityId, cookie: &str) -> LoginSession {
        LoginSession {
            id: SessionId(self.rng.uuid()),
            token: self.hash(cookie),
            subject,
            external: Some("ada@crm".to_owned()),
            authenticated_at: self.now(),
            acr: "gold".to_owned(),
            amr: vec!["otp".to_owned()],
            remembered_until: Some(self.in_seconds(60)),
            expires_at: self.in_seconds(3600),
            provider_session: Some("s-1".to_owned()),
        }
    }

    /// Puts in a client and a grant of somebody to it.
    pub(crate) async fn with_grant(&self, client: &str) -> Grant {
        let grant = self.grant(IdentityId(self.rng.uuid()), client);
        let client = Box::new(self.client(client));
        let writes = [Write::InsertClient(client), Write::InsertGrant(Box::new(grant.clone()))];
        assert_eq!(self.apply(writes).await, None);
        grant
    }
}

/// Runs statements past storage.
pub(crate) async fn run(location: &Location, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    match location {
        Location::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            sql.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Location::Postgres { url, .. } => {
            let mut connection = PgConnection::connect(url.expose()).await.unwrap();
            sql.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// The migrations of a database up to `number` as they are in the repository, and what they leave behind.
pub(crate) fn migrations(location: &Location, number: i64) -> String {
    let kind = if matches!(location, Location::Sqlite(_)) { "sqlite" } else { "postgres" };
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(kind);
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let numbered = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap()[..4].parse::<i64>().unwrap();
    let mut files: Vec<_> = files.filter(|path| numbered(path) <= number).collect();
    files.sort();
    assert_eq!(files.len(), usize::try_from(number).unwrap());
    let statements: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    format!(
        "{statements}
         CREATE TABLE schema_state (
             id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, lowest_binary BIGINT NOT NULL
         );
         INSERT INTO schema_state (id, version, lowest_binary) VALUES (1, {number}, 1);"
    )
}

/// Opens a migrated database with the key that all tests use.
pub(crate) async fn open(
    location: &Location,
    clock: Arc<FixedClock>,
    caches: CacheSizes,
) -> Result<Storage, StorageError> {
    let master = MasterKey::new([7; 32]);
    let options = OpenOptions { caches, ..OpenOptions::default() };
    Storage::open_with(location, &master, clock, Arc::new(SeededRng::new(7)), options).await
}

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

/// What a consent app wants said.
pub(crate) fn granted_claims() -> GrantedClaims {
    let claim = |name: &str| serde_json::Map::from_iter([(name.to_owned(), "3.14".into())]);
    GrantedClaims { access_token: claim("floor"), id_token: claim("desk"), ..GrantedClaims::default() }
}

/// What no scope says.
pub(crate) fn details(action: &str) -> AuthorizationDetails {
    serde_json::from_value(json!([{"type": "files", "actions": [action], "of": {"id": 7}}])).unwrap()
}

/// Claims that were asked for by name.
pub(crate) fn requested_claims() -> RequestedClaims {
    let wanted =
        json!({"id_token": {"acr": {"essential": true, "values": ["aal2"]}}, "userinfo": {"email": {}}});
    serde_json::from_value(wanted).unwrap()
}

pub(crate) fn client_id(text: &str) -> ClientId {
    text.parse().unwrap()
}

/// What a plugin said of a session.
pub(crate) fn session_claims(desk: &str) -> primitives::SessionClaims {
    let claims = serde_json::Map::from_iter([("desk".to_owned(), desk.into())]);
    primitives::SessionClaims::check(claims).unwrap()
}
