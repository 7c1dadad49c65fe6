//! Assertions for grants: what is taken, and what attackers try.

use futures_util::future::BoxFuture;
use jose::{PrivateJwk, Signer, TokenType};
use primitives::hooks::{HookContext, HookFailure};
use primitives::{Actor, IdentityId, Timestamp};
use serde_json::{Value, json};

use super::{ShownIssuer, TrustError, TrustRequest};
use crate::global_revocation::REVOKING_SCOPE;
use crate::hooks::{
    IntrospectedToken, IntrospectionDecision, NoTokenHook, TokenDecision, TokenHook, TokenRequest,
};
use crate::introspection::Introspection;
use crate::memory::{REQUEST, World, form, named_key, now};
use crate::token::{InvalidGrant, TokenError, TokenResponse};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ISSUER: &str = "https://jwt-idp.example";

/// A key pair of the name `k`: one that is not the trust's is tried and found wrong, not merely unknown.
fn key(seed: u64) -> PrivateJwk {
    named_key(seed, "k")
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

/// An issuer whose keys change more often than its trusts end: what any of them has signed is taken.
#[test]
fn trust_is_found_by_the_key_that_the_assertion_names_however_many_are_newer() {
    for subject in [json!({}), json!({"subject": "", "allow_any_subject": true})] {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        let named = |seed: u64| named_key(seed, &format!("k{seed}"));
        for seed in 5..=10 {
            let mut patch = subject.clone();
            patch["jwk"] = public(&named(seed));
            world.trust(&patch).unwrap();
            world.wait(1);
        }
        for seed in 5..=10 {
            let text = assertion(&named(seed), &json!({"jti": seed.to_string()}));
            assert!(world.bear(&text).is_ok(), "{seed} {subject}");
        }
        // By another's name, and by one that nobody has.
        for (seed, kid) in [(5, "k10"), (10, "k5"), (10, "k11")] {
            let text = assertion(&named_key(seed, kid), &json!({"jti": format!("{seed} {kid}")}));
            assert_eq!(world.bear(&text).err(), wrong(), "{seed} {kid} {subject}");
        }
    }
}

/// One key of an issuer for its subject, and another by the same name for anybody.
#[test]
fn trust_of_the_subject_hides_none_of_anybody() {
    let world = world();
    for seed in 11..=14 {
        world.trust(&json!({"jwk": public(&named_key(seed, &format!("k{seed}")))})).unwrap();
    }
    world.trust(&json!({"subject": "", "allow_any_subject": true, "jwk": public(&key(7))})).unwrap();
    assert!(world.bear(&assertion(&key(7), &json!({"jti": "1"}))).is_ok());
    assert!(world.bear(&assertion(&key(5), &json!({"jti": "2"}))).is_ok());
}

const ADA: &str = "00000000-0000-0000-0000-000000000001";

/// Attack: whoever has broken in goes on with a token that an issuer got for the person by the id of their account.
#[test]
fn token_of_somebody_who_has_an_account_ends_with_it_and_with_all_that_ends_there() {
    for strategy in ["jwt", "opaque"] {
        let ada: IdentityId = ADA.parse().unwrap();
        let bear = |subject: &str| {
            let world = World::new();
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
                "access_token_strategy": strategy, "grant_types": [GRANT, EXCHANGE]}));
            world.trust(&json!({"subject": "", "allow_any_subject": true})).unwrap();
            let first = world.bear(&assertion(&key(5), &json!({"sub": subject}))).unwrap().access_token;
            let pairs =
                [("grant_type", EXCHANGE), ("subject_token", &*first), ("subject_token_type", ACCESS_TOKEN)];
            let second = world.token(&pairs).unwrap().access_token;
            (world, [first, second])
        };
        let live = |world: &World, tokens: &[String; 2]| {
            tokens.each_ref().map(|token| {
                now(world.server.introspect(token, None, REQUEST)).unwrap() != Introspection::Inactive
            })
        };
        let end_at = |world: &World, ahead: i64| {
            let at = Timestamp::from_seconds(world.server.now().seconds() + ahead);
            world.rows(|rows| rows.subjects.get_mut(&ada).unwrap().not_before = at);
        };
        let (world, tokens) = bear(ADA);
        assert_eq!(live(&world, &tokens), [true, true], "{strategy}");
        end_at(&world, -1);
        assert_eq!(live(&world, &tokens), [true, true], "{strategy}: what ended was before");
        for ahead in [0, 1] {
            end_at(&world, ahead);
            assert_eq!(live(&world, &tokens), [false, false], "{strategy}: {ahead}");
        }
        end_at(&world, -1);
        world.rows(|rows| rows.subjects.clear());
        assert_eq!(live(&world, &tokens), [false, false], "{strategy}: the account is gone");
        // Nobody here, though it looks like one of ours; and nobody at all.
        for other in ["00000000-0000-0000-0000-000000000009", "mike@example.com"] {
            let (world, tokens) = bear(other);
            end_at(&world, 9);
            world.rows(|rows| rows.subjects.clear());
            assert_eq!(live(&world, &tokens), [true, true], "{strategy}: {other}");
        }
    }
}

#[test]
fn nobody_acts_for_somebody_whose_account_is_not_active() {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    world.trust(&json!({"subject": "", "allow_any_subject": true})).unwrap();
    let ada: IdentityId = ADA.parse().unwrap();
    world.rows(|rows| {
        rows.subjects.remove(&ada);
        rows.inactive.insert(ada);
    });
    let text = assertion(&key(5), &json!({"sub": ADA}));
    assert_eq!(world.bear(&text).err(), Some(TokenError::InvalidGrant(InvalidGrant::Subject)));
    assert!(world.rows(|rows| rows.access_tokens.is_empty() && rows.bearer_assertions.is_empty()));
}

/// Attack: an issuer that may name anybody names a client, and its token passes for one that the client has for itself.
#[test]
fn issuer_names_no_client_of_the_tenant() {
    for strategy in ["jwt", "opaque"] {
        let world = World::new();
        world.add_client(
            &json!({"token_endpoint_auth_method": "client_secret_post", "access_token_strategy": strategy}),
        );
        world.add_client(&json!({"client_id": "other"}));
        world.trust(&json!({"subject": "", "allow_any_subject": true})).unwrap();
        for (subject, expect) in [("app", wrong()), ("other", wrong()), ("third", None)] {
            let text = assertion(&key(5), &json!({"sub": subject, "jti": subject}));
            assert_eq!(world.bear(&text).err(), expect, "{strategy} {subject}");
        }
        let used = world.rows(|rows| rows.bearer_assertions.len());
        assert_eq!(used, 1, "{strategy}: what is refused is not used up");
    }
}

/// Attack: it is let off where an operator has named that very client, and then has what a client has by its own tokens alone.
#[test]
fn client_that_an_operator_has_named_is_named_and_gets_nothing_that_is_its_own() {
    for strategy in ["jwt", "opaque"] {
        let world = World::new();
        let scope = format!("read {REVOKING_SCOPE}");
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
            "access_token_strategy": strategy, "scope": scope}));
        world.add_client(&json!({"client_id": "other"}));
        for (seed, subject) in [(5, "app"), (6, "other")] {
            let jwk = public(&key(seed));
            world.trust(&json!({"subject": subject, "scope": ["read", REVOKING_SCOPE], "jwk": jwk})).unwrap();
        }
        let ask = |seed: u64, subject: &str, scope: &str| {
            let jti = format!("{subject} {scope}");
            let text = assertion(&key(seed), &json!({"sub": subject, "jti": jti}));
            world.token(&[("grant_type", GRANT), ("assertion", &*text), ("scope", scope)])
        };
        for (seed, subject) in [(5, "app"), (6, "other")] {
            assert!(ask(seed, subject, "read").is_ok(), "{strategy} {subject}");
        }
        let refused = ask(5, "app", &scope).err().map(|error| error.code().as_str());
        assert_eq!(refused, Some("invalid_scope"), "{strategy}");
    }
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
