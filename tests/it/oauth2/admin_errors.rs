//! How operations of the authorization server's admin API fail: each in OAuth's form, with its status in it.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_the_admin_api_is_an_oauth_error_with_its_status() {
    let world = World::start().await;
    let (none, text, list) = (Value::Null, json!("x"), json!([]));
    let cases: [(&str, &str, &Value, u16); 41] = [
        ("GET", "/admin/clients?page_token=x", &none, 400),
        ("POST", "/admin/clients", &text, 400),
        ("GET", "/admin/clients/nobody", &none, 404),
        ("PUT", "/admin/clients/nobody", &text, 400),
        ("PUT", "/admin/clients/nobody", &json!({"client_name": "x"}), 404),
        ("PATCH", "/admin/clients/nobody", &json!({}), 404),
        ("PATCH", "/admin/clients/nobody", &list, 404),
        ("DELETE", "/admin/clients/nobody", &none, 404),
        ("PUT", "/admin/clients/nobody/lifespans", &text, 400),
        ("PUT", "/admin/clients/nobody/lifespans", &json!({}), 404),
        ("POST", "/admin/clients/nobody/secrets/rotate", &none, 404),
        ("DELETE", "/admin/clients/nobody/secrets/rotate", &none, 404),
        ("GET", "/admin/keys/nothing", &none, 404),
        ("GET", "/admin/keys/nothing/here", &none, 404),
        ("POST", "/admin/keys/nothing", &text, 400),
        ("PUT", "/admin/keys/nothing", &text, 400),
        ("PUT", "/admin/keys/nothing/here", &text, 400),
        ("GET", "/admin/oauth2/auth/requests/login", &none, 400),
        ("GET", "/admin/oauth2/auth/requests/login?login_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/login/accept", &json!({"subject": "a"}), 400),
        ("PUT", "/admin/oauth2/auth/requests/login/accept?login_challenge=x", &json!({"subject": "a"}), 404),
        ("PUT", "/admin/oauth2/auth/requests/login/reject", &none, 400),
        ("PUT", "/admin/oauth2/auth/requests/login/reject?login_challenge=x", &none, 404),
        ("GET", "/admin/oauth2/auth/requests/consent", &none, 400),
        ("GET", "/admin/oauth2/auth/requests/consent?consent_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/consent/accept", &none, 400),
        ("PUT", "/admin/oauth2/auth/requests/consent/accept?consent_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/consent/reject?consent_challenge=x", &none, 404),
        ("GET", "/admin/oauth2/auth/requests/logout", &none, 400),
        ("GET", "/admin/oauth2/auth/requests/logout?logout_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/logout/accept?logout_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/logout/reject?logout_challenge=x", &none, 404),
        ("PUT", "/admin/oauth2/auth/requests/device/accept", &none, 400),
        ("PUT", "/admin/oauth2/auth/requests/device/accept?device_challenge=x", &none, 404),
        ("GET", "/admin/oauth2/auth/sessions/consent", &none, 400),
        ("DELETE", "/admin/oauth2/auth/sessions/consent", &none, 400),
        ("DELETE", "/admin/oauth2/auth/sessions/login", &none, 400),
        ("DELETE", "/admin/oauth2/tokens", &none, 400),
        ("GET", "/admin/trust/grants/jwt-bearer/issuers/nobody", &none, 404),
        ("POST", "/admin/trust/grants/jwt-bearer/issuers", &text, 400),
        ("DELETE", "/admin/trust/grants/jwt-bearer/issuers/nobody", &none, 404),
    ];
    let mut wrong = Vec::new();
    for (method, path, body, status) in cases {
        let answer = world.operate(&world.key, (method, path), "acme", body).await;
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let is_told = told["error"].is_string() && told["error_description"].is_string();
        if answer.status != status || told["status_code"] != status || !is_told {
            wrong.push(format!("{method} {path} {body}: {} {}", answer.status, answer.text()));
        }
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
