//! A tenant is nobody in another: every look-up finds its own rows and none of another tenant, and no
//! write of another tenant touches them.
//!
//! Left out are the look-ups that go across tenants by design: tenants by id and host, admin keys by id,
//! and the tenants whose signing keys are due.

use identity::flow::{FlowKind, NewFlow, StoredFlow, Transport};
use identity::identity::Identity;
use identity::password::HashedPassword;
use identity::ports::{Flows as _, Identities as _, SessionFilter, Sessions as _};
use identity::profile::{ProfileKey, Profiles as _};
use identity::session::NewSession;
use identity::{Flow, Identifier, IdentityState, Settings, Write as IdentityWrite};
use jose::ports::{KeySets as _, SigningKeys as _};
use jose::{KeyState, SigningAlgorithm, SigningKey, Write as KeyWrite};
use oauth2::authorization::answered::ChallengeId;
use oauth2::authorization::external::{LoginSession, LoginSessionRepository as _};
use oauth2::client::ClientRecord;
use oauth2::device::{DeviceCode, DeviceCodeRepository as _, Polling};
use oauth2::grant::{AccessToken, AuthorizationCode, Consent, Grant, RefreshToken, Rotation};
use oauth2::lineage::Mark;
use oauth2::ports::{
    ClientFilter, ClientRepository as _, GrantFilter, GrantRepository as _, SubjectClaims as _,
    TokenKeys as _, TokenRepository as _,
};
use oauth2::trust::{TrustFilter, TrustRepository as _, TrustedIssuer, TrustedSubject};
use oauth2::write::{SignIns, Write};
use primitives::{Secret, SessionId, TenantId, UploadedPluginId};
use tenancy::plugin::uploaded::{SecretFacts, UploadedPlugins as _, UploadedSecret};
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, Room, ValueOwner};
use tenancy::plugin::{PluginSecret, PluginSecrets as _, PluginValues as _};
use tenancy::webhook::{NewWebhookMessage, WebhookFilter, WebhookMessages as _};
use tenancy::{TenantSecret, TenantSecrets as _};
use uuid::Uuid;

use crate::key_sets::set_name;
use crate::uploads::component;
use crate::world::{World, client_id};

/// One row of every kind.
pub(crate) struct Rows {
    person: Identity,
    identifier: Identifier,
    session: NewSession,
    flow: StoredFlow,
    client: ClientRecord,
    grant: Grant,
    consent: Consent,
    code: AuthorizationCode,
    redeemed: AuthorizationCode,
    device: DeviceCode,
    trust: TrustedIssuer,
    login: LoginSession,
    access_token: AccessToken,
    refresh_token: RefreshToken,
    key: SigningKey,
    upload: UploadedPluginId,
}

impl Rows {
    pub(crate) fn of(world: &World) -> Self {
        let mut person = world.person();
        person.external_id = Some("crm-1".to_owned());
        let session = world.session_of(&person, "s");
        let new = NewFlow {
            kind: FlowKind::Registration { login_challenge: None },
            transport: Transport::Api,
            request: String::new(),
            return_to: None,
            schema: "default".to_owned(),
        };
        let flow = Flow::begin(new, &*world.rng, world.now(), &Settings::default());
        let mut grant = world.grant(person.id, "nexboard");
        grant.subject.session = session.session.id;
        let state = KeyState::Active { rotate_at: world.in_seconds(100) };
        Self {
            identifier: Identifier::parse("ada@example.com").unwrap(),
            session,
            flow: StoredFlow::new(flow, None, 1),
            client: world.client("nexboard"),
            consent: Consent { grant: Some(grant.id), ..world.consent(person.id, "nexboard") },
            code: world.code(&grant, "c"),
            redeemed: world.code(&grant, "redeemed"),
            device: world.device_code("nexboard", "d"),
            trust: world.trust("1", TrustedSubject::One("mike".to_owned()), "k"),
            login: world.login_session(person.id, "l"),
            access_token: world.access_token(Some(&grant), "nexboard", "a"),
            refresh_token: world.refresh_token(&grant, "r"),
            key: SigningKey::generate(SigningAlgorithm::Es256, state, world.now(), &*world.rng).unwrap(),
            upload: UploadedPluginId::generate(&*world.rng),
            grant,
            person,
        }
    }

    pub(crate) async fn insert(&self, world: &World) {
        let password = HashedPassword(Secret::new("$argon2id$".to_owned()));
        let identity = self.person.id;
        let people = [
            IdentityWrite::InsertIdentity(Box::new(self.person.clone())),
            IdentityWrite::ClaimIdentifier { identity, identifier: self.identifier.clone() },
            IdentityWrite::SetPassword { identity, password, at: world.now() },
            IdentityWrite::InsertSession(Box::new(self.session.clone())),
            IdentityWrite::InsertFlow {
                flow: Box::new(self.flow.clone()),
                expired_before: world.now(),
                cut_to: None,
            },
        ];
        assert_eq!(world.apply(people).await, None);
        let granted = [
            Write::InsertClient(Box::new(self.client.clone())),
            Write::InsertGrant(Box::new(self.grant.clone())),
            Write::RememberConsent(Box::new(self.consent.clone())),
            Write::InsertAuthorizationCode(Box::new(self.code.clone())),
            Write::InsertAuthorizationCode(Box::new(self.redeemed.clone())),
            Write::InsertDeviceCode(Box::new(self.device.clone())),
            Write::InsertTrustedIssuer(Box::new(self.trust.clone())),
            Write::UseBearerAssertion { jti: "jti".to_owned(), expires_at: world.now() },
            Write::InsertLoginSession(Box::new(self.login.clone())),
            Write::AnswerChallenge(Box::new(world.answered(ChallengeId::device("c"), "yes", false))),
            Write::CountRegistration { most: 1 },
            Write::NameSubject(Box::new(world.forced("nexboard", "crm-7", self.person.id))),
            Write::ConsumeAuthorizationCode {
                code: self.redeemed.hash.clone(),
                grant: self.grant.id,
                at: world.now(),
                kept_until: world.now(),
            },
            Write::InsertAccessToken(Box::new(self.access_token.clone())),
            Write::InsertRefreshToken(Box::new(self.refresh_token.clone())),
            Write::UseAssertion {
                client: client_id("nexboard"),
                jti: "jti".to_owned(),
                expires_at: world.now(),
            },
            Write::RevokeJwt { jti: "jti".to_owned(), expires_at: world.now() },
        ];
        assert_eq!(world.apply(granted).await, None);
        assert_eq!(world.apply([KeyWrite::InsertSigningKey(Box::new(self.key.clone()))]).await, None);
        let kept = world.kept_key("services", "k");
        assert_eq!(world.apply([KeyWrite::InsertKeyOfSet(Box::new(kept))]).await, None);
        let (plugin, name) = ("plan".to_owned(), "key".to_owned());
        let secret = PluginSecret { plugin, name, value: Secret::new("s".to_owned()) };
        assert_eq!(world.apply([tenancy::Write::PutPluginSecret { secret, at: world.now() }]).await, None);
        let secret = TenantSecret { name: "key".to_owned(), value: Secret::new("s".to_owned()) };
        assert_eq!(world.apply([tenancy::Write::PutTenantSecret { secret, at: world.now() }]).await, None);
        let message = NewWebhookMessage {
            webhook: "crm".to_owned(),
            id: Uuid::from_u128(1),
            topic: "session.created".to_owned(),
            body: "{}".to_owned(),
            at: world.now(),
        };
        assert_eq!(world.apply([tenancy::Write::QueueWebhookMessage(Box::new(message))]).await, None);
        world.upload_as(self.upload, "plan", component("a", 3)).await.unwrap();
        let (name, updated_by) = ("key".to_owned(), primitives::Actor::System);
        let secret = UploadedSecret {
            plugin: "plan".to_owned(),
            facts: SecretFacts { name, updated_at: world.now(), updated_by },
            value: Secret::new("s".to_owned()),
        };
        assert_eq!(world.apply([tenancy::Write::PutUploadedSecret(Box::new(secret))]).await, None);
        let owner = ValueOwner { tenant: &world.tenant, plugin: "plan", upload: Some(self.upload) };
        let kept = KeptValue { value: b"v".to_vec(), expires_at: None };
        let room = Room { entries: 1, bytes: 2 };
        let put = PutValue { key: b"k".to_vec(), kept, replaces: Replaces::Nothing, room };
        world.storage.put_value(owner, put, world.now()).await.unwrap();
    }

    /// What every look-up of every port finds in `tenant`.
    pub(crate) async fn looked_up(&self, world: &World, tenant: &TenantId) -> Vec<(&'static str, String)> {
        let storage = &world.storage;
        let (subject, client) = (self.person.id, client_id("nexboard"));
        let hashes = [self.session.token.clone()];
        let (everybody, everyone) = (SessionFilter::default(), ClientFilter::default());
        macro_rules! look {
            ($($name:ident($($argument:expr),*)),+ $(,)?) => {
                vec![$((stringify!($name), format!("{:?}", storage.$name(tenant, $($argument),*).await.unwrap()))),+]
            };
        }
        let mut looked_up = look![
            find_identity(subject),
            find_by_identifier(&self.identifier),
            find_by_external_id("crm-1"),
            find_look_alike(&self.identifier),
            find_password(subject),
            list_identifiers(subject),
            list_identities(None, 10),
            find_by_token(&hashes),
            find_session(self.session.session.id),
            list_live(subject, world.now(), 10),
            list_sessions(everybody, world.now(), 10),
            find_flow(self.flow.flow().id),
            find_client(&client),
            find_client_record(&client),
            list_clients(&everyone, 10),
            find_grant(self.grant.id),
            find_consent(subject, &client),
            find_consent_of_grant(self.grant.id),
            list_consents(subject, GrantFilter::default(), (world.now(), 10)),
            list_grants(subject, GrantFilter::default(), 10),
            list_clients_with_access(subject, (world.now(), 10)),
            list_allowed(subject, &client, (world.now(), 10)),
            list_clients_of_session(self.grant.subject.session, 10),
            find_authorization_code(&self.code.hash),
            find_grant_of_redeemed_code(&self.redeemed.hash),
            find_trusted_issuer("1"),
            list_trusted_issuers(&TrustFilter::default(), 10),
            find_trusts(
                oauth2::trust::TrustSearch {
                    kind: oauth2::trust::TrustKind::JwtBearer,
                    issuer: "https://jwt-idp.example",
                    subject: "mike",
                    kid: None,
                },
                world.now(),
                10
            ),
            is_bearer_assertion_used("jti"),
            find_device_code(&self.device.hash),
            find_user_code(&self.device.user_code),
            find_login_session(self.login.id),
            find_login_session_by_token(&self.login.token),
            has_identity(subject),
            find_forced_name(&client, subject),
            find_forced_subject(&client, "crm-7"),
            list_subjects_named("crm-7"),
            find_challenge_answer(&ChallengeId::device("c")),
            find_access_token(&self.access_token.hash),
            find_refresh_token(&self.refresh_token.hash),
            is_any_revoked(&[Mark::of_signed("jti")]),
            is_assertion_used(&client, "jti"),
            find_subject(subject),
            is_session_live(self.session.session.id),
            list_signing_keys(),
            list_keys_of_set(&set_name("services")),
            list_plugin_secrets("plan"),
            find_tenant_secret("key"),
            list_tenant_secrets(),
            list_webhook_messages(&WebhookFilter::default(), 10),
            list_secrets_of_plugins(),
            list_uploaded_plugins(),
            find_uploaded_plugin("plan"),
            list_plugin_versions("plan"),
            find_component("a"),
            list_secret_facts("plan"),
            list_uploaded_secrets(self.upload, "plan"),
            component_usage(),
        ];
        for key in [ProfileKey::Id(subject), ProfileKey::Identifier(&self.identifier)] {
            let profile = storage.find_profile(tenant, key).await.unwrap();
            looked_up.push(("find_profile", format!("{profile:?}")));
        }
        let owner = ValueOwner { tenant, plugin: "plan", upload: Some(self.upload) };
        let value = storage.find_value(owner, b"k", world.now()).await.unwrap();
        looked_up.push(("find_value", format!("{value:?}")));
        let keys = storage.load_keys(tenant).await.unwrap();
        looked_up.push(("load_keys", format!("{:?}", keys.algorithms().next())));
        looked_up
    }

    /// Writes to these very rows, each with whether it has a guard that must miss in another tenant.
    async fn assail(&self, world: &World) {
        let at = world.in_seconds(1);
        let (identity, session, client) = (self.person.id, self.session.session.id, client_id("nexboard"));
        let password = || HashedPassword(Secret::new("$argon2id$other".to_owned()));
        let guarded = [
            IdentityWrite::ReplaceIdentity(Box::new(self.person.clone())),
            IdentityWrite::SetState { identity, state: IdentityState::Inactive, at },
            IdentityWrite::RevokeTokens { identity, at },
            IdentityWrite::DeleteIdentity(identity),
            IdentityWrite::ReleaseIdentifier { identity, identifier: self.identifier.clone() },
            IdentityWrite::SetPassword { identity, password: password(), at },
            IdentityWrite::RehashPassword { identity, password: password(), version: 1, at },
            IdentityWrite::RevokeSession { session, identity, at },
            IdentityWrite::UpdateFlow(Box::new(self.flow.clone())),
        ];
        for write in guarded {
            let name = format!("{write:?}");
            assert_eq!(world.apply([write]).await, Some(0), "{name}");
        }
        let unguarded = [
            IdentityWrite::RevokeSessions { identity, except: Some(SessionId(Uuid::nil())), at },
            IdentityWrite::SpendFlow(self.flow.flow().id),
            IdentityWrite::RemoveFlow(self.flow.flow().id),
        ];
        assert_eq!(world.apply(unguarded).await, None);

        let mut renamed = Box::new(self.client.clone());
        renamed.document.client_name.push_str(" (stolen)");
        let rotation = Box::new(Rotation { at, successor: world.hash("x"), sealed_successor: Vec::new() });
        let (code, token) = (self.code.hash.clone(), self.refresh_token.hash.clone());
        let guarded = [
            Write::UpdateClient { client: renamed, expected: 1 },
            Write::DeleteClient { client: client.clone(), expected: 1 },
            Write::ConsumeAuthorizationCode { code, grant: self.grant.id, at, kept_until: at },
            Write::RotateRefreshToken { token, grant: self.grant.id, rotation },
            Write::AnswerDeviceCode { code: self.device.hash.clone(), grant: None, at },
            Write::ReplaceClaims { grant: self.grant.id, claims: Box::default() },
            Write::ExtendLoginSession {
                session: self.login.id,
                token: world.hash("x"),
                remembered_until: None,
                expires_at: at,
            },
            Write::ConsumeDeviceCode {
                code: self.device.hash.clone(),
                grant: self.grant.id,
                at,
                kept_until: at,
            },
        ];
        for write in guarded {
            let name = format!("{write:?}");
            assert_eq!(world.apply([write]).await, Some(0), "{name}");
        }
        let unguarded = [
            Write::RevokeGrantsOfClient { client: client.clone(), at },
            Write::RevokeGrant { grant: self.grant.id, at },
            Write::KeepGrant { grant: self.grant.id, until: at },
            Write::KeepSigningKeys { until: at },
            Write::RevokeGrantsOfSubject { subject: identity, client: None, at },
            Write::RevokeGrantsOfSubject { subject: identity, client: Some(client.clone()), at },
            Write::RevokeGrantsOfSession { session, at },
            Write::TellClientsOfSession { session: self.grant.subject.session, at },
            Write::ForgetConsents { subject: identity, client: None },
            Write::DeleteLoginSession { session: self.login.id, at },
            Write::DeleteLoginSessions { subject: identity, which: SignIns::All, at },
            Write::ForgetConsents { subject: identity, client: Some(client) },
            Write::DeleteAccessToken { token: self.access_token.hash.clone() },
            Write::DeleteTrustedIssuer { id: "1".to_owned() },
            Write::NotePoll {
                code: self.device.hash.clone(),
                polling: Polling { interval: 60, next_at: at },
            },
        ];
        assert_eq!(world.apply(unguarded).await, None);

        // Attack: whoever knows the hash of another tenant's component, or the name of its plugin.
        let (plugin, version) = ("plan".to_owned(), 1);
        let guarded = [
            tenancy::Write::DeletePluginVersion { plugin: plugin.clone(), version },
            tenancy::Write::HoldUploadedPlugin { plugin: plugin.clone(), id: self.upload },
            tenancy::Write::DeleteUploadedPlugin { plugin, id: self.upload, revision: 1 },
        ];
        for write in guarded {
            let name = format!("{write:?}");
            assert_eq!(world.apply([write]).await, Some(0), "{name}");
        }
        let (plugin, name) = ("plan".to_owned(), "key".to_owned());
        let key = b"k".to_vec();
        let unguarded = [
            tenancy::Write::DeletePluginSecret { plugin: plugin.clone(), name: name.clone() },
            tenancy::Write::DeleteUploadedSecret { plugin: plugin.clone(), name },
            tenancy::Write::DeleteUploadedSecrets { plugin: plugin.clone() },
            tenancy::Write::DeletePluginValue { plugin: plugin.clone(), key },
            tenancy::Write::DeletePluginValues { plugin },
        ];
        assert_eq!(world.apply(unguarded).await, None);

        let kid = self.key.kid.clone();
        for write in [
            KeyWrite::ActivateSigningKey { kid: kid.clone(), rotate_at: at },
            KeyWrite::RetireSigningKey { kid: kid.clone(), until: at },
            KeyWrite::DeleteSigningKey { kid, now: at },
        ] {
            assert_eq!(world.apply([write]).await, Some(0));
        }
        let (set, kid) = (set_name("services"), "k".parse().unwrap());
        let unguarded = [KeyWrite::DeleteKeyOfSet { set: set.clone(), kid }, KeyWrite::DeleteKeySet { set }];
        assert_eq!(world.apply(unguarded).await, None);
    }
}

/// Whether a look-up found nothing.
pub(crate) fn is_empty(found: &str) -> bool {
    ["None", "[]", "false", "ComponentRoom { versions: 0, bytes: 0 }"].contains(&found)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_tenant_are_found_and_changed_by_nobody_else() {
    for mut world in World::each().await {
        let (own, other) = (world.tenant.clone(), "other".parse::<TenantId>().unwrap());
        let rows = Rows::of(&world);
        rows.insert(&world).await;
        let before = rows.looked_up(&world, &own).await;
        for (name, found) in &before {
            assert!(!is_empty(found), "{name} finds its own");
        }
        for (name, found) in rows.looked_up(&world, &other).await {
            assert!(is_empty(&found), "{name} finds another tenant's: {found}");
        }
        world.tenant = other;
        rows.assail(&world).await;
        for (before, after) in before.iter().zip(rows.looked_up(&world, &own).await) {
            assert_eq!(*before, after, "changed from another tenant");
        }
    }
}
