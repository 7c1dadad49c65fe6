//! Token exchange over HTTP, from a person's sign-in to what a service sees of who acts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use super::code::{App, claims, code, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::sessions::told;
use crate::world::World;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A client of acme.
struct Client<'a> {
    world: &'a World,
    id: &'static str,
    secret: String,
}

impl<'a> Client<'a> {
    async fn new(world: &'a World, id: &'static str, more: Value) -> Self {
        let mut document =
            json!({"client_id": id, "grant_types": [GRANT, "client_credentials"], "scope": "openid email"});
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Self { world, id, secret: world.client("acme", document).await }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))),
        ];
        let url = format!("{}/oauth2/{path}", self.world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(form)).await
    }

    async fn exchange(&self, token: &str, more: &[(&str, &str)]) -> Response {
        let form = [("grant_type", GRANT), ("subject_token", token), ("subject_token_type", ACCESS)];
        self.post("token", &[&form, more].concat()).await
    }

    async fn introspect(&self, token: &str) -> Value {
        self.post("introspect", &[("token", token)]).await.json()
    }
}

/// Ada's app, whose tokens are for `https://agent.example`.
async fn app<'a>(world: &'a World, strategy: &str) -> App<'a> {
    let document = json!({
        "client_id": "app", "client_name": "The App", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access",
        "audience": ["https://agent.example"], "skip_consent": true, "access_token_strategy": strategy,
    });
    App::register_as(world, document).await
}

/// Ada signs in to the app: her token, and who she is to it.
async fn token_of_ada(world: &World, app: &App<'_>, browser: &mut Browser) -> (String, Value) {
    sign_up(world, browser, "ada@acme.example").await;
    let answer = browser.get(&app.authorize(&[("audience", "https://agent.example")])).await;
    let code = answer.sent("code").unwrap();
    let tokens = app.redeem(&code).await.json();
    let subject = claims(tokens["id_token"].as_str().unwrap())["sub"].clone();
    (tokens["access_token"].as_str().unwrap().to_owned(), subject)
}

fn agent(strategy: &str) -> Value {
    json!({"access_token_strategy": strategy, "audience": ["https://agent.example"],
        "token_exchange": {"identifiers": ["https://agent.example"], "targets": ["https://tool.example"]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_acts_for_a_person_until_they_take_it_back() {
    for strategy in ["jwt", "opaque"] {
        let world = World::start().await;
        let (app, mut browser) = (app(&world, strategy).await, Browser::default());
        let (ada, subject) = token_of_ada(&world, &app, &mut browser).await;
        let agent = Client::new(&world, "agent", agent(strategy)).await;
        let answer = agent.exchange(&ada, &[("audience", "https://tool.example"), ("scope", "email")]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text());
        let told = answer.json();
        assert_eq!((&told["issued_token_type"], &told["token_type"]), (&json!(ACCESS), &json!("bearer")));
        assert_eq!((&told["scope"], told.get("refresh_token")), (&json!("email"), None));
        let token = told["access_token"].as_str().unwrap();
        let said = agent.introspect(token).await;
        assert_eq!(said["act"], json!({"sub": "agent", "client_id": "agent"}), "{strategy}");
        assert_eq!(said["aud"], json!(["https://tool.example"]), "{strategy}");
        assert_eq!(said["sub"], subject, "{strategy}");
        let refused = agent.exchange(&ada, &[("audience", "https://other.example")]).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_target")));
        // Ada signs out of everything; the app had asked for access while she is away, so an operator takes that back.
        let ends =
            format!("/admin/oauth2/auth/sessions/consent?subject={}&all=true", said["sub"].as_str().unwrap());
        let done = world.operate(&world.key, ("DELETE", &ends), "acme", &Value::Null).await;
        assert_eq!(done.status, 204, "{}", done.text());
        assert_eq!(agent.introspect(token).await, json!({"active": false}), "{strategy}");
        let refused = agent.exchange(&ada, &[("audience", "https://tool.example")]).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_request")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_another_tenant_is_exchanged_nowhere_else() {
    let world = World::start().await;
    let app = app(&world, "opaque").await;
    let (ada, _) = token_of_ada(&world, &app, &mut Browser::default()).await;
    let mut document = agent("opaque");
    document
        .as_object_mut()
        .unwrap()
        .extend(json!({"client_id": "agent", "grant_types": [GRANT]}).as_object().unwrap().clone());
    let secret = world.client("rival", document).await;
    let form = [("grant_type", GRANT), ("subject_token", &*ada), ("subject_token_type", ACCESS)];
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("agent:{secret}")))),
    ];
    let url = format!("{}/oauth2/token", world.tenant("rival"));
    let refused = Browser::default().send("POST", &url, &headers, encode(&form)).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_request")));
}

/// A token that was exchanged, and exchanged on, ends with the one that its client revokes; the person's own goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_exchanged_ends_with_the_token_that_is_revoked() {
    for (first, second) in [("jwt", "jwt"), ("opaque", "opaque"), ("jwt", "opaque"), ("opaque", "jwt")] {
        let world = World::start().await;
        let (app, mut browser) = (app(&world, first).await, Browser::default());
        let (ada, _) = token_of_ada(&world, &app, &mut browser).await;
        let agent = Client::new(&world, "agent", agent(second)).await;
        let more = [("audience", "https://tool.example"), ("scope", "openid email")];
        let of_agent = async |token: &str| {
            let answer = agent.exchange(token, &more).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["access_token"].as_str().unwrap().to_owned()
        };
        let token = of_agent(&ada).await;
        let on = of_agent(&token).await;
        let userinfo = async |token: &str| {
            let headers = [("authorization", format!("Bearer {token}"))];
            let url = format!("{}/userinfo", world.tenant("acme"));
            Browser::default().send("GET", &url, &headers, String::new()).await.status
        };
        let is_live = async |token: &str| {
            let said = agent.introspect(token).await["active"].clone();
            let told = userinfo(token).await;
            assert_eq!((said == true, said == false), (told == 200, told == 401), "{said} {told}");
            told == 200
        };
        assert!(is_live(&token).await && is_live(&on).await, "{first} {second}");
        assert_eq!(agent.post("revoke", &[("token", &token)]).await.status, 200);
        assert!(!is_live(&token).await && !is_live(&on).await, "{first} {second}");
        let again = of_agent(&ada).await;
        assert!(is_live(&again).await, "{first} {second}: what it came of is as it was");
        assert_eq!(app.endpoint("revoke", &[("token", &ada)]).await.status, 200);
        assert!(!is_live(&again).await, "{first} {second}");
        let refused = agent.exchange(&again, &more).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_request")));
    }
}

pub(super) async fn revoke(world: &World, credentials: &str, body: &Value) -> Response {
    let headers =
        [("content-type", "application/json".to_owned()), ("authorization", format!("Bearer {credentials}"))];
    let url = format!("{}/oauth2/global-token-revocation", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, body.to_string()).await
}

pub(super) async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_person_ends_by_the_word_of_who_is_trusted() {
    let world = World::start().await;
    let document = json!({"client_id": "app", "grant_types": ["authorization_code", "refresh_token"], "skip_consent": true,
        "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access",
        "backchannel_logout_uri": "https://app.example/logout"});
    let app = App::register_as(&world, document).await;
    let more = json!({"grant_types": ["client_credentials"], "scope": "global_token_revocation email"});
    let watcher = Client::new(&world, "watcher", more).await;
    let form = [("grant_type", "client_credentials"), ("scope", "global_token_revocation")];
    let watching = watcher.post("token", &form).await.json()["access_token"].as_str().unwrap().to_owned();
    let issuer = world.tenant("acme");
    let mut bob = Browser::default();
    sign_up(&world, &mut bob, "bob@acme.example").await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let by_email = json!({"format": "email", "email": "Ada@acme.example"});
    for way in ["email", "iss_sub", "opaque", "key"] {
        let tokens = app.redeem(&code(&app, &mut ada).await).await.json();
        let (access, refresh) =
            (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        let said = claims(tokens["id_token"].as_str().unwrap());
        let [sub, sid] = ["sub", "sid"].map(|name| said[name].as_str().unwrap().to_owned());
        let (credentials, sub_id) = match way {
            "iss_sub" => (watching.clone(), json!({"format": "iss_sub", "iss": issuer, "sub": sub})),
            "opaque" => (watching.clone(), json!({"format": "opaque", "id": sub})),
            "email" => (watching.clone(), by_email.clone()),
            _ => {
                let owner = KeyOwner::Tenant("acme".parse().unwrap());
                (world.admin_key(owner, vec![Scope::TokensWrite]).await, by_email.clone())
            }
        };
        assert!(is_signed_in(&world, &mut ada).await);
        assert_eq!(told(&world, &sid).await, 0, "{way}: it goes on");
        let done = revoke(&world, &credentials, &json!({ "sub_id": sub_id })).await;
        assert_eq!(done.status, 204, "{way}: {}", done.text());
        assert!(!is_signed_in(&world, &mut ada).await, "{way}");
        assert!(!app.is_active(access).await && !app.is_active(refresh).await, "{way}");
        assert_eq!(told(&world, &sid).await, 1, "{way}: the app's server is told");
        assert!(is_signed_in(&world, &mut bob).await, "{way}: nobody else's");
        world.clock.advance(std::time::Duration::from_secs(1));
        ada = Browser::default();
        sign_in(&world, &mut ada, "ada@acme.example").await;
    }
}

async fn sign_in(world: &World, browser: &mut Browser, email: &str) {
    let flow = browser.get_json(&format!("{}/self-service/login/browser", world.tenant("acme"))).await.json();
    let body = json!({"method": "password", "csrf_token": super::code::csrf_token(&flow), "identifier": email,
        "password": "a long enough phrase"});
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(done.status, 200, "{}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_trusted_ends_nothing_and_learns_nothing() {
    let world = World::start().await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let app = App::register(&world, true).await;
    let tokens = app.redeem(&code(&app, &mut ada).await).await.json();
    let more = json!({"grant_types": ["client_credentials"], "scope": "global_token_revocation email"});
    let watcher = Client::new(&world, "watcher", more).await;
    let token = async |scope: &str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        watcher.post("token", &form).await.json()["access_token"].as_str().unwrap().to_owned()
    };
    let (right, wrong) = (token("global_token_revocation").await, token("email").await);
    let of = |tenant: &str| KeyOwner::Tenant(tenant.parse().unwrap());
    let reading = world.admin_key(of("acme"), vec![Scope::TokensRead]).await;
    let rival = world.admin_key(of("rival"), vec![Scope::All]).await;
    let person = json!({"sub_id": {"format": "email", "email": "ada@acme.example"}});
    let nobody = json!({"sub_id": {"format": "email", "email": "nobody@acme.example"}});
    for (credentials, body, status, error) in [
        ("x", &person, 401, "invalid_token"),
        (tokens["access_token"].as_str().unwrap(), &person, 403, "insufficient_scope"),
        (wrong.as_str(), &person, 403, "insufficient_scope"),
        (wrong.as_str(), &nobody, 403, "insufficient_scope"),
        (reading.as_str(), &person, 403, "insufficient_scope"),
        (rival.as_str(), &person, 403, "insufficient_scope"),
        (right.as_str(), &nobody, 404, "not_found"),
        (right.as_str(), &json!({"sub_id": {"format": "opaque", "id": "x"}}), 404, "not_found"),
        (right.as_str(), &json!({"sub_id": {"format": "did", "url": "did:x"}}), 400, "invalid_request"),
        (right.as_str(), &json!({}), 400, "invalid_request"),
    ] {
        let answer = revoke(&world, credentials, body).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{body}");
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
        assert!(is_signed_in(&world, &mut ada).await);
    }
    let url = format!("{}/oauth2/global-token-revocation", world.tenant("acme"));
    let headers = [("content-type", "application/json".to_owned())];
    let answer = Browser::default().send("POST", &url, &headers, person.to_string()).await;
    assert_eq!(answer.status, 401);
}
