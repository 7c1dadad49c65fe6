//! A session of an identity and a sign-in at a tenant's login app end together, whichever of them ends and however, and the apps are
//! told of both.

use serde_json::{Value, json};

use super::code::{App, claims, sign_up};
use super::exchange::is_signed_in;
use super::own_login::{answer, sent, sign_in, text, world};
use crate::browser::Browser;
use crate::sessions::{End, end, sign_in as sign_in_here, told};
use crate::world::World;

/// An app of a tenant that has a login app, and is told of ends.
async fn app(world: &World) -> App<'_> {
    let document = json!({
        "client_id": "app", "grant_types": ["authorization_code", "refresh_token"], "skip_logout_consent": true,
        "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access", "skip_consent": true,
        "backchannel_logout_uri": "https://app.example/logout",
        "frontchannel_logout_uri": "https://app.example/out", "frontchannel_logout_session_required": true,
    });
    App::register_as(world, document).await
}

/// What the app was granted in a sign-in of somebody at the login app, which names a session of theirs or none.
async fn granted(world: &World, app: &App<'_>, browser: &mut Browser, session: Option<&Value>) -> Value {
    let who = own(world, browser).await;
    let body = json!({"subject": who["identity"]["id"], "remember": true,
        "identity_provider_session_id": session.unwrap_or(&json!(""))});
    granted_by(world, app, browser, body).await
}

pub(super) async fn granted_by(world: &World, app: &App<'_>, browser: &mut Browser, body: Value) -> Value {
    let challenge = sign_in(world, app, browser, body).await;
    let body = json!({"grant_scope": ["openid"]});
    let accepted = answer(world, "consent/accept", &challenge, body).await;
    let code = browser.get(&accepted).await.sent("code").unwrap();
    app.redeem(&code).await.json()
}

/// The session here of a browser.
async fn own(world: &World, browser: &mut Browser) -> Value {
    browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.json()
}

/// Attack: somebody is locked out of their account, and an app in which they had signed in by way of the login app goes on.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_at_the_app_ends_with_the_session_on_which_it_hangs_however_that_ends() {
    let world = world().await;
    let app = app(&world).await;
    for (number, how) in End::ALL.into_iter().enumerate() {
        for hangs in [true, false] {
            let email = format!("person{number}{hangs}@acme.example");
            let (mut app_user, mut elsewhere) = (Browser::default(), Browser::default());
            sign_up(&world, &mut app_user, &email).await;
            sign_in_here(&world, &mut elsewhere, &email).await;
            // The sign-in is of a third browser, so that no cookie says that they belong together.
            let mut third = Browser { cookies: app_user.cookies.clone() };
            let session = own(&world, &mut app_user).await["id"].clone();
            let tokens = granted(&world, &app, &mut third, hangs.then_some(&session)).await;
            let sid = claims(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
            assert_ne!(session, sid);
            let access = text(&tokens, "access_token");
            assert!(app.is_active(access).await && told(&world, &sid).await == 0, "{how:?} {hangs}");
            end(&world, how, &mut app_user, &mut elsewhere).await;
            // Of one session alone, only what hangs on it.
            let is_of_one = matches!(how, End::SignOut | End::RevokeFromElsewhere | End::OperatorEndsOne);
            let ends = hangs || !is_of_one;
            assert_eq!(app.is_active(access).await, !ends, "{how:?} {hangs}");
            assert_eq!(
                told(&world, &sid).await,
                usize::from(ends),
                "{how:?} {hangs}: the app's server is told"
            );
        }
    }
}

/// Attack: between the word of the login app and the browser's return the session ends, e.g. because somebody was locked out, and
/// the browser is signed in all the same.
#[tokio::test(flavor = "multi_thread")]
async fn answer_of_before_the_end_brings_nobody_in() {
    let world = world().await;
    let app = app(&world).await;
    for (number, how) in End::ALL.into_iter().enumerate() {
        let email = format!("person{number}@acme.example");
        let (mut app_user, mut elsewhere) = (Browser::default(), Browser::default());
        sign_up(&world, &mut app_user, &email).await;
        sign_in_here(&world, &mut elsewhere, &email).await;
        let who = own(&world, &mut app_user).await;
        let mut third = Browser { cookies: app_user.cookies.clone() };
        let challenge = sent(&mut third, &app.authorize(&[]), "login").await;
        let body = json!({"subject": who["identity"]["id"], "identity_provider_session_id": who["id"]});
        let accepted = answer(&world, "login/accept", &challenge, body).await;
        end(&world, how, &mut app_user, &mut elsewhere).await;
        let back = third.get(&accepted).await;
        // The tenant's own page of errors says so.
        assert_eq!(
            back.sent("error").as_deref(),
            Some("challenge_of_an_ended_session"),
            "{how:?}: {}",
            back.text()
        );
    }
}

/// What hangs on the session that somebody keeps, while they end their others, is kept.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_that_hangs_on_the_session_that_stays_is_kept() {
    let world = world().await;
    let app = app(&world).await;
    for how in [End::RevokeAllOthers, End::ChangePassword] {
        let email = format!("{how:?}@acme.example").to_lowercase();
        let (mut app_user, mut elsewhere) = (Browser::default(), Browser::default());
        sign_up(&world, &mut app_user, &email).await;
        sign_in_here(&world, &mut elsewhere, &email).await;
        let kept = own(&world, &mut elsewhere).await["id"].clone();
        let mut third = Browser { cookies: elsewhere.cookies.clone() };
        let tokens = granted(&world, &app, &mut third, Some(&kept)).await;
        end(&world, how, &mut app_user, &mut elsewhere).await;
        assert!(app.is_active(text(&tokens, "access_token")).await, "{how:?}");
    }
}

/// The other way round: an app signs somebody out, or an operator ends the sign-in, and the session here is over with it.
#[tokio::test(flavor = "multi_thread")]
async fn session_here_ends_with_the_sign_in_at_the_app() {
    let world = world().await;
    let app = app(&world).await;
    for (number, hangs) in [true, false].into_iter().enumerate() {
        let mut ada = Browser::default();
        sign_up(&world, &mut ada, &format!("ada{number}@acme.example")).await;
        let session = own(&world, &mut ada).await["id"].clone();
        let mut copy = Browser { cookies: ada.cookies.clone() };
        let tokens = granted(&world, &app, &mut ada, hangs.then_some(&session)).await;
        let hint = [("id_token_hint", text(&tokens, "id_token"))];
        let url =
            format!("{}/oauth2/sessions/logout?{}", world.tenant("acme"), crate::browser::encode(&hint));
        let gone = ada.get(&url).await;
        // The hint is of the sign-in of this browser: nobody is asked, and the app is opened.
        let page = ada.get(gone.location().as_str()).await.text();
        let sid = claims(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
        assert!(page.contains("<iframe src=\"https://app.example/out?iss=") && page.contains(&sid), "{page}");
        assert!(!app.is_active(text(&tokens, "access_token")).await);
        assert_eq!(told(&world, &sid).await, 1);
        assert!(
            !is_signed_in(&world, &mut copy).await,
            "{hangs}: a copy of the forgotten cookie is worth something"
        );
    }
    // By an operator, who ends the one by its id: the other, too, where it is named.
    let mut bob = Browser::default();
    sign_up(&world, &mut bob, "bob@acme.example").await;
    let session = own(&world, &mut bob).await["id"].clone();
    for (named, expect) in [(None, true), (Some(&session), false)] {
        let tokens = granted(&world, &app, &mut bob, named).await;
        let sid = claims(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
        let path = format!("/admin/oauth2/auth/sessions/login?sid={sid}");
        let ended = world.operate(&world.key, ("DELETE", &path), "acme", &Value::Null).await;
        assert_eq!(ended.status, 204, "{}", ended.text());
        assert_eq!(told(&world, &sid).await, 1);
        assert!(!app.is_active(text(&tokens, "access_token")).await);
        assert_eq!(is_signed_in(&world, &mut bob).await, expect, "{named:?}");
    }
}

/// Somebody signs out here, in the browser in which they had signed in at the app: both end, and the app is opened.
#[tokio::test(flavor = "multi_thread")]
async fn sign_out_here_signs_out_of_the_app_in_the_same_browser_if_it_is_the_same_person() {
    let world = world().await;
    let app = app(&world).await;
    for same in [true, false] {
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, &format!("ada{same}@acme.example")).await;
        let tokens = if same {
            granted(&world, &app, &mut browser, None).await
        } else {
            granted_by(&world, &app, &mut browser, json!({"subject": "somebody@crm"})).await
        };
        let begun =
            browser.get_json(&format!("{}/self-service/logout/browser", world.tenant("acme"))).await.json();
        let done = browser.get(begun["logout_url"].as_str().unwrap()).await;
        assert_eq!(done.sent("farewell").is_some(), same, "{}", done.header("location"));
        assert_eq!(app.is_active(text(&tokens, "access_token")).await, !same);
        assert_eq!(browser.cookies.keys().any(|(_, name)| name == "ory_hydra_session"), !same);
    }
}

/// Attack: a page somewhere signs people out of their accounts, of a tenant whose apps ask its login app, without a question.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_session_here_alone_is_asked_before_it_ends() {
    let world = world().await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let url = format!("{}/oauth2/sessions/logout", world.tenant("acme"));
    let challenge = sent(&mut ada, &url, "logout").await;
    assert!(is_signed_in(&world, &mut ada).await);
    let accepted = answer(&world, "logout/accept", &challenge, json!({})).await;
    assert_eq!(ada.get(&accepted).await.status, 303);
    assert!(!is_signed_in(&world, &mut ada).await);
}
