//! What `config/apis.md` says of `audience` and `resource`: a test for each sentence.

use primitives::base64url;
use serde_json::{Value, json};

use crate::memory::{World, form};
use crate::token::{TokenError, TokenResponse};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SHARED: &str = "https://mcp.example";

fn world() -> World {
    let grants = json!(["authorization_code", "refresh_token", "client_credentials", EXCHANGE]);
    World::of_app(
        |settings| settings.resources = vec![SHARED.to_owned()],
        &json!({
            "grant_types": grants, "audience": ["https://api.example", "https://b.example", "Reports"],
        }),
    )
}

fn aud(answer: Result<TokenResponse, TokenError>) -> Value {
    let token = answer.map(|answer| answer.access_token);
    match token {
        Ok(token) => {
            let payload = token.split('.').nth(1).and_then(base64url::decode).unwrap();
            serde_json::from_slice::<Value>(&payload).unwrap()["aud"].clone()
        }
        Err(error) => json!(error.code().as_str()),
    }
}

fn own(world: &World, pairs: &[(&str, &str)]) -> Value {
    aud(world.token(&[&[("grant_type", "client_credentials")], pairs].concat()))
}

#[test]
fn audience_is_a_list_of_words_compared_exactly_and_resource_an_address() {
    let world = world();
    assert_eq!(
        own(&world, &[("audience", "Reports https://api.example")]),
        json!(["Reports", "https://api.example"])
    );
    assert_eq!(own(&world, &[("audience", "https://API.example/")]), "invalid_target");
    assert_eq!(own(&world, &[("resource", "https://API.example/")]), json!(["https://api.example"]));
    assert_eq!(own(&world, &[("resource", "Reports")]), "invalid_target", "no URI");
    let two = [("resource", "https://b.example"), ("resource", "https://api.example")];
    assert_eq!(own(&world, &two), json!(["https://b.example", "https://api.example"]));
}

#[test]
fn neither_wins_and_each_is_there_once() {
    let both = [
        ("resource", "https://api.example/"),
        ("audience", "https://b.example https://api.example"),
        ("resource", SHARED),
    ];
    assert_eq!(own(&world(), &both), json!(["https://b.example", "https://api.example", SHARED]));
}

#[test]
fn one_that_may_not_be_had_refuses_the_whole_request() {
    for bad in [("audience", "https://c.example"), ("resource", "https://c.example")] {
        for good in [("audience", "https://api.example"), ("resource", "https://api.example")] {
            if good.0 != bad.0 || good.0 == "resource" {
                assert_eq!(own(&world(), &[good, bad]), "invalid_target", "{good:?} {bad:?}");
            }
        }
    }
    assert_eq!(own(&world(), &[("audience", "https://api.example https://c.example")]), "invalid_target");
}

#[test]
fn what_may_be_had_is_the_clients_and_the_tenants_and_nothing_named_is_the_issuer() {
    assert_eq!(own(&world(), &[("audience", SHARED)]), json!([SHARED]));
    assert_eq!(own(&world(), &[]), json!(["https://id.example"]));
}

#[test]
fn code_and_refresh_are_for_a_part_of_what_was_granted_or_for_all_of_it() {
    let world = world();
    let granted = |world: &World, audience: &[&str]| {
        let code = world.code("openid offline_access");
        world.rows(|rows| {
            for grant in rows.grants.values_mut() {
                grant.audience = audience.iter().map(|one| (*one).to_owned()).collect();
            }
        });
        code
    };
    let code = granted(&world, &["https://api.example", SHARED]);
    let redeem = [&crate::memory::redemption(&code)[..], &[("audience", SHARED)]].concat();
    let first = world.token(&redeem).unwrap();
    assert_eq!(aud(Ok(first.clone())), json!([SHARED]));
    let mut token = first.refresh_token.unwrap();
    let mut refresh = |pairs: &[(&str, &str)]| {
        let asked = [&[("grant_type", "refresh_token"), ("refresh_token", token.as_str())], pairs].concat();
        let answer = world.token(&asked);
        if let Ok(TokenResponse { refresh_token: Some(next), .. }) = &answer {
            token.clone_from(next);
        }
        aud(answer)
    };
    assert_eq!(
        refresh(&[]),
        json!(["https://api.example", SHARED]),
        "a token for less takes nothing from the next"
    );
    assert_eq!(refresh(&[("resource", "https://api.example/")]), json!(["https://api.example"]));
    assert_eq!(
        refresh(&[("audience", "https://b.example")]),
        "invalid_target",
        "the client's, and not granted"
    );
    assert_eq!(refresh(&[]), json!(["https://api.example", SHARED]));
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.document.audience = None));
    assert_eq!(
        refresh(&[("audience", "https://api.example")]),
        "invalid_target",
        "named and not had any more"
    );
    assert_eq!(refresh(&[]), json!([SHARED]), "left out where it is not named");
    let nothing = granted(&world, &[]);
    assert_eq!(aud(world.redeem(&nothing)), json!(["https://id.example"]));
}

#[test]
fn exchange_is_for_what_both_have_and_for_targets_and_never_for_the_issuer() {
    let world = world();
    world.add_client(&json!({"client_id": "agent", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": [EXCHANGE], "scope": "openid", "audience": ["https://api.example", "https://own.example"],
        "token_exchange": {"identifiers": ["https://b.example"], "targets": ["https://target.example"]}}));
    let token_for = |audience: &str| {
        let asked = [("grant_type", "client_credentials"), ("audience", audience)];
        world.token(&asked).unwrap().access_token
    };
    let exchange = |token: &str, pairs: &[(&str, &str)]| {
        let own = [
            ("client_id", "agent"),
            ("client_secret", "s3cret-of-agent"),
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        aud(world.commit(|| world.decide_token(&form(&[&own, pairs].concat()))))
    };
    let three = token_for(&format!("https://api.example https://b.example {SHARED}"));
    assert_eq!(exchange(&three, &[]), json!(["https://api.example"]), "what both have");
    assert_eq!(exchange(&three, &[("resource", "https://api.example/")]), json!(["https://api.example"]));
    let both = [("audience", "https://target.example"), ("resource", "https://api.example")];
    assert_eq!(exchange(&three, &both), json!(["https://target.example", "https://api.example"]));
    for other in [SHARED, "https://own.example", "https://b.example"] {
        assert_eq!(exchange(&three, &[("resource", other)]), "invalid_target", "{other}");
    }
    let one = token_for("https://b.example");
    assert_eq!(exchange(&one, &[]), "invalid_target", "nothing in common is not everything");
}
