//! What an admin may do to clients, and what they get to see.

use serde_json::{Value, json};

use super::*;
use crate::memory::{World, as_app, form, now};

fn document(value: &Value) -> ClientDocument {
    serde_json::from_value(value.clone()).unwrap()
}

fn create(world: &World, value: &Value) -> Result<ShownClient, ClientError> {
    world.commit(|| now(world.server.create_client(document(value), Actor::System)))
}

fn replace(world: &World, id: &str, value: &Value) -> Result<ShownClient, ClientError> {
    world.commit(|| now(world.server.replace_client(&id.parse().unwrap(), document(value), Actor::System)))
}

fn patch(world: &World, id: &str, patch: &Value) -> Result<ShownClient, ClientError> {
    world.commit(|| now(world.server.patch_client(&id.parse().unwrap(), patch, Actor::System)))
}

fn delete(world: &World, id: &str) -> Result<(), ClientError> {
    world.commit(|| now(world.server.delete_client(&id.parse().unwrap(), Actor::System)))
}

fn shown(client: &ShownClient) -> Value {
    serde_json::to_value(client.as_created()).unwrap()
}

fn signs_in(world: &World, id: &str, secret: &str) -> bool {
    let encoded = form(&[("client_id", id), ("client_secret", secret), ("grant_type", "client_credentials")]);
    world.commit(|| world.decide_token(&encoded)).is_ok()
}

const POST: &str = "client_secret_post";

fn service() -> Value {
    json!({"client_id": "svc", "grant_types": ["client_credentials"], "token_endpoint_auth_method": POST})
}

fn with(mut document: Value, changes: &Value) -> Value {
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    document
}

#[test]
fn new_client_has_the_defaults_of_the_api() {
    let created = shown(&create(&World::new(), &json!({"client_name": "n"})).unwrap());
    for (name, expect) in [
        ("client_name", json!("n")),
        ("redirect_uris", json!([])),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
        ("scope", json!("offline_access offline openid")),
        ("audience", json!([])),
        ("allowed_cors_origins", json!([])),
        ("contacts", json!([])),
        ("subject_type", json!("public")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("userinfo_signed_response_alg", json!("none")),
        ("client_secret_expires_at", json!(0)),
        ("metadata", json!({})),
        ("skip_consent", json!(false)),
        ("created_at", json!("2027-01-15T08:00:00Z")),
        ("updated_at", json!("2027-01-15T08:00:00Z")),
    ] {
        assert_eq!(created[name], expect, "{name}");
    }
    assert_eq!(created["client_id"].as_str().unwrap().len(), 36);
    let secret = created["client_secret"].as_str().unwrap();
    assert!(
        secret.starts_with("ory_cs_") && primitives::checksum::strip_checksum(secret).is_some(),
        "{secret}"
    );
}

#[test]
fn secret_is_made_or_chosen_and_shown_once() {
    for given in [None, Some("chosen-by-a-person")] {
        let world = World::new();
        let created = create(&world, &with(service(), &json!({"client_secret": given}))).unwrap();
        let secret = created.secret.unwrap().expose().clone();
        assert!(given.is_none_or(|given| given == secret));
        assert!(signs_in(&world, "svc", &secret));
        assert!(!signs_in(&world, "svc", "another-secret"));
        let id = "svc".parse().unwrap();
        let loaded = now(world.server.load_client(&id)).unwrap();
        assert_eq!(shown(&loaded).get("client_secret"), None);
        let stored = world.rows(|rows| format!("{:?}", rows.clients));
        assert!(given.is_some() || !stored.contains(&secret), "only its hash is kept");
    }
}

#[test]
fn clients_without_a_secret_are_given_none() {
    let world = World::new();
    for (method, extra) in
        [("none", json!({})), ("private_key_jwt", json!({"jwks_uri": "https://a.example/k"}))]
    {
        let value =
            json!({"client_id": method, "token_endpoint_auth_method": method, "client_secret": "ignored"});
        let created = create(&world, &with(value, &extra)).unwrap();
        assert_eq!(created.secret, None, "{method}");
    }
    assert!(world.rows(|rows| rows.clients.values().all(|client| client.secrets.is_empty())));
}

#[test]
fn documents_that_make_no_sense_write_nothing() {
    let world = World::new();
    create(&world, &service()).unwrap();
    for (changes, code) in [
        (json!({"client_secret": "short"}), "invalid_client_metadata"),
        (json!({"client_secret": "x".repeat(513)}), "invalid_client_metadata"),
        (json!({"redirect_uris": ["http://evil.example/"]}), "invalid_redirect_uri"),
        (json!({"token_endpoint_auth_method": "tls"}), "invalid_client_metadata"),
        (json!({"token_endpoint_auth_method": "none"}), "invalid_client_metadata"),
    ] {
        let value = with(service(), &changes);
        assert_eq!(
            create(&world, &with(value.clone(), &json!({"client_id": "new"}))).unwrap_err().code(),
            code
        );
        assert_eq!(replace(&world, "svc", &value).unwrap_err().code(), code, "{changes}");
    }
    assert_eq!(world.rows(|rows| (rows.clients.len(), rows.audit.len())), (1, 1));
}

#[test]
fn id_is_taken_once_also_in_a_race() {
    let world = World::new();
    let both = [(); 2].map(|()| now(world.server.create_client(document(&service()), Actor::System)));
    assert_eq!(both.map(|decision| world.memory.apply(decision.change).is_ok()), [true, false]);
    assert_eq!(create(&world, &service()).unwrap_err(), ClientError::Exists);
}

#[test]
fn replacing_keeps_the_secret_unless_one_is_given() {
    let world = World::new();
    let first = create(&world, &service()).unwrap().secret.unwrap();
    let renamed =
        replace(&world, "svc", &with(service(), &json!({"client_name": "new", "client_id": "other"})))
            .unwrap();
    assert_eq!((renamed.document.client_name.as_str(), renamed.secret), ("new", None));
    assert_eq!(renamed.document.client_id, Some("svc".parse().unwrap()), "an id never changes");
    assert!(signs_in(&world, "svc", first.expose()));
    replace(&world, "svc", &with(service(), &json!({"client_secret": "brand-new"}))).unwrap();
    assert!(signs_in(&world, "svc", "brand-new"));
    assert!(!signs_in(&world, "svc", first.expose()));
    // A client that stops being public needs a secret, and is shown it.
    let public = json!({"grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"});
    assert_eq!(replace(&world, "svc", &public).unwrap().secret, None);
    let secret = replace(&world, "svc", &service()).unwrap().secret.unwrap();
    assert!(signs_in(&world, "svc", secret.expose()));
}

#[test]
fn document_round_trips_through_replacing() {
    let world = World::new();
    let created =
        create(&world, &with(service(), &json!({"metadata": {"k": [1]}, "contacts": null}))).unwrap();
    let again = replace(&world, "svc", &shown(&created)).unwrap();
    let mut expect = shown(&created);
    expect["client_secret"] = shown(&again)["client_secret"].clone();
    assert_eq!(shown(&again), expect);
}

#[test]
fn update_that_changes_nothing_writes_nothing() {
    let world = World::new();
    let created = create(&world, &with(service(), &json!({"metadata": {"k": [1]}}))).unwrap();
    let written = || world.rows(|rows| (rows.clients.values().next().unwrap().version, rows.audit.len()));
    let before = written();
    world.wait(60);
    let mut same = shown(&created);
    same.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(replace(&world, "svc", &same).unwrap().document, created.document);
    let renamed_to_the_same = json!([{"op": "replace", "path": "/client_name", "value": ""}]);
    assert_eq!(patch(&world, "svc", &renamed_to_the_same).unwrap().document, created.document);
    assert_eq!(written(), before);
    // Another secret is a change.
    for secret in ["chosen-1", "chosen-1-again"] {
        replace(&world, "svc", &with(same.clone(), &json!({ "client_secret": secret }))).unwrap();
    }
    assert_eq!(written(), (before.0 + 2, before.1 + 2));
    // The one that it has is none.
    let again = with(same.clone(), &json!({"client_secret": "chosen-1-again"}));
    replace(&world, "svc", &again).unwrap();
    assert_eq!(written(), (before.0 + 2, before.1 + 2));
    assert!(signs_in(&world, "svc", "chosen-1-again"));
    replace(&world, "svc", &with(same, &json!({"client_name": "new"}))).unwrap();
    assert_eq!(written(), (before.0 + 3, before.1 + 3));
}

#[test]
fn patch_changes_what_it_names() {
    let world = World::new();
    let first = create(&world, &service()).unwrap().secret.unwrap();
    let changed = patch(
        &world,
        "svc",
        &json!([{"op": "replace", "path": "/client_name", "value": "new"},
        {"op": "add", "path": "/metadata/tier", "value": 3}]),
    )
    .unwrap();
    assert_eq!(changed.document.client_name, "new");
    assert_eq!(changed.document.metadata, json!({"tier": 3}));
    assert!(signs_in(&world, "svc", first.expose()));
    patch(&world, "svc", &json!([{"op": "replace", "path": "/client_secret", "value": "patched-in"}]))
        .unwrap();
    assert!(signs_in(&world, "svc", "patched-in"));
    for (bad, code) in [
        (json!({}), "invalid_request"),
        (json!([{"op": "replace", "path": "/nowhere", "value": 1}]), "invalid_request"),
        (json!([{"op": "test", "path": "/client_secret", "value": "patched-in"}]), "invalid_request"),
        (json!([{"op": "replace", "path": "", "value": 7}]), "invalid_request"),
        (json!([{"op": "replace", "path": "/redirect_uris", "value": "x"}]), "invalid_request"),
        (json!([{"op": "add", "path": "/redirect_uris/-", "value": "javascript:x"}]), "invalid_redirect_uri"),
    ] {
        assert_eq!(patch(&world, "svc", &bad).unwrap_err().code(), code, "{bad}");
    }
    let same = patch(&world, "svc", &json!([{"op": "replace", "path": "/client_id", "value": "x"}])).unwrap();
    assert_eq!(same.document.client_id, Some("svc".parse().unwrap()));
}

#[test]
fn lifespans_are_set_by_themselves() {
    let world = World::new();
    create(&world, &with(service(), &json!({"client_name": "n"}))).unwrap();
    let lifespans =
        serde_json::from_value(json!({"client_credentials_grant_access_token_lifespan": "5m"})).unwrap();
    let id = "svc".parse().unwrap();
    let set = world.commit(|| now(world.server.set_client_lifespans(&id, lifespans, Actor::System))).unwrap();
    assert_eq!((set.document.client_name.as_str(), set.document.lifespans), ("n", lifespans));
}

#[test]
fn deleted_client_is_gone_with_everything_granted_to_it() {
    let world = World::new();
    let app = world.add_client(&json!({"token_endpoint_auth_method": POST}));
    let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
    let own = world.token(&[("grant_type", "client_credentials")]).unwrap();
    delete(&world, "app").unwrap();
    assert_eq!(delete(&world, "app"), Err(ClientError::NotFound));
    assert_eq!(patch(&world, "app", &json!([])).unwrap_err(), ClientError::NotFound);
    assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
    // A new client of the same name inherits nothing.
    world.wait(1);
    let again =
        with(serde_json::to_value(&app.document).unwrap(), &json!({"client_secret": "s3cret-of-app"}));
    create(&world, &again).unwrap();
    for token in [own.access_token, tokens.access_token, tokens.refresh_token.unwrap()] {
        let answer = now(world.server.introspect(&token, None, crate::memory::REQUEST)).unwrap();
        assert_eq!(answer, crate::introspection::Introspection::Inactive);
    }
    assert!(world.commit(|| world.decide_token(&as_app(&[("grant_type", "client_credentials")]))).is_ok());
}

#[test]
fn token_of_a_new_client_is_live_within_its_first_second() {
    let world = World::new();
    world.clock.advance(std::time::Duration::from_millis(700));
    let secret = create(&world, &service()).unwrap().secret.unwrap();
    let pairs =
        [("client_id", "svc"), ("client_secret", secret.expose()), ("grant_type", "client_credentials")];
    let token = world.commit(|| world.decide_token(&form(&pairs))).unwrap().access_token;
    let answer = now(world.server.introspect(&token, None, crate::memory::REQUEST)).unwrap();
    assert_ne!(answer, crate::introspection::Introspection::Inactive);
}

#[test]
fn what_the_file_declares_is_read_only() {
    let world = World::new();
    create(&world, &service()).unwrap();
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.managed_by = ManagedBy::File));
    assert_eq!(replace(&world, "svc", &service()).unwrap_err(), ClientError::ManagedByFile);
    assert_eq!(patch(&world, "svc", &json!([])).unwrap_err(), ClientError::ManagedByFile);
    assert_eq!(delete(&world, "svc"), Err(ClientError::ManagedByFile));
    assert!(now(world.server.load_client(&"svc".parse().unwrap())).is_ok());
}

#[test]
fn list_is_paged_and_filtered() {
    let world = World::new();
    // In the order in which they were made, and by their ids within an instant.
    for (id, waits) in [("b", 0), ("a", 1), ("c", 0)] {
        world.wait(waits);
        create(
            &world,
            &with(service(), &json!({"client_id": id, "owner": if id == "a" { "x" } else { "y" }})),
        )
        .unwrap();
    }
    let list = |filter: &ClientFilter, size: u32| {
        let page = now(world.server.list_clients(filter, size)).unwrap();
        let ids: Vec<_> =
            page.clients.iter().map(|client| client.client_id.as_ref().unwrap().to_string()).collect();
        (ids.join(" "), page.next)
    };
    let all = ClientFilter::default();
    assert_eq!(list(&all, 250), ("b a c".to_owned(), None));
    let (first, next) = list(&all, 2);
    assert_eq!((&*first, next.as_ref().map(|place| place.id.as_str())), ("b a", Some("a")));
    assert_eq!(list(&ClientFilter { after: next, ..all.clone() }, 2), ("c".to_owned(), None));
    let (first, next) = list(&all, 0);
    assert_eq!((&*first, next.as_ref().map(|place| place.id.as_str())), ("b", Some("b")));
    assert_eq!(list(&ClientFilter { owner: Some("y".to_owned()), ..all }, 2), ("b c".to_owned(), None));
}

#[test]
fn client_of_another_tenant_is_not_there() {
    let world = World::new();
    create(&world, &service()).unwrap();
    let elsewhere = world.other_tenant();
    let id = "svc".parse().unwrap();
    assert_eq!(now(elsewhere.load_client(&id)).unwrap_err(), ClientError::NotFound);
    assert_eq!(now(elsewhere.delete_client(&id, Actor::System)).result, Err(ClientError::NotFound));
    assert!(now(elsewhere.list_clients(&ClientFilter::default(), 9)).unwrap().clients.is_empty());
}

/// A client that has no key by which it could sign is told so when it is written, and what it would need.
#[test]
fn keys_that_no_allowed_algorithm_can_use_are_refused() {
    use jose::{SigningAlgorithm, generate};
    use primitives::rng::SeededRng;

    const KEYS: &str = "https://svc.example/keys";
    let key = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
    let set = json!({"keys": [serde_json::to_value(key.public()).unwrap()]});
    let weak = json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]});
    let own = |set: &Value| json!({"jwks": set});
    let at = json!({"jwks_uri": KEYS});
    let check = |keys: &Value, more: Value, expect: Option<&str>| {
        let world = World::new();
        world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set.to_string())));
        let client = json!({"client_id": "svc", "token_endpoint_auth_method": "private_key_jwt"});
        let refused = create(&world, &with(with(client, keys), &more)).err().map(|error| error.to_string());
        match (&refused, expect) {
            (None, None) => {}
            (Some(text), Some(part)) if text.contains(part) => {}
            _ => panic!("{keys} {more}: {refused:?}"),
        }
    };
    let by = |alg: &str| json!({"token_endpoint_auth_signing_alg": alg});
    check(&own(&set), json!({}), None);
    check(&own(&set), by("ES256"), None);
    check(
        &own(&set),
        by("PS384"),
        Some("jwks has no key for PS384, which token_endpoint_auth_signing_alg needs"),
    );
    check(&own(&set), json!({"request_object_signing_alg": "EdDSA"}), Some("jwks has no key for EdDSA"));
    check(&own(&json!({"keys": []})), json!({}), Some("no key for any algorithm that it may use"));
    check(&own(&weak), json!({}), Some("jwks must be"));
    check(&at, json!({}), None);
    check(&at, by("RS512"), Some("jwks_uri has no key for RS512"));
    // Who does not answer yet may be registered all the same, and a client that signs nothing may have any keys.
    check(&json!({"jwks_uri": "https://svc.example/later"}), by("RS512"), None);
    check(&own(&set), json!({"token_endpoint_auth_method": "client_secret_post"}), None);
}
