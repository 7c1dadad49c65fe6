//! `/admin/keys/…`: who is shown what, and what becomes of the keys that sign.

use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::site::Site;

/// The key pair of RFC 8037 appendix A.1.
fn pair(kid: &str) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid,
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    })
}

async fn put(client: &mut Client, path: &str, body: &Value) -> Response {
    client.json("PUT", path, body).await
}

fn names(answer: &Response) -> Vec<String> {
    let document = answer.json();
    let keys = document["keys"].as_array().unwrap_or_else(|| panic!("{document}"));
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_set_is_made_shown_replaced_and_deleted() {
    let site = Site::open().await;
    let mut operator = site.client();
    assert_eq!(operator.get_json("/admin/keys/services").await.status, 404);
    let request = json!({ "alg": "ES256", "use": "sig", "kid": "one" });
    let made = operator.json("POST", "/admin/keys/services", &request).await;
    assert_eq!((made.status, names(&made)), (201, vec!["one".to_owned()]), "{}", made.body);
    assert!(made.json()["keys"][0]["d"].is_string());
    let twice = operator.json("POST", "/admin/keys/services", &request).await;
    assert_eq!(twice.status, 409, "its name is taken");

    let set = put(&mut operator, "/admin/keys/services/whatever", &pair("two")).await;
    assert_eq!((set.status, set.json()), (200, pair("two")), "by the name in its document, as in Hydra");
    let again = put(&mut operator, "/admin/keys/services/two", &pair("two")).await;
    assert_eq!(again.status, 200, "{}", again.body);
    let shown = operator.get_json("/admin/keys/services").await;
    assert_eq!(
        (names(&shown), shown.header("cache-control")),
        (vec!["one".into(), "two".into()], "no-store")
    );
    assert_eq!(names(&operator.get_json("/admin/keys/services/two").await), ["two"]);

    let replaced = put(&mut operator, "/admin/keys/services", &json!({ "keys": [pair("three")] })).await;
    assert_eq!((replaced.status, names(&replaced)), (200, vec!["three".to_owned()]), "{}", replaced.body);
    assert_eq!(names(&operator.get_json("/admin/keys/services").await), ["three"]);
    for bad in [json!({ "keys": [pair("a"), pair("a")] }), json!({ "keys": [{ "kid": "a" }] }), json!([])] {
        assert_eq!(put(&mut operator, "/admin/keys/services", &bad).await.status, 400, "{bad}");
    }
    for _ in 0..2 {
        assert_eq!(operator.json("DELETE", "/admin/keys/services/three", &Value::Null).await.status, 204);
    }
    assert_eq!(operator.get_json("/admin/keys/services").await.status, 404);
    put(&mut operator, "/admin/keys/services", &json!({ "keys": [pair("four")] })).await;
    assert_eq!(operator.json("DELETE", "/admin/keys/services", &Value::Null).await.status, 204);
    assert_eq!(operator.get_json("/admin/keys/services").await.status, 404);
}

/// Attack: one who may see public keys asks for private ones.
#[tokio::test]
async fn private_members_are_shown_to_who_may_make_keys_alone() {
    let site = Site::open().await;
    let mut operator = site.keyed_client();
    let writer = site.key("default", "jwks:write").await;
    let by = async |client: &mut Client, method: &str, path: &str, key: &str, body: &str| {
        let bearer = format!("Bearer {key}");
        client
            .send(method, path, &[("authorization", &bearer), ("content-type", "application/json")], body)
            .await
    };
    let made = by(&mut operator, "PUT", "/admin/keys/services/two", &writer, &pair("two").to_string()).await;
    assert_eq!(made.status, 200, "{}", made.body);
    for (scope, status, sees) in
        [("jwks:write", 200, true), ("jwks:read", 200, false), ("clients:write", 403, false)]
    {
        let key = site.key("default", scope).await;
        for path in ["/admin/keys/services", "/admin/keys/services/two"] {
            let shown = by(&mut operator, "GET", path, &key, "").await;
            assert_eq!((shown.status, shown.body.contains("nWGxne")), (status, sees), "{scope} {path}");
        }
    }
    let reader = site.key("default", "jwks:read").await;
    let changed = by(&mut operator, "DELETE", "/admin/keys/services", &reader, "").await;
    assert_eq!(changed.status, 403);
}

/// Attack: a key is slipped among those that sign, or the one that signs is taken away.
#[tokio::test]
async fn what_signs_is_seen_in_public_and_followed_but_never_taken_away() {
    let site = Site::open().await;
    let mut operator = site.client();
    let published = operator.get_json("/.well-known/jwks.json").await;
    for set in ["hydra.openid.id-token", "hydra.jwt.access-token"] {
        let path = format!("/admin/keys/{set}");
        let shown = operator.get_json(&path).await;
        assert_eq!(shown.json(), published.json(), "{set}");
        assert!(!shown.body.contains("\"d\""));
        let signs = names(&shown).remove(0);
        for (method, path) in [("DELETE", path.clone()), ("DELETE", format!("{path}/{signs}"))] {
            let refused = operator.json(method, &path, &Value::Null).await;
            assert_eq!(refused.status, 409, "{}", refused.body);
            assert!(
                refused.json()["error_description"].as_str().unwrap().contains("/admin/keys/{set}/{kid}")
            );
        }
        let refused = put(&mut operator, &path, &json!({ "keys": [pair("mine")] })).await;
        assert_eq!(refused.status, 409);
        assert_eq!(operator.get_json(&format!("{path}/none")).await.status, 404);
    }
    let path = "/admin/keys/hydra.openid.id-token";
    let unwanted = put(&mut operator, &format!("{path}/mine"), &pair("mine")).await;
    assert_eq!(unwanted.status, 400, "the tenant does not sign with EdDSA: {}", unwanted.body);
    let before = names(&operator.get_json(path).await);
    let request = json!({ "alg": "ES256", "use": "sig", "kid": "next" });
    let made = operator.json("POST", path, &request).await;
    assert_eq!((made.status, names(&made)), (201, vec!["next".to_owned()]), "{}", made.body);
    assert!(!made.body.contains("\"d\""), "what signs leaves by no way");
    let published = names(&operator.get_json("/.well-known/jwks.json").await);
    assert_eq!(published.len(), before.len() + 1);
    assert!(published.contains(&"next".to_owned()), "{published:?}");
    let another = operator.json("POST", path, &json!({ "alg": "ES256", "use": "sig", "kid": "other" })).await;
    assert_eq!(another.status, 409, "one waits already: {}", another.body);
}
