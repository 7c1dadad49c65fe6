//! Signed authorization requests (RFC 9101) over HTTP, and what a client may put where it says that they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_http::{GuardedOutbound, OutboundPolicy};
use primitives::Clock as _;
use serde_json::{Value, json};
use testkit::prover::Prover;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::code::{App, sign_up};
use crate::browser::{Browser, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client's own server, which answers each call with these bytes, or with silence where there are none.
struct Publisher {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Publisher {
    async fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::<AtomicUsize>::default();
        let counted = calls.clone();
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 2_048];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                stream.write_all(&answer).await.unwrap();
                // Who says nothing does not hang up either.
                if answer.is_empty() {
                    open.push(stream);
                }
            }
        });
        Self { address, calls, server }
    }

    fn uri(&self) -> String {
        format!("http://{}/request.jwt", self.address)
    }
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const TYPE: &str = "content-type: application/oauth-authz-req+jwt\r\n";

/// What the app signs.
fn object(world: &World, key: &Prover, more: &Value) -> String {
    let now = world.clock.now().seconds();
    let mut claims = json!({
        "iss": "app", "aud": world.tenant("acme"), "iat": now, "exp": now + 60, "client_id": "app",
        "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid email", "state": "signed",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let header = json!({"alg": "ES256", "kid": "k", "typ": "oauth-authz-req+jwt"});
    key.sign(&header, &claims)
}

async fn register<'a>(world: &'a World, key: &Prover, more: Value) -> App<'a> {
    let mut public = key.header()["jwk"].clone();
    public["kid"] = "k".into();
    let mut document = json!({
        "client_id": "app", "redirect_uris": [REDIRECT], "scope": "openid email offline_access",
        "skip_consent": true, "jwks": {"keys": [public]},
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    App::register_as(world, document).await
}

fn begin(world: &World, query: &[(&str, &str)]) -> String {
    format!("{}/oauth2/auth?{}", world.tenant("acme"), encode(query))
}

fn granting_loopback() -> Arc<GuardedOutbound> {
    let policy = OutboundPolicy { granted: vec!["127.0.0.0/8".parse().unwrap()] };
    Arc::new(GuardedOutbound::new(policy).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_request_leads_to_tokens_and_a_changed_one_nowhere() {
    let world = World::start().await;
    let key = Prover::generate();
    let app = register(&world, &key, json!({"require_signed_request_object": true})).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@example.org").await;
    let text = object(&world, &key, &json!({"jti": "j1"}));
    let by_value = [("client_id", "app"), ("request", text.as_str()), ("redirect_uri", REDIRECT)];
    let answer = browser.get(&begin(&world, &by_value)).await;
    assert_eq!(answer.sent("state").as_deref(), Some("signed"), "{}", answer.text());
    let tokens = app.redeem(&answer.sent("code").unwrap()).await;
    assert_eq!((tokens.status, &tokens.json()["scope"]), (200, &json!("openid email")));
    let again = browser.get(&begin(&world, &by_value)).await;
    assert_eq!(again.status, 410, "{}", again.text());

    let plain = browser.get(&app.authorize(&[("scope", "openid email")])).await;
    assert_eq!(plain.sent("error").as_deref(), Some("invalid_request"));
    let changed = format!("{}A", object(&world, &key, &json!({"jti": "j2"})));
    let refused = browser.get(&begin(&world, &[("client_id", "app"), ("request", &changed)])).await;
    assert_eq!(refused.sent("error").as_deref(), Some("invalid_request_object"));
    let elsewhere =
        [("client_id", "app"), ("request", changed.as_str()), ("redirect_uri", "https://evil.example/cb")];
    let page = browser.get(&begin(&world, &elsewhere)).await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("cannot be verified"), "{}", page.text());

    let discovery = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    let discovery = Browser::default().get_json(&discovery).await.json();
    assert_eq!(discovery["request_parameter_supported"], true);
    let algorithms = discovery["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("none")));
}

#[tokio::test(flavor = "multi_thread")]
async fn request_uri_within_our_own_network_is_not_called() {
    let world = World::start().await;
    let key = Prover::generate();
    let publisher = Publisher::start(response("200 OK", TYPE, &object(&world, &key, &json!({})))).await;
    let uri = publisher.uri();
    register(&world, &key, json!({"request_uris": [uri]})).await;
    let asked = Browser::default().get(&begin(&world, &[("client_id", "app"), ("request_uri", &uri)])).await;
    assert_eq!(asked.sent("error").as_deref(), Some("invalid_request_uri"));
    assert_eq!(publisher.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_request_uri_is_taken_within_bounds() {
    let world = World::start_reaching(granting_loopback()).await;
    let key = Prover::generate();
    let good = object(&world, &key, &json!({}));
    let target = Publisher::start(response("200 OK", TYPE, &good)).await;
    let location = format!("{TYPE}location: {}\r\n", target.uri());
    let large = "a".repeat(1 << 20);
    let refused = Some("invalid_request_uri");
    let peers = [
        ("good", Publisher::start(response("200 OK", TYPE, &good)).await, None),
        ("a redirect", Publisher::start(response("302 Found", &location, &good)).await, refused),
        ("oversize", Publisher::start(response("200 OK", TYPE, &large)).await, refused),
        (
            "another type",
            Publisher::start(response("200 OK", "content-type: text/html\r\n", &good)).await,
            refused,
        ),
        ("no type", Publisher::start(response("200 OK", "", &good)).await, refused),
        ("not HTTP", Publisher::start(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()).await, refused),
        ("slow", Publisher::start(Vec::new()).await, refused),
    ];
    let uris: Vec<_> = peers.iter().map(|(_, publisher, _)| publisher.uri()).collect();
    register(&world, &key, json!({"request_uris": uris})).await;
    for (what, publisher, expect) in &peers {
        let asked = [("client_id", "app"), ("request_uri", &publisher.uri())];
        let answer = Browser::default().get(&begin(&world, &asked)).await;
        assert_eq!(answer.sent("error").as_deref(), *expect, "{what}");
        assert_eq!(answer.location().path().contains("login"), expect.is_none(), "{what}");
        assert_eq!(publisher.calls.load(Ordering::SeqCst), 1, "{what}");
    }
    assert_eq!(target.calls.load(Ordering::SeqCst), 0, "no redirect is followed");
    // Another host or port than the registered one is not asked, whatever is there.
    let asked = [("client_id", "app"), ("request_uri", &target.uri())];
    let answer = Browser::default().get(&begin(&world, &asked)).await;
    assert_eq!(answer.sent("error").as_deref(), refused);
    assert_eq!(target.calls.load(Ordering::SeqCst), 0);
}
