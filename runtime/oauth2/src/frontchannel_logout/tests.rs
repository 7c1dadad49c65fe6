use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::client::admin::ClientError;
use crate::memory::{World, now};

const PLACE: &str = "https://app.example/frontchannel?x=1";
const SESSION: SessionId = SessionId(Uuid::from_u128(1));

fn frames(world: &World, session: SessionId, redirect: Option<&str>) -> Option<Farewell> {
    let sealed = now(world.server.seal_farewell(&[session], redirect.map(str::to_owned))).unwrap()?;
    Some(now(world.server.open_farewell(&sealed)).unwrap().unwrap())
}

fn world(patch: &Value) -> World {
    let mut document = json!({"frontchannel_logout_uri": PLACE});
    document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    let world = World::of_app(|_| {}, &document);
    world.code("openid");
    world
}

#[test]
fn clients_of_the_session_are_opened_as_they_ask_for_it() {
    for (patch, expect) in [
        (json!({}), PLACE.to_owned()),
        (json!({"frontchannel_logout_session_required": false}), PLACE.to_owned()),
        (
            json!({"frontchannel_logout_session_required": true}),
            format!("{PLACE}&iss=https%3A%2F%2Fid.example&sid={SESSION}"),
        ),
    ] {
        let world = world(&patch);
        let farewell = frames(&world, SESSION, Some("https://app.example/bye")).unwrap();
        assert_eq!(farewell.frames.iter().map(Url::as_str).collect::<Vec<_>>(), [expect], "{patch}");
        assert_eq!(farewell.redirect.as_deref(), Some("https://app.example/bye"));
    }
}

/// Attack: two apps compare the `sid` that both were given.
#[test]
fn client_with_names_of_its_own_is_given_its_own_sid() {
    let world = world(&json!({"subject_type": "pairwise", "frontchannel_logout_session_required": true}));
    let farewell = frames(&world, SESSION, None).unwrap();
    let frame = farewell.frames[0].as_str();
    assert!(frame.contains("&sid=") && !frame.contains(&SESSION.to_string()), "{frame}");
}

#[test]
fn session_without_such_clients_has_no_farewell() {
    let world = world(&json!({}));
    assert_eq!(frames(&world, SessionId(Uuid::from_u128(2)), None), None, "another session");
    let deaf = World::of_app(|_| {}, &json!({}));
    deaf.code("openid");
    assert_eq!(frames(&deaf, SESSION, None), None);
    // One that was written before its origin was checked.
    let foreign = self::world(&json!({"frontchannel_logout_uri": "https://evil.example/"}));
    assert_eq!(frames(&foreign, SESSION, None), None);
}

#[test]
fn way_that_is_offered_is_told_with_its_host() {
    let world = world(&json!({}));
    for (redirect, host) in
        [("https://app.example/bye?x=1", "app.example"), ("com.example.app:/bye", "com.example.app")]
    {
        let sealed = world.server.seal_offer(redirect.to_owned());
        let told = now(world.server.open_farewell(&sealed)).unwrap().unwrap();
        assert_eq!((told.frames, told.redirect.as_deref()), (Vec::new(), Some(redirect)));
        assert_eq!(told.offered.as_deref(), Some(host));
    }
    let left = frames(&world, SESSION, Some("https://app.example/bye")).unwrap();
    assert_eq!(left.offered, None, "who has signed out goes on");
}

/// Attack: somebody makes up a page of ours that sends people anywhere.
#[test]
fn what_we_did_not_seal_or_is_old_or_anothers_opens_nothing() {
    let world = world(&json!({}));
    let sealed = now(world.server.seal_farewell(&[SESSION], None)).unwrap().unwrap();
    let open = |text: &str| now(world.server.open_farewell(text)).unwrap();
    assert!(open(&sealed).is_some());
    for text in ["", "x", &sealed[1..], &"a".repeat(MAX_SEALED + 1)] {
        assert_eq!(open(text), None, "{text}");
    }
    assert_eq!(now(world.other_tenant().open_farewell(&sealed)).unwrap(), None);
    world.wait(300);
    assert_eq!(open(&sealed), None);
}

#[test]
fn address_is_of_the_origin_of_a_redirect_uri() {
    for (uri, redirect_uri, expect) in [
        ("https://app.example/out", "https://app.example/cb", true),
        ("https://app.example:443/out", "https://app.example/cb", true),
        ("https://app.example:8443/out", "https://app.example/cb", false),
        ("https://evil.example/out", "https://app.example/cb", false),
        ("https://app.example.evil.example/out", "https://app.example/cb", false),
        ("http://127.0.0.1:3000/out", "http://127.0.0.1:3000/cb", true),
        ("http://127.0.0.1:3001/out", "http://127.0.0.1:3000/cb", false),
        ("https://app.example/out", "com.example.app:/cb", false),
        ("", "https://app.example/cb", true),
    ] {
        let world = World::new();
        let document =
            json!({"client_id": "new", "redirect_uris": [redirect_uri], "frontchannel_logout_uri": uri});
        let document = serde_json::from_value(document).unwrap();
        let created = now(world.server.create_client(document, primitives::Actor::System)).result;
        let expect = (!expect).then_some(ClientError::Invalid(InvalidClient::FrontchannelOrigin));
        assert_eq!(created.err(), expect, "{uri} {redirect_uri}");
    }
}
