//! `/openapi.json` and its page: which listeners have them, what they load, and whether what they say of credentials is so.

use config::Router;
use serde_json::Value;

use crate::browser::{Browser, Response};
use crate::world::World;

async fn get(address: &str) -> Response {
    Browser::default().get(address).await
}

/// What listeners say of themselves, and nobody is asked for a key to read it.
#[tokio::test(flavor = "multi_thread")]
async fn each_listener_has_the_document_of_what_it_serves_unless_it_says_otherwise() {
    let world = World::start().await;
    let document = get(&format!("{}/openapi.json", world.admin)).await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/admin/clients") && !paths.contains_key("/oauth2/token"));
    // What is in its answers is in it, and nothing that is in no answer of it.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let answer = &paths["/admin/clients/{id}"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(answer["schema"]["$ref"], "#/components/schemas/OAuth2Client");
    assert!(schemas.contains_key("OAuth2Client") && !schemas.contains_key("TokenResponse"));

    let served = get(&format!("{}/openapi.json", world.base)).await;
    let paths = served.json()["paths"].clone();
    assert!(paths.get("/oauth2/token").is_some() && paths.get("/admin/clients").is_none());
    // `portcullis openapi` prints this.
    assert_eq!(served.text(), portcullis_http::openapi::text(&[Router::Public], "test"));

    let silent = |listener: &mut config::Listener| {
        listener.api_document = !listener.routers.contains(&Router::Public);
    };
    let (world, _) = World::start_listening(|_| {}, silent).await;
    for path in ["/openapi.json", "/openapi"] {
        assert_eq!(get(&format!("{}{path}", world.base)).await.status, 404, "{path}");
        assert_eq!(get(&format!("{}{path}", world.admin)).await.status, 200, "{path}");
    }
    assert_eq!(get(&format!("{}/.well-known/jwks.json", world.base)).await.status, 200);
}

/// What may be asked of whoever brings nothing. `{}` among the alternatives is that nothing need be brought.
fn asks(operation: &Value) -> bool {
    let alternatives = operation["security"].as_array();
    alternatives.is_some_and(|all| all.iter().all(|one| !one.as_object().unwrap().is_empty()))
}

/// Attack: the document is believed, and an operation that it says is protected answers to everybody; or is said to be open, and
/// its callers learn only by a refusal what they should have brought.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_says_is_asked_for_is_asked_for() {
    let world = World::start().await;
    let mut seen = 0;
    for base in [&world.base, &world.admin] {
        let document = get(&format!("{base}/openapi.json")).await.json();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let filled: Vec<&str> =
                    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
                let address = format!("{base}{}", filled.join("/"));
                let method = method.to_ascii_uppercase();
                let answer = Browser::default().send(&method, &address, &[], Vec::new()).await;
                let at = format!("{path}: {operation} {} {}", answer.status, answer.text());
                if asks(operation) {
                    assert!((400..500).contains(&answer.status), "{at}");
                    // What names somebody's own session or client is unknown before that is asked.
                    let is_operators = operation["security"][0].get("adminKey").is_some();
                    assert!(!is_operators || answer.status == 401, "{at}");
                    seen += 1;
                } else if operation.get("security").is_none() {
                    assert_ne!(answer.status, 401, "{at}");
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_runs_nothing_and_loads_what_its_own_listener_has() {
    let world = World::start().await;
    for (base, language, path, schema) in [
        (&world.admin, "en", "/admin/identities/{id}", "Identity"),
        (&world.admin, "de", "/admin/identities/{id}", "Identity"),
        (&world.base, "en", "/oauth2/token", "TokenResponse"),
    ] {
        let page = get(&format!("{base}/openapi?ui_locales={language}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("script-src"),
            "{policy}"
        );
        let html = page.text();
        assert!(html.contains(path) && !html.contains("<script"), "{html}");
        // Types lead to what they are made of, and ways to prove something to what they are.
        let (link, place) = (format!("<a href=\"#schema-{schema}\">"), format!("id=\"schema-{schema}\""));
        assert!(html.contains(&link) && html.contains(&place), "{html}");
        for link in html.split("href=\"#").skip(1) {
            let place = link.split('"').next().unwrap();
            assert!(html.contains(&format!("id=\"{place}\"")), "{place}");
        }
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{language}");
        let loaded: Vec<&str> = html
            .split("<link ")
            .skip(1)
            .map(|link| link.split("href=\"").nth(1).unwrap().split('"').next().unwrap())
            .collect();
        assert!(loaded.len() >= 3, "{loaded:?}");
        for address in loaded {
            assert!(address.starts_with("/ui/assets/"), "{address}");
            assert_eq!(get(&format!("{base}{address}")).await.status, 200, "{address}");
        }
    }
}
