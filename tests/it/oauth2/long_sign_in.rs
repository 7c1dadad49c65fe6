//! A sign-in at a tenant's login app lasts for longer than what was granted in it: its apps are told of its end all the same.

use std::time::Duration;

use jobs::{JobName, Outcome};
use serde_json::{Value, json};

use super::code::{App, claims};
use super::own_login::{answer, sent, text, world};
use super::together::granted_by;
use crate::browser::{Browser, encode};
use crate::sessions::told;
use crate::world::World;

const DAY: Duration = Duration::from_hours(24);

/// A way to end somebody's sign-in at the login app.
#[derive(Debug, Clone, Copy)]
enum End {
    Browser,
    OperatorEndsOne,
    OperatorEndsAll,
}

/// Ends it; what the browser shows last, if it is the browser's doing.
async fn end(world: &World, how: End, browser: &mut Browser, (subject, sid): (&str, &str)) -> Option<String> {
    let query = match how {
        End::Browser => {
            let url = format!("{}/oauth2/sessions/logout", world.tenant("acme"));
            let challenge = sent(browser, &url, "logout").await;
            let accepted = answer(world, "logout/accept", &challenge, json!({})).await;
            let gone = browser.get(&accepted).await;
            return Some(browser.get(gone.location().as_str()).await.text());
        }
        End::OperatorEndsOne => ("sid", sid),
        End::OperatorEndsAll => ("subject", subject),
    };
    let path = format!("/admin/oauth2/auth/sessions/login?{}", encode(&[query]));
    let ended = world.operate(&world.key, ("DELETE", &path), "acme", &Value::Null).await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    None
}

/// Attack: somebody is signed out after more than a week, because their account was taken over say, and no app hears of it: each goes
/// on with the session that it has made of the sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn apps_are_told_of_the_end_of_a_sign_in_that_lasted_longer_than_what_was_granted_in_it() {
    let world = world().await;
    let document = json!({
        "client_id": "app", "grant_types": ["authorization_code", "refresh_token"], "skip_consent": true,
        "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access",
        "backchannel_logout_uri": "https://app.example/logout",
        "frontchannel_logout_uri": "https://app.example/out", "frontchannel_logout_session_required": true,
    });
    let app = App::register_as(&world, document).await;
    let mut signed_in = Vec::new();
    for (how, subject) in
        [(End::Browser, "ada@crm"), (End::OperatorEndsOne, "bob@crm"), (End::OperatorEndsAll, "eve@crm")]
    {
        let mut browser = Browser::default();
        let body = json!({"subject": subject, "remember": true, "remember_for": 20 * DAY.as_secs()});
        let tokens = granted_by(&world, &app, &mut browser, body).await;
        let sid = claims(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
        signed_in.push((how, subject, browser, sid));
    }
    world.clock.advance(9 * DAY);
    let outcome = world.run_job(JobName::Expiry).await;
    assert!(matches!(outcome, Outcome::Done(1..)), "what was issued is long gone: {outcome:?}");
    for (how, subject, mut browser, sid) in signed_in {
        assert_eq!(told(&world, &sid).await, 0, "{how:?}: it goes on");
        let last = end(&world, how, &mut browser, (subject, &sid)).await;
        assert_eq!(told(&world, &sid).await, 1, "{how:?}");
        if let Some(page) = last {
            let opens_the_app =
                page.contains("<iframe src=\"https://app.example/out?iss=") && page.contains(&sid);
            assert!(opens_the_app, "{how:?}: {page}");
        }
    }
}
