//! A tenant at several addresses: each has its own cookies, forms and links, and a host that is none of them has nothing.

use serde_json::{Value, json};

use crate::client::{Client, Response, csrf_token};
use crate::site::{BASE, Site};

const SHOP: &str = "https://id.shop.example";

/// A node whose tenants answer under three registrable domains.
async fn site() -> Site {
    Site::with(json!({
        "session": {"cookie_domain": "id.example"},
        "alias": [
            {"origin": SHOP, "cookie_domain": "shop.example"},
            {"origin": "https://id.books.example:8443"},
        ],
        "flow": {"allowed_return_urls": ["https://app.shop.example"]},
    }))
    .await
}

fn at(site: &Site, host: &'static str) -> Client {
    let mut client = site.client();
    client.host = host;
    client
}

/// Signs in at an address, below `base`; what the browser is told.
async fn sign_in(browser: &mut Client, base: &str, prefix: &str) -> Response {
    let begun = browser.get_json(&format!("{prefix}/self-service/login/browser")).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let flow = begun.json();
    let form = [
        ("identifier", "ada@example.com"),
        ("password", "correct horse"),
        ("method", "password"),
        ("csrf_token", csrf_token(&flow)),
    ];
    let action = flow["ui"]["action"].as_str().unwrap();
    let action = action.strip_prefix(base).unwrap_or_else(|| panic!("{action} is not at {base}"));
    browser.form(action, &form).await
}

fn session_cookies(answer: &Response) -> Vec<&str> {
    let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
    set.filter(|cookie| cookie.starts_with("ory_kratos_session=") && !cookie.contains("Max-Age=0")).collect()
}

/// The domain of the one session cookie of a sign-in.
fn domain(answer: &Response) -> Option<String> {
    let [cookie] = session_cookies(answer)[..] else { panic!("{:?}", answer.headers) };
    assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
    cookie.split("; ").find_map(|part| part.strip_prefix("Domain=")).map(str::to_owned)
}

#[tokio::test]
async fn each_address_has_the_cookie_of_its_own_domain() {
    let site = site().await;
    site.person("ada@example.com").await;
    for (host, base, expect) in [
        ("id.example", BASE, Some("id.example")),
        ("id.shop.example", SHOP, Some("shop.example")),
        ("ID.SHOP.EXAMPLE:443", SHOP, Some("shop.example")),
        ("id.books.example:8443", "https://id.books.example:8443", None),
        // Not one of its addresses: what it says is what its own address has, which a browser that is elsewhere drops.
        ("evil.example", BASE, Some("id.example")),
        ("id.shop.example.evil.example", BASE, Some("id.example")),
        ("app.shop.example", BASE, Some("id.example")),
        ("id.books.example", BASE, Some("id.example")),
    ] {
        let mut browser = at(&site, host);
        let answer = sign_in(&mut browser, base, "").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.header("location"), format!("{base}/ui/settings"), "{host}");
        assert_eq!(domain(&answer).as_deref(), expect, "{host}");
    }
}

#[tokio::test]
async fn host_alone_chooses_nothing() {
    let site = site().await;
    site.person("ada@example.com").await;
    // No proxy is trusted here, so that nobody may say where a browser is but the browser.
    for headers in [
        [("accept", "application/json"), ("x-forwarded-host", "id.shop.example")],
        [("accept", "application/json"), ("forwarded", "host=id.shop.example")],
        [("accept", "application/json"), ("origin", SHOP)],
    ] {
        let begun = site.client().send("GET", "/self-service/login/browser", &headers, "").await;
        let action = begun.json()["ui"]["action"].as_str().unwrap_or_default().to_owned();
        assert!(action.starts_with(BASE), "{headers:?}: {}", begun.body);
    }
}

#[tokio::test]
async fn link_of_a_message_leads_to_the_address_that_was_asked_at_and_to_no_other() {
    let site = site().await;
    site.person("ada@example.com").await;
    for (host, base) in [("id.shop.example", SHOP), ("evil.example", BASE), ("id.example", BASE)] {
        // The latest message is the one of this form.
        site.clock.advance(std::time::Duration::from_secs(1));
        let mut browser = at(&site, host);
        let flow = browser.get_json("/self-service/recovery/browser").await.json();
        let form = [("email", "ada@example.com"), ("method", "code"), ("csrf_token", csrf_token(&flow))];
        let action = flow["ui"]["action"].as_str().unwrap().strip_prefix(base).unwrap().to_owned();
        assert!(browser.form(&action, &form).await.status < 400);
        let sent = site.mail("ada@example.com").await;
        let body = sent["body"].as_str().unwrap();
        assert!(body.contains(&format!("{base}/self-service/recovery")), "{host}: {body}");
        assert!(!body.contains("evil.example"), "{host}: {body}");
    }
}

#[tokio::test]
async fn address_is_a_place_to_return_to_for_itself_alone() {
    let site = site().await;
    for (host, target, allowed) in [
        ("id.shop.example", "https://id.shop.example/ui/settings", true),
        ("id.shop.example", "https://app.shop.example/", true),
        ("id.shop.example", "https://id.example/ui/settings", false),
        ("id.example", "https://id.shop.example/ui/settings", false),
        ("evil.example", "https://evil.example/ui/settings", false),
    ] {
        let path = format!("/self-service/login/browser?return_to={target}");
        let begun = at(&site, host).get_json(&path).await;
        assert_eq!(begun.status == 200, allowed, "{host} to {target}: {}", begun.body);
    }
}

#[tokio::test]
async fn form_of_another_address_is_another_sites() {
    let site = site().await;
    site.person("ada@example.com").await;
    let mut shop = at(&site, "id.shop.example");
    assert_eq!(sign_in(&mut shop, SHOP, "").await.status, 303);
    // The account's pages take forms of their own origin alone: those of the address that the browser is at.
    for (origin, refused) in [(BASE, true), ("https://id.books.example:8443", true), (SHOP, false)] {
        let headers = [
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin),
        ];
        let answer = shop.send("POST", "/ui/impersonation", &headers, "token=none").await;
        assert_eq!(answer.status == 404, !refused, "{origin}: {}", answer.status);
    }
}

#[tokio::test]
async fn tenants_are_apart_at_every_address_and_tokens_name_one_issuer() {
    let site = Site::with(json!({
        "alias": [{"origin": SHOP, "cookie_domain": "shop.example"}],
        "session": {"whoami": {"tokenizer": {"templates": {"api": {}}}}},
    }))
    .await;
    site.person("ada@example.com").await;
    let body = json!({
        "schema_id": "default",
        "traits": {"email": "ada@example.com"},
        "credentials": {"password": {"config": {"password": "correct horse"}}},
    });
    assert_eq!(site.client().json("POST", "/t/other/admin/identities", &body).await.status, 201);
    let mut browser = at(&site, "id.shop.example");
    let answer = sign_in(&mut browser, SHOP, "/t/other").await;
    assert_eq!(answer.header("location"), format!("{SHOP}/t/other/ui/settings"));
    let [cookie] = session_cookies(&answer)[..] else { panic!("{:?}", answer.headers) };
    assert!(cookie.contains("; Path=/t/other;") && cookie.ends_with("; Domain=shop.example"), "{cookie}");
    let own = browser.get_json("/t/other/sessions/whoami").await;
    assert_eq!(own.status, 200);
    assert_eq!(
        browser.get_json("/sessions/whoami").await.status,
        401,
        "the other tenant's cookie counts nowhere else"
    );

    let mut ada = at(&site, "id.shop.example");
    assert_eq!(sign_in(&mut ada, SHOP, "").await.status, 303);
    let session = ada.get_json("/sessions/whoami?tokenize_as=api").await.json();
    let token = session["tokenized"].as_str().unwrap_or_else(|| panic!("{session}"));
    let claims = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], BASE, "who is signed in is told in the issuer's name, wherever they are");
    let discovery = ada.get_json("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery["issuer"], BASE);
}
