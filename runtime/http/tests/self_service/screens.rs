//! Forms in two steps, by pages without scripts.

use serde_json::json;

use crate::site::Site;

async fn site() -> Site {
    Site::with(json!({"login": {"style": "identifier_first"}, "registration": {"style": "profile_first"}}))
        .await
}

async fn send(browser: &mut crate::client::Client, page: &str, pairs: &[(&str, &str)]) -> String {
    let kind = page.split_once("/ui/").unwrap().1.split_once('?').unwrap().0.to_owned();
    let id = page.split_once("flow=").unwrap().1;
    let form = browser.get_json(&format!("/self-service/{kind}/flows?id={id}")).await.json();
    let answer = browser.submit(&form, pairs).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location().to_owned()
}

#[tokio::test]
async fn somebody_signs_in_in_two_steps() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let page = browser.get("/self-service/login/browser").await.location().to_owned();
    assert!(!browser.get(&page).await.body.contains("type=\"password\""));
    assert_eq!(
        send(&mut browser, &page, &[("identifier", "ada@example.com"), ("method", "identifier_first")]).await,
        page
    );
    let html = browser.get(&page).await.body;
    assert!(html.contains("type=\"password\"") && html.contains("as ada@example.com"), "{html}");
    let proof = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    assert_eq!(send(&mut browser, &page, &proof).await, "/ui/settings");
}

#[tokio::test]
async fn somebody_signs_up_in_two_steps_and_may_go_back() {
    let site = site().await;
    let mut browser = site.client();
    let page = browser.get("/self-service/registration/browser").await.location().to_owned();
    let profile = [("traits.email", "ada@example.com"), ("method", "profile")];
    send(&mut browser, &page, &profile).await;
    assert!(browser.get(&page).await.body.contains("type=\"password\""));
    send(
        &mut browser,
        &page,
        &[("traits.email", "ada@example.com"), ("password", ""), ("screen", "previous")],
    )
    .await;
    let html = browser.get(&page).await.body;
    assert!(!html.contains("type=\"password\"") && html.contains("value=\"ada@example.com\""), "{html}");
    send(&mut browser, &page, &profile).await;
    let credential =
        [("traits.email", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    assert_eq!(send(&mut browser, &page, &credential).await, "/ui/settings");
}
