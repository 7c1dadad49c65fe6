//! Who is signed in, and where else.

use serde_json::json;

use crate::site::Site;

#[tokio::test]
async fn whoami_answers_and_names_the_identity_in_a_header() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let first = browser.get_json("/sessions/whoami").await;
    let second = browser.get_json("/sessions/whoami").await;
    assert_eq!((first.status, &first.body), (200, &second.body));
    let id = first.json()["identity"]["id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("x-kratos-authenticated-identity-id"), id);
    assert_eq!(first.header("cache-control"), "no-store");
    let head = browser.send("HEAD", "/sessions/whoami", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let nobody = site.client().get_json("/sessions/whoami").await;
    assert_eq!((nobody.status, nobody.error_id()), (401, "session_inactive".to_owned()));
}

#[tokio::test]
async fn a_session_ends_with_its_time_though_it_is_remembered() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 200);
    site.clock.advance(std::time::Duration::from_hours(24));
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
}

#[tokio::test]
async fn other_sessions_are_listed_and_ended() {
    let site = Site::open().await;
    let mut mine = site.signed_in("ada@example.com").await;
    let (mut second, mut third) = (site.client(), site.client());
    site.sign_in(&mut second, "ada@example.com").await;
    site.sign_in(&mut third, "ada@example.com").await;
    let mut bob = site.signed_in("bob@example.com").await;
    let id_of = |session: &serde_json::Value| session["id"].as_str().unwrap().to_owned();
    let own = id_of(&mine.get_json("/sessions/whoami").await.json());
    let bobs = id_of(&bob.get_json("/sessions/whoami").await.json());
    let gone = id_of(&second.get_json("/sessions/whoami").await.json());
    let listed = mine.get_json("/sessions").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(&own));

    for (id, status) in [(own.as_str(), 400), (bobs.as_str(), 404), ("x", 404), (gone.as_str(), 204)] {
        let answer = mine.send("DELETE", &format!("/sessions/{id}"), &[], "").await;
        assert_eq!(answer.status, status, "{id}");
    }
    assert_eq!(second.get_json("/sessions/whoami").await.status, 401);
    assert_eq!(mine.send("DELETE", "/sessions", &[], "").await.json()["count"], 1);
    assert_eq!(third.get_json("/sessions/whoami").await.status, 401);
    for (client, status) in [(&mut mine, 200), (&mut bob, 200), (&mut site.client(), 401)] {
        assert_eq!(client.get_json("/sessions").await.status, status);
    }
}

#[tokio::test]
async fn a_disabled_identity_is_nobody_at_once() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let who = browser.get_json("/sessions/whoami").await.json();
    let id = who["identity"]["id"].as_str().unwrap();
    let off = serde_json::json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
    let patched = site.client().json("PATCH", &format!("/admin/identities/{id}"), &off).await;
    assert_eq!(patched.json()["state"], "inactive");
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
    let mut other = site.client();
    let flow = other.begin("login").await;
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let refused = other.submit(&flow, &form).await;
    assert!(refused.location().starts_with("/ui/error?id="), "{}", refused.location());
}

/// The claims of a token that the keys verify which the tenant publishes.
async fn verified(site: &Site, token: &str) -> serde_json::Value {
    let published = site.client().get_json("/.well-known/jwks.json").await.body;
    let published = jose::JwkSet::parse(published.as_bytes()).unwrap();
    let keys = published.keys.iter().map(|key| jose::VerifyingKey::new(key, None).unwrap()).collect();
    let keys = jose::VerifyingKeys::new(keys).unwrap();
    jose::UnverifiedJwt::parse(token).unwrap().verify(&keys).unwrap();
    let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn a_live_session_is_a_token_by_template() {
    let templates = json!({
        "api": {"claims": {"mail": "{identity.traits.email}"}},
        "mapped": {"plugin": "jsonnet"},
    });
    let site = Site::with(json!({"session": {"whoami": {"tokenizer": {"templates": templates}}}})).await;
    let mut browser = site.signed_in("ada@example.com").await;
    let plain = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(plain.get("tokenized"), None);
    let answer = browser.get_json("/sessions/whoami?tokenize_as=api").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let session = answer.json();
    assert_eq!(answer.header("x-kratos-authenticated-identity-id"), session["identity"]["id"]);
    let claims = verified(&site, session["tokenized"].as_str().unwrap()).await;
    assert_eq!((&claims["sub"], &claims["sid"]), (&session["identity"]["id"], &session["id"]));
    assert_eq!((&claims["iss"], &claims["mail"]), (&json!(crate::site::BASE), &json!("ada@example.com")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);

    let unknown = browser.get_json("/sessions/whoami?tokenize_as=other").await;
    assert_eq!((unknown.status, unknown.error_id()), (400, "invalid_request".to_owned()));
    let failed = browser.get_json("/sessions/whoami?tokenize_as=mapped").await;
    assert_eq!((failed.status, failed.json().get("tokenized")), (500, None), "no plugin, no token");

    // What ended is no token, however it ended.
    let mut ended = browser.clone();
    let id = session["id"].as_str().unwrap();
    let gone = site.client().send("DELETE", &format!("/admin/sessions/{id}"), &[], "").await;
    assert_eq!(gone.status, 204);
    let refused = ended.get_json("/sessions/whoami?tokenize_as=api").await;
    assert_eq!((refused.status, refused.error_id()), (401, "session_inactive".to_owned()));
    let mut old = site.signed_in("bob@example.com").await;
    site.clock.advance(std::time::Duration::from_hours(24));
    assert_eq!(old.get_json("/sessions/whoami?tokenize_as=api").await.status, 401);
}

/// What the browser is told of the session's cookie at a sign-in, in the order in which it hears it.
async fn cookies_of_a_sign_in(domain: &str) -> Vec<String> {
    let site = Site::with(json!({"session": {"cookie_domain": domain}})).await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let form = [("identifier", "ada@example.com"), ("password", "correct horse"), ("method", "password")];
    let answer = browser.submit(&flow, &form).await;
    let set = answer
        .headers
        .iter()
        .filter(|(name, value)| name == "set-cookie" && value.starts_with("ory_kratos_session="));
    let set = set.map(|(_, value)| value.clone()).collect();
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 200);
    let out = browser.get_json("/self-service/logout/browser").await.json();
    browser.get(out["logout_url"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap()).await;
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    set
}

#[tokio::test]
async fn session_is_of_one_host_unless_a_domain_of_the_tenants_has_it() {
    // The tenant is at `id.example`, which is its own registrable domain.
    let whole = cookies_of_a_sign_in("id.example").await;
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert!(whole[0].contains("Max-Age=0") && !whole[0].contains("Domain"), "the older one goes: {whole:?}");
    assert!(whole[1].ends_with("; Domain=id.example") && !whole[1].contains("Max-Age=0"), "{whole:?}");
    for others in ["example", "other.example"] {
        let own = cookies_of_a_sign_in(others).await;
        assert!(own.len() == 1 && !own[0].contains("Domain"), "{own:?}");
    }
}
