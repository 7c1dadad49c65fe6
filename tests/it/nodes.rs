//! What one node knows when another has decided something: two nodes on one PostgreSQL.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, Response};
use crate::world::World;

const PASSWORD: &str = "a long enough phrase";

/// Submits a native form of `acme` at a node.
async fn submit(world: &World, kind: &str, body: &Value) -> Response {
    let mut app = Browser::default();
    let begun = app.get_json(&format!("{}/self-service/{kind}/api", world.tenant("acme"))).await.json();
    app.post_json(begun["ui"]["action"].as_str().unwrap(), body).await
}

async fn sign_up(world: &World, email: &str) {
    let body = json!({"method": "password", "traits": {"email": email}, "password": PASSWORD});
    let done = submit(world, "registration", &body).await;
    assert_eq!(done.status, 200, "{}", done.text());
}

async fn sign_in(world: &World, email: &str, password: &str) -> Response {
    let body = json!({"method": "password", "identifier": email, "password": password});
    submit(world, "login", &body).await
}

/// A session that begins at a node: its token, its id and whose it is.
async fn session(world: &World, email: &str) -> (String, String, String) {
    let done = sign_in(world, email, PASSWORD).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&done["session_token"]), text(&done["session"]["id"]), text(&done["session"]["identity"]["id"]))
}

async fn ask(world: &World, method: &str, path: &str, token: &str) -> u16 {
    let headers = [("x-session-token", token.to_owned())];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send(method, &url, &headers, String::new()).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_at_both_nodes_use_up_one_count() {
    let Some([a, b]) = World::start_two().await else { return };
    let limits =
        json!({"settings": {"identity": {"limits": {"identifier": {"burst": 10, "refill_seconds": 60}}}}});
    let set = a.operate(&a.key, ("PATCH", "/admin/portcullis/v1/tenants/acme"), "default", &limits).await;
    assert!(set.status < 300, "{}", set.text());
    for n in 0..10 {
        let node = if n % 2 == 0 { &a } else { &b };
        assert_eq!(sign_in(node, "ada@example.com", "wrong").await.status, 400, "attempt {n}");
    }
    for node in [&a, &b, &a] {
        let refused = sign_in(node, "ada@example.com", "wrong").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "60"), "it began once");
    }
}

/// That it takes less than a second is the change feed's to keep; how it is woken is tested with it.
#[tokio::test(flavor = "multi_thread")]
async fn session_that_ends_at_one_node_is_soon_worth_nothing_at_another_that_has_it_in_memory() {
    let Some([a, b]) = World::start_two().await else { return };
    sign_up(&a, "ada@example.com").await;
    for how in ["sign-out", "others", "by administration", "all by administration", "disabled"] {
        let (token, id, identity) = session(&a, "ada@example.com").await;
        for _ in 0..2 {
            assert_eq!(ask(&b, "GET", "/sessions/whoami", &token).await, 200, "{how}");
        }
        let operate = async |method: &str, path: String, body: Value| {
            a.operate(&a.key, (method, &path), "acme", &body).await.status
        };
        let ended = match how {
            "sign-out" => {
                let body = json!({"session_token": token}).to_string();
                let url = format!("{}/self-service/logout/api", a.tenant("acme"));
                let headers = [("content-type", "application/json".to_owned())];
                Browser::default().send("DELETE", &url, &headers, body).await.status
            }
            "others" => {
                let (other, ..) = session(&a, "ada@example.com").await;
                ask(&a, "DELETE", "/sessions", &other).await
            }
            "by administration" => operate("DELETE", format!("/admin/sessions/{id}"), Value::Null).await,
            "all by administration" => {
                operate("DELETE", format!("/admin/identities/{identity}/sessions"), Value::Null).await
            }
            _ => {
                let off = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
                operate("PATCH", format!("/admin/identities/{identity}"), off).await
            }
        };
        assert!(ended < 300, "{how}: {ended}");
        let gone = async {
            while ask(&b, "GET", "/sessions/whoami", &token).await == 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), gone).await.is_ok(), "{how}");
    }
}
