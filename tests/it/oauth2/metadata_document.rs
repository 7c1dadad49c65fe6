//! Clients that describe themselves where their id points, over HTTP: from the document to the tokens; and what is at an address
//! that is not to be had.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use portcullis_http::{GuardedOutbound, OutboundPolicy};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::code::sign_up;
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const ID: &str = "https://agent.example/client.json";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "https://agent.example/cb";
/// As an app on a person's machine has it, with a port of the moment.
const LOCAL: &str = "http://127.0.0.1:49152/cb";

/// A web in which every host is one server of this machine, called through the guard, which grants it.
#[derive(Debug)]
struct Web {
    guard: GuardedOutbound,
    server: SocketAddr,
}

impl Outbound for Web {
    fn fetch(&self, mut request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        request.url = format!("http://{}{}", self.server, request.url.path()).parse().unwrap();
        self.guard.fetch(request)
    }
}

/// Answers every request with bytes that can be changed, and counts them.
struct Host {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<Mutex<usize>>,
    server: JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<Mutex<usize>>::default());
        let (said, counted) = (answer.clone(), asked.clone());
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let bytes = said.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut head = [0; 2_048];
                    // Whoever was refused has hung up, and that is no failure of this server's.
                    if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                        drop(stream.write_all(&bytes).await);
                    }
                });
            }
        });
        Self { address, answer, asked, server }
    }

    fn says(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        *self.answer.lock().unwrap() = text.into_bytes();
    }

    fn publishes(&self, document: &Value) {
        self.says("200 OK", "content-type: application/json\r\n", &document.to_string());
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

fn document() -> Value {
    json!({
        "client_id": ID, "client_name": "Agent", "client_uri": "https://agent.example/about",
        "logo_uri": "https://agent.example/logo.png",
        "redirect_uris": [REDIRECT, "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

pub(super) async fn let_in(world: &World, hosts: Value) {
    let registration = json!({
        "metadata_document_hosts": hosts, "scopes": ["openid", "email", "offline_access"],
        "audience": ["https://mcp.example/mcp"],
    });
    crate::plugins::people::set(world, &json!({ "oauth2": { "registration": registration } })).await;
}

async fn world() -> (World, Host) {
    let host = Host::start().await;
    let granted = vec!["127.0.0.0/8".parse().unwrap()];
    let guard = GuardedOutbound::new(OutboundPolicy { granted }).unwrap();
    let world = World::start_reaching(Arc::new(Web { guard, server: host.address })).await;
    let_in(&world, json!(["agent.example"])).await;
    (world, host)
}

fn authorize(world: &World, more: &[(&str, &str)]) -> String {
    let mut query = vec![
        ("client_id", ID),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid email offline_access"),
        ("state", "the-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "https://mcp.example/mcp"),
    ];
    for (name, value) in more {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    format!("{}/oauth2/auth?{}", world.tenant("acme"), encode(&query))
}

pub(super) async fn post(world: &World, path: &str, form: &[(&str, &str)]) -> Response {
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(form)).await
}

pub(super) fn value_of<'a>(page: &'a str, name: &str) -> &'a str {
    let after = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page}")).1;
    after.split('"').next().unwrap()
}

/// The page on which the person is asked.
async fn asked(world: &World, browser: &mut Browser, more: &[(&str, &str)]) -> String {
    let sent = browser.get(&authorize(world, more)).await;
    assert_eq!(sent.location().path(), "/t/acme/ui/consent", "{}", sent.text());
    browser.get(sent.location().as_str()).await.text()
}

pub(super) async fn allow(world: &World, browser: &mut Browser, page: &str) -> Response {
    let challenge = value_of(page, "consent_challenge").to_owned();
    let form = [("consent_challenge", &*challenge), ("decision", "allow"), ("remember", "true")];
    browser.post(&format!("{}/ui/consent", world.tenant("acme")), &form).await
}

/// The tokens of a code.
async fn redeem(world: &World, code: &str) -> Value {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", ID),
    ];
    post(world, "/oauth2/token", &form).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_nobody_registered_is_asked_for_every_time_and_gets_tokens_for_the_api_that_it_names() {
    let (world, host) = world().await;
    host.publishes(&document());
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    for _ in 0..2 {
        let page = asked(&world, &mut browser, &[]).await;
        for shown in ["Agent", "What it is called and what it wants is what agent.example says of it"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert!(!page.contains("name=\"remember\"") && !page.contains("logo.png"), "{page}");
        assert!(!page.contains("program on this computer"), "{page}");
        let code = allow(&world, &mut browser, &page).await.sent("code").unwrap();
        let tokens = redeem(&world, &code).await;
        let claims =
            super::code::claims(tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")));
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(["https://mcp.example/mcp"]), &json!(ID)));
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", ID)];
        assert_eq!(post(&world, "/oauth2/token", &form).await.status, 200);
    }
    assert_eq!(host.asked(), 1, "one fetch, and none of its picture");
    let discovery = format!("{}/.well-known/oauth-authorization-server", world.tenant("acme"));
    let discovery = browser.get_json(&discovery).await.json();
    assert_eq!(discovery["client_id_metadata_document_supported"], true);
    let registered = world.operate(&world.key, ("GET", "/admin/clients"), "acme", &Value::Null).await;
    assert_eq!(registered.json(), json!([]), "nothing of it is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_token_of_a_client_that_nobody_registered_is_live_until_an_operator_takes_it_back() {
    let (world, host) = world().await;
    host.publishes(&document());
    let scopes = ["openid", "email", "offline_access"];
    let registration = json!({ "metadata_document_hosts": ["agent.example"], "scopes": scopes });
    let settings = json!({ "oauth2": { "access_token_strategy": "opaque", "registration": registration } });
    crate::plugins::people::set(&world, &settings).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let query = [
        ("client_id", ID),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid email offline_access"),
        ("state", "the-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let sent = browser.get(&format!("{}/oauth2/auth?{}", world.tenant("acme"), encode(&query))).await;
    let page = browser.get(sent.location().as_str()).await.text();
    let code = allow(&world, &mut browser, &page).await.sent("code").unwrap();
    let tokens = redeem(&world, &code).await;
    let access = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    assert!(access.starts_with("ory_at_"), "{tokens}");
    let userinfo = async || {
        let headers = [("authorization", format!("Bearer {access}"))];
        let url = format!("{}/userinfo", world.tenant("acme"));
        Browser::default().send("GET", &url, &headers, String::new()).await
    };
    let told = userinfo().await;
    assert_eq!((told.status, &told.json()["email"]), (200, &json!("ada@acme.example")), "{}", told.text());
    let of_client = format!("/admin/oauth2/tokens?{}", encode(&[("client_id", ID)]));
    let ended = world.operate(&world.key, ("DELETE", &of_client), "acme", &Value::Null).await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert_eq!(userinfo().await.status, 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", ID)];
    assert_eq!(post(&world, "/oauth2/token", &form).await.json()["error"], "invalid_grant");
}

/// Attack: impersonation on the person's own machine.
#[tokio::test(flavor = "multi_thread")]
async fn person_is_told_that_the_answer_goes_to_their_own_machine() {
    let (world, host) = world().await;
    host.publishes(&document());
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let page = asked(&world, &mut browser, &[("redirect_uri", LOCAL)]).await;
    assert!(page.contains("agent.example") && page.contains("program on this computer"), "{page}");
    let silent = browser.get(&authorize(&world, &[("redirect_uri", LOCAL), ("prompt", "none")])).await;
    assert_eq!(silent.sent("error").as_deref(), Some("consent_required"));
}

/// Attacks: redirects, answers without end and other types, each by the guard that is served.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_document_is_an_unknown_client_and_tells_nothing() {
    let json_type = "content-type: application/json\r\n";
    let large =
        json!({ "client_id": ID, "client_name": "x".repeat(9_000), "redirect_uris": [REDIRECT] }).to_string();
    let own = document().to_string();
    let other = own.replace("client.json", "other.json");
    for (status, headers, body) in [
        ("302 Found", "location: http://127.0.0.1/\r\ncontent-type: application/json\r\n", &own),
        ("404 Not Found", json_type, &own),
        ("200 OK", "content-type: text/html\r\n", &own),
        ("200 OK", json_type, &large),
        ("200 OK", json_type, &other),
        ("200 OK", json_type, &"[]".to_owned()),
    ] {
        let (world, host) = world().await;
        host.says(status, headers, body);
        let answer = Browser::default().get(&authorize(&world, &[])).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{status} {headers}");
        assert!(!answer.text().contains("127.0.0.1/\""), "{}", answer.text());
        assert_eq!(host.asked(), 1, "{status} {headers}");
    }
}

/// Attack: SSRF. The id leads into our own network by a name; the guard that is served refuses before it connects.
#[tokio::test(flavor = "multi_thread")]
async fn id_within_our_own_network_is_not_called() {
    let host = Host::start().await;
    host.publishes(&document());
    let guard = GuardedOutbound::new(OutboundPolicy::default()).unwrap();
    let world = World::start_reaching(Arc::new(guard)).await;
    let port = host.address.port();
    let_in(&world, json!([format!("localhost:{port}"), "*"])).await;
    for id in
        [format!("https://localhost:{port}/client.json"), format!("https://127.0.0.1:{port}/client.json")]
    {
        let answer = Browser::default().get(&authorize(&world, &[("client_id", &id)])).await;
        assert_eq!(answer.status, 400, "{id}: {}", answer.text());
    }
    assert_eq!(host.asked(), 0);
}
