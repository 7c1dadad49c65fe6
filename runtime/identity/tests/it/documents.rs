//! What clients are shown, in every state, is what the API describes.

use portcullis_identity::administration::{Credentials, FactorCredential, admin_identity_document};
use portcullis_identity::factor::FactorKind;
use portcullis_identity::flow::{FlowKind, FlowView, Message, Transport, flow_document};
use portcullis_identity::session::{identity_document, session_document};
use portcullis_identity::{Flow, Step};
use serde_json::json;

use crate::openapi::Description;
use crate::world::{BASE, World, login};

fn check(
    description: &Description,
    world: &World,
    flow: &Flow,
    identity: Option<&portcullis_identity::Identity>,
) {
    let view = FlowView {
        base_url: BASE,
        schema: world.schemas.default_schema(),
        csrf_token: Some("token"),
        identity,
        providers: &[],
        script_integrity: "sha512-x",
        captcha: None,
    };
    description.check(&format!("{}Flow", flow.kind.as_str()), &flow_document(flow, view));
}

#[tokio::test]
async fn flows_in_every_state() {
    let Some(description) = Description::load() else { return };
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let challenge = || Some("challenge".to_owned());
    let kinds = [
        login(None),
        login(Some(ada.id)),
        FlowKind::Login {
            refresh: None,
            select_account: false,
            login_challenge: challenge(),
            identifier: "ada".to_owned(),
        },
        FlowKind::Registration { login_challenge: challenge() },
        FlowKind::Settings { identity: ada.id, saved: false },
    ];
    let bodies = [
        json!({}),
        json!({"method": "password"}),
        json!({"method": "profile", "traits": {"email": 3, "x": {"y": [1]}}}),
        json!({"method": "password", "identifier": "ada@example.com", "password": "wrong"}),
        json!({"method": "password", "password": "short", "traits": {"email": "ada@example.com", "name": {"first": "A"}}}),
        json!({"method": "password", "password": "battery staple", "traits": {"email": "ada@example.com"}}),
        json!({"method": "profile", "traits": {"email": "ada@example.com", "name": {"first": "Ada"}}}),
    ];
    for kind in kinds {
        for transport in [Transport::Browser, Transport::Api] {
            let flow = world.flow(kind.clone(), transport);
            check(&description, &world, &flow, Some(&ada));
            check(&description, &world, &flow.renew(&world.rng, world.now, &world.settings), Some(&ada));
        }
        for body in &bodies {
            match world.submit(kind.clone(), Some(&live), body).await {
                Ok(Step::Form(flow) | Step::Saved { flow, .. }) => {
                    check(&description, &world, &flow, Some(&ada));
                    check(
                        &description,
                        &world,
                        &flow.with_message(Message::too_many_attempts(3)),
                        Some(&ada),
                    );
                }
                Ok(
                    Step::Refused(..)
                    | Step::Shown(..)
                    | Step::Elsewhere(_)
                    | Step::ToProvider(_)
                    | Step::SentOn(..)
                    | Step::Trusted { .. }
                    | Step::SignedIn(_)
                    | Step::Refreshed { .. }
                    | Step::Registered { .. }
                    | Step::Challenged { .. }
                    | Step::Once(_)
                    | Step::WrongCode(_)
                    | Step::Verified { .. }
                    | Step::Recovered(_),
                ) => {}
                Err(error) => panic!("{kind:?} {body}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn identities_and_sessions() {
    let Some(description) = Description::load() else { return };
    let world = World::new();
    let mut ada = world.person("ada@example.com").await;
    ada.external_id = Some("ada-1".to_owned());
    ada.metadata_public = Some(json!({"plan": "pro"}));
    ada.metadata_admin = Some(json!("secret"));
    ada.verifiable_addresses[0].verified_at = Some(world.now);
    let url = "https://id.example/schemas/x";
    let own = identity_document(&ada, url);
    description.check("identity", &own);
    for hidden in ["metadata_admin", "credentials"] {
        assert!(own.get(hidden).is_none(), "{hidden} is the operator's");
    }
    let factor = FactorCredential {
        identity: ada.id,
        kind: FactorKind::Totp,
        created_at: world.now,
        updated_at: world.now,
    };
    let credentials = Credentials {
        identifiers: vec!["ada@example.com".to_owned()],
        has_password: true,
        factors: vec![factor],
        links: Vec::new(),
        shows_tokens: false,
        keys: Vec::new(),
    };
    let theirs = admin_identity_document(&ada, url, Some(&credentials));
    description.check("identity", &theirs);
    assert_eq!(theirs["metadata_admin"], "secret");
    assert_eq!(theirs["credentials"]["password"]["identifiers"], json!(["ada@example.com"]));
    assert_eq!(theirs["credentials"]["totp"]["identifiers"], json!([ada.id]));
    assert!(!theirs.to_string().contains("argon2"), "hashes stay inside");

    let live = world.sign_in("ada@example.com").await;
    description.check("session", &live.document(world.now, url));
    let bare = session_document(live.session(), world.now, None);
    description.check("session", &bare);
    assert_eq!(bare.get("identity"), None);
    let answer = json!({"session": live.document(world.now, url), "session_token": "ory_st_x"});
    description.check("successfulNativeLogin", &answer);
}
