//! What apps ask for beyond scopes: resources, details, claims by name, a second factor and new accounts; and what the person
//! reads of it.

use std::sync::Arc;

use primitives::Clock as _;
use primitives::transform::NoTransformHook;
use serde_json::{Value, json};
use testkit::totp::code;

use crate::client::{Client, Response};
use crate::second_factor::enrol;
use crate::site::{Site, nowhere};

const ADA: &str = "ada@example.com";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A node with types of details, descriptions of scopes, and an app that authenticates in its forms.
async fn site(identity: Value, more: Value) -> Site {
    let payment = json!({
        "name": "payment",
        "schema": {
            "type": "object", "required": ["amount", "to"],
            "properties": {
                "type": {}, "to": {"type": "string", "maxLength": 100}, "note": {"type": "string"},
                "amount": {"type": "object", "additionalProperties": false, "required": ["value"],
                    "properties": {"value": {"type": "number", "exclusiveMinimum": 0}, "currency": {"enum": ["EUR"]}}},
            },
        },
        "words": {"en": "Pay {amount.value} {amount.currency} to {to}", "de": "{amount.value} {amount.currency} an {to} zahlen"},
    });
    let oauth2 = json!({
        "authorization_details_types": [payment], "resources": ["https://mcp.example"],
        "scope_descriptions": {"reports": {"en": "Read your <b>reports</b>", "de": "Ihre Berichte lesen"}},
    });
    let settings = json!({"identity": identity, "oauth2": oauth2});
    let site = Site::configured(settings, nowhere(), Arc::new(NoTransformHook)).await;
    let mut app = json!({
        "client_id": "app", "client_name": "The App", "client_secret": "s3cret-of-the-app",
        "redirect_uris": ["https://app.example/cb"], "scope": "openid email reports",
        "token_endpoint_auth_method": "client_secret_post", "authorization_details_types": ["payment"],
        "grant_types": ["authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
    });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = site.client().json("POST", "/admin/clients", &app).await;
    assert_eq!(made.status, 201, "{}", made.body);
    site
}

fn authorize(more: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "a-state-of-this-test"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend_from_slice(more);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/oauth2/auth?{query}")
}

/// Goes where the browser is sent, until a page or the app.
async fn follow(browser: &mut Client, path: &str) -> Response {
    let mut answer = browser.get(path).await;
    while answer.status == 303 && !answer.location().starts_with("https://app.example") {
        answer = browser.get(answer.location()).await;
    }
    answer
}

fn sent(answer: &Response, name: &str) -> Option<String> {
    let url =
        url::Url::parse(answer.location()).unwrap_or_else(|_| panic!("{} {}", answer.status, answer.body));
    url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

/// Allows what a page asks for; the tokens of it.
async fn allow(site: &Site, browser: &mut Client, page: &Response) -> Value {
    let (_, rest) = page.body.split_once("name=\"consent_challenge\" value=\"").unwrap();
    let challenge = rest.split('"').next().unwrap();
    let form = [("consent_challenge", challenge), ("decision", "allow")];
    let answer = browser.form("/ui/consent", &form).await;
    token(
        site,
        &[
            ("grant_type", "authorization_code"),
            ("code", &sent(&answer, "code").unwrap()),
            ("redirect_uri", "https://app.example/cb"),
            ("code_verifier", VERIFIER),
        ],
    )
    .await
    .json()
}

async fn token(site: &Site, form: &[(&str, &str)]) -> Response {
    let own = [("client_id", "app"), ("client_secret", "s3cret-of-the-app")];
    site.client().form("/oauth2/token", &[&own, form].concat()).await
}

fn payload(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&primitives::base64url::decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn person_reads_details_in_their_language_and_the_app_gets_them() {
    let site = site(json!({}), json!({})).await;
    let mut browser = site.signed_in(ADA).await;
    let details = json!([{"type": "payment", "amount": {"value": 12.5, "currency": "EUR"}, "to": "Shop", "note": "No. 7"}]);
    let text = details.to_string();
    let asked = [
        ("authorization_details", &*text),
        ("scope", "openid reports"),
        ("resource", "https://MCP.example/"),
    ];
    let said = "<bdi class=\"said\">12.5</bdi> <bdi class=\"said\">EUR</bdi>";
    for (language, words) in [
        ("en", format!("Pay {said} to <bdi class=\"said\">Shop</bdi>")),
        ("de", format!("{said} an <bdi class=\"said\">Shop</bdi> zahlen")),
        // Whose language the tenant does not speak reads English.
        ("fr", format!("Pay {said} to <bdi class=\"said\">Shop</bdi>")),
    ] {
        let page =
            follow(&mut browser, &authorize(&[&asked[..], &[("ui_locales", language)]].concat())).await;
        assert!(page.body.contains(&words), "{words}: {}", page.body);
        assert!(
            page.body.contains("<bdi>note</bdi>") && page.body.contains("<bdi>No. 7</bdi>"),
            "{}",
            page.body
        );
        assert!(page.body.contains("https://mcp.example") && page.body.contains("The App"));
        assert_eq!(page.body.contains("Ihre Berichte lesen"), language == "de");
        assert_eq!(page.body.contains("Read your &#60;b&#62;reports&#60;/b&#62;"), language != "de");
    }
    let page = follow(&mut browser, &authorize(&asked)).await;
    let tokens = allow(&site, &mut browser, &page).await;
    assert_eq!(tokens["authorization_details"], details, "{tokens}");
    let claims = payload(&tokens["access_token"]);
    assert_eq!(
        (&claims["authorization_details"], &claims["aud"]),
        (&details, &json!(["https://mcp.example"]))
    );
}

/// Attack: what a client writes into a member becomes a part of the page.
#[tokio::test]
async fn hostile_text_stays_text() {
    let site = site(json!({}), json!({})).await;
    let mut browser = site.signed_in(ADA).await;
    let hostile = "<a href=https://evil.example>x</a>\"'&{note}\u{202e}";
    let details =
        json!([{"type": "payment", "amount": {"value": 1}, "to": hostile, "note": "<script>1</script>"}])
            .to_string();
    let page = follow(&mut browser, &authorize(&[("authorization_details", &details)])).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for part in ["<a href=https://evil", "<script>1", "\u{202e}"] {
        assert!(!page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(page.body.contains("&#60;a href=https://evil.example&#62;"), "{}", page.body);
}

/// The apps on the page of somebody's account.
async fn apps(browser: &mut Client, language: &str) -> String {
    let flow = browser.begin("settings").await;
    let page = format!("/ui/settings?flow={}&ui_locales={language}", flow["id"].as_str().unwrap());
    let page = browser.get(&page).await;
    let (_, rest) = page.body.split_once("id=\"apps\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split_once("</section>").unwrap().0.to_owned()
}

#[tokio::test]
async fn person_reads_on_the_page_of_the_account_what_an_app_may_do() {
    let site = site(json!({}), json!({})).await;
    let mut browser = site.signed_in(ADA).await;
    for (scope, to, value) in [("openid reports", "Shop", 12.5), ("openid email", "Kiosk", 3.5)] {
        let details = json!([{"type": "payment", "amount": {"value": value, "currency": "EUR"}, "to": to, "note": "No. 7"}]);
        let text = details.to_string();
        let asked =
            [("authorization_details", &*text), ("scope", scope), ("resource", "https://mcp.example")];
        let page = follow(&mut browser, &authorize(&asked)).await;
        let tokens = allow(&site, &mut browser, &page).await;
        assert_eq!(tokens["authorization_details"], details, "{tokens}");
    }
    let said = |value: &str| format!("<bdi class=\"said\">{value}</bdi> <bdi class=\"said\">EUR</bdi>");
    let (shop, kiosk) = ("<bdi class=\"said\">Shop</bdi>", "<bdi class=\"said\">Kiosk</bdi>");
    let english = [
        "Read your &#60;b&#62;reports&#60;/b&#62;".to_owned(),
        "See your email address".to_owned(),
        format!("Pay {} to {shop}", said("12.5")),
        format!("Pay {} to {kiosk}", said("3.5")),
        "To be used at https://mcp.example".to_owned(),
        ">5 permissions</span>".to_owned(),
    ];
    let german = [
        "Ihre Berichte lesen".to_owned(),
        format!("{} an {shop} zahlen", said("12.5")),
        format!("{} an {kiosk} zahlen", said("3.5")),
        ">5 Berechtigungen</span>".to_owned(),
    ];
    for (language, all) in [("en", &english[..]), ("de", &german[..])] {
        let section = apps(&mut browser, language).await;
        for words in all {
            assert_eq!(section.matches(words).count(), 1, "{words}, of two grants: {section}");
        }
        assert!(section.contains("<bdi>note</bdi>") && section.contains("<bdi>No. 7</bdi>"), "{section}");
    }
}

/// Attack: what a client is called, or has written into a member, becomes a part of the page of somebody's account.
#[tokio::test]
async fn hostile_text_that_was_granted_stays_text() {
    let site = site(json!({}), json!({"client_name": "<script>2</script>"})).await;
    let mut browser = site.signed_in(ADA).await;
    let hostile = "<a href=https://evil.example>x</a>\"'&{note}\u{202e}";
    let details =
        json!([{"type": "payment", "amount": {"value": 1}, "to": hostile, "note": "<script>1</script>"}])
            .to_string();
    let page = follow(&mut browser, &authorize(&[("authorization_details", &details)])).await;
    allow(&site, &mut browser, &page).await;
    let section = apps(&mut browser, "en").await;
    for part in ["<a href=https://evil", "<script", "\u{202e}"] {
        assert!(!section.contains(part), "{part}: {section}");
    }
    for part in ["&#60;a href=https://evil.example&#62;", "&#60;script&#62;1", "&#60;script&#62;2"] {
        assert!(section.contains(part), "{part}: {section}");
    }
}

#[tokio::test]
async fn what_does_not_fit_its_schema_is_told_to_the_app() {
    let site = site(json!({}), json!({})).await;
    let mut browser = site.signed_in(ADA).await;
    for details in [
        json!([{"type": "payment", "to": "Shop"}]),
        json!([{"type": "payment", "to": "Shop", "amount": {"value": 0}}]),
        json!([{"type": "payment", "to": "Shop", "amount": {"value": 1, "tip": 1}}]),
        json!([{"type": "payment", "to": "Shop", "amount": {"value": 1}, "priority": true}]),
        json!([{"type": "transfer"}]),
    ] {
        let text = details.to_string();
        let refused = follow(&mut browser, &authorize(&[("authorization_details", &text)])).await;
        assert_eq!(sent(&refused, "error").as_deref(), Some("invalid_authorization_details"), "{details}");
        let own =
            token(&site, &[("grant_type", "client_credentials"), ("authorization_details", &text)]).await;
        assert_eq!(
            (own.status, &own.json()["error"]),
            (400, &json!("invalid_authorization_details")),
            "{details}"
        );
    }
    let document = site.client().get_json("/.well-known/openid-configuration").await.json();
    assert_eq!(document["authorization_details_types_supported"], json!(["payment"]));
    assert_eq!(
        (&document["claims_parameter_supported"], &document["acr_values_supported"]),
        (&json!(true), &json!(["aal1", "aal2"]))
    );
}

#[tokio::test]
async fn device_and_its_person_are_told_too() {
    let site = site(json!({}), json!({})).await;
    let details = r#"[{"type":"payment","amount":{"value":3,"currency":"EUR"},"to":"Kiosk"}]"#;
    let form = [
        ("client_id", "app"),
        ("client_secret", "s3cret-of-the-app"),
        ("scope", "openid"),
        ("authorization_details", details),
        ("resource", "https://mcp.example"),
    ];
    let device = site.client().form("/oauth2/device/auth", &form).await.json();
    let mut browser = site.signed_in(ADA).await;
    let entered =
        browser.form("/oauth2/device/verify", &[("user_code", device["user_code"].as_str().unwrap())]).await;
    let page = browser.get(entered.location()).await;
    for part in ["<bdi class=\"said\">Kiosk</bdi>", "https://mcp.example"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let (_, rest) = page.body.split_once("name=\"device_challenge\" value=\"").unwrap();
    let challenge = rest.split('"').next().unwrap();
    browser.form("/ui/device", &[("device_challenge", challenge), ("decision", "allow")]).await;
    let tokens = token(
        &site,
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device["device_code"].as_str().unwrap()),
        ],
    )
    .await;
    assert_eq!(tokens.json()["authorization_details"].to_string(), details, "{}", tokens.body);
}

#[tokio::test]
async fn claims_by_name_are_asked_for_in_words_and_told_at_userinfo() {
    let site = site(json!({}), json!({})).await;
    let mut browser = site.signed_in(ADA).await;
    let claims = r#"{"userinfo":{"email":{"essential":true}},"id_token":{"email":null}}"#;
    let page = follow(&mut browser, &authorize(&[("claims", claims)])).await;
    assert!(page.body.contains("See your email address"), "{}", page.body);
    let tokens = allow(&site, &mut browser, &page).await;
    assert_eq!(payload(&tokens["id_token"])["email"], ADA);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let told = site.client().send("GET", "/userinfo", &[("authorization", &bearer)], "").await.json();
    assert_eq!(told["email"], ADA);
}

#[tokio::test]
async fn second_factor_is_asked_for_where_the_app_needs_it() {
    let site =
        site(json!({"session": {"whoami": {"required_aal": "aal1"}}}), json!({"skip_consent": true})).await;
    let mut browser = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut browser).await;
    let mut browser = site.client();
    let asked = authorize(&[("acr_values", "aal2")]);
    // Nobody is signed in: the password first.
    let start = browser.get(&asked).await;
    let flow = browser.get_json(start.location()).await.json();
    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    let half = browser.submit(&flow, &form).await;
    let next = browser.get(half.location()).await;
    assert!(
        next.location().contains("login_challenge=") && next.location().ends_with("&aal=aal2"),
        "{}",
        next.location()
    );
    let flow = browser.get_json(next.location()).await.json();
    assert_eq!(flow["requested_aal"], "aal2", "{flow}");
    let right = code(&secret, site.clock.now());
    let done = browser.submit(&flow, &[("method", "totp"), ("totp_code", &right)]).await;
    let back = follow(&mut browser, done.location()).await;
    let tokens = token(
        &site,
        &[
            ("grant_type", "authorization_code"),
            ("code", &sent(&back, "code").unwrap()),
            ("redirect_uri", "https://app.example/cb"),
            ("code_verifier", VERIFIER),
        ],
    )
    .await
    .json();
    assert_eq!(payload(&tokens["id_token"])["acr"], "aal2");
    let form = [
        ("client_id", "app"),
        ("client_secret", "s3cret-of-the-app"),
        ("token", tokens["access_token"].as_str().unwrap()),
    ];
    let told = site.client().form("/oauth2/introspect", &form).await.json();
    assert_eq!((&told["acr"], told["auth_time"].is_i64()), (&json!("aal2"), true), "{told}");
    assert!(sent(&follow(&mut browser, &asked).await, "code").is_some(), "it holds from now on");
}

#[tokio::test]
async fn who_has_no_second_factor_is_told_to_the_app() {
    let site = site(json!({}), json!({"skip_consent": true})).await;
    let mut browser = site.signed_in(ADA).await;
    for (acr_values, expect) in [("aal2", Some("unmet_authentication_requirements")), ("aal2 aal1", None)] {
        let answer = follow(&mut browser, &authorize(&[("acr_values", acr_values)])).await;
        assert_eq!(sent(&answer, "error").as_deref(), expect, "{acr_values}");
        assert_eq!(sent(&answer, "code").is_some(), expect.is_none(), "{acr_values}");
    }
}

#[tokio::test]
async fn new_account_is_made_where_the_app_asks_for_one() {
    let site = site(json!({}), json!({"skip_consent": true})).await;
    let asked = authorize(&[("prompt", "create")]);
    let mut browser = site.client();
    let start = browser.get(&asked).await;
    assert!(
        start.location().starts_with("/self-service/registration/browser?login_challenge="),
        "{}",
        start.location()
    );
    let flow = browser.get_json(start.location()).await.json();
    let form =
        [("traits.email", "new@example.com"), ("password", "a long enough phrase"), ("method", "password")];
    let made = browser.submit(&flow, &form).await;
    let back = follow(&mut browser, made.location()).await;
    assert!(sent(&back, "code").is_some(), "{} {}", back.status, back.body);
    // Where nobody signs up, they sign in.
    let closed = self::site(json!({"registration_enabled": false}), json!({})).await;
    let page = follow(&mut closed.client(), &asked).await;
    assert!(page.status == 200 && page.body.contains("type=\"password\""), "{}", page.body);
}

#[tokio::test]
async fn who_is_to_choose_an_account_is_bound_to_none() {
    let site = site(json!({}), json!({"skip_consent": true})).await;
    site.person("bob@example.com").await;
    let mut browser = site.signed_in(ADA).await;
    site.clock.advance(std::time::Duration::from_secs(5));
    let start = browser.get(&authorize(&[("prompt", "select_account")])).await;
    let page = follow(&mut browser, start.location()).await;
    assert!(!page.body.contains(ADA), "{}", page.body);
    let flow = browser.get_json(start.location()).await.json();
    let form = [("identifier", "bob@example.com"), ("password", "correct horse"), ("method", "password")];
    let chosen = browser.submit(&flow, &form).await;
    let back = follow(&mut browser, chosen.location()).await;
    assert!(sent(&back, "code").is_some(), "{} {}", back.status, back.body);
}
