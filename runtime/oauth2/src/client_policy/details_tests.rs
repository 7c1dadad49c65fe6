//! Who is asked about details whose type leaves that to plugins, where, and what becomes of no answer.

use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::policy::{Permission, PolicyHook};

use super::*;
use crate::authorization::{Next, PushError};
use crate::details::{Validation, tests::world_with};
use crate::memory::{REQUEST, World, as_app, now, request};
use crate::parameters::Parameters;

const DEAR: &str = r#"[{"type":"payment","amount":900},{"type":"files"}]"#;
const CHEAP: &str = r#"[{"type":"payment","amount":1},{"type":"files"}]"#;
const FILES: &str = r#"[{"type":"files"}]"#;

/// Refuses what is dear, and remembers about what it was asked.
#[derive(Debug, Default)]
struct Thrift {
    asked: Mutex<Vec<Value>>,
    is_away: bool,
    is_broken: bool,
}

impl PolicyHook for Thrift {
    fn applies(&self, _: &HookContext) -> bool {
        !self.is_away
    }

    fn decide<'a>(
        &'a self,
        _: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        let permit = PolicyDecision::Permit(Permission::default());
        if request.action != AUTHORIZATION_DETAILS {
            return Box::pin(ready(Ok(permit)));
        }
        assert_eq!((&*request.resource, request.subject.as_ref()), ("client:app", None));
        self.asked.lock().unwrap().push(json!(request.context));
        let details = request.context[AUTHORIZATION_DETAILS].as_array().unwrap();
        let failure = || HookFailure {
            plugin: "thrift".to_owned(),
            kind: HookFailureKind::WallLimit,
            detail: "inside".to_owned(),
        };
        let is_dear = details.iter().any(|detail| detail["amount"].as_u64() > Some(100));
        Box::pin(ready(match is_dear {
            _ if self.is_broken => Err(failure()),
            true => Ok(PolicyDecision::Deny { reason: "too dear".to_owned() }),
            false => Ok(permit),
        }))
    }
}

fn world(hook: Thrift) -> (World, Arc<Thrift>) {
    let judged = |settings: &mut crate::settings::Settings| {
        settings.authorization_details_types[0].validate = Validation::Plugin;
    };
    let mut world = world_with(judged, &json!({"skip_consent": true}));
    let hook = Arc::new(hook);
    world.server.ports.policy = hook.clone();
    (world, hook)
}

/// What each endpoint that takes details says: nothing, or its error.
fn everywhere(world: &World, details: &str) -> Vec<(&'static str, Option<String>)> {
    let asked = [
        ("response_type", "code"),
        ("redirect_uri", "https://app.example/cb"),
        ("scope", "openid"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("authorization_details", details),
    ];
    let pushed = as_app(&asked);
    let pushed = Parameters::parse(pushed.as_bytes());
    let pushed = match now(world.server.push_authorization_request(request(&pushed))).result {
        Ok(_) => None,
        Err(PushError::Request { code, .. }) => Some(code.to_owned()),
        Err(PushError::Client(error)) => Some(error.code().as_str().to_owned()),
    };
    let brought = as_app(&asked);
    let brought = Parameters::parse(brought.as_bytes());
    let ada = world.subject(1);
    let browser =
        crate::authorization::Browser { subject: Some(&ada), binding: Some("browser"), request: REQUEST };
    let answered = match now(world.server.authorize(&brought, browser)).result {
        Ok(Next::Answer(answer)) => answer.find("error").map(str::to_owned),
        other => panic!("{other:?}"),
    };
    let device = as_app(&[("scope", "openid"), ("authorization_details", details)]);
    let device = Parameters::parse(device.as_bytes());
    let device = now(world.server.device_authorization(request(&device))).result;
    let device = device.err().map(|error| error.code().as_str().to_owned());
    let own = world.token(&[("grant_type", "client_credentials"), ("authorization_details", details)]);
    let own = own.err().map(|error| error.code().as_str().to_owned());
    vec![("pushed", pushed), ("authorization", answered), ("device", device), ("token", own)]
}

#[test]
fn plugin_is_asked_wherever_details_are_asked_for() {
    let (world, hook) = world(Thrift::default());
    for (details, expect) in
        [(DEAR, Some("invalid_authorization_details")), (CHEAP, None), (FILES, None), ("[]", None)]
    {
        for (at, said) in everywhere(&world, details) {
            assert_eq!(said.as_deref(), expect, "{at}: {details}");
        }
    }
    let asked = std::mem::take(&mut *hook.asked.lock().unwrap());
    let of = |at: &str, amount: u64| json!({ "at": at, "authorization_details": [{ "type": "payment", "amount": amount }] });
    let places = ["pushed", "authorization", "device", "token"];
    let expect: Vec<_> = [900, 1].iter().flat_map(|amount| places.map(|at| of(at, *amount))).collect();
    assert_eq!(asked, expect, "of its own types alone, and of nothing nobody");
}

#[test]
fn no_answer_and_nobody_to_ask_are_refusals() {
    for hook in
        [Thrift { is_away: true, ..Thrift::default() }, Thrift { is_broken: true, ..Thrift::default() }]
    {
        let (world, _) = world(hook);
        for (at, said) in everywhere(&world, CHEAP) {
            assert_eq!(said.as_deref(), Some("server_error"), "{at}");
        }
        for (at, said) in everywhere(&world, FILES) {
            assert_eq!(said, None, "{at}: a type that asks nobody");
        }
    }
}

/// Attack: what was good when it was granted goes on for as long as somebody refreshes.
#[test]
fn plugin_is_asked_again_at_every_token() {
    let (world, hook) = world(Thrift::default());
    let token = world.redeem(&world.code("openid offline_access")).unwrap().refresh_token.unwrap();
    assert!(hook.asked.lock().unwrap().is_empty());
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.details = serde_json::from_str(DEAR).unwrap();
        }
    });
    assert_eq!(world.refresh(&token).unwrap_err().code().as_str(), "invalid_authorization_details");
}
