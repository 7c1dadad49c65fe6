//! The identity room on both databases: its flows decide, storage applies, and what was read is what
//! was written.

mod addresses;
mod courier;
mod factors;
mod flows;
mod keys;
mod links;
mod one_time;
mod operators;
mod organisations;
mod profiles;
mod search;
mod trusted_devices;
mod unproven;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use identity::courier::{Composer, Mail, MailTemplate, MailValues};
use identity::flow::{Caller, FlowError, FlowKind, NewFlow, Room, Transport};
use identity::hooks::NoIdentityHooks;
use identity::limiter::AttemptsInMemory;
use identity::password::{HashingPool, PlainPassword};
use identity::ports::{Identities as _, Sessions as _};
use identity::schema::Schemas;
use identity::session::{LiveSession, NewSession, Session, SessionCache};
use identity::settings::{Argon2Settings, Rate};
use identity::{Flow, Identifier, IdentityState, Settings, Step, Submission, Write, next_step};
use portcullis_storage::{ApplyError, Location, MasterKey, Storage};
use primitives::rng::SeededRng;
use primitives::subject::AssuranceLevel;
use primitives::time::FixedClock;
use primitives::{
    Change, ClientAddress, Clock as _, RequestId, Rng, Secret, SessionClaims, TenantId, Timestamp,
};

use crate::world::session_claims;

/// Messages whose text is the code.
struct Letters;

impl Composer for Letters {
    fn compose(&self, template: MailTemplate, values: MailValues<'_>) -> Mail {
        Mail {
            subject: template.as_str().to_owned(),
            text: values.code.unwrap_or_default().to_owned(),
            html: values.url.unwrap_or_default().to_owned(),
            locale: "en".to_owned(),
            data: serde_json::Map::new(),
            from: None,
        }
    }
}

struct World {
    storage: Storage,
    tenant: TenantId,
    base: url::Url,
    settings: Settings,
    schemas: Schemas,
    hashing: HashingPool,
    attempts: AttemptsInMemory,
    rng: Arc<SeededRng>,
    clock: Arc<FixedClock>,
    _directory: Option<tempfile::TempDir>,
}

impl World {
    async fn open(location: Location, directory: Option<tempfile::TempDir>) -> Self {
        let rng = Arc::new(SeededRng::new(7));
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
        Storage::migrate(&location).await.unwrap();
        let master = MasterKey::new([7; 32]);
        let storage = Storage::open(&location, &master, clock.clone(), rng.clone()).await.unwrap();
        let mut settings = Settings {
            argon2: Argon2Settings { memory_kib: 64, iterations: 1, parallelism: 1 },
            ..Settings::default()
        };
        settings.limits.identifier = Rate { burst: 5, refill_seconds: 30 };
        Self {
            storage,
            tenant: TenantId::default_tenant(),
            base: "https://id.example".parse().unwrap(),
            schemas: Schemas::compile(&settings).unwrap(),
            settings,
            hashing: HashingPool::start(1, 16, rng.clone() as Arc<dyn Rng>).unwrap(),
            attempts: AttemptsInMemory::new(100),
            rng,
            clock,
            _directory: directory,
        }
    }

    /// SQLite always; PostgreSQL where its binaries are (its absence fails under `CI`).
    async fn both() -> Vec<Self> {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = Location::Sqlite(directory.path().join("test.db"));
        let mut worlds = vec![Self::open(sqlite, Some(directory)).await];
        if let Some(server) = testkit::postgres::Postgres::shared().unwrap() {
            let url = Secret::new(server.create_database().unwrap());
            worlds.push(Self::open(Location::Postgres { url, connections: 4 }, None).await);
        }
        worlds
    }

    fn room(&self) -> Room<'_> {
        Room {
            tenant: &self.tenant,
            base: &self.base,
            settings: &self.settings,
            schemas: &self.schemas,
            identities: &self.storage,
            factors: &self.storage,
            links: &self.storage,
            providers: &identity::providers::NoProviders,
            organisations: &self.storage,
            hashing: &self.hashing,
            attempts: &self.attempts,
            sealer: self.storage.sealer(),
            composer: &Letters,
            breaches: &identity::password::breach::NoBreaches,
            captcha: &identity::captcha::NoCaptchaVerifier,
            hooks: &NoIdentityHooks,
            request: RequestId(uuid::Uuid::nil()),
            client: None,
            rng: &*self.rng,
            now: self.clock.now(),
        }
    }

    async fn submit(
        &self,
        kind: FlowKind,
        session: Option<&LiveSession>,
        body: &str,
    ) -> Result<Step, FlowError> {
        let new = NewFlow {
            kind,
            transport: Transport::Api,
            request: String::new(),
            return_to: None,
            schema: "default".to_owned(),
        };
        let flow = Flow::begin(new, &*self.rng, self.clock.now(), &self.settings);
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session };
        next_step(self.room(), caller, flow, Submission::from_json(body.as_bytes()).unwrap()).await
    }

    async fn register(&self, email: &str) -> Result<(), ApplyError> {
        let body =
            format!(r#"{{"method":"password","password":"correct horse","traits":{{"email":"{email}"}}}}"#);
        let step = self.submit(FlowKind::Registration { login_challenge: None }, None, &body).await.unwrap();
        let Step::Registered { change, .. } = step else { panic!("not registered: {step:?}") };
        self.storage.apply(change.seal(self.storage.sealer())).await
    }

    async fn login(&self, identifier: &str, password: &str) -> Result<Step, FlowError> {
        let kind = FlowKind::Login {
            refresh: None,
            select_account: false,
            login_challenge: None,
            identifier: String::new(),
        };
        let body = format!(r#"{{"method":"password","identifier":"{identifier}","password":"{password}"}}"#);
        self.submit(kind, None, &body).await
    }
}

fn message(step: &Step) -> u32 {
    let Step::Form(flow) = step else { panic!("not a form: {step:?}") };
    flow.messages.first().or(flow.field_messages.first().map(|(_, m)| m)).unwrap().id
}

#[tokio::test]
async fn sign_up_sign_in_and_out() {
    for world in World::both().await {
        world.register("Ada@example.com").await.unwrap();
        let Step::SignedIn(signed_in) = world.login("ADA@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let (token, session) = (signed_in.token.clone(), signed_in.session.clone());
        world.storage.apply(signed_in.change.seal(world.storage.sealer())).await.unwrap();

        let cache = SessionCache::new(10);
        let now = world.clock.now();
        let find = || cache.find(&world.storage, world.storage.sealer(), &world.tenant, &token, now);
        for _ in 0..2 {
            let found = find().await.unwrap().unwrap();
            let live = found.live();
            assert_eq!(live.session(), &session);
            assert_eq!(live.subject(&world.tenant).methods, ["pwd"]);
        }
        let ids = world.storage.list_live(&world.tenant, session.identity, now, 10).await.unwrap();
        assert_eq!(ids.len(), 2, "one of signing up, one of signing in");

        let revoke = || {
            let write = Write::RevokeSession { session: session.id, identity: session.identity, at: now };
            world.storage.apply(Change::new(world.tenant.clone()).write(write))
        };
        revoke().await.unwrap();
        cache.forget_session(&world.tenant, session.id);
        assert!(find().await.unwrap().is_none());
        assert!(matches!(revoke().await, Err(ApplyError::Missed { write: 0 })), "ended once");
    }
}

#[tokio::test]
async fn what_plugins_say_of_a_session_is_read_as_it_was_written() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let token = signed_in.token.hash(world.storage.sealer(), &world.tenant);
        let session = Session { claims: session_claims("3.14"), ..signed_in.session };
        let new = NewSession { session: session.clone(), token: token.clone() };
        let apply = |write| world.storage.apply(Change::new(world.tenant.clone()).write(write));
        apply(Write::InsertSession(Box::new(new))).await.unwrap();
        let hashes = [token];
        let kept = async || {
            let by_id = world.storage.find_session(&world.tenant, session.id).await.unwrap().unwrap();
            let by_token = world.storage.find_by_token(&world.tenant, &hashes).await.unwrap().unwrap();
            assert_eq!(by_id, by_token.0);
            by_id.claims
        };
        assert_eq!(kept().await, session_claims("3.14"));
        for claims in [session_claims("2.71"), SessionClaims::default()] {
            let (method, methods) = (session.methods[0].clone(), session.methods.clone());
            let (session, identity) = (session.id, session.identity);
            let refresh = Write::RefreshSession {
                session,
                identity,
                method,
                assurance: AssuranceLevel::Aal1,
                methods,
                claims: claims.clone(),
            };
            apply(refresh).await.unwrap();
            assert_eq!(kept().await, claims);
        }
    }
}

#[tokio::test]
async fn wrong_password_and_unknown_account_look_the_same() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let wrong = world.login("ada@example.com", "wrong").await.unwrap();
        let unknown = world.login("bob@example.com", "wrong").await.unwrap();
        assert_eq!((message(&wrong), message(&unknown)), (4_000_006, 4_000_006));
    }
}

#[tokio::test]
async fn guessing_is_limited_for_known_and_unknown_alike() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        for identifier in ["ada@example.com", "bob@example.com"] {
            for _ in 0..5 {
                assert_eq!(message(&world.login(identifier, "wrong").await.unwrap()), 4_000_006);
            }
            let refused = world.login(identifier, "correct horse").await;
            assert!(matches!(refused, Err(FlowError::Limited(_))), "{identifier}");
        }
    }
}

#[tokio::test]
async fn look_alike_of_a_taken_identifier_is_refused() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let body = r#"{"method":"password","password":"correct horse","traits":{"email":"АDA@example.com"}}"#;
        let cyrillic = body.replace("АDA", "\u{430}da");
        for body in [body.replace("АDA", "ada\u{200B}"), cyrillic] {
            let step =
                world.submit(FlowKind::Registration { login_challenge: None }, None, &body).await.unwrap();
            let id = message(&step);
            assert!(id == 4_000_007 || id == 4_000_001, "{id}");
        }
        // Two at a time: the guard decides.
        let identifier = Identifier::parse("\u{430}da@example.com").unwrap();
        let holder = world.storage.find_look_alike(&world.tenant, &identifier).await.unwrap().unwrap();
        let write = Write::ClaimIdentifier { identity: holder, identifier };
        let claimed = world.storage.apply(Change::new(world.tenant.clone()).write(write)).await;
        assert!(matches!(claimed, Err(ApplyError::Missed { write: 0 })));
    }
}

#[tokio::test]
async fn inactive_or_deleted_identity_gets_no_session() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let id = signed_in.identity.id;
        let at = world.clock.now();
        let apply = |write| world.storage.apply(Change::new(world.tenant.clone()).write(write));
        apply(Write::SetState { identity: id, state: IdentityState::Inactive, at }).await.unwrap();
        let late = world.storage.apply(signed_in.change.seal(world.storage.sealer())).await;
        assert!(matches!(late, Err(ApplyError::Missed { .. })), "decided before, applied after");
        let refused = world.login("ada@example.com", "correct horse").await;
        assert!(matches!(refused, Err(FlowError::IdentityDisabled)));
        assert_eq!(message(&world.login("ada@example.com", "wrong").await.unwrap()), 4_000_006);

        apply(Write::DeleteIdentity(id)).await.unwrap();
        assert_eq!(world.storage.find_identity(&world.tenant, id).await.unwrap(), None);
        world.register("ada@example.com").await.unwrap();
    }
}

#[tokio::test]
async fn changed_parameters_rehash_and_never_overwrite_a_new_password() {
    for mut world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        world.settings.argon2.iterations = 2;
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let id = signed_in.identity.id;
        let password = PlainPassword::new("battery staple");
        let password = world.hashing.hash(password, world.settings.argon2).await.unwrap().unwrap();
        let set = Write::SetPassword { identity: id, password, at: world.clock.now() };
        world.storage.apply(Change::new(world.tenant.clone()).write(set)).await.unwrap();
        let rehash = world.storage.apply(signed_in.rehash.unwrap()).await;
        assert!(matches!(rehash, Err(ApplyError::Missed { write: 0 })));
        let stored = world.storage.find_password(&world.tenant, id).await.unwrap().unwrap();
        assert_eq!(stored.version, 2);
        assert!(matches!(world.login("ada@example.com", "battery staple").await, Ok(Step::SignedIn(_))));
    }
}

#[tokio::test]
async fn profile_and_password_change_in_a_young_session_only() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let live =
            LiveSession::check(signed_in.session.clone(), signed_in.identity.clone(), world.clock.now());
        let live = live.unwrap();
        world.storage.apply(signed_in.change.seal(world.storage.sealer())).await.unwrap();
        let kind = || FlowKind::Settings { identity: live.identity().id, saved: false };
        let profile =
            r#"{"method":"profile","traits":{"email":"lovelace@example.com","name":{"first":"Ada"}}}"#;
        let Step::Saved { change, identity, .. } = world.submit(kind(), Some(&live), profile).await.unwrap()
        else {
            panic!("not saved")
        };
        world.storage.apply(change.clone()).await.unwrap();
        let again = world.storage.apply(change).await;
        assert!(matches!(again, Err(ApplyError::Missed { write: 0 })), "decided on an older version");
        assert_eq!(identity.traits["name"]["first"], "Ada");
        let held = world.storage.list_identifiers(&world.tenant, identity.id).await.unwrap();
        assert_eq!(held, ["lovelace@example.com"]);

        let password = r#"{"method":"password","password":"battery staple"}"#;
        let Step::Saved { change, .. } = world.submit(kind(), Some(&live), password).await.unwrap() else {
            panic!("not saved")
        };
        world.storage.apply(change).await.unwrap();
        let now = world.clock.now();
        let left = world.storage.list_live(&world.tenant, identity.id, now, 10).await.unwrap();
        assert_eq!(
            left.iter().map(|s| s.id).collect::<Vec<_>>(),
            [live.session().id],
            "others are signed out"
        );

        world.clock.advance(Duration::from_secs(3601));
        let old = world.submit(kind(), Some(&live), password).await;
        assert!(matches!(old, Err(FlowError::RefreshRequired)));
        let nobody = world.submit(kind(), None, password).await;
        assert!(matches!(nobody, Err(FlowError::SessionRequired)));
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let other: TenantId = "other".parse().unwrap();
        let ada = Identifier::parse("ada@example.com").unwrap();
        let found = world.storage.find_by_identifier(&world.tenant, &ada).await.unwrap().unwrap();
        assert!(world.storage.find_by_identifier(&other, &ada).await.unwrap().is_none());
        assert!(world.storage.find_identity(&other, found.0.id).await.unwrap().is_none());
        assert!(world.storage.list_identities(&other, None, 10).await.unwrap().is_empty());
        assert_eq!(world.storage.list_identities(&world.tenant, None, 10).await.unwrap(), [found.0]);
    }
}
