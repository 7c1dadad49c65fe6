//! However a session ends, what an app was granted in it ends at the same moment; offline access (OpenID
//! Connect Core section 11) ends with the person.

use serde_json::{Value, json};
use tenancy::webhook::{WebhookFilter, WebhookMessages as _};

use crate::browser::Browser;
use crate::oauth2::code::{App, csrf_token, sign_up};
use crate::world::World;

const PASSWORD: &str = "a long enough phrase";

/// A way to end the session of `app_user`: by its own browser, by another one of the same person, or by an
/// operator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    SignOut,
    RevokeFromElsewhere,
    RevokeAllOthers,
    ChangePassword,
    OperatorEndsOne,
    OperatorDeletesAll,
    OperatorEndsLogin,
    OperatorDisables,
    OperatorDeletesThePerson,
}

pub(crate) async fn sign_in(world: &World, browser: &mut Browser, email: &str) {
    let flow = browser.get_json(&format!("{}/self-service/login/browser", world.tenant("acme"))).await.json();
    let body = json!({
        "method": "password",
        "csrf_token": csrf_token(&flow),
        "identifier": email,
        "password": PASSWORD,
    });
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(done.status, 200, "{}", done.text());
}

pub(crate) async fn end(world: &World, how: End, app_user: &mut Browser, elsewhere: &mut Browser) {
    let acme = world.tenant("acme");
    let who = app_user.get_json(&format!("{acme}/sessions/whoami")).await.json();
    let (session, identity) = (who["id"].as_str().unwrap(), who["identity"]["id"].as_str().unwrap());
    let operate = async |method: &str, path: String, body: Value| {
        let answer = world.operate(&world.key, (method, &path), "acme", &body).await;
        assert!(answer.status < 300, "{how:?}: {}", answer.text());
    };
    match how {
        End::SignOut => {
            let begun = app_user.get_json(&format!("{acme}/self-service/logout/browser")).await.json();
            assert_eq!(app_user.get(begun["logout_url"].as_str().unwrap()).await.status, 303);
        }
        End::RevokeFromElsewhere => {
            let url = format!("{acme}/sessions/{session}");
            assert_eq!(elsewhere.send("DELETE", &url, &[], String::new()).await.status, 204);
        }
        End::RevokeAllOthers => {
            let url = format!("{acme}/sessions");
            assert_eq!(elsewhere.send("DELETE", &url, &[], String::new()).await.status, 200);
        }
        End::ChangePassword => {
            let flow = elsewhere.get_json(&format!("{acme}/self-service/settings/browser")).await.json();
            let body = json!({
                "method": "password",
                "csrf_token": csrf_token(&flow),
                "password": "another long phrase",
            });
            let saved = elsewhere.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
            assert_eq!(saved.status, 200, "{}", saved.text());
        }
        End::OperatorEndsOne => operate("DELETE", format!("/admin/sessions/{session}"), Value::Null).await,
        End::OperatorDeletesAll => {
            operate("DELETE", format!("/admin/identities/{identity}/sessions"), Value::Null).await;
        }
        End::OperatorEndsLogin => {
            operate("DELETE", format!("/admin/oauth2/auth/sessions/login?subject={identity}"), Value::Null)
                .await;
        }
        End::OperatorDisables => {
            let off = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
            operate("PATCH", format!("/admin/identities/{identity}"), off).await;
        }
        End::OperatorDeletesThePerson => {
            operate("DELETE", format!("/admin/identities/{identity}"), Value::Null).await;
        }
    }
}

impl End {
    pub(crate) const ALL: [Self; 9] = [
        Self::SignOut,
        Self::RevokeFromElsewhere,
        Self::RevokeAllOthers,
        Self::ChangePassword,
        Self::OperatorEndsOne,
        Self::OperatorDeletesAll,
        Self::OperatorEndsLogin,
        Self::OperatorDisables,
        Self::OperatorDeletesThePerson,
    ];

    /// Whether the person as such is no longer to be trusted: then offline access ends as well.
    fn is_of_the_person(self) -> bool {
        matches!(self, Self::OperatorDisables | Self::OperatorDeletesThePerson)
    }
}

/// The access token of a new grant with this scope.
async fn granted(app: &App<'_>, browser: &mut Browser, scope: &str) -> String {
    let answer = browser.get(&app.authorize(&[("scope", scope)])).await;
    let code = answer.sent("code").unwrap_or_else(|| panic!("no code: {}", answer.header("location")));
    let tokens = app.redeem(&code).await.json();
    tokens["access_token"].as_str().unwrap_or_else(|| panic!("no token: {tokens}")).to_owned()
}

/// How often a server of the app is to be told that this session has ended.
pub(crate) async fn told(world: &World, session: &str) -> usize {
    let (tenant, all) = ("acme".parse().unwrap(), WebhookFilter::default());
    let listed = world.storage.list_webhook_messages(&tenant, &all, 100);
    let messages = listed.await.unwrap();
    let of_app = messages.iter().filter(|message| message.webhook == "logout:app");
    of_app.filter(|message| message.id.to_string() == session).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_die_with_the_session_unless_they_are_for_offline_access() {
    let world = World::start().await;
    let app = App::register_as(
        &world,
        json!({
            "client_id": "app",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": ["https://app.example/cb"],
            "scope": "openid profile email offline_access",
            "skip_consent": true,
            "backchannel_logout_uri": "https://app.example/logout",
        }),
    )
    .await;
    for (number, how) in End::ALL.into_iter().enumerate() {
        let email = format!("person{number}@acme.example");
        let (mut app_user, mut elsewhere) = (Browser::default(), Browser::default());
        sign_up(&world, &mut app_user, &email).await;
        sign_in(&world, &mut elsewhere, &email).await;
        let of_session = granted(&app, &mut app_user, "openid email").await;
        let offline = granted(&app, &mut app_user, "openid email offline_access").await;
        assert!(app.is_active(&of_session).await && app.is_active(&offline).await, "{how:?}");
        let whoami = app_user.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.json();
        let session = whoami["id"].as_str().unwrap();
        assert_eq!(told(&world, session).await, 0, "{how:?}: it goes on");
        end(&world, how, &mut app_user, &mut elsewhere).await;
        assert_eq!(told(&world, session).await, 1, "{how:?}: the app's server is told");
        assert!(!app.is_active(&of_session).await, "{how:?}: a token outlives its session");
        assert_eq!(app.is_active(&offline).await, !how.is_of_the_person(), "{how:?}: offline access");
        let whoami = format!("{}/sessions/whoami", world.tenant("acme"));
        assert_eq!(app_user.get_json(&whoami).await.status, 401, "{how:?}");
    }
}
