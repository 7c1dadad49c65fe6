//! Each attack on token exchange by name, on the model of storage.

mod acting;
mod revoked;

use primitives::{Timestamp, base64url};
use serde_json::{Value, json};

use crate::access_token::find_client;
use crate::client::{AuthenticationMethod, Client};
use crate::dpop::PresentedProof;
use crate::memory::{REQUEST, World, as_bearer, form, now, request};
use crate::parameters::Parameters;
use crate::token::{Asked, ClientRequest, TokenError, TokenResponse};

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
        let told = now(world.server.userinfo(as_bearer(&answer.access_token), REQUEST));
        let told = json!(told.result.unwrap());
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
    // A client that proves nothing is registered for it nowhere; were there one all the same:
    let world = self::world();
    let agent = now(find_client(&world.server, &"agent".parse().unwrap())).unwrap().unwrap();
    let public = Client { authentication: AuthenticationMethod::NONE, ..(*agent).clone() };
    let ada = of_ada(&world);
    let encoded = form(&[("subject_token", &ada), ("subject_token_type", ACCESS)]);
    let parameters = Parameters::parse(encoded.as_bytes());
    for (client, expect) in [(&*agent, None), (&public, Some(TokenError::UnauthorizedClient))] {
        let asked = Asked { client, parameters: &parameters, holder: None };
        let refused = now(super::run(&world.server, &asked)).err();
        assert_eq!(refused.map(|refused| refused.error), expect);
    }
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
