//! Who is asked to sign in again sees as whom, and may sign in as somebody else.

use serde_json::json;

use crate::client::{Client, Response, csrf_token};
use crate::site::Site;

const SWITCH: &str = "/self-service/login/browser?prompt=select_account";
const AGAIN: &str = "/self-service/login/browser?refresh=true";

fn credentials<'a>(email: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [("identifier", email), ("password", password), ("method", "password")]
}

/// Who is signed in; nobody is empty.
async fn who(browser: &mut Client) -> String {
    let answer = browser.get_json("/sessions/whoami").await;
    if answer.status == 401 {
        return String::new();
    }
    answer.json()["identity"]["traits"]["email"].as_str().unwrap().to_owned()
}

/// The page of a flow that a start leads to.
async fn page(browser: &mut Client, start: &str) -> Response {
    let flow = browser.get(start).await.location().to_owned();
    browser.get(&flow).await
}

#[tokio::test]
async fn page_says_who_signs_in_again_and_leads_to_another_account() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    for (language, as_whom, other) in [
        ("en", "You’re signed in as ada@example.com.", "Use another account"),
        ("de", "Sie sind als ada@example.com angemeldet.", "Anderes Konto verwenden"),
    ] {
        let start = format!("{AGAIN}&return_to=%2Fui%2Fx");
        let flow = browser.get(&start).await.location().to_owned();
        let page = browser.get(&format!("{flow}&ui_locales={language}")).await;
        assert!(page.body.contains(as_whom) && page.body.contains(other), "{}", page.body);
        let said = ["Confirm it’s you", "confirm that it’s you", "bestätigen Sie, dass Sie es sind"]
            .map(|words| page.body.matches(words).count());
        assert!(said.iter().sum::<usize>() <= 2, "the heading says it, and the title: {}", page.body);
        let link = page.body.split('"').find(|part| part.contains("prompt=select_account")).unwrap();
        let link = link.replace("&#38;", "&");
        assert!(link.starts_with("/self-service/login/browser?return_to="), "{link}");
        assert_eq!(browser.get(&link).await.status, 303);
    }
    let ordinary = page(&mut site.client(), "/self-service/login/browser").await;
    assert!(!ordinary.body.contains("select_account"), "nobody is signed in");
}

#[tokio::test]
async fn page_of_another_account_is_bound_to_nobody() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let page = page(&mut browser, SWITCH).await;
    assert!(!page.body.contains("ada@example.com"), "{}", page.body);
    assert!(!page.body.contains("/self-service/registration"), "which would go on as ada: {}", page.body);
    let flow = browser.get_json(SWITCH).await.json();
    assert_eq!(flow["refresh"], false);
}

/// OpenID Connect Core section 3.1.2.1, `login_hint`.
#[tokio::test]
async fn whom_an_app_has_in_mind_stands_in_the_form_of_who_is_not_signed_in() {
    let site = Site::open().await;
    let app = json!({"client_id": "app", "redirect_uris": ["https://app.example/cb"], "scope": "openid"});
    assert_eq!(site.client().json("POST", "/admin/clients", &app).await.status, 201);
    for hint in ["ada@example.com", "bob@example.com"] {
        let asked = format!(
            "/oauth2/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&\
             scope=openid&state=a-state-of-this-test&code_challenge_method=S256&\
             code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&login_hint={}",
            hint.replace('@', "%40")
        );
        let mut browser = site.client();
        let start = browser.get(&asked).await.location().to_owned();
        let flow = browser.get_json(&start).await.json();
        let nodes = flow["ui"]["nodes"].as_array().unwrap();
        let identifier = nodes.iter().find(|node| node["attributes"]["name"] == "identifier").unwrap();
        assert_eq!(identifier["attributes"]["value"], hint, "{flow}");
    }
}

#[tokio::test]
async fn session_before_ends_when_somebody_else_has_signed_in_and_not_before() {
    let site = Site::open().await;
    site.person("bob@example.com").await;
    let mut browser = site.signed_in("ada@example.com").await;
    let mut kept = browser.clone();
    let flow = browser.get_json(SWITCH).await.json();
    assert_eq!(who(&mut browser).await, "ada@example.com", "asking changes nothing");
    let wrong = browser.submit(&flow, &credentials("bob@example.com", "wrong")).await;
    assert!(wrong.location().starts_with("/ui/login?flow="), "{}", wrong.location());
    assert_eq!(who(&mut browser).await, "ada@example.com", "nor does a wrong password");
    let forged = [("csrf_token", "x"), credentials("bob@example.com", "correct horse")[0]];
    let action = flow["ui"]["action"].as_str().unwrap().trim_start_matches(crate::site::BASE).to_owned();
    assert!(
        browser.form(&action, &forged).await.location().starts_with("/ui/error"),
        "nor another site's form"
    );
    assert!(!csrf_token(&flow).is_empty());

    let done = browser.submit(&flow, &credentials("bob@example.com", "correct horse")).await;
    assert_eq!(done.location(), "/ui/settings");
    assert_eq!(who(&mut browser).await, "bob@example.com");
    assert_eq!(who(&mut kept).await, "", "ada's session has ended");
}

#[tokio::test]
async fn only_who_asked_for_it_may_be_somebody_else() {
    let site = Site::open().await;
    site.person("bob@example.com").await;
    let mut browser = site.signed_in("ada@example.com").await;
    for start in [format!("{AGAIN}&prompt=login"), AGAIN.to_owned()] {
        let flow = browser.get_json(&start).await.json();
        assert_eq!(flow["refresh"], true);
        browser.submit(&flow, &credentials("bob@example.com", "correct horse")).await;
        assert_eq!(who(&mut browser).await, "ada@example.com", "{start}");
    }
}
