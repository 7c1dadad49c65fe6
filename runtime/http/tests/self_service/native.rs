//! Native applications: no cookies, a session token.

use serde_json::json;

use crate::client::{action, messages};
use crate::site::Site;

#[tokio::test]
async fn an_app_signs_up_in_and_out_without_cookies() {
    let site = Site::open().await;
    let mut app = site.client();
    let flow = app.get_json("/self-service/registration/api").await.json();
    let body =
        json!({"method": "password", "password": "correct horse", "traits": {"email": "ada@example.com"}});
    let answer = app.json("POST", &action(&flow), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(app.cookies.is_empty(), "no cookies for apps");
    let token = answer.json()["session_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ory_st_"));
    assert_eq!(answer.json()["identity"]["traits"]["email"], "ada@example.com");

    let flow = app.get_json("/self-service/login/api").await.json();
    let wrong = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong"});
    let refused = app.json("POST", &action(&flow), &wrong).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![4_000_006]));
    let right = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    let answer = app.json("POST", &action(&flow), &right).await.json();
    let second = answer["session_token"].as_str().unwrap().to_owned();

    let bearer = format!("Bearer {token}");
    for header in [("x-session-token", token.as_str()), ("authorization", bearer.as_str())] {
        assert_eq!(app.send("GET", "/sessions/whoami", &[header], "").await.status, 200);
    }
    let begun = app.send("GET", "/self-service/login/api", &[("x-session-token", &token)], "").await;
    assert_eq!((begun.status, begun.error_id()), (400, "session_already_available".to_owned()));

    for _ in 0..2 {
        let body = json!({"session_token": token});
        assert_eq!(
            app.json("DELETE", "/self-service/logout/api", &body).await.status,
            204,
            "ended stays ended"
        );
    }
    let who = app.send("GET", "/sessions/whoami", &[("x-session-token", &token)], "").await;
    assert_eq!((who.status, who.error_id()), (401, "session_inactive".to_owned()));
    let who = app.send("GET", "/sessions/whoami", &[("x-session-token", &second)], "").await;
    assert_eq!(who.status, 200, "the other session lives");
    for token in ["", "ory_st_x", "ory_st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let body = json!({"session_token": token});
        assert_eq!(app.json("DELETE", "/self-service/logout/api", &body).await.status, 403, "{token}");
    }
}

#[tokio::test]
async fn what_browsers_send_along_is_refused() {
    let site = Site::open().await;
    let mut app = site.client();
    let flow = app.get_json("/self-service/login/api").await.json();
    for header in [("origin", "https://evil.example"), ("cookie", "a=b")] {
        let start = app.send("GET", "/self-service/login/api", &[header], "").await;
        assert_eq!(
            (start.status, start.error_id()),
            (400, "security_csrf_violation".to_owned()),
            "{header:?}"
        );
        let headers = [("content-type", "application/json"), header];
        let submitted = app.send("POST", &action(&flow), &headers, "{}").await;
        assert_eq!(submitted.error_id(), "security_csrf_violation", "{header:?}");
    }
}

#[tokio::test]
async fn an_app_changes_its_account_with_its_token() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut app = site.client();
    let flow = app.get_json("/self-service/login/api").await.json();
    let right = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    let answer = app.json("POST", &action(&flow), &right).await.json();
    let token = answer["session_token"].as_str().unwrap().to_owned();
    let session = ("x-session-token", token.as_str());
    assert_eq!(app.get_json("/self-service/settings/api").await.error_id(), "session_inactive");
    let flow = app.send("GET", "/self-service/settings/api", &[session], "").await.json();
    let body = json!({"method": "password", "password": "battery staple"}).to_string();
    let without = app.send("POST", &action(&flow), &[("content-type", "application/json")], &body).await;
    assert_eq!(without.error_id(), "session_inactive");
    let saved =
        app.send("POST", &action(&flow), &[("content-type", "application/json"), session], &body).await;
    assert_eq!((saved.status, saved.json()["state"].as_str()), (200, Some("success")), "{}", saved.body);
}
