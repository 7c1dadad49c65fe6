//! The hook `policy` in real requests: which app gets whom, and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use super::people::set;
use crate::browser::{Browser, Response, encode};
use crate::oauth2::code::{App, claims, code, sign_up};
use crate::world::{World, guest};

async fn rule(world: &World, rule: &str) {
    let settings = json!({ "rule": rule });
    let plugin = json!({
        "name": "rules",
        "component": guest("policy_rules"),
        "bind": [{ "hook": "policy", "client": "app" }],
        "settings": settings,
        "limits": { "wall_ms": 10_000 },
    });
    set(world, &json!({ "plugin": [plugin] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn app_gets_nobody_and_no_token_that_the_policy_denies() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    rule(&world, "nothing").await;
    let allowed = code(&app, &mut ada).await;
    rule(&world, "token").await;
    let denied = app.redeem(&allowed).await;
    let error = denied.json();
    assert_eq!((denied.status, &error["error"]), (403, &json!("access_denied")), "{error}");
    assert!(error["error_description"].as_str().unwrap().starts_with("no token of client:app by true"));

    rule(&world, "authorize").await;
    let answer = ada.get(&app.authorize(&[])).await;
    assert_eq!(answer.sent("error").as_deref(), Some("access_denied"));
    assert!(answer.sent("error_description").unwrap().starts_with("no authorize of client:app by true"));
    assert_eq!(answer.sent("code"), None);

    for failing in ["error", "terms"] {
        rule(&world, failing).await;
        let answer = ada.get(&app.authorize(&[])).await;
        assert_eq!(answer.sent("error").as_deref(), Some("server_error"), "{failing}");
        let told: Value = app.redeem(&allowed).await.json();
        assert_eq!(told["error"], "server_error", "{failing}");
    }
    rule(&world, "nothing").await;
    let tokens = app.redeem(&allowed).await;
    assert_eq!(tokens.status, 200, "what was denied was not used up: {}", tokens.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_is_asked_again_when_they_have_consented() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let consent = format!("{}/ui/consent", world.tenant("acme"));
    for (denied, expect) in
        [("nothing", None), ("authorize", Some("access_denied")), ("error", Some("server_error"))]
    {
        rule(&world, "nothing").await;
        let asked = ada.get(&app.authorize(&[("prompt", "consent")])).await;
        let challenge = asked.sent("consent_challenge").unwrap();
        rule(&world, denied).await;
        let form = [("consent_challenge", challenge.as_str()), ("decision", "allow")];
        let answer = ada.post(&consent, &form).await;
        assert_eq!(answer.sent("error").as_deref(), expect, "{denied}: {}", answer.text());
        assert_eq!(answer.sent("code").is_some(), expect.is_none(), "{denied}");
    }
}

/// RFC 9396 section 5: what a schema cannot say a plugin says, wherever details are asked for; and nothing where it says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn details_are_good_that_the_policy_finds_good() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = json!({
        "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid email offline_access", "skip_consent": true, "authorization_details_types": ["payment"],
    });
    let app = App::register_as(&world, app).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let payment = json!({
        "name": "payment", "validate": "plugin",
        "schema": { "properties": { "amount": { "type": "integer" } } },
    });
    let settings = |rule: Option<&str>| {
        let plugins: Vec<Value> = rule
            .into_iter()
            .map(|rule| {
                json!({
                    "name": "rules",
                    "component": guest("policy_rules"),
                    "bind": [{ "hook": "policy" }],
                    "settings": { "rule": rule },
                    "limits": { "wall_ms": if rule == "slow" { 200 } else { 10_000 }, "cpu_ms": 100 },
                })
            })
            .collect();
        json!({ "plugin": plugins, "oauth2": { "authorization_details_types": [payment] } })
    };
    let body = json!({ "settings": settings(None) });
    let path = "/admin/portcullis/v1/tenants/acme";
    let refused = world.operate(&world.key, ("PATCH", path), "default", &body).await;
    assert_eq!(refused.status, 400, "without a plugin to ask: {}", refused.text());
    assert!(refused.text().contains("authorization_details_types[0].validate"), "{}", refused.text());

    let dear = json!([{ "type": "payment", "amount": 900 }]).to_string();
    let cheap = json!([{ "type": "payment", "amount": 9 }]).to_string();
    for (rule, details, expect) in [
        ("dear", &cheap, None),
        ("dear", &dear, Some("invalid_authorization_details")),
        ("error", &cheap, Some("server_error")),
        ("terms", &cheap, Some("server_error")),
        ("slow", &cheap, Some("server_error")),
    ] {
        set(&world, &settings(Some(rule))).await;
        let asked = [("authorization_details", details.as_str())];
        let answer = ada.get(&app.authorize(&asked)).await;
        assert_eq!(answer.sent("error").as_deref(), expect, "authorization: {rule} {details}");
        assert_eq!(answer.sent("code").is_some(), expect.is_none(), "{rule} {details}");
        let pushed = [
            ("response_type", "code"),
            ("redirect_uri", "https://app.example/cb"),
            ("scope", "openid"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        for (endpoint, form, at) in [
            ("par", &pushed[..], "pushed"),
            ("device/auth", &[("scope", "openid")], "device"),
            ("token", &[("grant_type", "client_credentials")], "token"),
        ] {
            let answer = app.endpoint(endpoint, &[form, &asked].concat()).await;
            let said = answer.json();
            assert_eq!(said["error"].as_str(), expect, "{endpoint}: {rule} {details}: {said}");
            let status = match expect {
                None if endpoint == "par" => 201,
                None => 200,
                Some("server_error") => 500,
                Some(_) => 400,
            };
            assert_eq!(answer.status, status, "{endpoint}: {rule}");
            if rule == "dear" && expect.is_some() {
                let words = said["error_description"].as_str().unwrap();
                assert!(words.starts_with("900 is dear, ") && words.contains(at), "{endpoint}: {words}");
            }
        }
    }
}

/// The plugin of this rule, whichever client asks: one that registers has no name that it could be bound to.
fn for_all(rule: &str) -> Value {
    json!({
        "name": "rules",
        "component": guest("policy_rules"),
        "bind": [{ "hook": "policy" }],
        "settings": { "rule": rule },
        "limits": { "wall_ms": 10_000 },
    })
}

/// A tenant where whoever has a key may register clients, as the rule lets them.
struct Registry {
    world: World,
    key: String,
}

impl Registry {
    async fn start() -> Self {
        let world = World::start().await;
        let owner = KeyOwner::Tenant("acme".parse().unwrap());
        let key = world.admin_key(owner, vec![Scope::ClientsRegister]).await;
        Self { world, key }
    }

    async fn rule(&self, rule: &str) {
        let settings = json!({ "plugin": [for_all(rule)], "oauth2": { "registration": { "mode": "key" } } });
        set(&self.world, &settings).await;
    }

    async fn send(&self, (method, url): (&str, &str), token: &str, body: &Value) -> Response {
        let headers =
            [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Browser::default().send(method, url, &headers, body).await
    }

    async fn register(&self) -> Response {
        let url = format!("{}/oauth2/register", self.world.tenant("acme"));
        self.send(("POST", &url), &self.key, &newcomer("Newcomer")).await
    }

    /// How many clients there are.
    async fn count(&self) -> usize {
        let world = &self.world;
        let listed = world.operate(&world.key, ("GET", "/admin/clients"), "acme", &Value::Null).await;
        listed.json().as_array().unwrap().len()
    }
}

fn newcomer(name: &str) -> Value {
    json!({ "client_name": name, "redirect_uris": ["https://new.example/cb"], "scope": "openid email" })
}

/// The status, the code and the words of a refusal.
fn refusal(answer: &Response) -> (u16, String, String) {
    let told = answer.json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("error"), text("error_description"))
}

/// Attack: whoever has a key for registrations registers, or makes of a client later, what the operator's policy does not let be.
#[tokio::test(flavor = "multi_thread")]
async fn who_registers_is_what_the_policy_lets_them_be_and_stays_it() {
    let _quiet = super::COMPILES.read().await;
    let registry = Registry::start().await;
    registry.rule("register").await;
    let (status, error, words) = refusal(&registry.register().await);
    assert_eq!((status, error.as_str()), (403, "access_denied"), "{words}");
    assert!(words.starts_with("no register of client:") && words.ends_with("['openid','email']"), "{words}");
    for (rule, expect) in [
        ("told", (403, "access_denied", "'initial_access_token' true 'Newcomer'")),
        // What a plugin says gives no right that registration does not.
        ("raise", (400, "invalid_client_metadata", "skip_consent is set by operators alone")),
    ] {
        registry.rule(rule).await;
        let (status, error, words) = refusal(&registry.register().await);
        assert_eq!((status, error.as_str(), words.as_str()), expect, "{rule}");
    }
    for rule in ["error", "terms"] {
        registry.rule(rule).await;
        let (status, error, _) = refusal(&registry.register().await);
        assert_eq!((status, error.as_str()), (500, "server_error"), "{rule}");
    }
    assert_eq!(registry.count().await, 0);

    for (rule, scope) in [("narrow", "openid"), ("nothing", "openid email")] {
        registry.rule(rule).await;
        let made = registry.register().await;
        assert_eq!((made.status, &made.json()["scope"]), (201, &json!(scope)), "{rule}: {}", made.text());
    }
    assert_eq!(registry.count().await, 2);

    let own = registry.register().await.json();
    let text = |name: &str| own[name].as_str().unwrap().to_owned();
    let (url, token) = (text("registration_client_uri"), text("registration_access_token"));
    let mut renamed = newcomer("Renamed");
    renamed["client_id"] = own["client_id"].clone();
    registry.rule("told").await;
    let (status, error, words) = refusal(&registry.send(("PUT", &url), &token, &renamed).await);
    assert_eq!((status, error.as_str()), (403, "access_denied"));
    assert_eq!(words, "'registration_access_token' false 'Renamed'");
    let shown = registry.send(("GET", &url), &token, &Value::Null).await.json();
    assert_eq!(shown["client_name"], "Newcomer", "{shown}");
}

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A service of acme that may act for people at the tool; its credentials.
async fn service(world: &World, id: &str) -> String {
    let document = json!({
        "client_id": id, "grant_types": [EXCHANGE], "scope": "openid email",
        "token_exchange": { "identifiers": ["https://agent.example"], "targets": ["https://tool.example"] },
    });
    let secret = world.client("acme", document).await;
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// RFC 8693: who acts, and on whose token, is told to real components, of which one denies and the other says it in the token.
#[tokio::test(flavor = "multi_thread")]
async fn policy_says_who_exchanges_what_somebody_else_got() {
    let _quiet = super::COMPILES.read().await;
    let world = World::start().await;
    let app = json!({
        "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid email offline_access",
        "audience": ["https://agent.example"], "skip_consent": true,
    });
    let app = App::register_as(&world, app).await;
    let (agent, intruder) = (service(&world, "agent").await, service(&world, "intruder").await);
    let echo = json!({
        "name": "echo", "component": guest("token_echo"), "bind": [{ "hook": "token" }],
        "limits": { "wall_ms": 10_000 },
    });
    set(&world, &json!({ "plugin": [for_all("agents"), echo] })).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let answer = ada.get(&app.authorize(&[("audience", "https://agent.example")])).await;
    let tokens = app.redeem(&answer.sent("code").unwrap()).await;
    assert_eq!(tokens.status, 200, "the rule is about exchanges: {}", tokens.text());
    let tokens = tokens.json();
    let own = tokens["access_token"].as_str().unwrap();
    assert_eq!(claims(own).get("told_subject_client"), None);

    let exchange = async |credentials: &str| {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", own),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", "https://tool.example"),
            ("scope", "email"),
        ];
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", credentials.to_owned()),
        ];
        let url = format!("{}/oauth2/token", world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(&form)).await
    };
    let (status, error, words) = refusal(&exchange(&intruder).await);
    assert_eq!((status, error.as_str()), (403, "access_denied"), "{words}");
    assert_eq!(words, "'intruder' does not act on what 'app' got");
    let given = exchange(&agent).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let given = given.json();
    let said = claims(given["access_token"].as_str().unwrap());
    assert_eq!((&said["grant_type"], &said["told_subject_client"]), (&json!(EXCHANGE), &json!("app")));
    let act: Value = serde_json::from_str(said["told_act"].as_str().unwrap()).unwrap();
    assert_eq!(act, json!({ "sub": "agent", "client_id": "agent" }));
    assert_eq!(said["act"], act, "{said}");
}
