//! The known attacks on OAuth, OpenID Connect and JOSE deployments (RFC 9700, RFC 8725, RFC 6819): what stops each, and the tests that
//! show it. [`table`] is the list, each row of which is held against the sources: what it names is there. Here are the tests over
//! HTTP that no other file has.

mod table;

use futures_util::future::join_all;
use primitives::Clock as _;
use primitives::base64url;
use serde_json::{Value, json};
use testkit::https::HttpsHost;
use testkit::prover::Prover;

use super::code::{App, code, sign_up};
use super::described_host::world as reaching;
use super::metadata_document::value_of;
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn error(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

async fn post(world: &World, path: &str, form: &[(&str, &str)]) -> Response {
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(form)).await
}

/// A machine that proves itself by assertions of this key.
async fn machine_of(world: &World, key: &Prover) {
    let mut public = key.header()["jwk"].clone();
    public["kid"] = "k".into();
    let more = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}});
    world.machine("acme", more).await;
}

fn assertion_claims(world: &World, jti: &str) -> Value {
    let now = world.clock.now().seconds();
    let aud = world.tenant("acme");
    json!({"iss": "machine", "sub": "machine", "aud": aud, "iat": now, "exp": now + 60, "jti": jti})
}

async fn present(world: &World, assertion: &str) -> Response {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
    ];
    post(world, "/oauth2/token", &form).await
}

/// RFC 8725 sections 2.1, 3.1, 3.8 to 3.10; Vaudenay and zip bombs for what is encrypted.
#[tokio::test(flavor = "multi_thread")]
async fn header_of_a_token_chooses_neither_algorithm_nor_key() {
    let world = World::start().await;
    let (key, theirs) = (Prover::generate(), Prover::generate());
    machine_of(&world, &key).await;
    let claims = |jti: &str| assertion_claims(&world, jti);
    let good = key.sign(&json!({"alg": "ES256", "kid": "k"}), &claims("good"));
    assert_eq!(present(&world, &good).await.status, 200);
    let own = theirs.header()["jwk"].clone();
    let part = |value: &Value| base64url::encode(value.to_string());
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": "k"})), part(&claims("n")));
    // The public key's text as a shared secret.
    let symmetric = {
        let input = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k"})), part(&claims("h")));
        let secret = key.header()["jwk"].to_string();
        let made = ring::hmac::sign(
            &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()),
            input.as_bytes(),
        );
        format!("{input}.{}", base64url::encode(made))
    };
    let zipped = json!({"alg": "dir", "enc": "A128GCM", "zip": "DEF", "cty": "JWT"});
    let passwords = json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AA"});
    for (what, text) in [
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("nOnE", unsigned("nOnE")),
        ("HS256 by the public key", symmetric),
        ("another key", theirs.sign(&json!({"alg": "ES256", "kid": "k"}), &claims("o"))),
        ("a key in it", theirs.sign(&json!({"alg": "ES256", "jwk": own}), &claims("j"))),
        (
            "jku",
            theirs.sign(&json!({"alg": "ES256", "kid": "k", "jku": "https://evil.example/"}), &claims("u")),
        ),
        (
            "x5u",
            theirs.sign(&json!({"alg": "ES256", "kid": "k", "x5u": "https://evil.example/"}), &claims("x")),
        ),
        (
            "a kid that is a path",
            theirs.sign(&json!({"alg": "ES256", "kid": "../../dev/null"}), &claims("p")),
        ),
        ("a kid that is SQL", theirs.sign(&json!({"alg": "ES256", "kid": "k' OR '1'='1"}), &claims("q"))),
        ("an algorithm that is not the key's", key.sign(&json!({"alg": "RS256", "kid": "k"}), &claims("a"))),
        ("crit", key.sign(&json!({"alg": "ES256", "kid": "k", "crit": ["exp"]}), &claims("c"))),
        ("b64", key.sign(&json!({"alg": "ES256", "kid": "k", "b64": false}), &claims("b"))),
        ("encrypted and packed", format!("{}..AA.AA.AA", part(&zipped))),
        ("encrypted by two billion rounds", format!("{}.AA.AA.AA.AA", part(&passwords))),
    ] {
        assert_eq!(error(&present(&world, &text).await), (401, "invalid_client".to_owned()), "{what}");
    }
}

/// Audience injection: an assertion that was made for somebody else, or for several, is brought here.
#[tokio::test(flavor = "multi_thread")]
async fn assertion_for_another_server_or_by_another_client_is_refused() {
    let world = World::start().await;
    let key = Prover::generate();
    machine_of(&world, &key).await;
    let header = json!({"alg": "ES256", "kid": "k"});
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims(&world, name);
        claims[name] = value;
        key.sign(&header, &claims)
    };
    let ours = world.tenant("acme");
    for text in [
        with("aud", "https://evil.example".into()),
        with("aud", json!([ours, "https://evil.example"])),
        with("aud", world.tenant("rival").into()),
        with("aud", Value::Null),
        with("sub", "other".into()),
        with("iss", "other".into()),
        with("exp", 0.into()),
        with("exp", (world.clock.now().seconds() + 1_000_000).into()),
        with("jti", Value::Null),
    ] {
        assert_eq!(error(&present(&world, &text).await).0, 401);
    }
    let good = key.sign(&header, &assertion_claims(&world, "good"));
    assert_eq!(present(&world, &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_requests_with_one_assertion_one_is_answered() {
    let world = World::start().await;
    let key = Prover::generate();
    machine_of(&world, &key).await;
    let text = key.sign(&json!({"alg": "ES256", "kid": "k"}), &assertion_claims(&world, "one"));
    let answers = join_all((0..30).map(|_| present(&world, &text))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(error(lost), (401, "invalid_client".to_owned()));
    }
}

/// RFC 9700 sections 4.5 and 4.8: a code that was stolen is brought into another session, by another client, or without its
/// verifier.
#[tokio::test(flavor = "multi_thread")]
async fn code_is_worth_nothing_without_its_client_verifier_and_address() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let other = json!({
        "client_id": "other", "token_endpoint_auth_method": "none", "redirect_uris": [REDIRECT],
        "scope": "openid", "grant_types": ["authorization_code", "refresh_token", DEVICE],
    });
    world.client("acme", other).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for (what, redirect, sent) in [
        ("another verifier", REDIRECT, Some("another-verifier-another-verifier-another-verifier")),
        ("no verifier", REDIRECT, None),
        ("another address", "https://app.example/cb2", Some(verifier)),
    ] {
        let stolen = code(&app, &mut browser).await;
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", stolen.as_str()), ("redirect_uri", redirect)];
        form.extend(sent.map(|sent| ("code_verifier", sent)));
        let answer = app.endpoint("token", &form).await;
        assert!(
            matches!(error(&answer), (400, word) if word == "invalid_grant" || word == "invalid_request"),
            "{what}"
        );
    }
    let stolen = code(&app, &mut browser).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "other"),
        ("code", stolen.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    assert_eq!(error(&post(&world, "/oauth2/token", &form).await), (400, "invalid_grant".to_owned()));
    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "other"), ("refresh_token", refresh)];
    assert_eq!(error(&post(&world, "/oauth2/token", &form).await), (400, "invalid_grant".to_owned()));
    assert!(app.is_active(refresh).await, "what a stranger tried ends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn device_code_is_its_own_clients() {
    let world = World::start().await;
    for id in ["tv", "other"] {
        let document = json!({
            "client_id": id, "token_endpoint_auth_method": "none", "scope": "openid", "grant_types": [DEVICE],
        });
        world.client("acme", document).await;
    }
    let begun = post(&world, "/oauth2/device/auth", &[("client_id", "tv"), ("scope", "openid")]).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let begun = begun.json();
    let code = begun["device_code"].as_str().unwrap();
    let poll = |client: &'static str| {
        let form = [("grant_type", DEVICE), ("client_id", client), ("device_code", code)];
        let world = &world;
        async move { error(&post(world, "/oauth2/token", &form).await) }
    };
    assert_eq!(poll("other").await, (400, "invalid_grant".to_owned()));
    assert_eq!(poll("tv").await, (400, "authorization_pending".to_owned()));
}

/// RFC 8628 section 5.4, RFC 9700 section 4.7: the person's browser is signed in, and another site sends its forms.
#[tokio::test(flavor = "multi_thread")]
async fn another_site_answers_neither_for_a_device_nor_for_an_app() {
    let world = World::start().await;
    let tv = json!({
        "client_id": "tv", "token_endpoint_auth_method": "none", "scope": "openid", "grant_types": [DEVICE],
    });
    world.client("acme", tv).await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let begun = post(&world, "/oauth2/device/auth", &[("client_id", "tv"), ("scope", "openid")]).await.json();
    let code = begun["user_code"].as_str().unwrap();
    let foreign = |form: String, origin: Option<&str>| {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(origin.map(|origin| ("origin", origin.to_owned())));
        (headers, form)
    };
    let asked = browser.get(&app.authorize(&[])).await;
    let consent = browser.get(asked.location().as_str()).await.text();
    let allow =
        encode(&[("consent_challenge", value_of(&consent, "consent_challenge")), ("decision", "allow")]);
    let enter = encode(&[("user_code", code)]);
    for (path, form) in [("/oauth2/device/verify", &enter), ("/ui/consent", &allow)] {
        let url = format!("{}{path}", world.tenant("acme"));
        for origin in ["https://evil.example", "null", &world.base.replace("127.0.0.1", "127.0.0.2")] {
            let (headers, form) = foreign(form.clone(), Some(origin));
            let refused = browser.send("POST", &url, &headers, form).await;
            assert_eq!((refused.status, refused.header("location")), (403, ""), "{path} from {origin}");
        }
        // The same form from our own page is taken.
        let (headers, form) = foreign(form.clone(), Some(&world.base));
        assert_eq!(browser.send("POST", &url, &headers, form).await.status, 303, "{path}");
    }
}

/// RFC 8725 section 3.10: a server that went where `jku` or `x5u` leads would find there the key that signed.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_token_names_are_not_fetched() {
    let host = HttpsHost::start().await.unwrap();
    let world = reaching(&host, &["127.0.0.0/8"]).await;
    let (key, theirs) = (Prover::generate(), Prover::generate());
    machine_of(&world, &key).await;
    let mut public = theirs.header()["jwk"].clone();
    public["kid"] = "theirs".into();
    host.publishes(&json!({"keys": [public]}), 60);
    for (name, kid) in [("jku", "theirs"), ("x5u", "theirs"), ("jku", "k"), ("x5u", "k")] {
        let header = json!({"alg": "ES256", "kid": kid, name: host.url("/keys")});
        let text = theirs.sign(&header, &assertion_claims(&world, "j"));
        assert_eq!(error(&present(&world, &text).await), (401, "invalid_client".to_owned()), "{name}");
    }
    assert_eq!(host.connections(), 0);
    let good = key.sign(&json!({"alg": "ES256", "kid": "k"}), &assertion_claims(&world, "good"));
    assert_eq!(present(&world, &good).await.status, 200);
}

/// A client's addresses lead into our own network: nothing of it is asked, and nothing of what is there is told. Where the network
/// was granted they are asked, but for the pictures, which are the browser's.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_pictures_within_our_own_network_are_not_fetched() {
    let host = HttpsHost::start().await.unwrap();
    let key = Prover::generate();
    let mut public = key.header()["jwk"].clone();
    public["kid"] = "k".into();
    host.publishes(&json!({"keys": [public]}), 60);
    for (granted, is_asked) in [(&[][..], false), (&["127.0.0.0/8"][..], true)] {
        let world = reaching(&host, granted).await;
        let machine = json!({
            "client_id": "machine", "jwks_uri": host.url("/keys"), "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt", "scope": "read",
        });
        world.client("acme", machine).await;
        let text = key.sign(&json!({"alg": "ES256", "kid": "k"}), &assertion_claims(&world, "j"));
        let answer = present(&world, &text).await;
        assert_eq!(answer.status, if is_asked { 200 } else { 401 }, "{}", answer.text());
        // When it is registered, and when it comes.
        assert_eq!(host.connections() > 0, is_asked);
        let before = host.connections();
        for (name, value) in [
            ("jwks_uri", json!({"jwks_uri": host.url("/enc"), "id_token_encrypted_response_alg": "ECDH-ES"})),
            (
                "sector_identifier_uri",
                json!({"sector_identifier_uri": host.url("/sector"), "subject_type": "pairwise"}),
            ),
        ] {
            let mut wants = json!({"client_id": "other", "redirect_uris": [REDIRECT]});
            wants.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            // What is there is of no use either: keys that sign, and no list of addresses.
            let refused = world.operate(&world.key, ("POST", "/admin/clients"), "acme", &wants).await;
            assert_eq!(refused.status, 400, "{name}: {}", refused.text());
            for told in ["refused", "connect", "keys\":"] {
                assert!(!refused.text().contains(told), "{name}: {}", refused.text());
            }
        }
        assert_eq!(host.connections() - before, if is_asked { 2 } else { 0 });
        let before = host.connections();
        let pictured = json!({
            "client_id": "app", "client_name": "The App", "redirect_uris": [REDIRECT], "scope": "openid email offline_access",
            "grant_types": ["authorization_code", "refresh_token"], "logo_uri": host.url("/logo.png"),
        });
        let app = App::register_as(&world, pictured).await;
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, "ada@acme.example").await;
        let asked = browser.get(&app.authorize(&[])).await;
        let page = browser.get(asked.location().as_str()).await.text();
        assert!(page.contains("The App"), "{page}");
        assert_eq!(host.connections(), before);
    }
}

/// RFC 9700 sections 4.2, 4.15 and 4.16: what a frame shows, and what a link tells.
#[tokio::test(flavor = "multi_thread")]
async fn pages_stand_in_no_frame_and_tell_no_address() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let asked = browser.get(&app.authorize(&[])).await;
    let consent = browser.get(asked.location().as_str()).await;
    let form = browser.get(&app.authorize(&[("response_mode", "form_post"), ("prompt", "none")])).await;
    let wrong = browser.get(&app.authorize(&[("redirect_uri", "https://evil.example/")])).await;
    let at = |path: &str| format!("{}{path}", world.tenant("acme"));
    let mut stranger = Browser::default();
    let began = stranger.get(&at("/self-service/login/browser")).await;
    let login = stranger.get(began.location().as_str()).await;
    let device = browser.get(&at("/oauth2/device/verify")).await;
    let leave = browser.get(&at("/oauth2/sessions/logout")).await;
    let logout = browser.get(leave.location().as_str()).await;
    for (what, page) in [
        ("consent", consent),
        ("form_post", form),
        ("an error", wrong),
        ("login", login),
        ("device", device),
        ("logout", logout),
    ] {
        assert!(page.text().contains("<html"), "{what}: {} {}", page.status, page.text());
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
        let referrer = page.header("referrer-policy");
        assert!(
            ["no-referrer", "same-origin", "strict-origin-when-cross-origin"].contains(&referrer),
            "{what}"
        );
        assert!(page.header("cache-control").contains("no-store"), "{what}");
    }
}
