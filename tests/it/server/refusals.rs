//! What is refused before a handler sees it: told to browsers as a page, to everybody else as before.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::browser::{Browser, Response};
use crate::world::World;

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const LARGE: usize = 100_000;

async fn world() -> World {
    let world = World::start().await;
    for (tenant, state) in [("acme", false), ("rival", true)] {
        let body = json!({ "suspended": state, "settings": { "branding": { "name": format!("The {tenant} shop") } } });
        let path = format!("/admin/portcullis/v1/tenants/{tenant}");
        let changed = world.operate(&world.key, ("PATCH", &path), "default", &body).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    }
    world
}

async fn ask(base: &str, (method, path): (&str, &str), accept: &str, body: usize) -> Response {
    let headers = [
        ("accept", accept.to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("accept-language", "de".to_owned()),
    ];
    Browser::default().send(method, &format!("{base}{path}"), &headers, "a".repeat(body)).await
}

/// A page in the reader's language with these words, which says whose it is and carries its headers.
#[track_caller]
fn check_page(page: &Response, status: u16, words: &str, of: &str) {
    let html = page.text();
    assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{html}");
    assert!(
        html.contains(words) && html.contains(of) && html.contains("lang=\"de\""),
        "{words} {of}: {html}"
    );
    assert!(html.contains(page.header("x-request-id")), "{html}");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(page.header("cache-control"), "no-store");
}

/// JSON of an API.
#[track_caller]
fn check_json(answer: &Response, status: u16) {
    let body = answer.json();
    assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{body}");
    assert!(body["error"].is_object() || body["error"].is_string(), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_gets_a_page_of_the_tenant_and_everybody_else_json() {
    let world = world().await;
    for (request, body, status, words) in [
        (("GET", "/t/acme/nothing"), 0, 404, "Seite nicht gefunden"),
        (("GET", "/t/acme/oauth2/token"), 0, 405, "so nicht verwenden"),
        (("DELETE", "/t/acme/ui/login"), 0, 405, "so nicht verwenden"),
        (("POST", "/t/acme/self-service/login"), LARGE, 413, "zu groß"),
        (("POST", "/t/acme/ui/consent"), LARGE, 413, "zu groß"),
    ] {
        check_page(&ask(&world.base, request, HTML, body).await, status, words, "The acme shop");
        for accept in ["application/json", "*/*", "application/json, text/html"] {
            check_json(&ask(&world.base, request, accept, body).await, status);
        }
    }
    let allowed = ask(&world.base, ("GET", "/t/acme/oauth2/token"), HTML, 0).await;
    assert_eq!(allowed.header("allow"), "POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_programs_and_operators_keep_their_form() {
    let world = world().await;
    let token = ask(&world.base, ("POST", "/t/acme/oauth2/token"), HTML, LARGE).await;
    assert_eq!((token.status, token.json()["error"].as_str()), (413, Some("invalid_request")));
    check_json(&ask(&world.admin, ("GET", "/t/acme/nothing"), HTML, 0).await, 404);
    check_json(&ask(&world.admin, ("GET", "/t/acme/admin/identities"), HTML, 0).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_tenant_looks_like_one_that_never_was() {
    let world = world().await;
    for path in ["/nothing", "/ui/login", "/self-service/login/browser"] {
        let mut pages = Vec::new();
        for tenant in ["rival", "nobody", "NO-TENANT"] {
            let page = ask(&world.base, ("GET", &format!("/t/{tenant}{path}")), HTML, 0).await;
            check_page(&page, 404, "Seite nicht gefunden", "Portcullis");
            pages.push(page.text().replace(page.header("x-request-id"), ""));
        }
        assert!(pages.iter().all(|page| *page == pages[0]), "{path}: {pages:#?}");
        for file in pages[0].split('"').filter(|part| part.starts_with("/ui/assets/")) {
            assert_eq!(ask(&world.base, ("GET", file), "*/*", 0).await.status, 200, "{file}");
        }
    }
}

/// What a node answers to bytes, until it ends the connection.
async fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.base.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn page_links_nowhere_that_the_request_chose() {
    let world = world().await;
    for path in ["//evil.example/x", "/\\evil.example/x", "/x?next=//evil.example&ui_locales=en"] {
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: id.example\r\naccept: {HTML}\r\nconnection: close\r\n\r\n");
        let page = raw(&world, &head).await;
        assert!(page.starts_with("HTTP/1.1 404") && page.contains("ui_locales=de"), "{page}");
        for link in page.split("href=\"").skip(1) {
            assert!(link.starts_with('?') || link.starts_with("/ui/") || link.starts_with("/\""), "{link}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browser_whose_form_does_not_arrive_gets_a_page() {
    let world = World::start_with(|settings| settings.request_timeout = Duration::from_millis(200)).await;
    for (accept, expect) in [(HTML, "text/html"), ("*/*", "application/json")] {
        let head = format!(
            "POST /t/acme/self-service/login HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\ncontent-length: 9\r\n\
             connection: close\r\n\r\n"
        );
        let answer = raw(&world, &head).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(expect), "{answer}");
    }
}
