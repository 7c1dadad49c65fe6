use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::hooks::HookFailureKind;
use primitives::policy::{Obligation, Permission, PolicyHook};

use super::*;
use crate::memory::{REQUEST, World, now};
use crate::registration::{InitialAccessToken, Registrant};
use crate::token::ErrorCode;

/// Answers what it was made with, and remembers what it was asked.
#[derive(Debug)]
struct Policy {
    answer: Result<PolicyDecision, HookFailure>,
    asked: Mutex<Vec<Value>>,
}

impl Policy {
    fn new(answer: Result<PolicyDecision, HookFailure>) -> Arc<Self> {
        Arc::new(Self { answer, asked: Mutex::default() })
    }
}

impl PolicyHook for Policy {
    fn applies(&self, context: &HookContext) -> bool {
        context.client.as_ref().is_some_and(|client| client.as_str() == "app")
    }

    fn decide<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        assert_eq!(request.subject.is_some(), matches!(context.actor, Actor::Subject(_)));
        let asked = json!([request.action, request.resource, request.subject.is_some(), request.context]);
        self.asked.lock().unwrap().push(asked);
        Box::pin(ready(self.answer.clone()))
    }
}

fn world(policy: &Arc<Policy>) -> World {
    let mut world = World::new();
    world.server.ports.policy = policy.clone();
    world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
    world
}

#[test]
fn policy_is_asked_about_every_token() {
    let policy = Policy::new(Ok(PolicyDecision::Permit(Permission::default())));
    let world = world(&policy);
    let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
    world.refresh(tokens.refresh_token.as_ref().unwrap()).unwrap();
    world.token(&[("grant_type", "client_credentials")]).unwrap();
    let asked = policy.asked.lock().unwrap();
    let of_person = |grant_type: &str| {
        json!(["token", "client:app", true, {
            "grant_type": grant_type,
            "scopes": ["openid", "offline_access"],
            "audience": asked[0][3]["audience"],
            "assurance": "aal1",
            "methods": ["pwd"],
        }])
    };
    assert_eq!(asked[0], of_person("authorization_code"));
    assert_eq!(asked[1], of_person("refresh_token"));
    assert_eq!((&asked[2][2], &asked[2][3]["grant_type"]), (&json!(false), &json!("client_credentials")));
}

/// A client that registers itself has an id that nobody knew before: the plugin is asked about every one.
#[derive(Debug)]
struct NoNewcomers;

impl PolicyHook for NoNewcomers {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn decide<'a>(
        &'a self,
        _: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        let known = &request.context["redirect_uris"];
        let denied = request.action == "register" && *known == json!(["https://evil.example/cb"]);
        let answer = if denied {
            PolicyDecision::Deny { reason: "not of ours".to_owned() }
        } else {
            PolicyDecision::Permit(Permission::default())
        };
        Box::pin(ready(Ok(answer)))
    }
}

#[test]
fn policy_refuses_registrations_and_their_changes() {
    let mut world = World::new();
    world.server.ports.policy = Arc::new(NoNewcomers);
    let at = |host: &str| {
        let Value::Object(request) = json!({ "redirect_uris": [format!("https://{host}/cb")] }) else {
            panic!("an object")
        };
        request
    };
    let register = |host: &str| {
        let made = || now(world.server.register_client(at(host), Registrant::Anybody, REQUEST));
        world.commit(made).map(|made| made.document()).map_err(|error| (error.code(), error.to_string()))
    };
    let denied = ("access_denied", "not of ours".to_owned());
    assert_eq!(register("evil.example").unwrap_err(), denied);
    assert!(world.rows(|rows| rows.clients.is_empty()));
    let made = register("app.example").unwrap();
    let [id, token] = ["client_id", "registration_access_token"].map(|name| made[name].as_str().unwrap());
    let changed = now(world.server.replace_registration((id, token), at("evil.example"), REQUEST));
    assert_eq!(changed.result.map(|_| ()).unwrap_err().code(), "access_denied");
    assert!(changed.change.writes.is_empty());
}

#[test]
fn nothing_is_issued_or_consumed_when_it_denies_or_fails_or_sets_terms() {
    let failure =
        HookFailure { plugin: "p".to_owned(), kind: HookFailureKind::CpuLimit, detail: "inside".to_owned() };
    let obligations = vec![Obligation { name: "notify".to_owned(), parameters: Map::new() }];
    let headers = vec![("x-role".to_owned(), "admin".to_owned())];
    for (answer, code) in [
        (Ok(PolicyDecision::Deny { reason: "not on Sundays".to_owned() }), ErrorCode::AccessDenied),
        (Err(failure), ErrorCode::ServerError),
        (Ok(PolicyDecision::Permit(Permission { obligations, headers: Vec::new() })), ErrorCode::ServerError),
        (Ok(PolicyDecision::Permit(Permission { obligations: Vec::new(), headers })), ErrorCode::ServerError),
    ] {
        let world = world(&Policy::new(answer));
        let error = world.redeem(&world.code("openid offline_access")).unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(error.description() == "not on Sundays", code == ErrorCode::AccessDenied);
        world.rows(|rows| {
            assert!(rows.access_tokens.is_empty() && rows.refresh_tokens.is_empty());
            assert!(rows.codes.values().all(|code| code.consumed_at.is_none()));
        });
    }
}

/// Knows who may register what, and gives less than was asked for.
#[derive(Debug, Default)]
struct Desk {
    asked: Mutex<Vec<Map<String, Value>>>,
    obligations: Vec<Obligation>,
}

impl PolicyHook for Desk {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn decide<'a>(
        &'a self,
        _: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        self.asked.lock().unwrap().push(request.context.clone());
        let permission = Permission { obligations: self.obligations.clone(), headers: Vec::new() };
        Box::pin(ready(Ok(PolicyDecision::Permit(permission))))
    }
}

fn desk(obligations: &[(&str, Value)]) -> (World, Arc<Desk>) {
    let mut world = World::new();
    let obligations = obligations.iter().map(|(name, parameters)| Obligation {
        name: (*name).to_owned(),
        parameters: serde_json::from_value(parameters.clone()).unwrap(),
    });
    let desk = Arc::new(Desk { obligations: obligations.collect(), ..Desk::default() });
    world.server.ports.policy = desk.clone();
    (world, desk)
}

fn metadata() -> Map<String, Value> {
    let asked = json!({"redirect_uris": ["https://app.example/cb"], "client_name": "App", "contacts": ["x@app.example"]});
    serde_json::from_value(asked).unwrap()
}

#[test]
fn policy_is_told_all_that_is_known_of_who_registers_what() {
    let (world, desk) = desk(&[]);
    let id = primitives::AdminKeyId(uuid::Uuid::from_u128(7));
    let holder = Registrant::Holder(InitialAccessToken { id, is_counted: false });
    let mut made = None;
    for registrant in [Registrant::Anybody, holder] {
        let register = || now(world.server.register_client(metadata(), registrant.clone(), REQUEST));
        made = Some(world.commit(register).unwrap().document());
    }
    let made = made.unwrap();
    let [client, token] = ["client_id", "registration_access_token"].map(|name| made[name].as_str().unwrap());
    let replace = || now(world.server.replace_registration((client, token), metadata(), REQUEST));
    world.commit(replace).unwrap();
    let asked = desk.asked.lock().unwrap();
    let by: Vec<_> = asked.iter().map(|known| (&known["by"], &known["initial_access_token"])).collect();
    let token = json!(id);
    assert_eq!(
        by,
        [
            (&json!("anybody"), &Value::Null),
            (&json!("initial_access_token"), &token),
            (&json!("registration_access_token"), &Value::Null),
        ]
    );
    for known in asked.iter() {
        assert_eq!((&known["client_name"], &known["software_statement"]), (&json!("App"), &Value::Null));
        assert_eq!(known["metadata"]["contacts"], json!(["x@app.example"]));
        assert_eq!(known["metadata"].get("client_secret"), None);
    }
}

#[test]
fn policy_changes_what_is_registered_within_the_rules_of_registration() {
    let (world, _) = desk(&[("metadata", json!({"scope": "openid", "client_name": "App (by Acme)"}))]);
    let register = || now(world.server.register_client(metadata(), Registrant::Anybody, REQUEST));
    let made = world.commit(register).unwrap().document();
    assert_eq!((&made["scope"], &made["client_name"]), (&json!("openid"), &json!("App (by Acme)")));
    for (name, parameters) in [
        ("metadata", json!({"scope": "openid admin"})),
        ("metadata", json!({"skip_consent": true})),
        ("metadata", json!({"logo_uri": "https://bank.example/l.png"})),
        ("notify", json!({})),
    ] {
        let (world, _) = desk(&[(name, parameters.clone())]);
        let refused =
            world.commit(|| now(world.server.register_client(metadata(), Registrant::Anybody, REQUEST)));
        let code = if name == "metadata" { "invalid_client_metadata" } else { "server_error" };
        assert_eq!(refused.map(|_| ()).unwrap_err().code(), code, "{name} {parameters}");
        assert!(world.rows(|rows| rows.clients.is_empty()));
    }
}
