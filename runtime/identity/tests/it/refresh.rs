//! Proving again who one is, and what needs it.

use portcullis_identity::flow::{FlowError, FlowKind};
use portcullis_identity::{Problem, Step, Write};
use serde_json::json;

use crate::world::{World, aged, login, message};

#[tokio::test]
async fn own_password_renews_the_session_and_nobody_elses_does() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    world.person("bob@example.com").await;
    let live = aged(&world.sign_in("ada@example.com").await, 7200, world.now);
    for (identifier, password, renewed) in [
        ("ada@example.com", "correct horse", true),
        ("ada@example.com", "wrong", false),
        ("bob@example.com", "correct horse", false),
    ] {
        let body = json!({"method": "password", "identifier": identifier, "password": password});
        let step = world.submit(login(Some(ada.id)), Some(&live), &body).await.unwrap();
        if !renewed {
            assert_eq!(message(&step), 4_000_006, "{identifier}");
            continue;
        }
        let Step::Refreshed { session, change } = step else { panic!("not renewed: {step:?}") };
        assert_eq!((session.id, session.authenticated_at), (live.session().id, world.now));
        assert_eq!(session.methods.len(), 1, "the same proof is listed once");
        assert!(matches!(change.writes[..], [Write::RefreshSession { .. }]));
    }
}

#[tokio::test]
async fn flow_to_renew_is_worth_nothing_without_its_session() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let body = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    let step = world.submit(login(Some(ada.id)), None, &body).await.unwrap();
    assert_eq!(message(&step), 4_000_006);
}

#[tokio::test]
async fn old_session_changes_no_credentials() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    let young = world.sign_in("ada@example.com").await;
    let old = aged(&young, 3600, world.now);
    let kind = || FlowKind::Settings { identity: ada.id, saved: false };
    let password = json!({"method": "password", "password": "battery staple"});
    let email = json!({"method": "profile", "traits": {"email": "lovelace@example.com"}});
    let name = json!({"method": "profile", "traits": {"email": "ada@example.com", "name": {"first": "Ada"}}});
    for (body, needs_refresh) in [(&password, true), (&email, true), (&name, false)] {
        assert!(matches!(world.submit(kind(), Some(&young), body).await, Ok(Step::Saved { .. })), "{body}");
        match world.submit(kind(), Some(&old), body).await {
            Ok(Step::Saved { .. }) => assert!(!needs_refresh, "{body}"),
            Err(error @ FlowError::RefreshRequired) => {
                assert!(needs_refresh, "{body}");
                let problem = Problem::of_submission(error, || "https://id.example/login".to_owned());
                let redirect_browser_to = "https://id.example/login".to_owned();
                assert_eq!(problem, Problem::SessionRefreshRequired { redirect_browser_to });
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn form_of_somebody_else_changes_nothing() {
    let world = World::new();
    let ada = world.person("ada@example.com").await;
    world.person("bob@example.com").await;
    let bob = world.sign_in("bob@example.com").await;
    let body = json!({"method": "password", "password": "battery staple"});
    let kind = FlowKind::Settings { identity: ada.id, saved: false };
    assert_eq!(world.submit(kind, Some(&bob), &body).await.unwrap_err(), FlowError::IdentityMismatch);
}
