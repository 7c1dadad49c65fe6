//! The apps with access on the page of one's account.

use std::time::Duration;

use serde_json::json;

use crate::browser::{Browser, Response};
use crate::oauth2::code::{App, csrf_token, sign_up};
use crate::world::World;

/// The page of the account, and the fields of its forms: the flow and the token.
async fn account(world: &World, browser: &mut Browser) -> (Response, String, String) {
    let acme = world.tenant("acme");
    let flow = browser.get_json(&format!("{acme}/self-service/settings/browser")).await.json();
    let id = flow["id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("{acme}/ui/settings?flow={id}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    (page, id, csrf_token(&flow))
}

/// What the page says of apps; nothing if it lists none.
fn listed(page: &Response) -> String {
    let text = page.text();
    let section = text.split_once("id=\"apps\"").and_then(|(_, rest)| rest.split_once("</section>"));
    section.map(|(section, _)| section.to_owned()).unwrap_or_default()
}

/// Takes back on the page what an app was granted.
async fn take_back(world: &World, browser: &mut Browser, client: &str) {
    let (_, flow, token) = account(world, browser).await;
    let form = [("flow", flow.as_str()), ("csrf_token", &*token), ("app", client)];
    let removed = browser.post(&format!("{}/ui/sessions", world.tenant("acme")), &form).await;
    assert_eq!((removed.status, removed.location().path()), (303, "/t/acme/ui/settings"));
}

/// Is asked, allows, and says whether to be asked again; the access token.
async fn allow(world: &World, app: &App<'_>, browser: &mut Browser, remember: bool) -> String {
    let asked = browser.get(&app.authorize(&[])).await;
    assert_eq!(asked.location().path(), "/t/acme/ui/consent");
    let challenge = asked.sent("consent_challenge").unwrap();
    let mut form = vec![("consent_challenge", challenge.as_str()), ("decision", "allow")];
    form.extend(remember.then_some(("remember", "true")));
    let allowed = browser.post(&format!("{}/ui/consent", world.tenant("acme")), &form).await;
    let code = allowed.sent("code").unwrap();
    app.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned()
}

async fn granted(app: &App<'_>, browser: &mut Browser) -> String {
    let code = browser.get(&app.authorize(&[])).await.sent("code").unwrap();
    app.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn person_sees_the_apps_with_access_and_takes_it_back() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    sign_up(&world, &mut ada, "ada@acme.example").await;
    sign_up(&world, &mut bob, "bob@acme.example").await;
    let (page, ..) = account(&world, &mut ada).await;
    assert!(!page.text().contains("id=\"apps\""), "nothing was granted: {}", page.text());
    let (first, second) = (granted(&app, &mut ada).await, granted(&app, &mut ada).await);
    let his = granted(&app, &mut bob).await;

    let (page, flow, token) = account(&world, &mut ada).await;
    let text = page.text();
    let section = text.split_once("id=\"apps\"").unwrap().1.split_once("</section>").unwrap().0;
    assert_eq!(section.matches("The App").count(), 2, "once, and its button: {section}");
    let remove = async |browser: &mut Browser, token: &str| {
        let form = [("flow", flow.as_str()), ("csrf_token", token), ("app", "app")];
        browser.post(&format!("{}/ui/sessions", world.tenant("acme")), &form).await
    };
    // Attack: a form of another site, or of somebody else, takes it back.
    remove(&mut ada, "made-up").await;
    remove(&mut bob, &token).await;
    for token in [&first, &second, &his] {
        assert!(app.is_active(token).await);
    }
    let removed = remove(&mut ada, &token).await;
    assert_eq!((removed.status, removed.location().path()), (303, "/t/acme/ui/settings"));
    assert!(!app.is_active(&first).await && !app.is_active(&second).await, "both grants, offline or not");
    assert!(app.is_active(&his).await, "another person's");
    let (page, ..) = account(&world, &mut ada).await;
    assert!(!page.text().contains("id=\"apps\""), "{}", page.text());
    assert_eq!(remove(&mut ada, &token).await.status, 303, "taken back before is no error");
}

/// Attack: an app that renews its tokens in a frame has hundreds of grants; what else was granted is listed nowhere any more, and
/// nobody can take it back.
#[tokio::test(flavor = "multi_thread")]
async fn app_stays_on_the_page_however_often_another_was_granted_something() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let other = json!({
        "client_id": "other", "client_name": "Another One", "grant_types": ["authorization_code"],
        "redirect_uris": ["https://app.example/cb"], "scope": "openid", "skip_consent": true,
    });
    world.client("acme", other).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let first = ada.get(&app.authorize(&[("client_id", "other"), ("scope", "openid")])).await;
    assert!(first.sent("code").is_some(), "{}", first.header("location"));
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..201 {
        let renewed = ada.get(&app.authorize(&[("prompt", "none")])).await;
        assert!(renewed.sent("code").is_some(), "{}", renewed.header("location"));
    }
    let (page, ..) = account(&world, &mut ada).await;
    let apps = listed(&page);
    assert!(apps.contains("The App") && apps.contains("Another One"), "{apps}");
    take_back(&world, &mut ada, "other").await;
    let (page, ..) = account(&world, &mut ada).await;
    let apps = listed(&page);
    assert!(apps.contains("The App") && !apps.contains("Another One"), "{apps}");
    take_back(&world, &mut ada, "app").await;
    let (page, ..) = account(&world, &mut ada).await;
    assert_eq!(listed(&page), "", "all of hundreds");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_back_what_is_remembered_is_asked_again() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let token = allow(&world, &app, &mut ada, true).await;
    let again = ada.get(&app.authorize(&[])).await;
    assert!(again.sent("code").is_some(), "remembered: {}", again.header("location"));
    let (page, ..) = account(&world, &mut ada).await;
    assert!(listed(&page).contains("See your email address"), "{}", listed(&page));

    take_back(&world, &mut ada, "app").await;
    assert!(!app.is_active(&token).await);
    let silent = ada.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.sent("error").as_deref(), Some("consent_required"));
    let asked = ada.get(&app.authorize(&[])).await;
    assert_eq!(asked.location().path(), "/t/acme/ui/consent");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_allows_once_is_asked_again() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let first = allow(&world, &app, &mut ada, false).await;
    let silent = ada.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.sent("error").as_deref(), Some("consent_required"));
    let second = allow(&world, &app, &mut ada, false).await;
    assert!(app.is_active(&first).await && app.is_active(&second).await, "what was allowed before goes on");
    let (page, ..) = account(&world, &mut ada).await;
    assert!(listed(&page).contains("The App"), "{}", page.text());
    take_back(&world, &mut ada, "app").await;
    assert!(!app.is_active(&first).await && !app.is_active(&second).await);
}
