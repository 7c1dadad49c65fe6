//! The built-in pages.

use crate::client::csrf_token;
use crate::site::{BASE, Site};

/// One script runs, on pages that have passkeys: the policy names it, and the page its content.
#[tokio::test]
async fn every_page_forbids_scripts_and_frames() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let mut nobody = site.client();
    let login = nobody.get("/self-service/login/browser").await.location().to_owned();
    let registration = nobody.get("/self-service/registration/browser").await.location().to_owned();
    let settings = browser.get("/self-service/settings/browser").await.location().to_owned();
    for (client, path, passkeys) in [
        (&mut nobody, login.as_str(), true),
        (&mut site.client(), "/", false),
        (&mut site.client(), "/ui/error?id=x", false),
        (&mut browser, settings.as_str(), true),
    ] {
        let page = client.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(page.body.matches("<script").count(), usize::from(passkeys), "{path}");
        assert_eq!(policy.contains("script-src"), passkeys, "{path}");
        if let Some((_, source)) = policy.split_once("; script-src ") {
            let file = source.strip_prefix(BASE).unwrap();
            assert!(page.body.contains(&format!("<script src=\"{file}\" integrity=\"sha512-")), "{path}");
            assert_eq!(site.client().get(file).await.status, 200);
        }
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(page.body.contains("<h1"), "{path}");
    }
    assert_eq!(nobody.get(&registration).await.status, 200);
}

#[tokio::test]
async fn a_page_without_flow_begins_one() {
    let site = Site::open().await;
    let mut browser = site.client();
    for (page, start) in [
        ("/ui/login", "/self-service/login/browser"),
        ("/ui/login?return_to=%2Fui%2Fx", "/self-service/login/browser?return_to=%2Fui%2Fx"),
        ("/ui/registration", "/self-service/registration/browser"),
        ("/ui/settings", "/self-service/settings/browser"),
    ] {
        assert_eq!(browser.get(page).await.location(), start);
    }
    let unknown = "/ui/login?flow=00000000-0000-0000-0000-000000000000";
    assert_eq!(browser.get(unknown).await.location(), "/self-service/login/browser");
}

#[tokio::test]
async fn what_pages_load_is_there_and_kept() {
    let site = Site::open().await;
    let page = site.client().get("/").await;
    let names: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("/ui/assets/")).collect();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let file = site.client().get(name).await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, "nosniff"), "{name}");
        assert!(file.header("cache-control").contains("immutable"), "{name}");
    }
    assert_eq!(site.client().get("/ui/assets/..%2Fx").await.status, 404);
}

#[tokio::test]
async fn sessions_end_from_the_page_with_its_token_only() {
    let site = Site::open().await;
    let mut mine = site.signed_in("ada@example.com").await;
    let mut other = site.client();
    site.sign_in(&mut other, "ada@example.com").await;
    let flow = mine.begin("settings").await;
    let id = flow["id"].as_str().unwrap().to_owned();
    let page = mine.get(&format!("/ui/settings?flow={id}")).await;
    assert!(page.body.contains("/ui/sessions"), "the list is there");
    let forged =
        mine.form("/ui/sessions", &[("session", "others"), ("flow", &id), ("csrf_token", "x")]).await;
    assert!(forged.location().starts_with("/ui/error?id="), "{}", forged.location());
    assert_eq!(other.get_json("/sessions/whoami").await.status, 200);
    let token = csrf_token(&flow).to_owned();
    let done =
        mine.form("/ui/sessions", &[("session", "others"), ("flow", &id), ("csrf_token", &token)]).await;
    assert_eq!(done.location(), format!("/ui/settings?flow={id}&revoked=true"));
    assert_eq!(other.get_json("/sessions/whoami").await.status, 401);
    assert_eq!(mine.get_json("/sessions/whoami").await.status, 200);
}

#[tokio::test]
async fn a_chosen_language_stays() {
    let site = Site::open().await;
    let mut browser = site.client();
    let page = browser.get("/self-service/login/browser").await.location().to_owned();
    assert!(browser.get(&page).await.body.contains("<html lang=\"en\""));
    assert!(browser.get(&format!("{page}&ui_locales=de")).await.body.contains("<html lang=\"de\""));
    assert!(browser.get(&page).await.body.contains("<html lang=\"de\""));
}

#[tokio::test]
async fn the_sign_out_button_signs_out() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let begun = browser.get("/ui/logout").await;
    let asked = browser.get(begun.location()).await;
    let page = browser.get(asked.location()).await;
    assert_eq!(page.status, 200, "{}", asked.location());
    let hidden = page.body.split("name=\"logout_challenge\" value=\"").nth(1).unwrap();
    let challenge = hidden.split('"').next().unwrap().to_owned();
    let done = browser.form("/ui/logout", &[("logout_challenge", &challenge)]).await;
    assert_eq!(done.location(), "/ui/signed-out");
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
}
