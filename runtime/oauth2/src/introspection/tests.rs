//! What introspection tells, and when it tells nothing.

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use primitives::Timestamp;
use primitives::hooks::{HookContext, HookFailureKind};
use serde_json::json;

use super::*;
use crate::hooks::{TokenDecision, TokenHook, TokenRequest, TokenShape};
use crate::memory::{REQUEST, World, as_app, form, now, request};
use crate::parameters::Parameters;
use crate::settings::Settings;

fn world(strategy: &str) -> World {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
        "access_token_strategy": strategy}));
    world
}

fn introspect(world: &World, token: &str) -> Value {
    serde_json::to_value(now(world.server.introspect(token, None, REQUEST)).unwrap()).unwrap()
}

#[test]
fn live_tokens_say_what_they_stand_for() {
    for strategy in ["jwt", "opaque"] {
        let world = world(strategy);
        let tokens = world.redeem(&world.code("openid read offline_access")).unwrap();
        let at = 1_800_000_000;
        let mut expect = json!({
            "active": true, "scope": "openid read offline_access", "client_id": "app",
            "sub": "00000000-0000-0000-0000-000000000001", "exp": at + 3_600, "iat": at, "nbf": at,
            "aud": ["https://api.example"], "iss": "https://id.example", "token_type": "Bearer",
            "token_use": "access_token", "acr": "aal1", "auth_time": at
        });
        assert_eq!(introspect(&world, &tokens.access_token), expect, "{strategy}");
        expect["token_use"] = "refresh_token".into();
        expect["exp"] = (at + 720 * 3_600).into();
        assert_eq!(introspect(&world, &tokens.refresh_token.unwrap()), expect, "{strategy}");
    }
}

#[test]
fn client_is_the_subject_of_its_own_tokens() {
    for strategy in ["jwt", "opaque"] {
        let world = world(strategy);
        let token = world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
        assert_eq!(introspect(&world, &token)["sub"], "app", "{strategy}");
    }
}

#[test]
fn whatever_a_token_hangs_on_kills_it() {
    let later = Timestamp::from_seconds(1_800_000_001);
    let check = |what: &str, offline: bool, alive: bool, break_it: &dyn Fn(&World)| {
        for strategy in ["jwt", "opaque"] {
            let world = world(strategy);
            let scope = if offline { "openid offline_access" } else { "openid" };
            let tokens = world.redeem(&world.code(scope)).unwrap();
            break_it(&world);
            for token in [Some(tokens.access_token), tokens.refresh_token].into_iter().flatten() {
                let answer = introspect(&world, &token);
                assert_eq!(answer["active"], alive, "{what} {strategy} {answer}");
                assert!(alive || answer == json!({"active": false}), "{what}: nothing else is told");
            }
        }
    };
    check("nothing", true, true, &|_| {});
    check("time", true, false, &|world| world.wait(720 * 3_600));
    check("session", false, false, &|world| world.rows(|rows| rows.sessions.clear()));
    check("session of an offline grant", true, true, &|world| world.rows(|rows| rows.sessions.clear()));
    check("person", true, false, &|world| world.rows(|rows| rows.subjects.clear()));
    check("client", true, false, &|world| world.rows(|rows| rows.clients.clear()));
    check("grant row", true, false, &|world| world.rows(|rows| rows.grants.clear()));
    check("grant", true, false, &|world| {
        world.rows(|rows| rows.grants.values_mut().for_each(|grant| grant.revoked_at = Some(later)));
    });
    check("not_before of the person", true, false, &|world| {
        world.rows(|rows| rows.subjects.values_mut().for_each(|who| who.not_before = later));
    });
    check("not_before of the client", true, false, &|world| {
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
    });
    check("disabled client", true, false, &|world| {
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
    });
}

#[test]
fn token_of_a_client_dies_with_its_not_before() {
    for strategy in ["jwt", "opaque"] {
        let world = world(strategy);
        let token = world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
        let later = Timestamp::from_seconds(1_800_000_001);
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
        assert_eq!(introspect(&world, &token), json!({"active": false}), "{strategy}");
    }
}

#[test]
fn what_is_no_access_token_of_ours_is_inactive() {
    let world = world("jwt");
    let tokens = world.redeem(&world.code("openid")).unwrap();
    let elsewhere = world.other_tenant();
    let foreign = now(elsewhere.introspect(&tokens.access_token, None, REQUEST)).unwrap();
    assert_eq!(foreign, Introspection::Inactive, "another tenant");
    let tampered = format!("{}A", tokens.access_token);
    let id_token = tokens.id_token.unwrap();
    for text in ["", ".", "a.b.c", "ory_at_", &format!("ory_at_{}", "A".repeat(43)), &tampered, &id_token] {
        assert_eq!(introspect(&world, text), json!({"active": false}), "{text}");
    }
}

#[test]
fn rotated_refresh_token_is_inactive() {
    let world = world("jwt");
    let token = world.redeem(&world.code("offline_access")).unwrap().refresh_token.unwrap();
    world.refresh(&token).unwrap();
    assert_eq!(introspect(&world, &token), json!({"active": false}));
}

#[test]
fn missing_scope_makes_inactive() {
    let world = world("jwt");
    let token = world.redeem(&world.code("openid read")).unwrap().access_token;
    for (scope, expect) in [("read", true), ("read openid", true), ("write", false), ("read write", false)] {
        let answer = now(world.server.introspect(&token, Some(scope), REQUEST)).unwrap();
        assert_eq!(matches!(answer, Introspection::Active(_)), expect, "{scope}");
    }
}

#[test]
fn clients_introspect_tokens_of_their_own_and_access_tokens_of_the_apis_that_they_are_named_for() {
    let world = World::of_app(
        |settings| settings.protected_resources = vec![protected("https://api.example", "api")],
        &json!({"access_token_strategy": "opaque"}),
    );
    for (id, method) in [("api", "client_secret_post"), ("spa", "none")] {
        world.add_client(&json!({"client_id": id, "token_endpoint_auth_method": method,
            "grant_types": ["authorization_code"]}));
    }
    let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
    let (access, refresh) = (tokens.access_token, tokens.refresh_token.unwrap());
    let ask = |encoded: &str| {
        let parameters = Parameters::parse(encoded.as_bytes());
        now(world.server.introspect_as_client(request(&parameters), AnswerForm::Json)).result
    };
    let api = [("client_id", "api"), ("client_secret", "s3cret-of-api")];
    let active = |answer: Result<IntrospectionAnswer, TokenError>| {
        serde_json::to_value(answer.unwrap()).unwrap()["active"] == true
    };
    assert!(active(ask(&as_app(&[("token", &access)]))));
    assert!(active(ask(&as_app(&[("token", &refresh)]))));
    assert!(active(ask(&form(&[&api[..], &[("token", &access)]].concat()))));
    assert!(!active(ask(&form(&[&api[..], &[("token", &refresh)]].concat()))));
    // Attack: any client asks about whatever token it came by.
    world.add_client(&json!({"client_id": "other", "token_endpoint_auth_method": "client_secret_post"}));
    let other = [("client_id", "other"), ("client_secret", "s3cret-of-other")];
    assert!(!active(ask(&form(&[&other[..], &[("token", &access)]].concat()))));
    let public = ask(&form(&[("client_id", "spa"), ("token", &access)]));
    assert_eq!(public.unwrap_err().code().as_str(), "invalid_client");
    assert_eq!(ask(&as_app(&[])).unwrap_err().code().as_str(), "invalid_request");
}

/// An API whose tokens a client asks about.
fn protected(resource: &str, client: &str) -> crate::protected_resource::ProtectedResource {
    serde_json::from_value(json!({"resource": resource, "introspected_by": [client]})).unwrap()
}

/// Attack: whoever is named for one API asks about tokens of another.
#[test]
fn api_is_told_of_tokens_for_itself_alone() {
    for strategy in ["jwt", "opaque"] {
        for (resource, audience, expect) in [
            ("https://api.example", "https://api.example", true),
            ("https://api.example", "https://api.example https://b.example", true),
            ("https://api.example", "https://b.example", false),
            ("https://api.example", "", false),
            // RFC 9068 section 3: without a wish it is the server itself.
            ("https://id.example", "", true),
            ("https://id.example", "https://api.example", false),
        ] {
            let world = World::of_app(
                |settings| settings.protected_resources = vec![protected(resource, "api")],
                &json!({"access_token_strategy": strategy}),
            );
            world
                .add_client(&json!({"client_id": "api", "token_endpoint_auth_method": "client_secret_post"}));
            let grant = [("grant_type", "client_credentials"), ("audience", audience)];
            let token = world.token(&grant).unwrap().access_token;
            let encoded =
                form(&[("client_id", "api"), ("client_secret", "s3cret-of-api"), ("token", &token)]);
            let parameters = Parameters::parse(encoded.as_bytes());
            let answer = now(world.server.introspect_as_client(request(&parameters), AnswerForm::Json));
            let is_active = json!(answer.result.unwrap())["active"] == true;
            assert_eq!(is_active, expect, "{strategy}: {audience:?} at {resource}");
        }
    }
}

/// Answers what it was made with; a token's own claims are `plan` alone.
#[derive(Debug)]
struct Answers(Result<IntrospectionDecision, HookFailure>);

impl TokenHook for Answers {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn shape_tokens<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        let access_token = Map::from_iter([("plan".to_owned(), json!("gold"))]);
        Box::pin(ready(Ok(TokenDecision::Issue(TokenShape { access_token, ..TokenShape::default() }))))
    }

    fn shape_userinfo<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(ready(Ok(TokenDecision::Issue(TokenShape::default()))))
    }

    fn introspects(&self, context: &HookContext) -> bool {
        context.client.as_ref().is_some_and(|client| client.as_str() == "app")
    }

    fn shape_introspection<'a>(
        &'a self,
        _: &'a HookContext,
        token: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
        assert_eq!(json!(token.claims), json!({"plan": "gold"}));
        Box::pin(ready(self.0.clone()))
    }
}

#[test]
fn hook_adds_hides_and_fails_closed_and_only_for_live_access_tokens() {
    let added = Map::from_iter([("seats".to_owned(), json!(5))]);
    let failure = HookFailure { plugin: "p".to_owned(), kind: HookFailureKind::Trap, detail: "d".to_owned() };
    for (answer, expect) in [
        (Ok(IntrospectionDecision::Answer(added)), Some(json!({"plan": "gold", "seats": 5}))),
        (Ok(IntrospectionDecision::Inactive), Some(Value::Null)),
        (Err(failure), None),
    ] {
        for strategy in ["jwt", "opaque"] {
            let world = World::with(Settings::default(), Arc::new(Answers(answer.clone())));
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
                "access_token_strategy": strategy}));
            let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
            let parameters = as_app(&[("token", &tokens.access_token)]);
            let parameters = Parameters::parse(parameters.as_bytes());
            let by_client =
                now(world.server.introspect_as_client(request(&parameters), AnswerForm::Json)).result;
            let by_admin = now(world.server.introspect(&tokens.access_token, None, REQUEST));
            let by_admin = by_admin.map(IntrospectionAnswer::Plain);
            for answer in [by_client, by_admin] {
                match (&expect, answer) {
                    (Some(ext), Ok(answer)) => {
                        let answer = serde_json::to_value(answer).unwrap();
                        assert_eq!(answer["active"], !ext.is_null(), "{strategy}");
                        assert_eq!(answer["ext"], *ext, "{strategy}");
                    }
                    (None, Err(error)) => assert_eq!(error.code().as_str(), "server_error"),
                    (expect, answer) => panic!("{strategy}: {answer:?}, expected {expect:?}"),
                }
            }
            let other = now(world.server.introspect(&tokens.access_token, Some("write"), REQUEST));
            assert_eq!(other, Ok(Introspection::Inactive), "it is not asked: it may have failed");
            let refresh = introspect(&world, &tokens.refresh_token.unwrap());
            assert_eq!((&refresh["active"], &refresh["ext"]), (&json!(true), &Value::Null));
            world.rows(|rows| rows.clients.clear());
            assert_eq!(introspect(&world, &tokens.access_token), json!({"active": false}));
        }
    }
}
