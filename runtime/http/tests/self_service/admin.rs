//! Operators: people and their sessions.

use serde_json::{Value, json};

use crate::site::Site;

#[tokio::test]
async fn identities_are_made_changed_and_deleted() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    assert_eq!(ada["credentials"]["password"]["identifiers"], json!(["ada@example.com"]));
    let path = format!("/admin/identities/{}", ada["id"].as_str().unwrap());
    let mut admin = site.client();
    let body = json!({"schema_id": "default", "traits": {"email": "lovelace@example.com"}, "state": "active", "external_id": "1", "metadata_admin": {"a": 1}});
    let put = admin.json("PUT", &path, &body).await;
    assert_eq!((put.status, put.json()["metadata_admin"]["a"].as_u64()), (200, Some(1)), "{}", put.body);
    assert_eq!(admin.get_json("/admin/identities/by/external/1").await.json()["id"], ada["id"]);
    let patch = json!([{"op": "replace", "path": "/traits/email", "value": "ada@example.com"}]);
    let patched = admin.json("PATCH", &path, &patch).await;
    assert_eq!(patched.json()["traits"]["email"], "ada@example.com", "{}", patched.body);
    for (method, body, status) in [
        ("PUT", json!({"schema_id": "default"}), 400),
        ("PATCH", json!([{"op": "replace", "path": "/id", "value": "x"}]), 400),
        ("PATCH", json!({}), 400),
    ] {
        assert_eq!(admin.json(method, &path, &body).await.status, status, "{method} {body}");
    }
    let twice = json!({"schema_id": "default", "traits": {"email": "ADA@example.com"}});
    assert_eq!(admin.json("POST", "/admin/identities", &twice).await.status, 409);
    assert_eq!(admin.send("DELETE", &path, &[], "").await.status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(admin.send(method, &path, &[], "").await.status, 404);
    }
}

/// The path of a link of a relation.
fn link(header: &str, relation: &str) -> Option<String> {
    let entry = header.split(',').find(|entry| entry.ends_with(&format!("rel=\"{relation}\"")))?;
    Some(entry.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[tokio::test]
async fn lists_go_page_by_page_with_tokens_of_their_own() {
    let site = Site::open().await;
    for number in 0..5 {
        site.person(&format!("user{number}@example.com")).await;
    }
    let mut admin = site.client();
    let mut path = "/admin/identities?page_size=2".to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut first_next = None;
    loop {
        let page = admin.get_json(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let ids = page.json().as_array().unwrap().clone();
        seen.extend(ids.iter().map(|identity| identity["id"].as_str().unwrap().to_owned()));
        let Some(next) = link(page.header("link"), "next") else { break };
        first_next.get_or_insert(next.clone());
        path = next;
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let next = first_next.unwrap();
    let token = next.split("page_token=").nth(1).unwrap();
    let last = if token.ends_with('A') { "B" } else { "A" };
    let flipped = format!("{}{last}", &token[..token.len() - 1]);
    for path in [
        format!("/admin/identities?page_token={flipped}"),
        format!("/admin/sessions?page_token={token}"),
        format!("/t/other/admin/identities?page_token={token}"),
        "/admin/identities?page_token=x".to_owned(),
        "/admin/identities?page_size=x".to_owned(),
    ] {
        assert_eq!(admin.get_json(&path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn identities_are_found_by_id_and_identifier() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    site.person("bob@example.com").await;
    let id = ada["id"].as_str().unwrap();
    let mut admin = site.client();
    for (query, count) in [
        (String::new(), 2),
        (format!("ids={id}"), 1),
        (format!("ids={id}&ids=00000000-0000-0000-0000-000000000000"), 1),
        ("credentials_identifier=ADA%40example.com".to_owned(), 1),
        ("credentials_identifier=eve%40example.com".to_owned(), 0),
        ("organization_id=00000000-0000-0000-0000-000000000000".to_owned(), 0),
    ] {
        let listed = admin.get_json(&format!("/admin/identities?{query}")).await;
        assert_eq!(listed.json().as_array().map(Vec::len), Some(count), "{query}: {}", listed.body);
    }
    assert_eq!(admin.get_json("/admin/identities?ids=x").await.status, 400);
    let elsewhere = admin.get_json(&format!("/t/other/admin/identities/{id}")).await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test]
async fn sessions_are_seen_prolonged_and_ended() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let who: Value = browser.get_json("/sessions/whoami").await.json();
    let (session, identity) = (who["id"].as_str().unwrap(), who["identity"]["id"].as_str().unwrap());
    let mut admin = site.client();
    for (path, count) in [
        ("/admin/sessions".to_owned(), 1),
        ("/admin/sessions?active=false".to_owned(), 0),
        (format!("/admin/identities/{identity}/sessions?active=true"), 1),
    ] {
        assert_eq!(admin.get_json(&path).await.json().as_array().map(Vec::len), Some(count), "{path}");
    }
    let path = format!("/admin/sessions/{session}");
    assert!(admin.get_json(&path).await.json().get("identity").is_none());
    let expanded = admin.get_json(&format!("{path}?expand=identity&expand=devices")).await.json();
    assert_eq!(expanded["identity"]["id"], identity);
    site.clock.advance(std::time::Duration::from_hours(1));
    let extended = admin.send("PATCH", &format!("{path}/extend"), &[], "").await;
    assert_ne!(extended.json()["expires_at"], who["expires_at"], "{}", extended.body);
    assert_eq!(admin.send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
    assert_eq!(admin.get_json(&path).await.json()["active"], false, "its record stays");
    let all = format!("/admin/identities/{identity}/sessions");
    assert_eq!(admin.send("DELETE", &all, &[], "").await.status, 204);
    assert_eq!(admin.get_json(&path).await.status, 404);
    assert_eq!(admin.get_json("/admin/sessions/x").await.status, 404);
}

#[tokio::test]
async fn schemas_are_listed_and_found_by_both_names() {
    let site = Site::open().await;
    let mut client = site.client();
    let listed = client.get_json("/schemas").await.json();
    assert_eq!(listed[0]["id"], "default");
    let ada = site.person("ada@example.com").await;
    let url = ada["schema_url"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap().to_owned();
    for path in [url.as_str(), "/schemas/default"] {
        assert_eq!(client.get_json(path).await.json(), listed[0]["schema"], "{path}");
    }
    assert_eq!(client.get_json("/schemas/none").await.status, 404);
}
