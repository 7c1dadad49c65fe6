//! The token hook at the end of a real connection: what it is told, and what becomes of each of its answers.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{Signer, SigningAlgorithm, TokenType, generate};
use portcullis_http::{GuardedOutbound, OutboundPolicy};
use primitives::Clock as _;
use primitives::rng::SeededRng;
use serde_json::{Value, json};
use tenancy::ManagedBy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::code::{App, claims, code, sign_up};
use super::metadata_document::value_of;
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

/// A world whose operator lets the node call this machine, for any tenant, and whose acme asks the hook.
async fn hooked_acme(hook: &Hook, more: Value) -> World {
    let policy = OutboundPolicy { granted: vec!["127.0.0.0/8".parse().unwrap()] };
    let world = World::start_reaching(Arc::new(GuardedOutbound::new(policy).unwrap())).await;
    let auth = json!({"type": "api_key", "in": "header", "name": "authorization", "secret": "hook"});
    let mut settings = json!({"token_hook": {"url": hook.peer.url("/token"), "auth": auth}});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let settings = json!({"settings": {"oauth2": settings}});
    assert_eq!(world.operate(&world.key, path, "default", &settings).await.status, 200);
    let path = ("PUT", "/admin/portcullis/v1/secrets/hook");
    assert_eq!(world.operate(&world.key, path, "acme", &json!({"value": KEY})).await.status, 204);
    world
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

/// What is told of the person behind a token.
async fn userinfo(world: &World, token: &str) -> Value {
    let headers = [("authorization", format!("Bearer {token}"))];
    let url = format!("{}/userinfo", world.tenant("acme"));
    let answer = Browser::default().send("GET", &url, &headers, String::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn error(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grant_asks_with_a_key_and_without_secrets() {
    let hook = Hook::start().await;
    let world = hooked_acme(&hook, json!({})).await;
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
    // What it said is kept: 204 changes nothing of it, and the next question and userinfo have it.
    let (again, again_id) =
        (claims(second["access_token"].as_str().unwrap()), claims(second["id_token"].as_str().unwrap()));
    assert_eq!((&again["seats"], &again_id["plan"]), (&json!(5), &json!("gold")));
    assert_eq!(again.get("ext"), None, "unless a tenant wants it");
    assert_eq!(userinfo(&world, first["access_token"].as_str().unwrap()).await["plan"], "gold");

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
    let told: Value = serde_json::from_str(&asked[1].1).unwrap();
    assert_eq!(told["session"]["extra"], json!({"seats": 5}));
    assert_eq!(told["session"]["id_token"]["id_token_claims"]["ext"], json!({"plan": "gold"}));
}

/// What it said before ends with its next word, for whoever asks about tokens that there are already too; and `ext` has it where the
/// tenant wants that.
#[tokio::test(flavor = "multi_thread")]
async fn later_answer_takes_the_place_of_an_earlier_one_everywhere() {
    let hook = Hook::start().await;
    let world = hooked_acme(&hook, json!({"claims_in_ext": true})).await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let said =
        |seats: u32| json!({"session": {"access_token": {"seats": seats}, "id_token": {"plan": seats}}});
    hook.answers(200, &said(5).to_string());
    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let first = text(&tokens, "access_token");
    assert_eq!(userinfo(&world, &first).await["plan"], 5);

    let mut refresh_token = text(&tokens, "refresh_token");
    for (status, body, expect) in [
        (200, said(6).to_string(), json!({"seats": 6})),
        (204, String::new(), json!({"seats": 6})),
        (200, json!({"session": {}}).to_string(), json!({})),
        (204, String::new(), json!({})),
    ] {
        hook.answers(status, &body);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        let tokens = app.endpoint("token", &form).await.json();
        let access = text(&tokens, "access_token");
        let claims = claims(&access);
        assert_eq!((&claims["ext"], claims.get("seats")), (&expect, expect.get("seats")), "{status} {body}");
        let introspected = app.endpoint("introspect", &[("token", &access)]).await.json();
        let added = expect.as_object().filter(|added| !added.is_empty());
        assert_eq!(introspected["ext"].as_object(), added, "each once: {status} {body}");
        let told = userinfo(&world, &first).await;
        assert_eq!(told.get("plan"), expect.get("seats"), "{status} {body}");
        refresh_token = text(&tokens, "refresh_token");
    }
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
        // What the token says anyway, as hooks in the wild do.
        (200, json!({"session": {"access_token": {"azp": "machine", "seats": 5}}}).to_string(), (200, "")),
        (200, claims("azp"), (500, "server_error")),
        (204, String::new(), (200, "")),
        (403, json!({"error": "not these"}).to_string(), (403, "access_denied")),
        (200, claims("sub"), (500, "server_error")),
        (200, claims("aud"), (500, "server_error")),
        (200, claims("cnf"), (500, "server_error")),
        (200, claims("client_id"), (500, "server_error")),
        (200, String::new(), (200, "")),
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

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PASSWORD: &str = "a long enough phrase";

/// An assertion of an issuer that acme trusts, about `mike`.
pub(crate) async fn assertion(world: &World) -> String {
    let key = generate(SigningAlgorithm::Es256, &SeededRng::new(5)).unwrap();
    let now = world.clock.now().seconds();
    let public = serde_json::to_value(key.public()).unwrap();
    let trust = json!({"issuer": "https://issuer.example", "subject": "mike", "scope": ["email"], "jwk": public,
        "expires_at": "2099-01-01T00:00:00Z"});
    let path = ("POST", "/admin/trust/grants/jwt-bearer/issuers");
    let made = world.operate(&world.key, path, "acme", &trust).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let claims = json!({"iss": "https://issuer.example", "sub": "mike", "jti": "once", "iat": now, "exp": now + 60,
        "aud": format!("{}/oauth2/token", world.tenant("acme"))});
    Signer::new(&key).unwrap().sign(TokenType::Jwt, &claims).unwrap()
}

/// Lets a device have what it asks for; gives its code.
pub(crate) async fn device_code(world: &World, app: &App<'_>, browser: &mut Browser) -> String {
    let begun = app.endpoint("device/auth", &[("scope", "email")]).await.json();
    let url = format!("{}/oauth2/device/verify", world.tenant("acme"));
    let entered = browser.post(&url, &[("user_code", begun["user_code"].as_str().unwrap())]).await;
    let page = browser.get(entered.location().as_str()).await;
    let page = page.text();
    let form = [("device_challenge", value_of(&page, "device_challenge")), ("decision", "allow")];
    let allowed = browser.post(&format!("{}/ui/device", world.tenant("acme")), &form).await;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    begun["device_code"].as_str().unwrap().to_owned()
}

/// Attack: what the hook refuses at one grant is asked for by another.
#[tokio::test(flavor = "multi_thread")]
async fn no_grant_leads_around_it_and_a_refusal_uses_nothing_up() {
    let hook = Hook::start().await;
    let world = hooked_acme(&hook, json!({"password_grant": true})).await;
    let app = App::register_as(
        &world,
        json!({
            "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
            "grant_types": ["authorization_code", "password", DEVICE, EXCHANGE, JWT_BEARER],
            "scope": "openid email", "skip_consent": true,
            "token_exchange": {"identifiers": ["https://app.example"], "targets": ["https://tool.example"]},
            "audience": ["https://app.example"],
        }),
    )
    .await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let asked = [("scope", "openid email"), ("audience", "https://app.example")];
    let code = ada.get(&app.authorize(&asked)).await.sent("code").unwrap();
    let own = app.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    let (device, assertion) = (device_code(&world, &app, &mut ada).await, assertion(&world).await);
    hook.asked();

    let forms: [(&str, Vec<(&str, &str)>); 4] = [
        (DEVICE, vec![("device_code", &device)]),
        (
            EXCHANGE,
            vec![
                ("subject_token", &own),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("audience", "https://tool.example"),
            ],
        ),
        (JWT_BEARER, vec![("assertion", &assertion), ("scope", "email")]),
        ("password", vec![("username", "ada@acme.example"), ("password", PASSWORD), ("scope", "email")]),
    ];
    for (grant, form) in forms {
        let form = [vec![("grant_type", grant)], form].concat();
        for (status, expect) in [(403, (403, "access_denied")), (500, (500, "server_error"))] {
            hook.answers(status, "");
            let refused = app.endpoint("token", &form).await;
            assert_eq!(error(&refused), (expect.0, expect.1.to_owned()), "{grant}");
        }
        hook.answers(200, &json!({"session": {"access_token": {"seats": 5}}}).to_string());
        let given = app.endpoint("token", &form).await;
        assert_eq!(given.status, 200, "{grant}: {}", given.text());
        let token = given.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(claims(&token)["seats"], 5, "{grant}");
        let asked = hook.asked();
        assert_eq!(asked.len(), 3, "{grant}: each request asks once");
        for (_, body) in asked {
            for secret in [app.secret(), &device, &own, &assertion, PASSWORD] {
                assert!(!body.contains(secret), "{grant}: {secret} in {body}");
            }
            let told: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(told["request"]["grant_types"], json!([grant]), "{body}");
        }
    }
}
