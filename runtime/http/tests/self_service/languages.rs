//! In which language pages and messages are: the person's choice, else the app's, else the browser's, else the tenant's.

use serde_json::json;

use crate::client::{Client, Response};
use crate::site::Site;

fn is_in(page: &Response, language: &str) -> bool {
    page.body.contains(&format!("<html lang=\"{language}\">"))
}

/// Where an app sends people, with more parameters.
fn authorize(more: &str) -> String {
    format!(
        "/oauth2/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&scope=openid&\
         state=a-state-of-this-test&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&\
         code_challenge_method=S256{more}"
    )
}

async fn with_app() -> Site {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let app = json!({"client_id": "app", "redirect_uris": ["https://app.example/cb"], "scope": "openid"});
    let made = site.client().json("POST", "/admin/clients", &app).await;
    assert_eq!(made.status, 201, "{}", made.body);
    site
}

/// The page that a flow or an authorization request ends on.
async fn shown(browser: &mut Client, path: &str) -> Response {
    let mut answer = browser.get(path).await;
    while answer.status == 303 {
        answer = browser.get(answer.location()).await;
    }
    answer
}

#[tokio::test]
async fn who_reads_no_language_of_ours_reads_the_tenants() {
    let headline = json!({"de": "Für alle", "fr": "Pour tous"});
    let site = Site::branded(&json!({"default_language": "de", "headline": headline})).await;
    for (accepted, language, headline) in [
        ("it", "de", "Für alle"),
        (";;", "de", "Für alle"),
        ("fr-CA,en;q=0.5", "fr", "Pour tous"),
        // The words of the pages, and the tenant's own as far as it has them.
        ("en", "en", "Für alle"),
    ] {
        let headers = [("accept", "text/html"), ("accept-language", accepted)];
        for path in ["/", "/nothing/is/here"] {
            let page = site.client().send("GET", path, &headers, "").await;
            assert!(is_in(&page, language), "{accepted} {path}: {}", page.body);
            assert!(page.body.contains(headline), "{accepted} {path}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn what_an_app_asks_for_is_kept_on_the_way_to_it_and_in_messages() {
    let site = with_app().await;
    let mut browser = site.client();
    assert!(is_in(&shown(&mut browser, &authorize("&ui_locales=it%20fr-CA%20de")).await, "fr"));
    // The page of another flow, which knows nothing of the app.
    let begun = browser.get("/self-service/recovery/browser").await;
    let page = begun.location().to_owned();
    assert!(is_in(&browser.get(&page).await, "fr"));
    let id = page.rsplit_once("flow=").unwrap().1;
    let form = browser.get_json(&format!("/self-service/recovery/flows?id={id}")).await.json();
    browser.submit(&form, &[("email", "ada@example.com"), ("method", "code")]).await;
    let mail = site.mail("ada@example.com").await;
    assert!(mail["body"].as_str().unwrap().contains("Le code est valable"), "{mail}");

    // What the next one asks for takes its place, and one that asks for nothing ends it.
    assert!(is_in(&shown(&mut browser, &authorize("&ui_locales=es")).await, "es"));
    let begun = browser.get(&authorize("")).await;
    assert!(begun.set_cookie("portcullis_asked_locale").contains("Max-Age=0"), "{:?}", begun.headers);
    let unknown = browser.get(&authorize("&ui_locales=tlh")).await;
    assert!(!unknown.set_cookie("portcullis_asked_locale").contains("tlh"), "{:?}", unknown.headers);
}

#[tokio::test]
async fn what_a_person_chose_is_before_what_an_app_asks_for() {
    let site = with_app().await;
    let mut browser = site.client();
    assert!(is_in(&browser.get("/?ui_locales=de").await, "de"));
    assert!(is_in(&shown(&mut browser, &authorize("&ui_locales=fr")).await, "de"));
}

#[tokio::test]
async fn metadata_names_the_languages_of_the_pages() {
    let site = Site::open().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let document = site.client().get_json(path).await.json();
        assert_eq!(document["ui_locales_supported"], json!(["en", "de", "fr", "es"]), "{path}");
    }
}

/// Attack: a text is mark-up, which pages would run on an origin that tenants share.
#[tokio::test]
async fn tenants_texts_stand_in_the_places_of_the_built_in_ones_as_texts() {
    let texts = json!({
        "en": {"login": {"title": "Welcome to <b>Nexboard</b>"}, "messages": {"1070001": "Secret phrase"}},
        "de": {"login": {"title": "Willkommen bei Nexboard"}},
    });
    let site = Site::branded(&json!({ "texts": texts })).await;
    for (language, own, built_in) in [
        ("en", "Welcome to &#60;b&#62;Nexboard&#60;/b&#62;</h1>", None),
        ("en", "Secret phrase", None),
        ("de", "Willkommen bei Nexboard</h1>", Some("Passwort")),
        ("fr", "Mot de passe", None),
    ] {
        let (mut browser, begin) = (site.client(), "/self-service/login/browser");
        let headers = [("accept", "text/html"), ("accept-language", language)];
        let begun = browser.send("GET", begin, &headers, "").await;
        let page = browser.send("GET", begun.location(), &headers, "").await;
        assert!(is_in(&page, language), "{}", page.body);
        assert!(page.body.contains(own), "{language}: {}", page.body);
        assert!(!page.body.contains("<b>Nexboard"), "{}", page.body);
        assert!(built_in.is_none_or(|text| page.body.contains(text)), "{}", page.body);
    }
    let wrong = json!({"settings": {"branding": {"texts": {"en": {"login": {"titel": "x"}}}}}});
    let refused = site.client().json("PATCH", "/admin/portcullis/v1/tenants/default", &wrong).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("branding.texts.en.login.titel: is no text of the pages"),
        "{}",
        refused.body
    );
}
