//! A tenant with its people in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use portcullis_identity::administration::{Administered, AdministrationError, CreateIdentity, create};
use portcullis_identity::courier::{Composer, Mail, MailTemplate, MailValues};
use portcullis_identity::factor::{FactorKind, SecondFactor, StoredFactor};
use portcullis_identity::flow::{Caller, FlowError, FlowKind, NewFlow, Room, Transport};
use portcullis_identity::hooks::{IdentityHooks, NoIdentityHooks};
use portcullis_identity::identity::{AddressKind, IdentityState};
use portcullis_identity::limiter::AttemptsInMemory;
use portcullis_identity::organisation::{NoOrganisations, Organisations};
use portcullis_identity::password::breach::{Breaches, NoBreaches};
use portcullis_identity::password::{HashedPassword, HashingPool, StoredPassword};
use portcullis_identity::ports::{AddressUse, Factors, Identities, Links, StoreUnavailable};
use portcullis_identity::providers::{Link, NoProviders, Providers};
use portcullis_identity::schema::Schemas;
use portcullis_identity::session::{LiveSession, Session};
use portcullis_identity::settings::Argon2Settings;
use portcullis_identity::trusted_device::{NewTrustedDevice, TrustedDevice};
use portcullis_identity::webauthn::{CredentialId, KeyKind, StoredKey};
use portcullis_identity::{Flow, Identifier, Identity, Settings, Step, Submission, Write, next_step};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::subject::AssuranceLevel;
use primitives::{
    Actor, Change, ClientAddress, IdentityId, KeyedHash, OrganisationId, RequestId, Sealer, TenantId,
    Timestamp,
};
use serde_json::Value;
use url::Url;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const BASE: &str = "https://id.example/t/acme";

pub(crate) struct World {
    pub(crate) tenant: TenantId,
    pub(crate) base: Url,
    pub(crate) settings: Settings,
    pub(crate) schemas: Schemas,
    pub(crate) people: People,
    pub(crate) organisations: Box<dyn Organisations>,
    pub(crate) hashing: HashingPool,
    pub(crate) breaches: Box<dyn Breaches>,
    pub(crate) captcha: Box<dyn portcullis_identity::captcha::CaptchaVerifier>,
    pub(crate) hooks: Box<dyn IdentityHooks>,
    pub(crate) providers: Box<dyn Providers>,
    pub(crate) attempts: AttemptsInMemory,
    pub(crate) sealer: Sealer,
    pub(crate) letters: Letters,
    pub(crate) rng: SeededRng,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let settings =
            Settings { argon2: Argon2Settings { memory_kib: 64, iterations: 1, parallelism: 1 }, ..settings };
        Self {
            tenant: "acme".parse().unwrap(),
            base: BASE.parse().unwrap(),
            schemas: Schemas::compile(&settings).unwrap(),
            settings,
            people: People::default(),
            organisations: Box::new(NoOrganisations),
            hashing: HashingPool::start(1, 16, Arc::new(SeededRng::new(2))).unwrap(),
            breaches: Box::new(NoBreaches),
            captcha: Box::new(portcullis_identity::captcha::NoCaptchaVerifier),
            hooks: Box::new(NoIdentityHooks),
            providers: Box::new(NoProviders),
            attempts: AttemptsInMemory::new(100),
            sealer: sealer(),
            letters: Letters,
            rng: SeededRng::new(1),
            now: NOW,
        }
    }

    pub(crate) fn room(&self) -> Room<'_> {
        Room {
            tenant: &self.tenant,
            base: &self.base,
            settings: &self.settings,
            schemas: &self.schemas,
            identities: &self.people,
            factors: &self.people,
            links: &self.people,
            providers: &*self.providers,
            organisations: &*self.organisations,
            hashing: &self.hashing,
            breaches: &*self.breaches,
            attempts: &self.attempts,
            sealer: &self.sealer,
            composer: &self.letters,
            captcha: &*self.captcha,
            hooks: &*self.hooks,
            request: RequestId(uuid::Uuid::nil()),
            client: None,
            rng: &self.rng,
            now: self.now,
        }
    }

    pub(crate) fn flow(&self, kind: FlowKind, transport: Transport) -> Flow {
        let new = NewFlow {
            kind,
            transport,
            request: "/self-service/login/browser?refresh=true".to_owned(),
            return_to: Some("https://id.example/t/acme/ui/settings".to_owned()),
            schema: "default".to_owned(),
        };
        Flow::begin(new, &self.rng, self.now, &self.settings)
    }

    pub(crate) async fn submit(
        &self,
        kind: FlowKind,
        session: Option<&LiveSession>,
        body: &Value,
    ) -> Result<Step, FlowError> {
        let flow = self.flow(kind, Transport::Api);
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session };
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller, flow, submission)).await
    }

    /// Submits a form that is there.
    pub(crate) async fn submit_to(&self, flow: &Flow, body: &Value) -> Result<Step, FlowError> {
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session: None };
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller, flow.clone(), submission)).await
    }

    /// What a form is shown with to somebody who is not signed in.
    pub(crate) fn view(&self) -> portcullis_identity::flow::FlowView<'_> {
        portcullis_identity::flow::FlowView {
            base_url: BASE,
            schema: self.schemas.default_schema(),
            csrf_token: Some("x"),
            identity: None,
            providers: &[],
            script_integrity: "sha512-x",
            captcha: self.settings.captcha.as_ref(),
        }
    }

    /// What whoever has a form sees of it.
    pub(crate) fn shown_form(&self, flow: &Flow) -> String {
        portcullis_identity::flow::flow_document(flow, self.view()).to_string()
    }

    pub(crate) async fn login(&self, identifier: &str, password: &str) -> Result<Step, FlowError> {
        let body = serde_json::json!({"method": "password", "identifier": identifier, "password": password});
        self.submit(login(None), None, &body).await
    }

    pub(crate) async fn create(&self, body: &Value) -> Result<Administered, AdministrationError> {
        let body = CreateIdentity::from_json(body.to_string().as_bytes())?;
        let made = create(self.room(), Actor::System, body).await?;
        self.people.apply(&made.change);
        Ok(made)
    }

    /// Somebody with the password "correct horse".
    pub(crate) async fn person(&self, email: &str) -> Identity {
        let body = serde_json::json!({
            "schema_id": "default",
            "traits": {"email": email},
            "credentials": {"password": {"config": {"password": "correct horse"}}},
        });
        self.create(&body).await.unwrap().identity
    }

    pub(crate) async fn sign_in(&self, email: &str) -> LiveSession {
        let Step::SignedIn(signed_in) = self.login(email, "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        LiveSession::check(signed_in.session.clone(), signed_in.identity.clone(), self.now).unwrap()
    }
}

/// Messages whose text is the code.
pub(crate) struct Letters;

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

pub(crate) fn login(refresh: Option<IdentityId>) -> FlowKind {
    FlowKind::Login { refresh, select_account: false, login_challenge: None, identifier: String::new() }
}

pub(crate) fn sealer() -> Sealer {
    let key = DataKey { id: 1, material: [7; 32].into() };
    Sealer::new(Keyring::new(key, []), Arc::new(SeededRng::new(3)))
}

/// The id of the first message of a form, of the whole or of a field.
pub(crate) fn message(step: &Step) -> u32 {
    let Step::Form(flow) = step else { panic!("not a form: {step:?}") };
    flow.messages.first().or(flow.field_messages.first().map(|(_, m)| m)).unwrap().id
}

#[derive(Default)]
struct Kept {
    /// How often something was looked up.
    asked: usize,
    identities: BTreeMap<IdentityId, Identity>,
    passwords: BTreeMap<IdentityId, HashedPassword>,
    identifiers: BTreeMap<Identifier, IdentityId>,
    factors: BTreeMap<IdentityId, Vec<StoredFactor>>,
    links: Vec<(IdentityId, Link)>,
    keys: Vec<StoredKey>,
    devices: Vec<NewTrustedDevice>,
}

impl Kept {
    fn set_factor(&mut self, identity: IdentityId, factor: SecondFactor, at: Timestamp) {
        self.forget_factor(identity, factor.kind());
        let stored = StoredFactor { factor, version: 1, created_at: at, updated_at: at };
        self.factors.entry(identity).or_default().push(stored);
        self.identities.get_mut(&identity).unwrap().available = AssuranceLevel::Aal2;
    }

    fn forget_factor(&mut self, identity: IdentityId, kind: FactorKind) {
        let factors = self.factors.entry(identity).or_default();
        factors.retain(|stored| stored.factor.kind() != kind);
        let left = !factors.is_empty();
        self.identities.get_mut(&identity).unwrap().available =
            if left { AssuranceLevel::Aal2 } else { AssuranceLevel::Aal1 };
    }
}

/// People in memory. Guards are storage's to keep; here a write just happens.
#[derive(Default)]
pub(crate) struct People(Mutex<Kept>);

impl People {
    pub(crate) fn apply(&self, change: &Change<Write>) {
        let mut kept = self.0.lock().unwrap();
        for write in &change.writes {
            match write.clone() {
                Write::InsertIdentity(identity)
                | Write::ImportIdentity(identity)
                | Write::ReplaceIdentity(identity) => {
                    kept.identities.insert(identity.id, *identity);
                }
                Write::ClaimIdentifier { identity, identifier } => {
                    kept.identifiers.insert(identifier, identity);
                }
                Write::ReleaseIdentifier { identifier, .. } => {
                    kept.identifiers.remove(&identifier);
                }
                Write::SetPassword { identity, password, .. }
                | Write::RehashPassword { identity, password, .. } => {
                    kept.passwords.insert(identity, password);
                }
                Write::SetFactor { identity, factor, at, .. } => {
                    kept.set_factor(identity, factor, at);
                }
                Write::LinkProvider { identity, link, at } => kept.links.push((
                    identity,
                    Link {
                        provider: link.provider,
                        subject: link.subject,
                        organisation: link.organisation,
                        tokens: link.tokens,
                        version: 1,
                        created_at: at,
                        updated_at: at,
                    },
                )),
                Write::UnlinkProvider { identity, provider, .. } => {
                    kept.links.retain(|(whose, link)| *whose != identity || link.provider != provider);
                }
                Write::RemoveFactor { identity, kind } => {
                    kept.forget_factor(identity, kind);
                }
                Write::RemovePassword(identity) => {
                    kept.passwords.remove(&identity);
                }
                Write::RemoveCredentials(identity) => {
                    kept.passwords.remove(&identity);
                    kept.factors.remove(&identity);
                    kept.links.retain(|(whose, _)| *whose != identity);
                    kept.keys.retain(|key| key.identity != identity);
                    kept.identities.get_mut(&identity).unwrap().available = AssuranceLevel::Aal1;
                }
                Write::AddKey { identity, record, at } => {
                    if record.kind == KeyKind::SecondFactor {
                        kept.identities.get_mut(&identity).unwrap().available = AssuranceLevel::Aal2;
                    }
                    let (created_at, updated_at) = (at, at);
                    kept.keys.push(StoredKey {
                        identity,
                        record: *record,
                        version: 1,
                        created_at,
                        updated_at,
                    });
                }
                Write::UseKey { record, version, at } => {
                    let mut keys = kept.keys.iter_mut();
                    let key = keys.find(|key| key.record.id == record.id && key.version == version).unwrap();
                    (key.record, key.version, key.updated_at) = (*record, version + 1, at);
                }
                Write::TrustDevice(new) => kept.devices.push(*new),
                Write::RemoveKey { id, .. } => kept.keys.retain(|key| key.record.id != id),
                _ => {}
            }
        }
    }

    pub(crate) fn disable(&self, id: IdentityId) {
        self.0.lock().unwrap().identities.get_mut(&id).unwrap().state = IdentityState::Inactive;
    }

    /// The hash that an account has now.
    pub(crate) fn password(&self, email: &str) -> HashedPassword {
        let kept = self.0.lock().unwrap();
        kept.passwords[&kept.identifiers[&Identifier::parse(email).unwrap()]].clone()
    }

    /// How often something was looked up so far.
    pub(crate) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn read<'a, T: Send + 'a>(
        &self,
        read: impl FnOnce(&Kept) -> T,
    ) -> BoxFuture<'a, Result<T, StoreUnavailable>> {
        self.0.lock().unwrap().asked += 1;
        ready(Ok(read(&self.0.lock().unwrap()))).boxed()
    }
}

fn stored(kept: &Kept, id: IdentityId) -> Option<StoredPassword> {
    kept.passwords.get(&id).map(|password| StoredPassword { password: password.clone(), version: 1 })
}

impl Links for People {
    fn find_by_link<'a>(
        &'a self,
        _: &'a TenantId,
        provider: &'a str,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Identity, Link)>, StoreUnavailable>> {
        self.read(|kept| {
            let is = |(_, link): &&(IdentityId, Link)| link.provider == provider && link.subject == subject;
            let (identity, link) = kept.links.iter().find(is)?;
            Some((kept.identities.get(identity)?.clone(), link.clone()))
        })
    }

    fn list_links<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<Link>, StoreUnavailable>> {
        self.read(|kept| {
            let own = kept.links.iter().filter(|(whose, _)| *whose == identity);
            own.map(|(_, link)| link.clone()).collect()
        })
    }
}

impl Factors for People {
    fn list_factors<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredFactor>, StoreUnavailable>> {
        self.read(|kept| kept.factors.get(&identity).cloned().unwrap_or_default())
    }

    fn list_keys<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        self.read(|kept| kept.keys.iter().filter(|key| key.identity == identity).cloned().collect())
    }

    fn list_keys_of_identifier<'a>(
        &'a self,
        _: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        self.read(|kept| {
            let whose = kept.identifiers.get(identifier);
            kept.keys.iter().filter(|key| Some(&key.identity) == whose).cloned().collect()
        })
    }

    fn find_key<'a>(
        &'a self,
        _: &'a TenantId,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<Option<StoredKey>, StoreUnavailable>> {
        self.read(|kept| kept.keys.iter().find(|key| key.record.id == *id).cloned())
    }

    fn find_trusted_device<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
        hashes: &'a [KeyedHash],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<TrustedDevice>, StoreUnavailable>> {
        self.read(|kept| {
            let mut known = kept.devices.iter().filter(|new| hashes.contains(&new.token));
            let found = known.find(|new| new.device.identity == identity && new.device.expires_at > now);
            found.map(|new| new.device.clone())
        })
    }

    fn list_trusted_devices<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<TrustedDevice>, StoreUnavailable>> {
        self.read(|kept| {
            let own = kept.devices.iter().filter(|new| new.device.identity == identity);
            own.map(|new| new.device.clone()).collect()
        })
    }
}

impl Identities for People {
    fn find_identity<'a>(
        &'a self,
        _: &'a TenantId,
        id: IdentityId,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        self.read(|kept| kept.identities.get(&id).cloned())
    }

    fn find_by_identifier<'a>(
        &'a self,
        _: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<(Identity, Option<StoredPassword>)>, StoreUnavailable>> {
        self.read(|kept| {
            let id = kept.identifiers.get(identifier)?;
            Some((kept.identities.get(id)?.clone(), stored(kept, *id)))
        })
    }

    fn find_by_address<'a>(
        &'a self,
        _: &'a TenantId,
        purpose: AddressUse,
        _: AddressKind,
        address: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        self.read(|kept| {
            let has = |identity: &&Identity| match purpose {
                AddressUse::Verification => identity.verifiable_addresses.iter().any(|a| a.value == address),
                AddressUse::Recovery => identity.recovery_addresses.iter().any(|a| a.value == address),
            };
            kept.identities.values().find(has).cloned()
        })
    }

    fn find_by_external_id<'a>(
        &'a self,
        _: &'a TenantId,
        external_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        self.read(|kept| {
            let named = |identity: &&Identity| identity.external_id.as_deref() == Some(external_id);
            kept.identities.values().find(named).cloned()
        })
    }

    fn find_look_alike<'a>(
        &'a self,
        _: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<IdentityId>, StoreUnavailable>> {
        self.read(|kept| {
            let alike = |(known, _): &(&Identifier, &IdentityId)| known.skeleton() == identifier.skeleton();
            kept.identifiers.iter().find(alike).map(|(_, id)| *id)
        })
    }

    fn find_password<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Option<StoredPassword>, StoreUnavailable>> {
        self.read(|kept| stored(kept, identity))
    }

    fn list_identifiers<'a>(
        &'a self,
        _: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreUnavailable>> {
        self.read(|kept| {
            let own = kept.identifiers.iter().filter(|(_, holder)| **holder == identity);
            own.map(|(identifier, _)| identifier.to_string()).collect()
        })
    }

    fn list_identities<'a>(
        &'a self,
        _: &'a TenantId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>> {
        self.read(|kept| {
            let later = kept.identities.values().filter(|identity| Some(identity.id) > after);
            later.take(limit as usize).cloned().collect()
        })
    }
    fn list_of_organisation<'a>(
        &'a self,
        _: &'a TenantId,
        organisation: OrganisationId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>> {
        self.read(|kept| {
            let later = kept.identities.values().filter(|identity| Some(identity.id) > after);
            let of = later.filter(|identity| identity.organisation == Some(organisation));
            of.take(limit as usize).cloned().collect()
        })
    }
}

/// A session that begins now and whose last proof is `age` seconds old.
pub(crate) fn aged(live: &LiveSession, age: i64, now: Timestamp) -> LiveSession {
    let mut session: Session = live.session().clone();
    session.authenticated_at = Timestamp::from_seconds(now.seconds() - age);
    LiveSession::check(session, live.identity().clone(), now).unwrap()
}
