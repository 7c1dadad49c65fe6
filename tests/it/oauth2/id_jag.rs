//! Assertions of trusted issuers over HTTP and from the database: identity assertions (ID-JAG) about people who are linked here, and
//! plain ones that name the id of an account (RFC 7523).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::Clock as _;
use primitives::rng::SeededRng;
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use super::code::{App, sign_up};
use super::exchange::revoke;
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const IDP: &str = "https://idp.example";
const STRATEGIES: [&str; 2] = ["jwt", "opaque"];

/// A client of acme that brings assertions.
struct Client<'a> {
    world: &'a World,
    id: &'a str,
    secret: String,
}

impl<'a> Client<'a> {
    /// Its id is that of the form of its tokens.
    async fn new(world: &'a World, strategy: &'a str) -> Self {
        let document = json!({"client_id": strategy, "grant_types": [GRANT], "scope": "openid email",
            "access_token_strategy": strategy});
        Self { world, id: strategy, secret: world.client("acme", document).await }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))),
        ];
        let url = format!("{}/oauth2/{path}", self.world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(form)).await
    }

    async fn bear(&self, assertion: &str) -> Response {
        self.post("token", &[("grant_type", GRANT), ("assertion", assertion), ("scope", "openid")]).await
    }

    /// The token that an assertion gives.
    async fn token(&self, assertion: &str) -> String {
        let answer = self.bear(assertion).await;
        assert_eq!(answer.status, 200, "{}: {}", self.id, answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn is_refused(&self, assertion: &str) -> bool {
        let answer = self.bear(assertion).await;
        (answer.status, answer.json()["error"].as_str()) == (400, Some("invalid_grant"))
    }

    async fn introspect(&self, token: &str) -> Value {
        self.post("introspect", &[("token", token)]).await.json()
    }

    async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await["active"] == true
    }
}

/// The same each time: Ed25519 takes its randomness from here.
fn key() -> PrivateJwk {
    generate(SigningAlgorithm::EdDsa, &SeededRng::new(5)).unwrap()
}

/// Has acme trust an issuer with anybody.
async fn trust(world: &World, kind: &str, issuer: &str) {
    let trust = json!({"kind": kind, "issuer": issuer, "allow_any_subject": true, "scope": ["openid", "email"],
        "jwk": serde_json::to_value(key().public()).unwrap(), "expires_at": "2099-01-01T00:00:00Z"});
    let path = ("POST", "/admin/trust/grants/jwt-bearer/issuers");
    let made = world.operate(&world.key, path, "acme", &trust).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

/// An assertion for acme about somebody, which nobody has brought yet.
fn assertion(world: &World, typ: TokenType, (issuer, subject): (&str, &str), client: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let jti = MADE.fetch_add(1, Ordering::Relaxed).to_string();
    let now = world.clock.now().seconds();
    let claims = json!({"iss": issuer, "sub": subject, "aud": world.tenant("acme"), "client_id": client,
        "jti": jti, "iat": now, "exp": now + 60, "scope": "openid email"});
    Signer::new(&key()).unwrap().sign(typ, &claims).unwrap()
}

fn id_jag(world: &World, subject: &str, client: &str) -> String {
    assertion(world, TokenType::IdentityAssertionGrant, (IDP, subject), client)
}

/// Acme's people sign in by these providers, each with its issuer and what else is set of it.
async fn providers(world: &World, providers: &[(&str, &str, Value)]) {
    let provider = |(id, issuer, more): &(&str, &str, Value)| {
        let mut provider = json!({"id": id, "provider": "generic", "label": id, "client_id": "portcullis",
            "issuer_url": issuer});
        provider.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        provider
    };
    let providers: Vec<_> = providers.iter().map(provider).collect();
    let body = json!({"settings": {"federation": {"provider": providers}}});
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let changed = world.operate(&world.key, path, "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Somebody whom providers know by these names; their id.
async fn linked(world: &World, email: &str, links: &[(&str, &str)]) -> String {
    let mut body = json!({"schema_id": "default", "traits": {"email": email}});
    if !links.is_empty() {
        let links: Vec<_> = links.iter().map(|(id, name)| json!({"provider": id, "subject": name})).collect();
        body["credentials"] = json!({"oidc": {"config": {"providers": links}}});
    }
    let made = world.operate(&world.key, ("POST", "/admin/identities"), "acme", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn set_state(world: &World, id: &str, state: &str) {
    let body = json!([{"op": "replace", "path": "/state", "value": state}]);
    let path = format!("/admin/identities/{id}");
    let changed = world.operate(&world.key, ("PATCH", &path), "acme", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

async fn delete(world: &World, id: &str) {
    let path = format!("/admin/identities/{id}");
    let deleted = world.operate(&world.key, ("DELETE", &path), "acme", &Value::Null).await;
    assert!(deleted.status < 300, "{}", deleted.text());
}

/// The status of userinfo, and whom it is about.
async fn userinfo(world: &World, token: &str) -> (u16, Value) {
    let headers = [("authorization", format!("Bearer {token}"))];
    let url = format!("{}/userinfo", world.tenant("acme"));
    let told = Browser::default().send("GET", &url, &headers, String::new()).await;
    (told.status, if told.status == 200 { told.json()["sub"].clone() } else { Value::Null })
}

#[tokio::test(flavor = "multi_thread")]
async fn companys_provider_lets_a_client_act_for_one_of_its_people_until_their_account_ends() {
    let world = World::start().await;
    providers(&world, &[("idp", IDP, json!({}))]).await;
    trust(&world, "id_jag", IDP).await;
    let ada = linked(&world, "ada@acme.example", &[("idp", "7")]).await;
    for strategy in STRATEGIES {
        let client = Client::new(&world, strategy).await;
        let once = id_jag(&world, "7", strategy);
        let token = client.token(&once).await;
        let said = client.introspect(&token).await;
        assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(ada)), "{strategy}");
        assert_eq!(userinfo(&world, &token).await, (200, json!(ada)), "{strategy}");
        assert!(client.is_refused(&once).await, "{strategy}: it counts once");
        let another = id_jag(&world, "7", "another");
        assert!(client.is_refused(&another).await, "{strategy}: another client was given it");
        let nobody = id_jag(&world, "8", strategy);
        assert!(client.is_refused(&nobody).await, "{strategy}: nobody is linked by that name");
        let by_id = id_jag(&world, &ada, strategy);
        assert!(client.is_refused(&by_id).await, "{strategy}: our name is not the provider's");

        world.clock.advance(Duration::from_secs(1));
        set_state(&world, &ada, "inactive").await;
        assert!(!client.is_active(&token).await, "{strategy}");
        assert_eq!(userinfo(&world, &token).await.0, 401, "{strategy}");
        assert!(client.is_refused(&id_jag(&world, "7", strategy)).await, "{strategy}");
        world.clock.advance(Duration::from_secs(1));
        set_state(&world, &ada, "active").await;
        assert!(!client.is_active(&token).await, "{strategy}: what had ended stays so");
        assert!(client.is_active(&client.token(&id_jag(&world, "7", strategy)).await).await, "{strategy}");
    }
}

/// Whoever says that everything of somebody ends names them as their provider does.
#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_person_ends_by_the_name_that_their_provider_has_for_them() {
    let world = World::start().await;
    providers(&world, &[("idp", IDP, json!({}))]).await;
    trust(&world, "id_jag", IDP).await;
    linked(&world, "ada@acme.example", &[("idp", "7")]).await;
    linked(&world, "bob@acme.example", &[("idp", "8")]).await;
    let credentials =
        world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    let ends = async |issuer: &str, subject: &str| {
        let person = json!({"sub_id": {"format": "iss_sub", "iss": issuer, "sub": subject}});
        revoke(&world, &credentials, &person).await.status
    };
    for strategy in STRATEGIES {
        let client = Client::new(&world, strategy).await;
        let of_ada = client.token(&id_jag(&world, "7", strategy)).await;
        let of_bob = client.token(&id_jag(&world, "8", strategy)).await;
        for (issuer, subject) in [(IDP, "9"), ("https://other.example", "7")] {
            assert_eq!(ends(issuer, subject).await, 404, "{strategy}: {issuer} {subject}");
        }
        assert!(client.is_active(&of_ada).await, "{strategy}");
        assert_eq!(ends(IDP, "7").await, 204, "{strategy}");
        assert!(!client.is_active(&of_ada).await && client.is_active(&of_bob).await, "{strategy}");
        world.clock.advance(Duration::from_secs(1));
        let next = client.token(&id_jag(&world, "7", strategy)).await;
        assert!(client.is_active(&next).await, "{strategy}: the provider goes on to speak for them");
    }
}

/// Attack: a name at one provider is taken for that of somebody else at another.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_meant_whom_the_issuers_providers_do_not_name_by_sub_and_alone() {
    let world = World::start().await;
    let other = "https://other.example";
    let all = [
        ("idp", IDP, json!({})),
        ("twin", IDP, json!({})),
        ("other", other, json!({})),
        ("oid", "https://oid.example", json!({"subject_source": "oid"})),
    ];
    providers(&world, &all).await;
    for issuer in [IDP, other, "https://oid.example"] {
        trust(&world, "id_jag", issuer).await;
    }
    let ada = linked(&world, "ada@acme.example", &[("idp", "7"), ("twin", "7"), ("oid", "11")]).await;
    linked(&world, "bob@acme.example", &[("idp", "9"), ("other", "10")]).await;
    linked(&world, "eve@acme.example", &[("twin", "9")]).await;
    let client = Client::new(&world, "jwt").await;
    let of = |issuer: &str, subject: &str| {
        assertion(&world, TokenType::IdentityAssertionGrant, (issuer, subject), "jwt")
    };
    let token = client.token(&of(IDP, "7")).await;
    assert_eq!(client.introspect(&token).await["sub"], ada, "both of its providers mean the same");
    assert!(client.is_refused(&of(IDP, "9")).await, "they mean two people");
    assert!(client.is_refused(&of(IDP, "10")).await, "another issuer's name");
    assert!(client.is_refused(&of(other, "7")).await, "another issuer's name");
    assert!(client.is_refused(&of("https://oid.example", "11")).await, "its people are not linked by sub");
    assert!(client.is_active(&client.token(&of(other, "10")).await).await);
}

/// Attack: whoever has broken in goes on with a token that a trusted issuer got for the person by the id of their account.
#[tokio::test(flavor = "multi_thread")]
async fn token_that_an_issuer_got_for_an_account_ends_with_everything_of_it() {
    let world = World::start().await;
    trust(&world, "jwt_bearer", IDP).await;
    let credentials =
        world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    for strategy in STRATEGIES {
        let client = Client::new(&world, strategy).await;
        let bob = linked(&world, &format!("bob-{strategy}@acme.example"), &[]).await;
        for how in ["revoked", "disabled", "deleted"] {
            let ada = linked(&world, &format!("{how}-{strategy}@acme.example"), &[]).await;
            let of = |subject: &str| assertion(&world, TokenType::Jwt, (IDP, subject), strategy);
            let token = client.token(&of(&ada)).await;
            let beside = client.token(&of(&bob)).await;
            let machine = client.token(&of("00000000-0000-4000-8000-000000000009")).await;
            let said = client.introspect(&token).await;
            assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!(ada)), "{strategy} {how}");
            assert_eq!(said.get("ext"), None, "{strategy}: with what it ends is nothing of the plugins'");
            match how {
                "revoked" => {
                    let person = json!({"sub_id": {"format": "opaque", "id": ada}});
                    assert_eq!(revoke(&world, &credentials, &person).await.status, 204);
                }
                "disabled" => set_state(&world, &ada, "inactive").await,
                _ => delete(&world, &ada).await,
            }
            assert!(!client.is_active(&token).await, "{strategy} {how}");
            assert!(client.is_active(&beside).await, "{strategy} {how}: nobody else's");
            assert!(client.is_active(&machine).await, "{strategy} {how}: of nobody here");
            if how == "disabled" {
                assert!(client.is_refused(&of(&ada)).await, "{strategy}");
            }
        }
    }
}

/// The same of somebody who has signed up, and whose app goes on with what an issuer gave it.
#[tokio::test(flavor = "multi_thread")]
async fn app_of_somebody_who_has_signed_up_is_held_to_the_end_of_their_account() {
    let world = World::start().await;
    trust(&world, "jwt_bearer", IDP).await;
    let app = App::register_as(
        &world,
        json!({"client_id": "app", "grant_types": [GRANT], "scope": "openid email"}),
    )
    .await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let who = ada.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.json();
    let id = who["identity"]["id"].as_str().unwrap();
    let assertion = assertion(&world, TokenType::Jwt, (IDP, id), "app");
    let form = [("grant_type", GRANT), ("assertion", &*assertion), ("scope", "email")];
    let token = app.endpoint("token", &form).await.json()["access_token"].as_str().unwrap().to_owned();
    assert!(app.is_active(&token).await);
    assert_eq!(userinfo(&world, &token).await.0, 403, "it stands for nobody who has granted anything");
    delete(&world, id).await;
    assert!(!app.is_active(&token).await);
}
