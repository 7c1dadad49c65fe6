//! What a plugin said lately, for whoever operates its tenant.

use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use super::uploads::{bytes, word};
use crate::world::World;

const LOGS: &str = "/admin/portcullis/v1/plugins/shape/logs";

impl World {
    /// The words of the lines after a cursor, and the cursor for the next ones.
    async fn lines(&self, after: u64) -> (Vec<String>, u64) {
        let answer = self.plugin("GET", &format!("/logs?after={after}"), Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let found = answer.json();
        let words = |line: &Value| format!("{} {}", line["level"].as_str().unwrap(), line["message"]);
        let lines = found["lines"].as_array().unwrap().iter().map(words).collect();
        (lines, found["next"].as_u64().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_once_to_who_follows_them() {
    let world = World::start().await;
    let robot = world.robot().await;
    assert_eq!(world.plugin("GET", "/logs", Value::Null).await.status, 404, "there is no such plugin");
    let version = world.push(bytes("token_protected")).await;
    assert_eq!(world.plugin("GET", "/logs", Value::Null).await.status, 404, "it runs nowhere");
    assert_eq!(world.enable(version, json!({})).await.status, 200);
    assert_eq!(world.lines(0).await, (vec![], 0));

    assert!(world.shaped_by(&robot).await.is_err());
    let (lines, next) = world.lines(0).await;
    assert!(lines.len() == 1 && lines[0].starts_with("failure \"bad_answer: "), "{lines:?}");
    assert_eq!(world.lines(next).await, (vec![], next));
    assert!(world.shaped_by(&robot).await.is_err());
    assert_eq!(world.lines(next).await.0.len(), 1);
    assert_eq!(word(&world.plugin("GET", "/logs?after=-1", Value::Null).await), "invalid_request");

    // The next version is the same plugin; one that is gone has said nothing.
    let version = world.push(bytes("token_echo")).await;
    assert_eq!(world.enable(version, json!({})).await.status, 200);
    assert_eq!(world.lines(0).await.0.len(), 2);
    assert_eq!(world.plugin("POST", "/disable", Value::Null).await.status, 200);
    assert_eq!(world.plugin("GET", "/logs", Value::Null).await.status, 404);
}

/// Attack: a tenant names its plugin as another does, and reads what that one says.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_another_tenant_are_not_there() {
    let world = World::start().await;
    let robot = world.robot().await;
    let version = world.push(bytes("token_protected")).await;
    assert_eq!(world.enable(version, json!({})).await.status, 200);
    assert!(world.shaped_by(&robot).await.is_err());
    assert_eq!(world.lines(0).await.0.len(), 1);

    let key = world.admin_key(KeyOwner::Tenant("rival".parse().unwrap()), vec![Scope::All]).await;
    let uploaded = world.upload(&key, ("rival", "shape"), bytes("token_protected")).await;
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    let enable = LOGS.replace("/logs", "/enable");
    let enabled = world.operate(&key, ("POST", &enable), "rival", &json!({ "version": 1 })).await;
    assert_eq!(enabled.status, 200, "{}", enabled.text());
    let own = world.operate(&key, ("GET", LOGS), "rival", &Value::Null).await;
    assert_eq!((own.status, &own.json()["lines"]), (200, &json!([])), "{}", own.text());
    assert_eq!(world.operate(&key, ("GET", LOGS), "acme", &Value::Null).await.status, 404);

    for (scope, status) in [(Scope::PluginsRead, 200), (Scope::ClientsRead, 403)] {
        let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![scope]).await;
        assert_eq!(
            world.operate(&key, ("GET", LOGS), "acme", &Value::Null).await.status,
            status,
            "{scope:?}"
        );
    }
}
