//! The token hook at the end of a real connection: what it is told, and what becomes of each of its answers.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_http::{GuardedOutbound, OutboundPolicy};
use serde_json::{Value, json};
use tenancy::ManagedBy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::code::{App, claims, code, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::peer::{Peer, declare};
use crate::world::World;

const KEY: &str = "Bearer a-key-of-the-hook";

/// A server that answers what it was last told to, and keeps what it is asked.
struct Hook {
    peer: Peer,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new((204, String::new())));
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let (said, kept) = (answer.clone(), asked.clone());
        let peer = Peer::start(move |headers, body| {
            let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
            let body = String::from_utf8(body.to_vec()).unwrap();
            kept.lock().unwrap().push((key.unwrap_or_default(), body));
            said.lock().unwrap().clone()
        });
        Self { peer: peer.await, answer, asked }
    }

    fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    fn asked(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// The tenant `id` asks `url`, with a key, for `timeout_ms` at most.
async fn hooked(world: &World, (id, managed_by): (&str, ManagedBy), url: &str, timeout_ms: u32) {
    let auth = json!({"type": "api_key", "in": "header", "name": "authorization", "secret": "hook"});
    let hook = json!({"token_hook": {"url": url, "auth": auth, "timeout_ms": timeout_ms}});
    declare(world, (id, managed_by), ("oauth2", hook), ("hook", KEY)).await;
}

/// A token of the tenant's machine for itself.
async fn machine(world: &World, id: &str) -> Machine {
    Machine { url: world.tenant(id), secret: world.machine(id, json!({})).await.1 }
}

struct Machine {
    url: String,
    secret: String,
}

impl Machine {
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("machine:{}", self.secret)))),
        ];
        Browser::default().send("POST", &format!("{}{path}", self.url), &headers, encode(form)).await
    }

    async fn token(&self) -> Response {
        self.post("/oauth2/token", &[("grant_type", "client_credentials"), ("scope", "read")]).await
    }
}

fn error(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grant_asks_with_a_key_and_without_secrets() {
    // The operator lets the node call this machine, for any tenant.
    let policy = OutboundPolicy { granted: vec!["127.0.0.0/8".parse().unwrap()] };
    let world = World::start_reaching(Arc::new(GuardedOutbound::new(policy).unwrap())).await;
    let hook = Hook::start().await;
    let auth = json!({"type": "api_key", "in": "header", "name": "authorization", "secret": "hook"});
    let settings =
        json!({"settings": {"oauth2": {"token_hook": {"url": hook.peer.url("/token"), "auth": auth}}}});
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    assert_eq!(world.operate(&world.key, path, "default", &settings).await.status, 200);
    let path = ("PUT", "/admin/portcullis/v1/secrets/hook");
    assert_eq!(world.operate(&world.key, path, "acme", &json!({"value": KEY})).await.status, 204);
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;

    let said = json!({"session": {"access_token": {"seats": 5}, "id_token": {"plan": "gold"}}});
    hook.answers(200, &said.to_string());
    let code = code(&app, &mut browser).await;
    assert!(hook.asked().is_empty(), "a code is no token");
    let first = app.redeem(&code).await.json();
    let refresh = first["refresh_token"].as_str().unwrap();
    hook.answers(204, "");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let second = app.endpoint("token", &form).await.json();
    let machine = machine(&world, "acme").await;
    assert_eq!(machine.token().await.status, 200);

    let (said, id) =
        (claims(first["access_token"].as_str().unwrap()), claims(first["id_token"].as_str().unwrap()));
    assert_eq!((&said["seats"], &id["plan"], &id["seats"]), (&json!(5), &json!("gold"), &Value::Null));
    assert_eq!(claims(second["access_token"].as_str().unwrap()).get("seats"), None);

    let asked = hook.asked();
    let grants: Vec<Value> = asked
        .iter()
        .map(|(key, body)| {
            assert_eq!(key, KEY);
            for secret in [app.secret(), &machine.secret, &code, refresh, "code_verifier", "client_secret"] {
                assert!(!body.contains(secret), "{secret} in {body}");
            }
            let told: Value = serde_json::from_str(body).unwrap();
            assert_eq!(told["request"]["payload"]["grant_type"], told["request"]["grant_types"]);
            told["request"]["grant_types"][0].clone()
        })
        .collect();
    assert_eq!(grants, ["authorization_code", "refresh_token", "client_credentials"]);
    let told: Value = serde_json::from_str(&asked[0].1).unwrap();
    assert_eq!(told["session"]["id_token"]["subject"], id["sub"]);
    assert_eq!(told["session"]["id_token"]["id_token_claims"]["nonce"], "the-nonce");
    assert_eq!(told["request"]["granted_scopes"], json!(["openid", "email", "offline_access"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_answer_gives_no_token() {
    let world = World::start().await;
    let hook = Hook::start().await;
    hooked(&world, ("hooked", ManagedBy::File), &hook.peer.url("/"), 5_000).await;
    let machine = machine(&world, "hooked").await;
    let claims = |name: &str| json!({"session": {"access_token": {name: "x"}}}).to_string();
    let deep = format!("{{\"session\":{{\"access_token\":{{\"a\":{}{}}}}}}}", "[".repeat(40), "]".repeat(40));
    for (status, body, expect) in [
        (200, claims("fine"), (200, "")),
        (204, String::new(), (200, "")),
        (403, json!({"error": "not these"}).to_string(), (403, "access_denied")),
        (200, claims("sub"), (500, "server_error")),
        (200, claims("aud"), (500, "server_error")),
        (200, claims("cnf"), (500, "server_error")),
        (200, claims("client_id"), (500, "server_error")),
        (200, String::new(), (500, "server_error")),
        (200, "[]".to_owned(), (500, "server_error")),
        (200, "{}".to_owned(), (500, "server_error")),
        (200, deep, (500, "server_error")),
        (200, claims(&"x".repeat(70_000)), (500, "server_error")),
        (201, claims("fine"), (500, "server_error")),
        (302, String::new(), (500, "server_error")),
        (400, String::new(), (500, "server_error")),
        (401, String::new(), (500, "server_error")),
        (502, String::new(), (500, "server_error")),
    ] {
        hook.answers(status, &body);
        let answer = machine.token().await;
        assert_eq!(error(&answer), (expect.0, expect.1.to_owned()), "{status} {body:.80}");
        assert!(!answer.text().contains("not these"), "its words are not the client's");
        assert_eq!(hook.asked().len(), 1, "it is asked once: {status}");
    }
}

/// A server that answers each request with these bytes, or with nothing at all.
async fn raw(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 16_384]).await;
            if let Some(answer) = &answer {
                let _ = stream.write_all(answer.as_bytes()).await;
            } else {
                held.push(stream);
            }
        }
    });
    format!("http://{address}/")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_gone_and_elsewhere_are_no_answers() {
    let world = World::start().await;
    let elsewhere = Hook::start().await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.peer.url("/")
    );
    for (id, url) in [
        ("slow", raw(None).await),
        ("moved", raw(Some(redirect)).await),
        ("garbled", raw(Some("hello\r\n\r\n".to_owned())).await),
        ("gone", "http://127.0.0.1:1/".to_owned()),
    ] {
        hooked(&world, (id, ManagedBy::File), &url, 500).await;
        let answer = machine(&world, id).await.token().await;
        assert_eq!(error(&answer), (500, "server_error".to_owned()), "{id}");
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    assert!(elsewhere.asked().is_empty(), "a redirect is not followed");
}

/// Attack: whoever may write a tenant's settings has the node post to a server of its own network.
#[tokio::test(flavor = "multi_thread")]
async fn tenant_of_the_api_has_nothing_asked_at_an_address_that_is_not_public() {
    let world = World::start().await;
    let hook = Hook::start().await;
    hooked(&world, ("hooked", ManagedBy::Api), &hook.peer.url("/"), 5_000).await;
    let answer = machine(&world, "hooked").await.token().await;
    assert_eq!(error(&answer), (500, "server_error".to_owned()));
    assert!(hook.asked().is_empty());
}

/// The secret is not there: nobody is asked without what proves who asks.
#[tokio::test(flavor = "multi_thread")]
async fn hook_whose_key_is_missing_is_not_asked() {
    let world = World::start().await;
    let hook = Hook::start().await;
    let auth = json!({"type": "api_key", "in": "cookie", "name": "key", "secret": "another"});
    let settings = json!({"token_hook": {"url": hook.peer.url("/"), "auth": auth}});
    declare(&world, ("hooked", ManagedBy::File), ("oauth2", settings), ("hook", KEY)).await;
    let answer = machine(&world, "hooked").await.token().await;
    assert_eq!(error(&answer), (500, "server_error".to_owned()));
    assert!(hook.asked().is_empty());
}
