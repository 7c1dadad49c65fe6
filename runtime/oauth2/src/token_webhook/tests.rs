//! What a token hook is told, and what becomes of its answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::base64url;
use primitives::hooks::{HookFailure, HookFailureKind};
use serde_json::{Map, Value, json};

use super::*;
use crate::grant::{GrantedClaims, Requested};
use crate::hooks::NoTokenHook;
use crate::memory::{REQUEST, World, as_app, as_bearer, now};
use crate::ports::GrantFilter;
use crate::settings::Settings;
use crate::token::hook::tests::denying;
use crate::token::{ErrorCode, TokenResponse};
use crate::write::Write;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Keeps what it is asked, and answers what it was last told to.
#[derive(Debug)]
struct Answers {
    asked: Mutex<Vec<Question>>,
    answer: Mutex<Result<TokenWebhookAnswer, HookFailure>>,
}

impl Answers {
    fn answers(&self, answer: TokenWebhookAnswer) {
        *self.answer.lock().unwrap() = Ok(answer);
    }

    /// The documents that it was told since it was last asked for them.
    fn told(&self) -> Vec<Value> {
        self.asked.lock().unwrap().drain(..).map(|question| question.document).collect()
    }
}

impl TokenWebhook for Answers {
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        _: RequestId,
    ) -> BoxFuture<'a, Result<TokenWebhookAnswer, HookFailure>> {
        self.asked.lock().unwrap().push(question.clone());
        Box::pin(ready(self.answer.lock().unwrap().clone()))
    }
}

/// Answers another number each time.
#[derive(Debug, Default)]
struct Counts(AtomicU64);

impl TokenWebhook for Counts {
    fn ask<'a>(
        &'a self,
        _: &'a Question,
        _: RequestId,
    ) -> BoxFuture<'a, Result<TokenWebhookAnswer, HookFailure>> {
        let seats = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(Ok(replaced(json!({"seats": seats}), json!({"seats": seats})))))
    }
}

fn settings() -> Settings {
    serde_json::from_value(json!({"token_hook": {"url": "https://hook.example/"}})).unwrap()
}

fn with(world: &mut World, answer: Result<TokenWebhookAnswer, HookFailure>) -> Arc<Answers> {
    let answers = Arc::new(Answers { asked: Mutex::default(), answer: Mutex::new(answer) });
    world.server.token_webhook = Some(answers.clone());
    answers
}

fn world(answer: Result<TokenWebhookAnswer, HookFailure>, strategy: &str) -> (World, Arc<Answers>) {
    world_of(settings(), answer, strategy)
}

fn world_of(
    settings: Settings,
    answer: Result<TokenWebhookAnswer, HookFailure>,
    strategy: &str,
) -> (World, Arc<Answers>) {
    let mut world = World::with(settings, Arc::new(NoTokenHook));
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", EXCHANGE],
        "access_token_strategy": strategy}));
    let answers = with(&mut world, answer);
    (world, answers)
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value}") };
    object
}

fn replaced(access_token: Value, id_token: Value) -> TokenWebhookAnswer {
    let shape = TokenShape { access_token: object(access_token), id_token: object(id_token) };
    TokenWebhookAnswer::Replaced(shape)
}

fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// What a consent app has said before, which granted less than was asked for.
fn say(world: &World) {
    let asked = ["openid", "offline_access", "email"].map(str::to_owned).to_vec();
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.claims = GrantedClaims {
                access_token: object(json!({"desk": "7"})),
                id_token: object(json!({"nick": "ada"})),
                requested: Some(Requested { scope: asked.clone(), audience: Vec::new() }),
                ..GrantedClaims::default()
            };
        }
    });
}

/// `ext` of what is answered about a token.
fn ext(world: &World, token: &str) -> Value {
    let said = now(world.server.introspect(token, None, REQUEST)).unwrap();
    serde_json::to_value(said).unwrap()["ext"].clone()
}

/// What is told of the person behind a token.
fn userinfo(world: &World, token: &str) -> Value {
    let told = now(world.server.userinfo(as_bearer(token), REQUEST)).result.unwrap();
    serde_json::to_value(told).unwrap()
}

/// What a question says that the tokens would say.
fn said_in(told: &Value) -> (Value, Value) {
    let session = &told["session"];
    (session["extra"].clone(), session["id_token"]["id_token_claims"]["ext"].clone())
}

/// What is kept with the only grant.
fn kept(world: &World) -> GrantedClaims {
    world.rows(|rows| {
        let [grant] = rows.grants.values().collect::<Vec<_>>()[..] else { panic!("one grant") };
        grant.claims.clone()
    })
}

#[test]
fn an_answer_stands_in_the_place_of_what_a_consent_app_said() {
    for strategy in ["jwt", "opaque"] {
        let app = (json!({"desk": "7"}), json!({"nick": "ada"}));
        let check = |answer: TokenWebhookAnswer, expect: (Value, Value)| {
            let (world, answers) = world(Ok(answer), strategy);
            let code = world.code("openid offline_access");
            say(&world);
            let grant = world.rows(|rows| rows.grants.keys().next().unwrap().to_string());
            let tokens = world.redeem(&code).unwrap();
            let tokens = [world.refresh(tokens.refresh_token.as_ref().unwrap()).unwrap(), tokens];
            let told = answers.told();
            assert_eq!(told.len(), 2, "each grant asks once");
            assert_eq!((said_in(&told[0]), said_in(&told[1])), (app.clone(), expect.clone()), "{strategy}");
            for (told, grant_type) in told.iter().zip(["authorization_code", "refresh_token"]) {
                assert_eq!(told["request"]["grant_types"], json!([grant_type]));
                assert_eq!(told["request"]["payload"]["grant_type"], json!([grant_type]));
                assert_eq!(told["request"]["client_id"], "app");
                assert_eq!(told["request"]["granted_scopes"], json!(["openid", "offline_access"]));
                assert_eq!(told["request"]["requested_scopes"], json!(["openid", "offline_access", "email"]));
                assert_eq!(told["session"]["consent_challenge"], json!(grant));
                assert_eq!(
                    told["session"]["id_token"]["subject"],
                    json!("00000000-0000-0000-0000-000000000001")
                );
            }
            for tokens in tokens {
                let said = ext(&world, &tokens.access_token);
                assert_eq!(said.as_object().cloned().unwrap_or_default(), object(expect.0.clone()));
                let id_token = payload(&tokens.id_token.unwrap());
                for name in ["nick", "plan"] {
                    assert_eq!(id_token.get(name), expect.1.get(name), "{strategy}");
                }
            }
        };
        check(TokenWebhookAnswer::Unchanged, app.clone());
        let (access_token, id_token) = (json!({"seats": 5}), json!({"plan": "gold"}));
        check(replaced(access_token.clone(), id_token.clone()), (access_token, id_token));
        check(replaced(json!({}), json!({})), (json!({}), json!({})));
    }
}

#[test]
fn what_it_says_is_kept_until_it_says_something_else() {
    for strategy in ["jwt", "opaque"] {
        let (world, answers) = world(Ok(replaced(json!({"seats": 5}), json!({"plan": "gold"}))), strategy);
        let code = world.code("openid offline_access");
        say(&world);
        let first = world.redeem(&code).unwrap();
        let refresh_token = first.refresh_token.unwrap();
        assert_eq!(ext(&world, &refresh_token), json!({"seats": 5}), "{strategy}");
        let told = userinfo(&world, &first.access_token);
        assert_eq!((&told["plan"], told.get("nick")), (&json!("gold"), None), "{strategy}");

        answers.answers(TokenWebhookAnswer::Unchanged);
        let second = world.refresh(&refresh_token).unwrap();
        assert_eq!(ext(&world, &second.access_token), json!({"seats": 5}), "{strategy}");
        assert_eq!(payload(&second.id_token.unwrap())["plan"], "gold", "{strategy}");

        answers.answers(replaced(json!({"seats": 6}), json!({})));
        let third = world.refresh(&second.refresh_token.unwrap()).unwrap();
        assert_eq!(ext(&world, &third.access_token), json!({"seats": 6}), "{strategy}");
        assert_eq!(userinfo(&world, &first.access_token).get("plan"), None, "{strategy}");
        let asked: Vec<Value> = answers.told().iter().map(|told| said_in(told).0).collect();
        assert_eq!(asked, [json!({"desk": "7"}), json!({"seats": 5}), json!({"seats": 5})], "{strategy}");

        // The list of consents has what was consented to.
        let everything = GrantFilter { session: None, after: None };
        let listed = now(world.server.list_access(world.subject(1).subject, everything, 10)).unwrap();
        let [one] = listed.as_slice() else { panic!("{listed:?}") };
        let document = one.document();
        let consented = json!({"access_token": {"desk": "7"}, "id_token": {"nick": "ada"}});
        assert_eq!(document["session"], consented, "{strategy}");
    }
}

#[test]
fn only_what_it_says_anew_of_a_grant_is_written() {
    let (world, answers) = world(Ok(replaced(json!({"seats": 5}), json!({}))), "jwt");
    let replacements = |pairs: &[(&str, &str)]| {
        let decision = world.decide_token(&as_app(pairs));
        assert!(decision.result.is_ok(), "{:?}", decision.result);
        decision.change.writes.iter().filter(|write| matches!(write, Write::ReplaceClaims { .. })).count()
    };
    let first = world.redeem(&world.code("openid offline_access")).unwrap();
    let token = first.refresh_token.unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_eq!(replacements(&refresh), 0, "it is kept already");
    answers.answers(replaced(json!({"seats": 6}), json!({})));
    assert_eq!(replacements(&refresh), 1);
    answers.answers(TokenWebhookAnswer::Unchanged);
    assert_eq!(replacements(&refresh), 0);
    answers.answers(replaced(json!({"seats": 7}), json!({})));
    let own = [("grant_type", "client_credentials"), ("scope", "read")];
    assert_eq!(replacements(&own), 0, "a machine has nothing to keep it with");
}

#[test]
fn what_it_says_of_an_exchanged_token_stays_with_that_token() {
    let (world, answers) = world(Ok(replaced(json!({"seats": 5}), json!({}))), "jwt");
    let own = world.redeem(&world.code("openid read")).unwrap().access_token;
    answers.answers(replaced(json!({"seats": 9}), json!({})));
    let pairs = [("grant_type", EXCHANGE), ("subject_token", own.as_str()), ("subject_token_type", ACCESS)];
    let exchanged = world.token(&pairs).unwrap().access_token;
    assert_eq!((&payload(&own)["seats"], &payload(&exchanged)["seats"]), (&json!(5), &json!(9)));
    assert_eq!(json!(kept(&world).said().access_token), json!({"seats": 5}));
}

/// Attack: two refreshes at once, each with an answer of its own, leave a mixture of both.
#[test]
fn of_parallel_refreshes_one_answer_is_kept_and_whole() {
    let (mut world, _) = world(Ok(TokenWebhookAnswer::Unchanged), "opaque");
    world.server.token_webhook = Some(Arc::new(Counts::default()));
    let token = world.redeem(&world.code("openid offline_access")).unwrap().refresh_token.unwrap();
    let encoded = as_app(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    let answers: Vec<TokenResponse> = std::thread::scope(|scope| {
        let refresh = || world.commit(|| world.decide_token(&encoded));
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(refresh)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    let issued: Vec<Value> = answers
        .into_iter()
        .map(|tokens| {
            let seats = ext(&world, &tokens.access_token)["seats"].clone();
            assert_eq!(payload(&tokens.id_token.unwrap())["seats"], seats);
            seats
        })
        .collect();
    let said = kept(&world).said();
    assert_eq!(said.access_token, said.id_token);
    assert!(issued.contains(&said.access_token["seats"]), "{said:?}");
}

#[test]
fn what_it_may_say_again_is_what_the_tokens_say() {
    let (world, answers) = world(Ok(TokenWebhookAnswer::Unchanged), "jwt");
    let first = world.redeem(&world.code("openid read offline_access")).unwrap();
    let second = world.refresh(first.refresh_token.as_ref().unwrap()).unwrap();
    let own = world.token(&[("grant_type", "client_credentials"), ("scope", "read")]).unwrap();
    let asked: Vec<Question> = answers.asked.lock().unwrap().drain(..).collect();
    for (question, tokens) in asked.iter().zip([first, second, own]) {
        let check = |document: &Map<String, Value>, token: &str, is_id_token: bool| {
            let said = payload(token);
            for (name, value) in document {
                // An access token calls it `client_id`.
                let name = if name == "azp" && !is_id_token { "client_id" } else { name.as_str() };
                assert_eq!(said[name], *value, "{name}");
            }
        };
        check(&question.own.access_token, &tokens.access_token, false);
        if let Some(id_token) = &tokens.id_token {
            check(&question.own.id_token, id_token, true);
            assert!(question.own.id_token.contains_key("sid"));
        }
        for name in ["exp", "iat", "jti", "nbf", "cnf", "at_hash"] {
            assert_eq!(question.own.access_token.get(name), None, "nobody knows it before");
        }
        assert!(["iss", "sub", "aud", "azp"].iter().all(|name| question.own.id_token.contains_key(*name)));
    }
    let nonces: Vec<_> = asked.iter().map(|question| question.own.id_token.contains_key("nonce")).collect();
    assert_eq!(nonces, [true, false, false], "a refreshed ID token answers no request");
}

#[test]
fn what_is_added_stands_under_ext_too_where_a_tenant_wants_it() {
    for is_wanted in [false, true] {
        let check = |answer: Value, in_token: Value, introspected: Value| {
            let settings = Settings { claims_in_ext: is_wanted, ..settings() };
            let (world, answers) = world_of(settings, Ok(replaced(answer, json!({"plan": "gold"}))), "jwt");
            let tokens = world.redeem(&world.code("openid")).unwrap();
            assert_eq!(payload(&tokens.access_token)["ext"], in_token, "{is_wanted}");
            assert_eq!(payload(&tokens.id_token.unwrap()).get("ext"), None, "it is not of ID tokens");
            assert_eq!(ext(&world, &tokens.access_token), introspected, "each once: {is_wanted}");
            let told = answers.told();
            assert_eq!(told[0]["session"]["mirror_top_level_claims"], is_wanted);
            payload(&tokens.access_token)
        };
        let seats = json!({"seats": 5, "of": {"floor": 3}});
        let claims = check(seats.clone(), if is_wanted { seats.clone() } else { Value::Null }, seats);
        assert_eq!((&claims["seats"], &claims["of"]), (&json!(5), &json!({"floor": 3})));
        check(json!({}), if is_wanted { json!({}) } else { Value::Null }, Value::Null);
        // What somebody calls so stands as they said it.
        let named = json!({"ext": {"floor": 3}, "seats": 5});
        check(named.clone(), named["ext"].clone(), named);
    }
}

/// Attack: claims make a token that every API takes and that nobody here can look up or revoke.
#[test]
fn token_that_is_too_long_to_be_read_again_is_not_issued() {
    let check = |(strategy, claims_in_ext): (&str, bool), answer: (Value, Value), is_issued: bool| {
        let settings = Settings { claims_in_ext, ..settings() };
        let (world, _) = world_of(settings, Ok(replaced(answer.0, answer.1)), strategy);
        let issued = world.redeem(&world.code("openid offline_access"));
        match issued {
            Ok(tokens) => {
                assert!(is_issued, "{strategy} {claims_in_ext}");
                assert!(ext(&world, &tokens.access_token).is_object(), "it is read again");
                let hint = now(crate::id_token_hint::verify_hint(&world.server, &tokens.id_token.unwrap()));
                assert!(hint.unwrap().is_some());
            }
            Err(error) => {
                assert!(!is_issued, "{strategy} {claims_in_ext}: {error}");
                assert_eq!(error.code(), ErrorCode::ServerError);
                assert!(error.to_string().contains(NAME), "{error}");
                let TokenError::Hook(failure) = error else { panic!("{error}") };
                assert!(failure.plugin.is_empty(), "so that it is logged");
                let is_used = world.rows(|rows| rows.codes.values().any(|code| code.consumed_at.is_some()));
                assert!(!is_used);
            }
        }
    };
    let of = |bytes: usize| json!({"note": "x".repeat(bytes)});
    check(("jwt", false), (of(10 << 10), json!({})), true);
    check(("jwt", false), (of(12 << 10), json!({})), false);
    check(("jwt", true), (of(5 << 10), json!({})), true);
    check(("jwt", true), (of(6 << 10), json!({})), false);
    // What is kept here is as long as it likes; an ID token is not.
    check(("opaque", true), (of(12 << 10), of(10 << 10)), true);
    check(("opaque", true), (of(1), of(12 << 10)), false);
}

#[test]
fn machine_is_told_of_by_its_own_name() {
    let (world, answers) = world(Ok(TokenWebhookAnswer::Unchanged), "jwt");
    world.token(&[("grant_type", "client_credentials"), ("scope", "read")]).unwrap();
    let asked = answers.told();
    let [told] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(told["session"]["id_token"]["subject"], "app");
    assert_eq!(told["session"]["consent_challenge"], "");
    assert_eq!(told["request"]["requested_scopes"], json!(["read"]));
    let text = told.to_string();
    assert!(!text.contains("client_secret"), "{text}");
}

#[test]
fn nothing_is_issued_or_used_up_when_it_refuses_or_fails() {
    let failure = || HookFailure {
        plugin: "webhook/token_hook".to_owned(),
        kind: HookFailureKind::UpstreamTimeout,
        detail: "10.0.0.7".to_owned(),
    };
    for (answer, code) in
        [(Ok(TokenWebhookAnswer::Refused), ErrorCode::AccessDenied), (Err(failure()), ErrorCode::ServerError)]
    {
        let (world, _) = world(answer, "opaque");
        let error = world.redeem(&world.code("openid offline_access")).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.description().contains("10.0.0.7"));
        world.rows(|rows| {
            assert!(rows.access_tokens.is_empty() && rows.refresh_tokens.is_empty());
            assert!(rows.codes.values().all(|code| code.consumed_at.is_none()));
        });
        assert_eq!(world.token(&[("grant_type", "client_credentials")]).unwrap_err().code(), code);
    }
}

#[test]
fn hook_that_nobody_asks_gives_no_tokens() {
    let (mut world, _) = world(Ok(TokenWebhookAnswer::Unchanged), "jwt");
    world.server.token_webhook = None;
    let error = world.token(&[("grant_type", "client_credentials")]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ServerError);
}

#[test]
fn plugins_have_the_last_word() {
    let mut world = World::with(settings(), denying("by the plugin"));
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    let answers = with(&mut world, Ok(replaced(json!({"seats": 5}), json!({}))));
    let error = world.token(&[("grant_type", "client_credentials")]).unwrap_err();
    assert_eq!((error.code(), &*error.description()), (ErrorCode::AccessDenied, "by the plugin"));
    assert_eq!(answers.asked.lock().unwrap().len(), 1);
}
