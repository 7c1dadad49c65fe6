//! What is taken, what is narrower, and what a client may have of it now.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::client::ClientRecord;
use crate::memory::{REQUEST, World, now};
use crate::settings::Settings;
use crate::token::TokenResponse;

/// Payments have an amount; files may be anything.
#[derive(Debug)]
struct Shapes;

impl DetailSchemas for Shapes {
    fn misfit(&self, name: &str, detail: &Value) -> Option<String> {
        let fits = name != "payment" || detail["amount"].is_number();
        (!fits).then(|| "/amount: \"x\" is no number".to_owned())
    }
}

/// With the types `payment` and `files`, and a third that the client may not use.
pub(crate) fn world_with(edit: impl FnOnce(&mut Settings), patch: &Value) -> World {
    let kind = |name: &str, members: &[&str]| {
        let properties: Map<_, _> = members.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let schema = Map::from_iter([("properties".to_owned(), properties.into())]);
        DetailsType {
            name: name.to_owned(),
            schema,
            words: [].into(),
            always_ask: name == "transfer",
            validate: Validation::Schema,
        }
    };
    let types = vec![
        kind("payment", &["amount", "to"]),
        kind("files", &["actions", "locations", "except"]),
        kind("transfer", &["amount"]),
        kind("secret", &[]),
    ];
    let mut document = json!({"authorization_details_types": ["payment", "files", "transfer", "gone"]});
    document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    let settings = |settings: &mut Settings| {
        settings.authorization_details_types = types;
        edit(settings);
    };
    let mut world = World::of_app(settings, &document);
    world.server.detail_schemas = Arc::new(Shapes);
    world
}

pub(crate) fn world() -> World {
    world_with(|_| {}, &json!({}))
}

fn own(world: &World, details: &str) -> Result<TokenResponse, TokenError> {
    world.token(&[("grant_type", "client_credentials"), ("authorization_details", details)])
}

#[test]
fn what_is_not_registered_or_does_not_fit_is_refused() {
    let world = world();
    let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let many: Vec<_> = (0..=MOST).map(|n| json!({"type": "payment", "amount": n})).collect();
    for (details, expect) in [
        (json!([]), None),
        (json!([{"type": "payment", "amount": 1}]), None),
        (json!([{"type": "payment", "amount": 1}, {"type": "payment", "amount": 2}]), None),
        (json!([{"type": "files", "except": deep(MOST_DEPTH - 1)}]), None),
        (json!([{"type": "files", "except": deep(MOST_DEPTH)}]), Some("number 0 is nested too deeply")),
        (json!({"type": "payment", "amount": 1}), Some("must be a JSON array of objects")),
        (json!(["payment"]), Some("must be a JSON array of objects")),
        (json!([{"amount": 1}]), Some("number 0 is of no type")),
        (json!([{"type": 1}]), Some("number 0 is of no type")),
        (json!([{"type": "nobody"}]), Some("number 0 is of no type")),
        // The tenant has it, and the client may not use it; the client may, and the tenant has it no more.
        (json!([{"type": "secret"}]), Some("number 0 is of no type")),
        (json!([{"type": "gone"}]), Some("number 0 is of no type")),
        (json!([{"type": "Payment", "amount": 1}]), Some("number 0 is of no type")),
        (
            json!([{"type": "files"}, {"type": "payment", "amount": 1, "admin": true}]),
            Some("number 1 has a member"),
        ),
        (json!([{"type": "payment", "amount": "x"}]), Some("number 0 /amount: x is no number")),
        (json!([{"type": "payment", "amount": 1}, {"amount": 1, "type": "payment"}]), Some("hold one twice")),
        (json!(many), Some("too many")),
        (json!([{"type": "payment", "amount": 1, "to": "x".repeat(MOST_BYTES)}]), Some("too long")),
    ] {
        let answer = own(&world, &details.to_string());
        match (&answer, expect) {
            (Ok(answer), None) => assert_eq!(json!(answer.authorization_details), details),
            (Err(TokenError::InvalidAuthorizationDetails(text)), Some(part)) if text.contains(part) => {}
            _ => panic!("{details}: {answer:?}"),
        }
    }
    for text in ["", "[", "[{\"type\":\"payment\",\"amount\":1}] x"] {
        let is_left_out = text.is_empty();
        assert_eq!(own(&world, text).is_ok(), is_left_out, "{text}");
    }
    let nothing = World::of_app(|_| {}, &json!({"authorization_details_types": ["payment"]}));
    assert!(own(&nothing, "[{\"type\":\"payment\",\"amount\":1}]").is_err(), "a tenant without types");
}

#[test]
fn less_is_within_and_anything_else_is_not() {
    let details = |value: Value| AuthorizationDetails(serde_json::from_value(value).unwrap());
    let file = |actions: Value| json!({"type": "files", "actions": actions, "except": ["a", "b"]});
    let granted = json!([file(json!(["read", "write"])), {"type": "payment", "amount": 1}]);
    for (asked, is_within) in [
        (json!([]), true),
        (granted.clone(), true),
        (json!([file(json!(["read"]))]), true),
        (json!([{"type": "payment", "amount": 1}, file(json!(["write"]))]), true),
        (json!([file(json!(["read", "delete"]))]), false),
        // Of what nothing is listed, everything may be meant.
        (json!([file(json!([]))]), false),
        (json!([{"type": "files", "except": ["a", "b"]}]), false),
        // A list that says what a token may not do.
        (json!([{"type": "files", "actions": ["read"], "except": ["a"]}]), false),
        (json!([{"type": "payment", "amount": 2}]), false),
        (json!([{"type": "payment"}]), false),
        (json!([{"type": "payment", "amount": 1, "to": "x"}]), false),
        (json!([{"type": "files", "amount": 1}]), false),
        // One that was granted stands for no second.
        (json!([file(json!(["read"])), file(json!(["write"]))]), false),
    ] {
        assert_eq!(details(asked.clone()).is_within(&details(granted.clone())), is_within, "{asked}");
    }
}

fn granted(world: &World, details: Value) -> String {
    let code = world.code("openid offline_access");
    let details = AuthorizationDetails(serde_json::from_value(details).unwrap());
    world.rows(|rows| rows.grants.values_mut().for_each(|grant| grant.details = details.clone()));
    code
}

fn introspected(world: &World, token: &str) -> Value {
    let answer = now(world.server.introspect(token, None, REQUEST)).unwrap();
    serde_json::to_value(answer).unwrap()["authorization_details"].clone()
}

#[test]
fn what_was_granted_is_told_in_every_form_and_narrowed_for_one_token() {
    for strategy in ["jwt", "opaque"] {
        let world = world_with(|_| {}, &json!({"access_token_strategy": strategy}));
        let all = json!([{"type": "files", "actions": ["read", "write"]}, {"type": "payment", "amount": 1}]);
        let few = json!([{"type": "files", "actions": ["read"]}]);
        let code = granted(&world, all.clone());
        let first = world.redeem(&code).unwrap();
        assert_eq!(json!(first.authorization_details), all);
        assert_eq!(introspected(&world, &first.access_token), all, "{strategy}");
        let refresh = first.refresh_token.unwrap();
        assert_eq!(introspected(&world, &refresh), all);
        let asked = |token: &str, details: &Value| {
            let details = details.to_string();
            world.token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("authorization_details", &details),
            ])
        };
        let more = json!([{"type": "payment", "amount": 2}]);
        assert!(matches!(asked(&refresh, &more), Err(TokenError::InvalidAuthorizationDetails(_))));
        let second = asked(&refresh, &few).unwrap();
        assert_eq!(json!(second.authorization_details), few);
        assert_eq!(introspected(&world, &second.access_token), few, "{strategy}");
        // The next token is for all of it again, as with scopes.
        let third = world.refresh(&second.refresh_token.unwrap()).unwrap();
        assert_eq!(json!(third.authorization_details), all);
    }
}

#[test]
fn code_is_redeemed_for_less_and_no_other_grant_invents_details() {
    let world = world();
    let code = granted(&world, json!([{"type": "payment", "amount": 1}]));
    let form = |details: &'static str| {
        [&crate::memory::redemption(&code)[..], &[("authorization_details", details)]].concat()
    };
    let more = world.token(&form("[{\"type\":\"files\"}]"));
    assert!(matches!(more, Err(TokenError::InvalidAuthorizationDetails(_))), "and the code is not used up");
    assert!(world.token(&form("[]")).unwrap().authorization_details.is_empty());
    let form = crate::memory::form(&[("authorization_details", "[]")]);
    let parameters = Parameters::parse(form.as_bytes());
    assert!(matches!(check_none(&parameters), Err(TokenError::InvalidAuthorizationDetails(_))));
}

#[test]
fn what_is_taken_away_leaves_with_the_next_token() {
    let take_type = |client: &mut ClientRecord| {
        client.document.authorization_details_types = Some(vec!["files".to_owned()]);
    };
    let world = world();
    let all = json!([{"type": "files"}, {"type": "payment", "amount": 1}]);
    let first = world.redeem(&granted(&world, all)).unwrap().refresh_token.unwrap();
    world.rows(|rows| rows.clients.values_mut().for_each(take_type));
    let second = world.refresh(&first).unwrap();
    assert_eq!(json!(second.authorization_details), json!([{"type": "files"}]));
}

#[test]
fn plugin_may_not_say_by_that_name() {
    assert!(crate::hooks::PROTECTED_CLAIMS.contains(&AUTHORIZATION_DETAILS));
}

proptest::proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,64}") {
        let answer = own(&world(), &text);
        let is_refused = matches!(&answer, Err(TokenError::InvalidAuthorizationDetails(text)) if text.is_ascii());
        proptest::prop_assert!(is_refused || answer.is_ok(), "{:?}", answer);
    }
}
