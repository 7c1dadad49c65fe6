//! Scripts of other origins: what they may call, and what they may read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::browser::{Browser, Response, encode};
use crate::world::World;

const ALLOWED: &str = "https://app.example";

async fn preflight(world: &World, path: &str, method: &str) -> Response {
    let headers =
        [("origin", "https://any.example".to_owned()), ("access-control-request-method", method.to_owned())];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("OPTIONS", &url, &headers, String::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_where_no_cookie_counts_may_be_called_and_no_others() {
    let world = World::start().await;
    for (path, method) in [
        ("/oauth2/token", "POST"),
        ("/oauth2/revoke", "POST"),
        ("/oauth2/par", "POST"),
        ("/oauth2/device/auth", "POST"),
        ("/credentials", "POST"),
        ("/userinfo", "GET"),
        ("/userinfo", "POST"),
    ] {
        let answer = preflight(&world, path, method).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), method, "{path}");
        assert!(answer.header("access-control-allow-headers").contains("dpop"), "{path}");
    }
    for (path, method) in [
        ("/oauth2/token", "DELETE"),
        ("/oauth2/auth", "POST"),
        ("/oauth2/device/verify", "POST"),
        ("/ui/consent", "POST"),
        ("/self-service/login", "POST"),
        ("/sessions/whoami", "GET"),
        ("/nowhere", "POST"),
    ] {
        let answer = preflight(&world, path, method).await;
        assert!(answer.status >= 400, "{path}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_is_read_where_its_client_says_so() {
    let world = World::start().await;
    let (id, secret) = world.machine("acme", json!({ "allowed_cors_origins": [ALLOWED] })).await;
    let ask = async |origin: Option<&str>, secret: &str| {
        let mut headers = vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
        ];
        headers.extend(origin.map(|origin| ("origin", origin.to_owned())));
        let form = encode(&[("grant_type", "client_credentials"), ("scope", "read")]);
        let url = format!("{}/oauth2/token", world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, form).await
    };
    let answer = ask(Some(ALLOWED), &secret).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(answer.header("vary"), "Origin");
    let failure = ask(Some(ALLOWED), "wrong").await;
    assert_eq!((failure.status, failure.header("access-control-allow-origin")), (401, ALLOWED));
    for origin in ["https://app.example.evil", "http://app.example", "https://app.example:8443", "null"] {
        assert_eq!(ask(Some(origin), &secret).await.header("access-control-allow-origin"), "", "{origin}");
    }
    assert_eq!(ask(None, &secret).await.header("access-control-allow-origin"), "");
}
