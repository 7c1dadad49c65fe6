//! `/openapi.json` and its page: which listeners have them, and what they load.

use config::Router;

use crate::browser::{Browser, Response};
use crate::world::World;

async fn get(address: &str) -> Response {
    Browser::default().get(address).await
}

/// What listeners say of themselves, and nobody is asked for a key to read it.
#[tokio::test(flavor = "multi_thread")]
async fn operators_listener_has_the_document_and_another_one_where_it_says_so() {
    let world = World::start().await;
    for path in ["/openapi.json", "/openapi"] {
        assert_eq!(get(&format!("{}{path}", world.base)).await.status, 404, "{path}");
    }
    let document = get(&format!("{}/openapi.json", world.admin)).await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/admin/clients") && !paths.contains_key("/oauth2/token"));
    // What is in its answers is in it, and nothing that is in no answer of it.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let answer = &paths["/admin/clients/{id}"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(answer["schema"]["$ref"], "#/components/schemas/OAuth2Client");
    assert!(schemas.contains_key("OAuth2Client") && !schemas.contains_key("TokenResponse"));

    let wider = |listener: &mut config::Listener| {
        if listener.routers.contains(&Router::Public) {
            listener.routers.push(Router::ApiDocument);
        }
    };
    let (world, _) = World::start_listening(|_| {}, wider).await;
    let document = get(&format!("{}/openapi.json", world.base)).await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/oauth2/token") && !paths.contains_key("/admin/clients"));
}

#[tokio::test(flavor = "multi_thread")]
async fn page_runs_nothing_and_loads_what_its_own_listener_has() {
    let world = World::start().await;
    for language in ["en", "de"] {
        let page = get(&format!("{}/openapi?ui_locales={language}", world.admin)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("script-src"),
            "{policy}"
        );
        let html = page.text();
        assert!(html.contains("/admin/identities/{id}") && !html.contains("<script"), "{html}");
        // Types lead to what they are made of.
        assert!(
            html.contains("<a href=\"#schema-Identity\">") && html.contains("id=\"schema-Identity\""),
            "{html}"
        );
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{language}");
        let loaded: Vec<&str> = html
            .split("<link ")
            .skip(1)
            .map(|link| link.split("href=\"").nth(1).unwrap().split('"').next().unwrap())
            .collect();
        assert!(loaded.len() >= 3, "{loaded:?}");
        for address in loaded {
            assert!(address.starts_with("/ui/assets/"), "{address}");
            assert_eq!(get(&format!("{}{address}", world.admin)).await.status, 200, "{address}");
        }
    }
}
