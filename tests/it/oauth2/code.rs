//! The authorization code flow from a person's sign-up to the app's tokens, and what becomes of a code
//! that is redeemed by many.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use primitives::Clock as _;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::browser::{Browser, Response, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An app of acme, first party unless said otherwise.
pub(crate) struct App<'a> {
    world: &'a World,
    secret: String,
}

impl<'a> App<'a> {
    pub(crate) async fn register(world: &'a World, skip_consent: bool) -> Self {
        let secret = world
            .client(
                "acme",
                json!({
                    "client_id": "app",
                    "client_name": "The App",
                    "grant_types": ["authorization_code", "refresh_token"],
                    "redirect_uris": [REDIRECT],
                    "scope": "openid profile email offline_access",
                    "skip_consent": skip_consent,
                }),
            )
            .await;
        Self { world, secret }
    }

    /// The app `app` of this document.
    pub(crate) async fn register_as(world: &'a World, document: Value) -> Self {
        Self { world, secret: world.client("acme", document).await }
    }

    /// The same app, which asks another node.
    pub(crate) fn at<'b>(&self, world: &'b World) -> App<'b> {
        App { world, secret: self.secret.clone() }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn authorize(&self, more: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut query = vec![
            ("client_id", "app"),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email offline_access"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            query.retain(|(known, _)| known != name);
            query.push((name, value));
        }
        format!("{}/oauth2/auth?{}", self.world.tenant("acme"), encode(&query))
    }

    async fn token(&self, form: &[(&str, &str)]) -> Response {
        self.endpoint("token", form).await
    }

    pub(crate) async fn redeem(&self, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.token(&form).await
    }

    pub(crate) async fn is_active(&self, token: &str) -> bool {
        self.endpoint("introspect", &[("token", token)]).await.json()["active"] == true
    }

    pub(crate) async fn endpoint(&self, name: &str, form: &[(&str, &str)]) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {}", STANDARD.encode(format!("app:{}", self.secret)))),
        ];
        let url = format!("{}/oauth2/{name}", self.world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(form)).await
    }
}

/// Signs a person up at acme, which signs them in too.
pub(crate) async fn sign_up(world: &World, browser: &mut Browser, email: &str) {
    let url = format!("{}/self-service/registration/browser", world.tenant("acme"));
    let flow = browser.get_json(&url).await.json();
    let body = json!({
        "method": "password",
        "csrf_token": csrf_token(&flow),
        "traits": { "email": email },
        "password": "a long enough phrase",
    });
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(done.status, 200, "{}", done.text());
}

pub(crate) fn csrf_token(flow: &Value) -> String {
    let nodes = flow["ui"]["nodes"].as_array().unwrap_or_else(|| panic!("no form: {flow}"));
    let node = nodes.iter().find(|node| node["attributes"]["name"] == "csrf_token").unwrap();
    node["attributes"]["value"].as_str().unwrap().to_owned()
}

/// Signed in and first party: the answer comes at once.
pub(crate) async fn code(app: &App<'_>, browser: &mut Browser) -> String {
    let answer = browser.get(&app.authorize(&[])).await;
    assert_eq!(answer.sent("error"), None, "{}", answer.header("location"));
    answer.sent("code").unwrap_or_else(|| panic!("no code: {} {}", answer.status, answer.header("location")))
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_in_on_the_way_to_an_app() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    sign_up(&world, &mut Browser::default(), "ada@acme.example").await;
    let mut browser = Browser::default();
    let asked = browser.get(&app.authorize(&[])).await;
    assert_eq!(asked.status, 303);
    assert_eq!(asked.location().path(), "/t/acme/self-service/login/browser");
    let flow = browser.get_json(asked.location().as_str()).await.json();
    let body = json!({
        "method": "password",
        "csrf_token": csrf_token(&flow),
        "identifier": "ada@acme.example",
        "password": "a long enough phrase",
    });
    let signed_in = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    assert_eq!(
        signed_in.status,
        422,
        "a single-page application is told where to go on: {}",
        signed_in.text()
    );
    let on = signed_in.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    let answer = browser.get(&on).await;
    assert_eq!(answer.sent("state").as_deref(), Some("the-state"));
    assert_eq!(answer.sent("iss"), Some(world.tenant("acme")), "RFC 9207");
    let tokens = app.redeem(&answer.sent("code").unwrap()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let tokens = tokens.json();
    let claims = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&claims["aud"][0], &claims["nonce"]), (&json!("app"), &json!("the-nonce")));
    assert_eq!(claims["email"], "ada@acme.example");
    let headers = [("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
    let url = format!("{}/userinfo", world.tenant("acme"));
    let userinfo = Browser::default().send("GET", &url, &headers, String::new()).await;
    assert_eq!(userinfo.json()["sub"], claims["sub"]);
}

pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_redemptions_of_one_code_give_one_answer_and_leave_no_live_token() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let code = code(&app, &mut browser).await;
    let answers = join_all((0..50).map(|_| app.redeem(&code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (400, Some("invalid_grant")),
            "{}",
            answer.text()
        );
    }
    let tokens = won[0].json();
    for kind in ["access_token", "refresh_token"] {
        assert!(!app.is_active(tokens[kind].as_str().unwrap()).await, "{kind} of the family is dead");
    }
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_after_the_code_has_expired_still_kills_the_family() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let code = code(&app, &mut browser).await;
    let tokens = app.redeem(&code).await.json();
    let token = |kind: &str| tokens[kind].as_str().unwrap().to_owned();
    world.clock.advance(std::time::Duration::from_mins(30));
    world.storage.delete_expired(world.clock.now(), 1_000).await.unwrap();
    for kind in ["access_token", "refresh_token"] {
        assert!(app.is_active(&token(kind)).await, "{kind}");
    }
    let replayed = app.redeem(&code).await;
    assert_eq!((replayed.status, replayed.json()["error"].as_str()), (400, Some("invalid_grant")));
    for kind in ["access_token", "refresh_token"] {
        assert!(!app.is_active(&token(kind)).await, "{kind}");
    }
}

/// RFC 6749 sections 4.1.2 and 10.5: whoever stole the code may wait for as long as the app renews its tokens.
#[tokio::test(flavor = "multi_thread")]
async fn replay_kills_a_family_that_was_renewed_past_the_life_of_its_first_tokens() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let code = code(&app, &mut browser).await;
    let mut tokens = app.redeem(&code).await.json();
    let day = std::time::Duration::from_hours(24);
    // A refresh token lives for 30 days.
    for _ in 0..5 {
        world.clock.advance(day * 20);
        world.storage.delete_expired(world.clock.now(), 1_000).await.unwrap();
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let answer = app.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        tokens = answer.json();
    }
    let token = |kind: &str| tokens[kind].as_str().unwrap().to_owned();
    for kind in ["access_token", "refresh_token"] {
        assert!(app.is_active(&token(kind)).await, "{kind}");
    }
    let replayed = app.redeem(&code).await;
    assert_eq!((replayed.status, replayed.json()["error"].as_str()), (400, Some("invalid_grant")));
    for kind in ["access_token", "refresh_token"] {
        assert!(!app.is_active(&token(kind)).await, "{kind} of the family is dead");
    }
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*token("refresh_token"))];
    assert_eq!(app.token(&form).await.json()["error"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_refreshes_are_one_and_a_late_reuse_kills_the_family() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    let answers = join_all((0..10).map(|_| app.token(&form))).await;
    let successors: Vec<String> = answers
        .iter()
        .map(|answer| answer.json()["refresh_token"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(successors.iter().all(|token| !token.is_empty() && *token == successors[0]), "{successors:?}");
    assert!(app.is_active(&successors[0]).await);
    world.clock.advance(std::time::Duration::from_mins(5));
    let reused = app.token(&form).await;
    assert_eq!((reused.status, reused.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert!(!app.is_active(&successors[0]).await, "the family is dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_redirect_uri_gets_a_page_and_never_a_redirect() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    for uri in [
        "https://evil.example/cb",
        "https://app.example/cb/../x",
        "https://app.example/cb?x",
        "javascript:alert(1)",
    ] {
        let answer = Browser::default().get(&app.authorize(&[("redirect_uri", uri)])).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{uri:?}");
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    let unknown = Browser::default().get(&app.authorize(&[("client_id", "nobody")])).await;
    assert_eq!((unknown.status, unknown.header("location")), (400, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_after_the_redirect_uri_was_proven_go_to_the_client() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    for (more, error) in [
        (("response_type", "none"), "unsupported_response_type"),
        (("scope", "openid admin"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        let answer = Browser::default().get(&app.authorize(&[more])).await;
        assert_eq!(answer.sent("error").as_deref(), Some(error), "{more:?}: {}", answer.text());
        assert_eq!(answer.sent("state").as_deref(), Some("the-state"), "{more:?}");
        assert_eq!(answer.sent("iss"), Some(world.tenant("acme")), "{more:?}");
    }
    // What belongs behind the `#` is told there (OAuth 2.0 Multiple Response Type Encoding Practices section 5).
    let answer = Browser::default().get(&app.authorize(&[("response_type", "token")])).await;
    let location = answer.location();
    assert_eq!(location.query(), None);
    assert!(
        location.fragment().unwrap_or_default().contains("error=unsupported_response_type"),
        "{location}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_of_another_browser_is_not_gone_on_with() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    sign_up(&world, &mut victim, "ada@acme.example").await;
    let begun = attacker.get(&app.authorize(&[])).await;
    let challenge = begun.sent("login_challenge").unwrap();
    let resume =
        format!("{}/oauth2/auth/resume?{}", world.tenant("acme"), encode(&[("login_challenge", &challenge)]));
    let handed = victim.get(&resume).await;
    assert_eq!((handed.status, handed.header("location")), (403, ""));
    for tampered in [challenge[1..].to_owned(), challenge.to_uppercase(), String::new()] {
        let resume = format!(
            "{}/oauth2/auth/resume?{}",
            world.tenant("acme"),
            encode(&[("login_challenge", &tampered)])
        );
        assert_eq!(attacker.get(&resume).await.status, 400, "{tampered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn person_is_asked_and_decides_and_is_not_asked_again() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let asked = browser.get(&app.authorize(&[])).await;
    assert_eq!(asked.location().path(), "/t/acme/ui/consent", "{}", asked.text());
    let page = browser.get(asked.location().as_str()).await;
    assert!(page.status == 200 && page.text().contains("The App"), "{}", page.text());
    let challenge = asked.sent("consent_challenge").unwrap();
    let form =
        |decision| [("consent_challenge", challenge.as_str()), ("decision", decision), ("remember", "true")];
    let consent = format!("{}/ui/consent", world.tenant("acme"));
    let elsewhere = Browser::default().post(&consent, &form("allow")).await;
    assert_eq!(elsewhere.status, 403, "another browser");
    let allowed = browser.post(&consent, &form("allow")).await;
    assert!(allowed.sent("code").is_some(), "{}", allowed.text());
    let again = browser.get(&app.authorize(&[])).await;
    assert!(again.sent("code").is_some(), "remembered");
    let asked = browser.get(&app.authorize(&[("prompt", "consent")])).await;
    let challenge = asked.sent("consent_challenge").unwrap();
    let form = [("consent_challenge", challenge.as_str()), ("decision", "deny")];
    let denied = browser.post(&consent, &form).await;
    assert_eq!(denied.sent("error").as_deref(), Some("access_denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn app_signs_the_person_out_and_its_access_ends() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let url = app.authorize(&[("scope", "openid")]);
    let tokens = app.redeem(&browser.get(&url).await.sent("code").unwrap()).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(app.is_active(access).await);
    let logout = format!(
        "{}/oauth2/sessions/logout?{}",
        world.tenant("acme"),
        encode(&[("id_token_hint", tokens["id_token"].as_str().unwrap())])
    );
    let asked = browser.get(&logout).await;
    assert_eq!(asked.location().path(), "/t/acme/ui/logout");
    let challenge = asked.sent("logout_challenge").unwrap();
    let page = format!("{}/ui/logout", world.tenant("acme"));
    let mut other = Browser::default();
    other.post(&page, &[("logout_challenge", &challenge)]).await;
    assert!(app.is_active(access).await, "whoever is not signed in ends nothing");
    sign_up(&world, &mut other, "bob@acme.example").await;
    let foreign = other.post(&page, &[("logout_challenge", &challenge)]).await;
    assert_eq!(foreign.status, 403, "another person's challenge");
    let done = browser.post(&page, &[("logout_challenge", &challenge)]).await;
    assert_eq!(done.location().path(), "/t/acme/ui/signed-out", "{}", done.text());
    assert!(!app.is_active(access).await, "access without offline_access dies with its session");
    let whoami = browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await;
    assert_eq!(whoami.status, 401);
}
