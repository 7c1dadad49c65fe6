//! What operators do to identities.

use portcullis_identity::administration::{
    Administered, AdministrationError, ReplaceIdentity, delete, patch, replace,
};
use portcullis_identity::identity::{AddressStatus, IdentityState};
use portcullis_identity::{Step, Write};
use primitives::{Actor, IdentityId};
use serde_json::{Value, json};

use crate::world::World;

async fn patched(
    world: &World,
    id: IdentityId,
    operations: Value,
) -> Result<Administered, AdministrationError> {
    let administered = patch(world.room(), Actor::System, id, &operations).await?;
    world.people.apply(&administered.change);
    Ok(administered)
}

#[tokio::test]
async fn imported_passwords_sign_in_plain_or_hashed() {
    let world = World::new();
    // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1.
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    for (email, config, password) in [
        ("a@example.com", json!({"password": "pw"}), "pw"),
        ("b@example.com", json!({"hashed_password": hash}), "password"),
    ] {
        let body = json!({"schema_id": "default", "traits": {"email": email}, "credentials": {"password": {"config": config}}});
        world.create(&body).await.unwrap();
        assert!(matches!(world.login(email, password).await, Ok(Step::SignedIn(_))), "{email}");
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_not_dropped() {
    let world = World::new();
    let costly = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    for credentials in [
        json!({"saml": {"config": {}}}),
        json!({"oidc": {"config": {"providers": [{"provider": "acme"}]}}}),
        json!({"password": {"config": {"hashed_password": "$2b$12$abcdefghijklmnopqrstuv"}}}),
        json!({"password": {"config": {"hashed_password": costly}}}),
        json!({"password": {"config": {"password": "x".repeat(2000)}}}),
    ] {
        let body =
            json!({"schema_id": "default", "traits": {"email": "a@example.com"}, "credentials": credentials});
        assert!(world.create(&body).await.is_err(), "{credentials}");
    }
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let world = World::new();
    for body in [
        json!({}),
        json!({"schema_id": "default"}),
        json!({"schema_id": "none", "traits": {"email": "a@example.com"}}),
        json!({"schema_id": "default", "traits": {"email": "no address"}}),
        json!({"schema_id": "default", "traits": {"email": "a@example.com"}, "state": "asleep"}),
        json!({"schema_id": "default", "traits": {"email": "a@example.com"}, "admin": true}),
        json!({
            "schema_id": "default",
            "traits": {"email": "a@example.com"},
            "verifiable_addresses": [{"value": "b@example.com", "via": "email", "verified": true, "status": "completed"}],
        }),
    ] {
        assert!(world.create(&body).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn identifiers_and_external_ids_are_unique() {
    let world = World::new();
    let body = |email: &str, external: &str| json!({"schema_id": "default", "traits": {"email": email}, "external_id": external});
    world.create(&body("ada@example.com", "1")).await.unwrap();
    let bob = world.create(&body("bob@example.com", "2")).await.unwrap().identity;
    assert_eq!(
        world.create(&body("ADA@example.com", "3")).await.unwrap_err(),
        AdministrationError::IdentifierTaken
    );
    assert_eq!(
        world.create(&body("ada\u{200B}@example.com", "3")).await.unwrap_err(),
        AdministrationError::IdentifierTaken
    );
    assert_eq!(
        world.create(&body("eve@example.com", "1")).await.unwrap_err(),
        AdministrationError::ExternalIdTaken
    );
    let taken =
        patched(&world, bob.id, json!([{"op": "replace", "path": "/external_id", "value": "1"}])).await;
    assert_eq!(taken.unwrap_err(), AdministrationError::ExternalIdTaken);
    patched(&world, bob.id, json!([{"op": "replace", "path": "/traits/email", "value": "BOB@example.com"}]))
        .await
        .unwrap();
}

#[tokio::test]
async fn known_addresses_are_adopted() {
    let world = World::new();
    let body = json!({
        "schema_id": "default",
        "traits": {"email": "Ada@example.com"},
        "verifiable_addresses": [{"value": "ada@example.com", "via": "email", "verified": true, "status": "completed"}],
    });
    let ada = world.create(&body).await.unwrap().identity;
    let address = &ada.verifiable_addresses[0];
    assert_eq!(
        (address.verified, address.status, address.verified_at),
        (true, AddressStatus::Completed, Some(world.now))
    );
    // It stays proven while it stays, and leaves with its trait.
    let name = json!([{"op": "add", "path": "/traits/name", "value": {"first": "Ada"}}]);
    let same = patched(&world, ada.id, name).await.unwrap().identity;
    assert!(same.verifiable_addresses[0].verified);
    let email = json!([{"op": "replace", "path": "/traits/email", "value": "new@example.com"}]);
    let new = patched(&world, ada.id, email).await.unwrap().identity;
    assert!(!new.verifiable_addresses[0].verified);
}

#[tokio::test]
async fn replacing_takes_away_what_is_left_out_but_no_password() {
    let world = World::new();
    let body = json!({
        "schema_id": "default",
        "traits": {"email": "ada@example.com"},
        "metadata_admin": {"a": 1},
        "external_id": "1",
        "credentials": {"password": {"config": {"password": "correct horse"}}},
    });
    let ada = world.create(&body).await.unwrap().identity;
    let body = br#"{"schema_id": "default", "traits": {"email": "lovelace@example.com"}, "state": "active"}"#;
    let body = ReplaceIdentity::from_json(body).unwrap();
    let after = replace(world.room(), Actor::System, ada.id, body).await.unwrap();
    world.people.apply(&after.change);
    assert_eq!((after.identity.metadata_admin, after.identity.external_id), (None, None));
    assert!(matches!(world.login("lovelace@example.com", "correct horse").await, Ok(Step::SignedIn(_))));
    assert!(matches!(world.login("ada@example.com", "correct horse").await, Ok(Step::Form(_))));
}

#[tokio::test]
async fn patches_change_their_member_and_nothing_else() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    for fixed in ["/id", "/created_at", "/credentials/password/config", "/recovery_addresses", "", "/"] {
        let refused = patched(&world, ada.id, json!([{"op": "add", "path": fixed, "value": {}}])).await;
        assert_eq!(refused.unwrap_err(), AdministrationError::FixedMember(fixed.to_owned()));
    }
    let copied =
        patched(&world, ada.id, json!([{"op": "copy", "from": "/id", "path": "/external_id"}])).await;
    assert_eq!(copied.unwrap_err(), AdministrationError::FixedMember("/id".to_owned()));
    let broken = patched(&world, ada.id, json!([{"op": "remove", "path": "/traits/email"}])).await;
    assert!(matches!(broken.unwrap_err(), AdministrationError::Traits(_)));

    let off = patched(&world, ada.id, json!([{"op": "replace", "path": "/state", "value": "inactive"}]))
        .await
        .unwrap();
    assert_eq!((off.identity.state, off.identity.state_changed_at), (IdentityState::Inactive, world.now));
    assert_eq!(off.identity.traits, ada.traits);
}

#[tokio::test]
async fn new_password_of_an_operator_ends_sessions() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let body = br#"{"schema_id": "default", "traits": {"email": "ada@example.com"}, "state": "active",
        "credentials": {"password": {"config": {"password": "battery staple"}}}}"#;
    let body = ReplaceIdentity::from_json(body).unwrap();
    let change = replace(world.room(), Actor::System, ada.id, body).await.unwrap().change;
    let ends = |write: &Write| matches!(write, Write::RevokeSessions { except: None, .. });
    assert!(change.writes.iter().any(ends));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_deleted() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let nobody = IdentityId::generate(&world.rng);
    assert_eq!(delete(world.room(), Actor::System, nobody).await.unwrap_err(), AdministrationError::NotFound);
    assert!(delete(world.room(), Actor::System, ada.id).await.is_ok());
}
