//! Passwords that were set elsewhere: they move over once, and whoever guesses learns nothing.

use portcullis_identity::flow::FlowError;
use portcullis_identity::password::HashedPassword;
use portcullis_identity::session::LiveSession;
use portcullis_identity::{Identity, Step, Write};
use primitives::{Actor, Change, Secret};
use serde_json::json;

use crate::hooks::{Scripted, scripted};
use crate::world::{World, login, message};

const MOVES: &str = "old@acme.example";

/// A world with somebody whose password only the plugin knows: what the administrator gave as their credential.
async fn world(hooks: &Scripted) -> (World, Identity) {
    let (world, _) = scripted(hooks).await;
    let body = json!({
        "schema_id": "default",
        "traits": { "email": MOVES },
        "credentials": { "password": { "config": {
            "use_password_migration_hook": true,
            "hashed_password": "old horse",
        }}},
    });
    let old = world.create(&body).await.unwrap().identity;
    hooks.asked();
    (world, old)
}

#[tokio::test]
async fn password_of_elsewhere_moves_in_the_change_that_begins_the_session() {
    let hooks = Scripted::default();
    let (world, old) = world(&hooks).await;
    let Step::SignedIn(signed_in) = world.login(MOVES, "old horse").await.unwrap() else {
        panic!("not signed in")
    };
    assert_eq!(
        hooks.asked(),
        ["before_login old@acme.example", "verify_import old horse", "after_login anew"]
    );
    assert!(signed_in.rehash.is_none());
    let change = signed_in.change.seal(&crate::world::sealer());
    let [Write::RehashPassword { identity, password, version: 1, .. }, Write::InsertSession(_)] =
        &*change.writes
    else {
        panic!("{:?}", change.writes)
    };
    assert!(*identity == old.id && password.made_with(world.settings.argon2));
    let moved = change
        .audit
        .iter()
        .any(|event| event.action == "password.imported" && event.actor == Actor::Subject(old.id));
    assert!(moved, "{:?}", change.audit);

    world.people.apply(&change);
    let again = world.login(MOVES, "old horse").await.unwrap();
    assert!(matches!(again, Step::SignedIn(_)));
    assert_eq!(hooks.asked(), ["before_login old@acme.example", "after_login anew"], "never again");
}

#[tokio::test]
async fn wrong_password_and_nobody_and_whoever_has_moved_are_alike() {
    let hooks = Scripted::default();
    let (world, _) = world(&hooks).await;
    for (identifier, told) in [
        (MOVES, "wrong horse"),
        ("ada@acme.example", "nobody"),
        ("nobody@acme.example", "nobody"),
        ("not an address", "nobody"),
    ] {
        assert_eq!(
            message(&world.login(identifier, "wrong horse").await.unwrap()),
            4_000_006,
            "{identifier}"
        );
        let asked = [format!("before_login {identifier}"), format!("verify_import {told}")];
        assert_eq!(hooks.asked(), asked, "{identifier}");
    }
}

#[tokio::test]
async fn plugin_that_fails_or_is_not_there_lets_nobody_in() {
    let (mut world, _) = world(&Scripted { fails: Some("verify_import"), ..Scripted::default() }).await;
    for identifier in [MOVES, "nobody@acme.example"] {
        let failed = world.login(identifier, "old horse").await.unwrap_err();
        assert!(matches!(failed, FlowError::Hook(_)), "{identifier}: {failed}");
    }
    assert!(matches!(world.login("ada@acme.example", "correct horse").await, Ok(Step::SignedIn(_))));
    world.hooks = Box::new(portcullis_identity::hooks::NoIdentityHooks);
    assert_eq!(message(&world.login(MOVES, "old horse").await.unwrap()), 4_000_006);
}

#[tokio::test]
async fn guesses_are_limited_before_the_plugin_is_asked() {
    let hooks = Scripted::default();
    let (world, _) = world(&hooks).await;
    for _ in 0..world.settings.limits.identifier.burst {
        world.login(MOVES, "wrong horse").await.unwrap();
    }
    hooks.asked();
    assert!(matches!(world.login(MOVES, "old horse").await, Err(FlowError::Limited(_))));
    assert_eq!(hooks.asked(), [] as [&str; 0]);
}

#[tokio::test]
async fn disabled_account_is_told_so_to_who_knows_the_password_only() {
    let (world, old) = world(&Scripted::default()).await;
    world.people.disable(old.id);
    assert_eq!(message(&world.login(MOVES, "wrong horse").await.unwrap()), 4_000_006);
    assert_eq!(world.login(MOVES, "old horse").await.unwrap_err(), FlowError::IdentityDisabled);
}

#[tokio::test]
async fn proving_it_again_moves_the_password_too() {
    let (world, old) = world(&Scripted::default()).await;
    let Step::SignedIn(signed_in) = world.login(MOVES, "old horse").await.unwrap() else {
        panic!("not signed in")
    };
    let live = LiveSession::check(signed_in.session, signed_in.identity, world.now).unwrap();
    let body = json!({ "method": "password", "identifier": MOVES, "password": "old horse" });
    let again = world.submit(login(Some(old.id)), Some(&live), &body).await.unwrap();
    let Step::Refreshed { change, .. } = again else { panic!("not refreshed") };
    assert!(change.writes.iter().any(|write| matches!(write, Write::RehashPassword { .. })));
}

#[tokio::test]
async fn credential_of_elsewhere_is_opaque_and_bounded_and_alone() {
    let world = World::new();
    for (config, refused) in [
        (json!({ "use_password_migration_hook": true }), None),
        (
            json!({ "use_password_migration_hook": true, "hashed_password": "$2b$12$abcdefghijklmnopqrstuv" }),
            None,
        ),
        (json!({ "use_password_migration_hook": true, "hashed_password": "x".repeat(4097) }), Some("4096")),
        (json!({ "use_password_migration_hook": true, "password": "correct horse" }), Some("beside")),
        (json!({ "use_password_migration_hook": false, "hashed_password": "$2b$12$abc" }), Some("bcrypt")),
        (json!({ "hashed_password": "$elsewhere$x" }), Some("no known kind")),
    ] {
        let body = json!({
            "schema_id": "default",
            "traits": { "email": format!("p{}@acme.example", config.to_string().len()) },
            "credentials": { "password": { "config": config } },
        });
        match (world.create(&body).await, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expect) => panic!("{body}: {found:?}, expected {expect:?}"),
        }
    }
}

#[tokio::test]
async fn hash_that_others_made_is_replaced_by_ours_in_the_change_that_begins_the_session() {
    let world = World::new();
    // Python's hashlib, and glibc's crypt.
    let argon2i = "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";
    for (email, hash, password) in [
        ("md5@acme.example", "$md5$PLTnMmMfR+brlh80VUt83g==", "correct horse"),
        (
            "bcrypt@acme.example",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
            "correct horse",
        ),
        ("argon2i@acme.example", argon2i, "password"),
    ] {
        let body = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "credentials": { "password": { "config": { "hashed_password": hash } } },
        });
        world.create(&body).await.unwrap();
        assert_eq!(message(&world.login(email, "correct horsf").await.unwrap()), 4_000_006, "{email}");
        let Step::SignedIn(signed_in) = world.login(email, password).await.unwrap() else {
            panic!("{email} is not signed in")
        };
        world.people.apply(&signed_in.change.seal(&crate::world::sealer()));
        if let Some(rehash) = &signed_in.rehash {
            world.people.apply(rehash);
        }
        let stored = world.people.password(email);
        assert!(stored.made_with(world.settings.argon2), "{email}");
        assert!(matches!(world.login(email, password).await.unwrap(), Step::SignedIn(_)), "{email}");
    }
}

#[tokio::test]
async fn hash_above_its_cap_in_the_database_lets_nobody_in() {
    let world = World::new();
    let ada = world.person("ada@acme.example").await;
    let costly = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2";
    world.people.apply(&Change::new(world.tenant.clone()).write(Write::SetPassword {
        identity: ada.id,
        password: HashedPassword(Secret::new(costly.to_owned())),
        at: world.now,
    }));
    assert!(matches!(world.login("ada@acme.example", "correct horse").await, Err(FlowError::Hash(_))));
}
