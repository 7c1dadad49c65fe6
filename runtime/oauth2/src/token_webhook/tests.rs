//! What a token hook is told, and what becomes of its answers.

use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::base64url;
use primitives::hooks::{HookFailure, HookFailureKind};
use serde_json::{Map, json};

use super::*;
use crate::grant::GrantedClaims;
use crate::hooks::NoTokenHook;
use crate::memory::{REQUEST, World, now};
use crate::settings::Settings;
use crate::token::ErrorCode;
use crate::token::hook::tests::denying;

/// Keeps what it is asked, and answers what it was made with.
#[derive(Debug)]
struct Answers {
    asked: Mutex<Vec<Value>>,
    answer: Result<TokenWebhookAnswer, HookFailure>,
}

impl TokenWebhook for Answers {
    fn ask<'a>(
        &'a self,
        question: &'a Value,
        _: RequestId,
    ) -> BoxFuture<'a, Result<TokenWebhookAnswer, HookFailure>> {
        self.asked.lock().unwrap().push(question.clone());
        Box::pin(ready(self.answer.clone()))
    }
}

fn settings() -> Settings {
    serde_json::from_value(json!({"token_hook": {"url": "https://hook.example/"}})).unwrap()
}

fn with(world: &mut World, answer: Result<TokenWebhookAnswer, HookFailure>) -> Arc<Answers> {
    let answers = Arc::new(Answers { asked: Mutex::default(), answer });
    world.server.token_webhook = Some(answers.clone());
    answers
}

fn world(answer: Result<TokenWebhookAnswer, HookFailure>, strategy: &str) -> (World, Arc<Answers>) {
    let mut world = World::with(settings(), Arc::new(NoTokenHook));
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
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

/// What a consent app has said before.
fn say(world: &World) {
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.claims = GrantedClaims {
                access_token: object(json!({"desk": "7"})),
                id_token: object(json!({"nick": "ada"})),
                ..GrantedClaims::default()
            };
        }
    });
}

#[test]
fn an_answer_stands_in_the_place_of_what_a_consent_app_said() {
    for strategy in ["jwt", "opaque"] {
        let ext = |answer: Result<TokenWebhookAnswer, HookFailure>| {
            let (world, answers) = world(answer, strategy);
            let code = world.code("openid offline_access");
            say(&world);
            let tokens = world.redeem(&code).unwrap();
            let tokens = [world.refresh(tokens.refresh_token.as_ref().unwrap()).unwrap(), tokens];
            let told = answers.asked.lock().unwrap().clone();
            assert_eq!(told.len(), 2, "each grant asks once");
            for (told, grant_type) in told.iter().zip(["authorization_code", "refresh_token"]) {
                assert_eq!(told["request"]["grant_types"], json!([grant_type]));
                assert_eq!(told["request"]["payload"]["grant_type"], json!([grant_type]));
                assert_eq!(told["request"]["client_id"], "app");
                assert_eq!(told["request"]["granted_scopes"], json!(["openid", "offline_access"]));
                assert_eq!(told["session"]["extra"], json!({"desk": "7"}));
                assert_eq!(told["session"]["id_token"]["id_token_claims"]["ext"], json!({"nick": "ada"}));
                assert_eq!(
                    told["session"]["id_token"]["subject"],
                    json!("00000000-0000-0000-0000-000000000001")
                );
            }
            tokens.map(|tokens| {
                let said = now(world.server.introspect(&tokens.access_token, None, REQUEST)).unwrap();
                let said = serde_json::to_value(said).unwrap();
                let id_token = payload(&tokens.id_token.unwrap());
                (said["ext"].clone(), id_token["nick"].clone(), id_token["plan"].clone())
            })
        };
        let unchanged = (json!({"desk": "7"}), json!("ada"), Value::Null);
        assert_eq!(ext(Ok(TokenWebhookAnswer::Unchanged)), [unchanged.clone(), unchanged], "{strategy}");
        let other = (json!({"seats": 5}), Value::Null, json!("gold"));
        let answer = replaced(json!({"seats": 5}), json!({"plan": "gold"}));
        assert_eq!(ext(Ok(answer)), [other.clone(), other], "{strategy}");
        let none = Ok(replaced(json!({}), json!({})));
        assert!(ext(none).iter().all(|(ext, nick, _)| ext.get("desk").is_none() && nick.is_null()));
    }
}

#[test]
fn machine_is_told_of_by_its_own_name() {
    let (world, answers) = world(Ok(TokenWebhookAnswer::Unchanged), "jwt");
    world.token(&[("grant_type", "client_credentials"), ("scope", "read")]).unwrap();
    let asked = answers.asked.lock().unwrap().clone();
    let [told] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(told["session"]["id_token"]["subject"], "app");
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
