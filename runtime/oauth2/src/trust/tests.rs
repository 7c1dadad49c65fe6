//! Assertions for grants: what is taken, and what attackers try.

use futures_util::future::BoxFuture;
use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::hooks::{HookContext, HookFailure};
use primitives::rng::SeededRng;
use primitives::{Actor, Timestamp};
use serde_json::{Value, json};

use super::{ShownIssuer, TrustError, TrustRequest};
use crate::hooks::{
    IntrospectedToken, IntrospectionDecision, NoTokenHook, TokenDecision, TokenHook, TokenRequest,
};
use crate::memory::{REQUEST, World, form, now};
use crate::token::{InvalidGrant, TokenError, TokenResponse};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER: &str = "https://jwt-idp.example";

/// A key pair of the name `k`: one that is not the trust's is tried and found wrong, not merely unknown.
fn key(seed: u64) -> PrivateJwk {
    let pair = generate(SigningAlgorithm::EdDsa, &SeededRng::new(seed)).unwrap();
    let mut document: Value = serde_json::from_str(&pair.to_json()).unwrap();
    document["kid"] = "k".into();
    PrivateJwk::parse(document.to_string().as_bytes()).unwrap()
}

fn public(key: &PrivateJwk) -> Value {
    serde_json::to_value(key.public()).unwrap()
}

/// A trust for Mike and the scope `read`, changed by `patch`.
fn trust(patch: &Value) -> TrustRequest {
    let mut document = json!({"issuer": ISSUER, "subject": "mike@example.com", "scope": ["read"],
        "jwk": public(&key(5)), "expires_at": "2030-01-01T00:00:00Z"});
    for (name, value) in patch.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn assertion(key: &PrivateJwk, patch: &Value) -> String {
    let mut claims = json!({"iss": ISSUER, "sub": "mike@example.com", "aud": "https://id.example/oauth2/token",
        "jti": "j1", "iat": 1_800_000_000, "exp": 1_800_000_060});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in patch.as_object().unwrap() {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    Signer::new(key).unwrap().sign(TokenType::Jwt, &claims).unwrap()
}

impl World {
    fn trust(&self, patch: &Value) -> Result<ShownIssuer, TrustError> {
        let request = trust(patch);
        for _ in 0..4 {
            let decision = now(self.server.trust_issuer(&request, Actor::System));
            if self.memory.apply(decision.change).is_ok() {
                return decision.result;
            }
        }
        panic!("never applied")
    }

    fn bear(&self, assertion: &str) -> Result<TokenResponse, TokenError> {
        self.token(&[("grant_type", GRANT), ("assertion", assertion), ("scope", "read")])
    }
}

/// Time stands still in January 2027.
fn world() -> World {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    world.trust(&json!({})).unwrap();
    world
}

#[expect(clippy::unnecessary_wraps, reason = "it stands for the error that a result may have")]
fn wrong() -> Option<TokenError> {
    Some(TokenError::InvalidGrant(InvalidGrant::Assertion))
}

#[test]
fn token_stands_for_whom_the_issuer_names_in_either_form() {
    for strategy in ["jwt", "opaque"] {
        let world = World::new();
        world.add_client(
            &json!({"token_endpoint_auth_method": "client_secret_post", "access_token_strategy": strategy}),
        );
        world.trust(&json!({})).unwrap();
        let answer = world.bear(&assertion(&key(5), &json!({}))).unwrap();
        assert_eq!((answer.scope.as_str(), answer.id_token, answer.refresh_token), ("read", None, None));
        let asked = now(world.server.introspect(&answer.access_token, None, REQUEST)).unwrap();
        let asked = serde_json::to_value(asked).unwrap();
        assert_eq!(
            (&asked["sub"], &asked["client_id"]),
            (&json!("mike@example.com"), &json!("app")),
            "{strategy}"
        );
    }
}

#[test]
fn assertion_is_for_us_alone_bounded_and_of_its_issuer() {
    let check = |patch: Value, expect: Option<TokenError>| {
        let answer = world().bear(&assertion(&key(5), &patch));
        assert_eq!(answer.err(), expect, "{patch}");
    };
    check(json!({}), None);
    check(json!({"aud": "https://id.example"}), None);
    check(json!({"aud": ["https://id.example/oauth2/token"]}), None);
    check(json!({"iat": null}), None);
    check(json!({"aud": null}), wrong());
    check(json!({"aud": "https://other.example/oauth2/token"}), wrong());
    check(json!({"aud": ["https://id.example", "https://other.example"]}), wrong());
    check(json!({"iss": "https://other.example"}), wrong());
    check(json!({"iss": null}), wrong());
    check(json!({"sub": "eve@example.com"}), wrong());
    check(json!({"sub": ""}), wrong());
    check(json!({"sub": null}), wrong());
    check(json!({"exp": null}), wrong());
    check(json!({"exp": 1_799_999_000}), wrong());
    check(json!({"exp": 1_800_010_000}), wrong());
    check(json!({"nbf": 1_800_000_600}), wrong());
    check(json!({"jti": null}), wrong());
    check(json!({"jti": ""}), wrong());
    let world = world();
    assert_eq!(world.bear(&assertion(&key(6), &json!({}))).err(), wrong(), "another key");
    assert_eq!(world.bear("a.b.c").err(), wrong());
    assert_eq!(world.bear(&format!("{}x", assertion(&key(5), &json!({})))).err(), wrong());
}

/// Attack: an assertion is used twice, by whichever client, at once or later.
/// Plugins are told whom the issuer names, and nothing that would make them somebody of ours.
#[derive(Debug)]
struct Told(std::sync::Mutex<Vec<TokenRequest>>);

impl TokenHook for Told {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn shape_tokens<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        assert!(matches!(context.actor, Actor::Client(_)));
        self.0.lock().unwrap().push(request.clone());
        NoTokenHook.shape_tokens(context, request)
    }

    fn shape_userinfo<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        NoTokenHook.shape_userinfo(context, request)
    }

    fn introspects(&self, _: &HookContext) -> bool {
        false
    }

    fn shape_introspection<'a>(
        &'a self,
        context: &'a HookContext,
        token: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
        NoTokenHook.shape_introspection(context, token)
    }
}

#[test]
fn plugins_are_told_whom_the_issuer_names() {
    let hook = std::sync::Arc::new(Told(std::sync::Mutex::default()));
    let world = World::with(crate::settings::Settings::default(), hook.clone());
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    world.trust(&json!({})).unwrap();
    world.bear(&assertion(&key(5), &json!({}))).unwrap();
    let told = hook.0.lock().unwrap();
    let [request] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(request.grant_type, GRANT);
    let subject = request.subject.as_ref().unwrap();
    assert_eq!((subject.id.as_str(), &subject.session), ("mike@example.com", &None));
    assert!(subject.methods.is_empty() && subject.traits.is_empty() && subject.assurance.is_empty());
}

#[test]
fn assertion_is_used_once_by_whichever_client() {
    let world = world();
    world.add_client(&json!({"client_id": "other", "token_endpoint_auth_method": "client_secret_post"}));
    let text = assertion(&key(5), &json!({}));
    let by_other = form(&[
        ("client_id", "other"),
        ("client_secret", "s3cret-of-other"),
        ("grant_type", GRANT),
        ("assertion", &text),
    ]);
    let both = [world.decide_token(&by_other), world.decide_token(&by_other)];
    assert_eq!(both.map(|decision| world.memory.apply(decision.change).is_ok()), [true, false]);
    let replayed = Some(TokenError::InvalidGrant(InvalidGrant::ReplayedAssertion));
    assert_eq!(world.bear(&text).err(), replayed);
    assert!(world.bear(&assertion(&key(5), &json!({"jti": "j2"}))).is_ok());
}

#[test]
fn trust_bounds_scope_time_and_subject() {
    let world = world();
    let text = |jti: &str| assertion(&key(5), &json!({"jti": jti}));
    let ask = |scope: &str, jti: &str| {
        let pairs = [("grant_type", GRANT), ("assertion", &*text(jti)), ("scope", scope)];
        world.token(&pairs).map(|answer| answer.scope).map_err(|error| error.code().as_str())
    };
    assert_eq!(ask("", "1"), Ok(String::new()));
    assert_eq!(ask("read write", "2"), Err("invalid_scope"), "more than the trust");
    assert_eq!(ask("admin", "3"), Err("invalid_scope"), "more than the client");
    // Of somebody whom any other trust of the same key does not name.
    world.trust(&json!({"subject": "", "allow_any_subject": true, "jwk": public(&key(7))})).unwrap();
    assert!(world.bear(&assertion(&key(7), &json!({"sub": "eve@example.com", "jti": "4"}))).is_ok());
    assert_eq!(
        world.bear(&assertion(&key(5), &json!({"sub": "eve@example.com", "jti": "5"}))).err(),
        wrong()
    );
    world.rows(|rows| {
        rows.trusts.values_mut().for_each(|trust| trust.expires_at = Timestamp::from_seconds(1_800_000_000));
    });
    assert_eq!(world.bear(&text("6")).err(), wrong(), "it is over");
}

#[test]
fn client_must_be_allowed_the_grant() {
    let world = World::new();
    world.add_client(
        &json!({"token_endpoint_auth_method": "client_secret_post", "grant_types": ["client_credentials"]}),
    );
    world.trust(&json!({})).unwrap();
    let refused = world.bear(&assertion(&key(5), &json!({})));
    assert_eq!(refused.err(), Some(TokenError::UnauthorizedClient));
}

#[test]
fn deleted_trust_gives_nothing_and_another_tenants_never_did() {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    let made = world.trust(&json!({})).unwrap();
    let elsewhere = now(world.other_tenant().load_trusted_issuer(&made.id));
    assert_eq!(elsewhere.err(), Some(TrustError::NotFound));
    let deleted = now(world.server.distrust_issuer(&made.id, Actor::System));
    world.memory.apply(deleted.change).unwrap();
    assert_eq!(world.bear(&assertion(&key(5), &json!({}))).err(), wrong());
    assert_eq!(now(world.server.load_trusted_issuer(&made.id)).err(), Some(TrustError::NotFound));
}

#[test]
fn documents_that_make_no_sense_write_nothing() {
    let world = world();
    let private: Value = serde_json::from_str(&key(5).to_json()).unwrap();
    let mut nameless = public(&key(5));
    nameless.as_object_mut().unwrap().remove("kid");
    for patch in [
        json!({"issuer": ""}),
        json!({"issuer": "https://id.example"}),
        json!({"subject": ""}),
        json!({"allow_any_subject": true}),
        json!({"kind": "id_jag"}),
        json!({"scope": ["a\"b"]}),
        json!({"jwk": private}),
        json!({"jwk": nameless}),
        json!({"jwk": {"kty": "oct", "k": "AAAA", "kid": "k"}}),
        json!({"expires_at": "2020-01-01T00:00:00Z"}),
    ] {
        let refused = world.trust(&patch);
        assert!(matches!(refused, Err(TrustError::Invalid(_) | TrustError::Key(_))), "{patch}: {refused:?}");
    }
    assert_eq!(world.trust(&json!({})).err(), Some(TrustError::Exists));
    assert_eq!(world.rows(|rows| rows.trusts.len()), 1);
}
