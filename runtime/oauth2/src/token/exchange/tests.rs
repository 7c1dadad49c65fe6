//! Each attack on token exchange by name, on the model of storage.

use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, ready};
use primitives::hooks::{HookContext, HookFailure};
use primitives::policy::{Permission, PolicyDecision, PolicyHook, PolicyRequest};
use primitives::{ActingParty, Timestamp, base64url};
use serde_json::{Value, json};

use crate::dpop::PresentedProof;
use crate::hooks::{
    IntrospectedToken, IntrospectionDecision, TokenDecision, TokenHook, TokenRequest, TokenShape,
};
use crate::memory::{Prover, REQUEST, World, as_bearer, form, now, request};
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::token::{ClientRequest, TokenError, TokenResponse};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = super::ACCESS_TOKEN;
const ADA: &str = "00000000-0000-0000-0000-000000000001";

/// `app`, by which Ada signs in, and `agent`, which is the audience of its tokens and calls `https://b.example`.
fn world() -> World {
    world_of(&json!({}), &json!({}))
}

fn world_of(app: &Value, agent: &Value) -> World {
    populate(World::of_app(|_| {}, &patched(json!({"grant_types": all_grants()}), app)), agent)
}

fn populate(world: World, agent: &Value) -> World {
    let rules = json!({"client_id": "agent", "token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants(),
        "scope": "openid email read", "audience": ["https://api.example", "https://b.example"],
        "token_exchange": {"identifiers": ["https://api.example"], "targets": ["https://b.example"]}});
    world.add_client(&patched(rules, agent));
    world
}

fn all_grants() -> Value {
    json!(["authorization_code", "refresh_token", "client_credentials", GRANT])
}

fn patched(mut document: Value, patch: &Value) -> Value {
    document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    document
}

fn ask(
    world: &World,
    client: &str,
    pairs: &[(&str, &str)],
    proof: Option<&str>,
) -> Result<TokenResponse, TokenError> {
    let secret = format!("s3cret-of-{client}");
    let encoded = form(&[&[("client_id", client), ("client_secret", &secret)], pairs].concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    let proof = proof.map_or(PresentedProof::Absent, PresentedProof::One);
    world.commit(|| now(world.server.token(ClientRequest { proof, ..request(&parameters) })))
}

/// Exchanges an access token, with what else is asked.
fn exchange(
    world: &World,
    client: &str,
    token: &str,
    more: &[(&str, &str)],
) -> Result<TokenResponse, TokenError> {
    let pairs = [("grant_type", GRANT), ("subject_token", token), ("subject_token_type", ACCESS)];
    ask(world, client, &[&pairs, more].concat(), None)
}

fn error(answer: Result<TokenResponse, TokenError>) -> &'static str {
    answer.map_or_else(|error| error.code().as_str(), |_| "issued")
}

/// Ada's access token at `app`.
fn of_ada(world: &World) -> String {
    world.redeem(&world.code("openid email read write offline_access")).unwrap().access_token
}

fn introspect(world: &World, token: &str) -> Value {
    serde_json::to_value(now(world.server.introspect(token, None, REQUEST)).unwrap()).unwrap()
}

fn is_active(world: &World, token: &str) -> bool {
    introspect(world, token)["active"] == json!(true)
}

fn payload(token: &str) -> Value {
    serde_json::from_slice(&token.split('.').nth(1).and_then(base64url::decode).unwrap()).unwrap()
}

fn now_of(world: &World) -> i64 {
    world.server.now().seconds()
}

#[test]
fn agent_gets_a_token_that_says_for_whom_and_who_acts_in_either_form() {
    for strategy in ["jwt", "opaque"] {
        let form = json!({"access_token_strategy": strategy});
        let world = world_of(&form, &form);
        let answer =
            exchange(&world, "agent", &of_ada(&world), &[("audience", "https://b.example")]).unwrap();
        assert_eq!(answer.issued_token_type, Some(ACCESS), "{strategy}");
        assert_eq!((answer.id_token, answer.refresh_token), (None, None), "{strategy}");
        assert_eq!(answer.scope, "openid email read", "what both have; nothing is offline");
        let said = introspect(&world, &answer.access_token);
        let act = json!({"sub": "agent", "client_id": "agent"});
        assert_eq!((&said["sub"], &said["client_id"]), (&json!(ADA), &json!("agent")), "{strategy}");
        assert_eq!((&said["act"], &said["aud"]), (&act, &json!(["https://b.example"])), "{strategy}");
        assert_eq!(said.get("ext"), None, "{strategy}: how it came here is nothing of the plugins'");
        if strategy == "jwt" {
            let claims = payload(&answer.access_token);
            assert_eq!((&claims["act"], &claims["exchanged_from"]), (&act, &json!(["app"])));
        }
        let told = now(world.server.userinfo(as_bearer(&answer.access_token), REQUEST)).result.unwrap();
        assert_eq!((&told["act"], &told["email"]), (&act, &json!("ada@example.org")), "{strategy}");
    }
}

#[test]
fn signed_token_is_given_where_one_is_asked_for() {
    let world = world_of(&json!({}), &json!({"access_token_strategy": "opaque"}));
    let ask = |kind: &str| exchange(&world, "agent", &of_ada(&world), &[("requested_token_type", kind)]);
    let answer = ask(super::JWT).unwrap();
    assert_eq!(answer.issued_token_type, Some(super::JWT));
    assert_eq!(payload(&answer.access_token)["client_id"], "agent");
    for kind in [super::ID_TOKEN, "urn:ietf:params:oauth:token-type:refresh_token", "jwt", "x"] {
        assert_eq!(error(ask(kind)), "invalid_request", "{kind}");
    }
}

#[test]
fn client_that_does_not_name_the_grant_or_proves_nothing_gets_nothing() {
    let world = world_of(&json!({}), &json!({"grant_types": ["client_credentials"]}));
    assert_eq!(error(exchange(&world, "agent", &of_ada(&world), &[])), "unauthorized_client");
}

/// Confused deputy: a server was shown a token, or found one, that was for somebody else.
#[test]
fn confused_deputy_cannot_exchange_what_was_not_for_it() {
    let world = world();
    world.add_client(&json!({"client_id": "other", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": all_grants(), "token_exchange": {"identifiers": ["https://other.example"], "targets": ["https://b.example"]}}));
    assert_eq!(error(exchange(&world, "other", &of_ada(&world), &[])), "invalid_request");
    // Nor what the agent got for somebody else again.
    let to_b = exchange(&world, "agent", &of_ada(&world), &[("audience", "https://b.example")])
        .unwrap()
        .access_token;
    assert_eq!(error(exchange(&world, "other", &to_b, &[])), "invalid_request");
    // An audience that is nobody's is not everybody's.
    let own = ask(&world, "app", &[("grant_type", "client_credentials"), ("scope", "read")], None).unwrap();
    assert_eq!(error(exchange(&world, "agent", &own.access_token, &[])), "invalid_request");
    // Its own id names it too.
    let world =
        world_of(&json!({"audience": ["agent"]}), &json!({"token_exchange": null, "audience": ["agent"]}));
    let pairs = [("grant_type", "client_credentials"), ("audience", "agent")];
    let for_agent = ask(&world, "app", &pairs, None).unwrap().access_token;
    let answer = exchange(&world, "agent", &for_agent, &[]).unwrap().access_token;
    assert_eq!(introspect(&world, &answer)["sub"], "app");
}

#[test]
fn privileges_never_grow() {
    let world = world();
    let check = |client: &str, token: &str, more: &[(&str, &str)], expect: &str| {
        let answer = exchange(&world, client, token, more);
        let found = answer.map_or_else(|error| error.code().as_str().to_owned(), |answer| answer.scope);
        assert_eq!(found, expect, "{client} {more:?}");
    };
    let ada = of_ada(&world);
    check("agent", &ada, &[("scope", "read")], "read");
    // The token has it, the client does not.
    check("agent", &ada, &[("scope", "write")], "invalid_scope");
    check("app", &ada, &[("scope", "offline_access")], "invalid_scope");
    let little = exchange(&world, "app", &ada, &[("scope", "read")]).unwrap().access_token;
    // The client has it, the token does not.
    check("app", &little, &[("scope", "read write")], "invalid_scope");
    check("app", &little, &[], "read");
    check("app", &little, &[("audience", "https://b.example")], "invalid_target");
    check("agent", &little, &[("resource", "https://b.example")], "read");
    check("agent", &little, &[("resource", "https://c.example")], "invalid_target");
    check("agent", &little, &[("resource", "https://b.example#x")], "invalid_target");
    // A token for somebody does not become one for nobody in particular.
    let narrow = json!({"client_id": "gate", "token_endpoint_auth_method": "client_secret_post", "grant_types": all_grants(),
        "audience": [], "token_exchange": {"identifiers": ["https://api.example"], "targets": ["https://b.example"]}});
    world.add_client(&narrow);
    check("gate", &little, &[], "invalid_target");
    check("gate", &little, &[("audience", "https://b.example")], "read");
}

#[test]
fn lifetime_is_never_beyond_the_exchanged_tokens() {
    for strategy in ["jwt", "opaque"] {
        let form = json!({"access_token_strategy": strategy});
        let world = world_of(&form, &form);
        let (ada, ends) = (of_ada(&world), now_of(&world) + 3_600);
        world.wait(3_000);
        let answer = exchange(&world, "agent", &ada, &[]).unwrap();
        assert_eq!(answer.expires_in, 600, "{strategy}");
        assert_eq!(introspect(&world, &answer.access_token)["exp"], ends, "{strategy}");
        world.wait(601);
        assert!(!is_active(&world, &answer.access_token), "{strategy}");
        assert_eq!(error(exchange(&world, "agent", &ada, &[])), "invalid_request", "{strategy}: expired");
    }
}

#[test]
fn exchanged_token_dies_with_what_it_comes_of() {
    let check = |what: &str, end: &dyn Fn(&World)| {
        for strategy in ["jwt", "opaque"] {
            let form = json!({"access_token_strategy": strategy});
            let world = world_of(&form, &form);
            let token = exchange(&world, "agent", &of_ada(&world), &[]).unwrap().access_token;
            assert!(is_active(&world, &token));
            end(&world);
            assert!(!is_active(&world, &token), "{strategy}: {what}");
            // Nor is it exchanged on.
            assert_eq!(
                error(exchange(&world, "agent", &token, &[])),
                "invalid_request",
                "{strategy}: {what}"
            );
        }
    };
    check("the grant was revoked", &|world| {
        world.rows(|rows| {
            for grant in rows.grants.values_mut() {
                grant.revoked_at = Some(Timestamp::from_seconds(1));
            }
        });
    });
    check("the person is gone", &|world| world.rows(|rows| rows.subjects.clear()));
    let client = |id: &'static str, edit: fn(&mut crate::client::ClientRecord)| {
        move |world: &World| world.rows(|rows| edit(rows.clients.get_mut(&id.parse().unwrap()).unwrap()))
    };
    let later =
        |client: &mut crate::client::ClientRecord| client.not_before = Timestamp::from_seconds(1_800_000_001);
    check("the first client's tokens were revoked", &client("app", later));
    check("the first client is off", &client("app", |client| client.enabled = false));
    check(
        "the first client is another one of its name",
        &client("app", |client| {
            client.created_at = Timestamp::from_seconds(1_800_000_009);
        }),
    );
}

/// Without `offline_access` the grant ends with the session, and with it what came of it.
#[test]
fn exchanged_token_dies_with_the_session_of_its_subject() {
    let world = world();
    let ada = world.redeem(&world.code("openid read")).unwrap().access_token;
    let token = exchange(&world, "agent", &ada, &[]).unwrap().access_token;
    assert!(is_active(&world, &token));
    world.rows(|rows| rows.sessions.clear());
    assert!(!is_active(&world, &token));
}

#[test]
fn clients_own_token_is_exchanged_and_dies_with_that_client() {
    for strategy in ["jwt", "opaque"] {
        let form = json!({"access_token_strategy": strategy});
        let world = world_of(&form, &form);
        let pairs =
            [("grant_type", "client_credentials"), ("scope", "read"), ("audience", "https://api.example")];
        let own = ask(&world, "app", &pairs, None).unwrap().access_token;
        let token = exchange(&world, "agent", &own, &[]).unwrap().access_token;
        let said = introspect(&world, &token);
        assert_eq!((&said["sub"], &said["act"]["sub"]), (&json!("app"), &json!("agent")), "{strategy}");
        world.rows(|rows| rows.clients.get_mut(&"app".parse().unwrap()).unwrap().enabled = false);
        assert!(!is_active(&world, &token), "{strategy}");
    }
}

#[test]
fn token_for_nobody_in_particular_is_narrowed_in_either_form() {
    for strategy in ["jwt", "opaque"] {
        let form = json!({"access_token_strategy": strategy});
        let world = world_of(&form, &form);
        let pairs = [("grant_type", "client_credentials"), ("scope", "read write")];
        let own = ask(&world, "app", &pairs, None).unwrap().access_token;
        let answer = exchange(&world, "app", &own, &[("scope", "read")]).unwrap();
        assert_eq!(answer.scope, "read", "{strategy}");
        let said = introspect(&world, &answer.access_token);
        assert_eq!((&said["sub"], said.get("act")), (&json!("app"), None), "{strategy}");
    }
}

#[test]
fn tokens_that_are_dead_foreign_or_of_another_kind_are_told_the_same() {
    let world = world();
    let tokens = world.redeem(&world.code("openid read offline_access")).unwrap();
    let (ada, refresh) = (tokens.access_token, tokens.refresh_token.unwrap());
    let id_token = tokens.id_token.unwrap();
    let expect = super::unacceptable("subject_token");
    let check = |token: &str, kind: &str| {
        let pairs = [("grant_type", GRANT), ("subject_token", token), ("subject_token_type", kind)];
        assert_eq!(ask(&world, "agent", &pairs, None).err(), Some(expect.clone()), "{kind} {token}");
    };
    check("x", ACCESS);
    check(&format!("ory_at_{}", "A".repeat(43)), ACCESS);
    check(&ada.replace('.', "x"), ACCESS);
    check(&refresh, ACCESS);
    check(&refresh, "urn:ietf:params:oauth:token-type:refresh_token");
    check(&id_token, ACCESS);
    check(&ada, super::ID_TOKEN);
    // An ID token is its client's alone, whatever its grant is for.
    check(&id_token, super::ID_TOKEN);
    check(&ada, "urn:ietf:params:oauth:token-type:saml2");
    // Revoked by itself.
    let pairs = [("client_id", "app"), ("client_secret", "s3cret-of-app"), ("token", &ada)];
    let encoded = form(&pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.revoke(request(&parameters)))).unwrap();
    check(&ada, ACCESS);
    for missing in [vec![("subject_token", "x")], vec![("subject_token_type", ACCESS)], vec![]] {
        let pairs = [vec![("grant_type", GRANT)], missing].concat();
        assert_eq!(error(ask(&world, "agent", &pairs, None)), "invalid_request");
    }
}

/// On the same keys and storage, which no two tenants have: only the issuer and the rows tell them apart.
#[test]
fn token_of_another_tenant_is_none() {
    for strategy in ["jwt", "opaque"] {
        let form = json!({"access_token_strategy": strategy});
        let world = world_of(&form, &form);
        let ada = of_ada(&world);
        let other = world.other_tenant();
        let clients = world.rows(|rows| rows.clients.clone());
        world.memory.rows(&other.tenant, |rows| rows.clients = clients);
        let pairs = [
            ("client_id", "agent"),
            ("client_secret", "s3cret-of-agent"),
            ("grant_type", GRANT),
            ("subject_token", &ada),
            ("subject_token_type", ACCESS),
        ];
        let encoded = crate::memory::form(&pairs);
        let parameters = Parameters::parse(encoded.as_bytes());
        let answer = now(other.token(request(&parameters))).result;
        assert_eq!(answer.err(), Some(super::unacceptable("subject_token")), "{strategy}");
    }
}

#[test]
fn id_token_is_exchanged_by_its_own_client() {
    let world = world_of(&json!({"subject_type": "pairwise"}), &json!({}));
    let tokens = world.redeem(&world.code("openid read offline_access")).unwrap();
    let id_token = tokens.id_token.unwrap();
    let pairs =
        [("grant_type", GRANT), ("subject_token", &*id_token), ("subject_token_type", super::ID_TOKEN)];
    let answer = ask(&world, "app", &pairs, None).unwrap();
    assert_eq!(answer.scope, "openid read");
    let said = introspect(&world, &answer.access_token);
    assert_eq!(
        (&said["sub"], said.get("act")),
        (&payload(&id_token)["sub"], None),
        "its own: nobody else acts"
    );
    world.rows(|rows| rows.subjects.clear());
    assert_eq!(error(ask(&world, "app", &pairs, None)), "invalid_request");
}

#[test]
fn chain_of_actors_is_nested_kept_and_bounded() {
    let world = world();
    let mut token = of_ada(&world);
    // Each is the audience of the token before.
    for n in 0..super::MOST_HOPS {
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
    for n in (0..super::MOST_HOPS).rev() {
        assert_eq!(act["sub"], format!("hop{n}"));
        act = &act["act"];
    }
    assert_eq!(act, &Value::Null);
    let last = format!("https://hop{}.example", super::MOST_HOPS);
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
    for n in 0..=super::MOST_HOPS {
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
    assert_eq!(with(&ada).err(), Some(super::unacceptable("actor_token")));
    assert_eq!(with("x").err(), Some(super::unacceptable("actor_token")));
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
        assert_eq!(told.get("desk").cloned().unwrap_or_default(), expect, "{client}");
    }
}
