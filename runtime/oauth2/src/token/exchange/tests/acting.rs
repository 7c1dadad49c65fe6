//! Who acts: chains, impersonation, `may_act`, keys, plugins, and what is told of it.

use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::ActingParty;
use primitives::hooks::{HookContext, HookFailure};
use primitives::policy::{Permission, PolicyDecision, PolicyHook, PolicyRequest};

use super::*;
use crate::hooks::{
    IntrospectedToken, IntrospectionDecision, TokenDecision, TokenHook, TokenRequest, TokenShape,
};
use crate::memory::Prover;
use crate::settings::Settings;
use crate::token::exchange::{ID_TOKEN, MOST_HOPS, unacceptable};

#[test]
fn chain_of_actors_is_nested_kept_and_bounded() {
    let world = world();
    let mut token = of_ada(&world);
    // Each is the audience of the token before.
    for n in 0..MOST_HOPS {
        let (id, next) = (format!("hop{n}"), format!("https://hop{}.example", n + 1));
        let identifier =
            if n == 0 { "https://api.example".to_owned() } else { format!("https://hop{n}.example") };
        world.add_client(&json!({"client_id": id, "token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants(),
            "token_exchange": {"identifiers": [identifier], "targets": [next]}}));
        token = exchange(&world, &id, &token, &[("audience", &next)]).unwrap().access_token;
        // Whoever acts already is not named again.
        token = exchange(&world, &id, &token, &[("audience", &next)]).unwrap().access_token;
    }
    let mut act = &introspect(&world, &token)["act"];
    for n in (0..MOST_HOPS).rev() {
        assert_eq!(act["sub"], format!("hop{n}"));
        act = &act["act"];
    }
    assert_eq!(act, &Value::Null);
    let last = format!("https://hop{MOST_HOPS}.example");
    world.add_client(&json!({"client_id": "last", "token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants(),
        "token_exchange": {"identifiers": [last], "targets": ["https://b.example"]}}));
    let more = [("audience", "https://b.example")];
    assert_eq!(error(exchange(&world, "last", &token, &more)), "invalid_request");
    // It dies with each through whose hands it came.
    world.rows(|rows| rows.clients.get_mut(&"hop2".parse().unwrap()).unwrap().enabled = false);
    assert!(!is_active(&world, &token));
}

/// Impersonation leaves no actor, and so must be counted by the hands.
#[test]
fn impersonation_is_permitted_by_client_keeps_who_acts_and_is_bounded() {
    let impersonating = json!({"token_exchange": {"identifiers": ["https://api.example"],
        "targets": ["https://b.example"], "impersonation": true}});
    let world = world_of(&json!({}), &impersonating);
    let answer = exchange(&world, "agent", &of_ada(&world), &[]).unwrap().access_token;
    let said = introspect(&world, &answer);
    assert_eq!((&said["sub"], said.get("act")), (&json!(ADA), None));
    assert_eq!(payload(&answer)["exchanged_from"], json!(["app"]));
    // An operator who signed in as Ada is not washed out.
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.subject.actor = Some(ActingParty { sub: "admin_key:7".to_owned() });
        }
    });
    let answer = exchange(&world, "agent", &of_operator(&world), &[]).unwrap().access_token;
    assert_eq!(introspect(&world, &answer)["act"], json!({"sub": "admin_key:7"}));
    let mut token = of_ada(&world);
    let all = json!(["https://api.example"]);
    let mut answers = Vec::new();
    for n in 0..=MOST_HOPS {
        let id = format!("hop{n}");
        world.add_client(&json!({"client_id": id, "token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants(),
            "audience": all, "token_exchange": {"identifiers": all, "impersonation": true}}));
        let answer = exchange(&world, &id, &token, &[]);
        if let Ok(answer) = &answer {
            token.clone_from(&answer.access_token);
        }
        answers.push(error(answer));
    }
    assert_eq!(answers.pop(), Some("invalid_request"));
    assert!(answers.iter().all(|answer| *answer == "issued"), "{answers:?}");
}

/// A token of a grant that an operator made in Ada's name.
fn of_operator(world: &World) -> String {
    let code = world.code("openid read");
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.subject.actor = Some(ActingParty { sub: "admin_key:7".to_owned() });
        }
    });
    world.redeem(&code).unwrap().access_token
}

#[test]
fn actor_is_whom_the_clients_own_token_names() {
    let world = world();
    let ada = of_ada(&world);
    let own = ask(&world, "agent", &[("grant_type", "client_credentials")], None).unwrap().access_token;
    let with = |actor: &str| {
        exchange(&world, "agent", &ada, &[("actor_token", actor), ("actor_token_type", ACCESS)])
    };
    let answer = with(&own).unwrap().access_token;
    assert_eq!(introspect(&world, &answer)["act"], json!({"sub": "agent", "client_id": "agent"}));
    // Bob is at the agent, by a token that Ada's was exchanged for there: the person is named, and by whose client.
    let bob = exchange(&world, "agent", &ada, &[]).unwrap().access_token;
    let answer = with(&bob).unwrap().access_token;
    assert_eq!(introspect(&world, &answer)["act"], json!({"sub": ADA, "client_id": "agent"}));
    // Another client's token puts somebody down who has nothing to do with it.
    assert_eq!(with(&ada).err(), Some(unacceptable("actor_token")));
    assert_eq!(with("x").err(), Some(unacceptable("actor_token")));
    for half in [("actor_token", own.as_str()), ("actor_token_type", ACCESS)] {
        assert_eq!(error(exchange(&world, "agent", &ada, &[half])), "invalid_request", "{half:?}");
    }
    // Neither token is outlived.
    world.rows(|rows| {
        let agent = rows.clients.get_mut(&"agent".parse().unwrap()).unwrap();
        let minute = Some("1m".parse().unwrap());
        agent.document.lifespans.client_credentials_grant_access_token_lifespan = minute;
    });
    let short = ask(&world, "agent", &[("grant_type", "client_credentials")], None).unwrap().access_token;
    assert_eq!(with(&short).unwrap().expires_in, 60);
}

/// Answers with `may_act`, and remembers what it was told.
#[derive(Debug, Default)]
struct Shapes {
    may_act: Mutex<Option<Value>>,
    told: Mutex<Vec<Value>>,
}

impl TokenHook for Shapes {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn shape_tokens<'a>(
        &'a self,
        _: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        if let Some(exchange) = &request.exchange {
            let told = json!([request.grant_type, exchange.subject_client, exchange.act, request.id_token]);
            self.told.lock().unwrap().push(told);
        }
        let mut shape = TokenShape::default();
        if let Some(may_act) = self.may_act.lock().unwrap().take() {
            shape.access_token.insert("may_act".to_owned(), may_act);
        }
        Box::pin(ready(Ok(TokenDecision::Issue(shape))))
    }

    fn shape_userinfo<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(ready(Ok(TokenDecision::Issue(TokenShape::default()))))
    }

    fn introspects(&self, _: &HookContext) -> bool {
        false
    }

    fn shape_introspection<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
        Box::pin(ready(Ok(IntrospectionDecision::Inactive)))
    }
}

fn shaped() -> (World, Arc<Shapes>) {
    let shapes = Arc::new(Shapes::default());
    let world = World::with(Settings::default(), shapes.clone());
    world.add_client(
        &json!({"token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants()}),
    );
    (populate(world, &json!({})), shapes)
}

#[test]
fn whom_may_act_does_not_name_gets_nothing_and_it_is_handed_on() {
    let check = |may_act: Value, expect: &str| {
        let (world, shapes) = shaped();
        *shapes.may_act.lock().unwrap() = Some(may_act.clone());
        let ada = of_ada(&world);
        let answer = exchange(&world, "agent", &ada, &[]);
        if let Ok(answer) = &answer {
            assert_eq!(payload(&answer.access_token)["may_act"], may_act, "it holds for what comes of it");
        }
        assert_eq!(error(answer), expect, "{may_act}");
        // Whoever has it narrows it: nobody else acts then.
        assert_eq!(error(exchange(&world, "app", &ada, &[])), "issued", "{may_act}");
    };
    check(json!({"sub": "agent"}), "issued");
    check(json!({"client_id": "agent"}), "issued");
    check(json!({"sub": "agent", "iss": "https://id.example"}), "issued");
    check(json!({"sub": "other"}), "invalid_request");
    check(json!({"sub": "agent", "client_id": "other"}), "invalid_request");
    check(json!({"sub": "agent", "iss": "https://other.example"}), "invalid_request");
    // What we do not know could be a limit; what says nothing permits nothing.
    check(json!({"sub": "agent", "azp": "agent"}), "invalid_request");
    for empty in [json!({}), json!([]), json!(null), json!("agent"), json!({"sub": 1})] {
        check(empty, "invalid_request");
    }
}

/// Attack: the access tokens of a grant say who may act, and its client exchanges the ID token, which does not.
#[test]
fn id_token_says_who_may_act_as_the_access_tokens_of_its_grant_do() {
    let check = |of_access: &Value, of_id: Option<&Value>, expect: &str| {
        let world = world();
        let code = world.code("openid read");
        world.rows(|rows| {
            let claims = &mut rows.grants.values_mut().next().unwrap().claims;
            claims.access_token.insert("may_act".to_owned(), of_access.clone());
            claims.id_token.extend(of_id.map(|may_act| ("may_act".to_owned(), may_act.clone())));
        });
        let id_token = world.redeem(&code).unwrap().id_token.unwrap();
        let own = ask(&world, "app", &[("grant_type", "client_credentials")], None).unwrap().access_token;
        let shown = [("grant_type", GRANT), ("subject_token", &*id_token), ("subject_token_type", ID_TOKEN)];
        let actor = [("actor_token", &*own), ("actor_token_type", ACCESS)];
        let acting = ask(&world, "app", &[&shown[..], &actor[..]].concat(), None);
        assert_eq!(error(acting), expect, "{of_access} {of_id:?}");
        // Who narrows it does not act, and hands on who may.
        let narrowed = ask(&world, "app", &shown, None).unwrap().access_token;
        assert_eq!(&payload(&narrowed)["may_act"], of_id.unwrap_or(of_access));
    };
    let (app, other) = (json!({"sub": "app"}), json!({"sub": "other"}));
    check(&app, None, "issued");
    check(&other, None, "invalid_request");
    check(&json!({}), None, "invalid_request");
    // What it says itself counts.
    check(&app, Some(&other), "invalid_request");
    check(&other, Some(&app), "issued");
}

#[test]
fn token_hook_and_policy_are_told_both_parties() {
    let (mut world, shapes) = shaped();
    let policy = Arc::new(Denies::default());
    world.server.ports.policy = policy.clone();
    let ada = of_ada(&world);
    exchange(&world, "agent", &ada, &[("scope", "openid")]).unwrap();
    let act = json!({"sub": "agent", "client_id": "agent"});
    assert_eq!(*shapes.told.lock().unwrap(), [json!([GRANT, "app", act, false])]);
    let asked = policy.asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        (&asked["grant_type"], &asked["subject_client"], &asked["act"]),
        (&json!(GRANT), &json!("app"), &act)
    );
    *policy.denies.lock().unwrap() = true;
    let denied = exchange(&world, "agent", &ada, &[]);
    assert_eq!(denied.err(), Some(TokenError::AccessDenied("not you".to_owned())));
}

#[derive(Debug, Default)]
struct Denies {
    denies: Mutex<bool>,
    asked: Mutex<Vec<Value>>,
}

impl PolicyHook for Denies {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn decide<'a>(
        &'a self,
        _: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        self.asked.lock().unwrap().push(Value::Object(request.context.clone()));
        let denies = *self.denies.lock().unwrap();
        Box::pin(ready(Ok(if denies {
            PolicyDecision::Deny { reason: "not you".to_owned() }
        } else {
            PolicyDecision::Permit(Permission::default())
        })))
    }
}

fn prove(world: &World, key: &Prover) -> String {
    let id = world.server.rng.token();
    key.prove(
        &json!({"jti": id, "htm": "POST", "htu": "https://id.example/oauth2/token", "iat": now_of(world)}),
    )
}

#[test]
fn bound_token_cannot_be_laundered_into_a_bearer_one() {
    let world = world();
    let (app, agent) = (Prover::generate(), Prover::generate());
    let code = world.code("openid read");
    let pairs = crate::memory::redemption(&code);
    let bound = ask(&world, "app", &pairs, Some(&prove(&world, &app))).unwrap().access_token;
    let try_as = |client: &str, key: Option<&Prover>| {
        let pairs = [("grant_type", GRANT), ("subject_token", &*bound), ("subject_token_type", ACCESS)];
        ask(&world, client, &pairs, key.map(|key| prove(&world, key)).as_deref())
    };
    assert_eq!(error(try_as("app", None)), "invalid_request");
    assert_eq!(error(try_as("app", Some(&agent))), "invalid_request", "with another key");
    assert_eq!(error(try_as("agent", None)), "invalid_request");
    let same = try_as("app", Some(&app)).unwrap();
    assert_eq!(introspect(&world, &same.access_token)["cnf"]["jkt"], app.thumbprint());
    // To whom it was shown acts under its own key, and says so.
    let acting = try_as("agent", Some(&agent)).unwrap();
    let said = introspect(&world, &acting.access_token);
    assert_eq!((acting.token_type, &said["cnf"]["jkt"]), ("DPoP", &json!(agent.thumbprint())));
    assert_eq!(said["act"]["sub"], "agent");
    // Not in the person's place.
    let rules = json!({"identifiers": ["https://api.example"], "impersonation": true});
    world.rows(|rows| {
        let agent = rows.clients.get_mut(&"agent".parse().unwrap()).unwrap();
        agent.document.token_exchange = Some(serde_json::from_value(rules).unwrap());
    });
    assert_eq!(error(try_as("agent", Some(&agent))), "invalid_request");
}

#[test]
fn both_parties_are_in_the_audit() {
    let world = world();
    exchange(&world, "agent", &of_ada(&world), &[]).unwrap();
    let events = world.rows(|rows| rows.audit.clone());
    let event = events.iter().find(|event| event.action == "token.exchanged").unwrap();
    assert_eq!(event.actor, primitives::Actor::Client("agent".parse().unwrap()));
    let details: Vec<_> = event.details.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(details, [("subject", ADA), ("subject_client", "app"), ("actor", "agent")]);
}

#[test]
fn consent_apps_words_stay_with_the_client_that_they_were_for() {
    let world = world();
    let ada = of_ada(&world);
    world.rows(|rows| {
        for grant in rows.grants.values_mut() {
            grant.claims.access_token.insert("desk".to_owned(), json!("3.14"));
            grant.claims.id_token.insert("desk".to_owned(), json!("3.14"));
        }
    });
    for (client, expect) in [("app", json!("3.14")), ("agent", Value::Null)] {
        let token = exchange(&world, client, &ada, &[]).unwrap().access_token;
        assert_eq!(payload(&token)["desk"], expect, "{client}");
        let told = now(world.server.userinfo(as_bearer(&token), REQUEST)).result.unwrap();
        assert_eq!(json!(told).get("desk").cloned().unwrap_or_default(), expect, "{client}");
    }
}
