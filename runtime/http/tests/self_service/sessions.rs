//! Who is signed in, and where else.

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
