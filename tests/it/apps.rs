//! The apps with access on the page of one's account.

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
