//! A signing key that has leaked: what it signed is worth nothing from then on, at every place that takes a token of ours and on
//! every node, and the tenant goes on signing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use crate::browser::{Browser, Response, encode};
use crate::oauth2::code::{App, header, sign_up};
use crate::world::World;

const KEYS: &str = "/admin/portcullis/v1/signing-keys";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Longer than any machine needs; the bound of the feed is far below.
const PATIENCE: Duration = Duration::from_mins(1);

async fn app(world: &World) -> App<'_> {
    let document = json!({
        "client_id": "app", "client_name": "The App", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token", EXCHANGE], "skip_consent": true,
        "scope": "openid email offline_access", "audience": ["https://api.example"],
        "access_token_strategy": "jwt",
        "token_exchange": {"identifiers": ["https://api.example"], "targets": ["https://api.example"]},
    });
    App::register_as(world, document).await
}

/// An access token, an ID token and a refresh token of whoever is signed in.
async fn tokens(app: &App<'_>, browser: &mut Browser) -> [String; 3] {
    let answer = browser.get(&app.authorize(&[("audience", "https://api.example")])).await;
    let tokens = app.redeem(&answer.sent("code").unwrap()).await.json();
    ["access_token", "id_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap().to_owned())
}

async fn published(world: &World) -> Vec<Value> {
    let set = Browser::default().get_json(&format!("{}/.well-known/jwks.json", world.tenant("acme"))).await;
    set.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

async fn revoke(world: &World, key: &str, kid: &str) -> Response {
    world.operate(key, ("POST", &format!("{KEYS}/{kid}/revoke")), "acme", &Value::Null).await
}

async fn userinfo(world: &World, token: &str) -> u16 {
    let headers = [("authorization", format!("Bearer {token}"))];
    let url = format!("{}/userinfo", world.tenant("acme"));
    Browser::default().send("GET", &url, &headers, String::new()).await.status
}

/// What becomes of each way in which somebody shows us what we have signed.
async fn takes(
    world: &World,
    app: &App<'_>,
    browser: &mut Browser,
    [access, id, _]: &[String; 3],
) -> [bool; 4] {
    let exchanged = [
        ("grant_type", EXCHANGE),
        ("subject_token", access),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    let hinted = browser.get(&app.authorize(&[("prompt", "none"), ("id_token_hint", id)])).await;
    [
        app.is_active(access).await,
        userinfo(world, access).await == 200,
        app.endpoint("token", &exchanged).await.status == 200,
        hinted.sent("code").is_some(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_leaked_key_signed_is_worth_nothing() {
    let world = World::start().await;
    let app = app(&world).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let before = tokens(&app, &mut ada).await;
    let leaked = header(&before[0])["kid"].as_str().unwrap().to_owned();
    assert_eq!(takes(&world, &app, &mut ada, &before).await, [true; 4]);
    assert_eq!(published(&world).await, [json!(leaked)]);

    let owner = || KeyOwner::Tenant("acme".parse().unwrap());
    let reader = world.admin_key(owner(), vec![Scope::JwksRead]).await;
    assert_eq!(revoke(&world, &reader, &leaked).await.status, 403);
    let rival = world.admin_key(KeyOwner::Tenant("rival".parse().unwrap()), vec![Scope::All]).await;
    assert_eq!(revoke(&world, &rival, &leaked).await.status, 404);
    assert_eq!(revoke(&world, &world.key, "nobody").await.status, 404);
    assert_eq!(published(&world).await, [json!(leaked)]);

    let writer = world.admin_key(owner(), vec![Scope::JwksWrite]).await;
    for _ in 0..2 {
        let revoked = revoke(&world, &writer, &leaked).await;
        assert_eq!(
            (revoked.status, &revoked.json()["state"]),
            (200, &json!("revoked")),
            "{}",
            revoked.text()
        );
    }
    assert_eq!(takes(&world, &app, &mut ada, &before).await, [false; 4]);
    let left = published(&world).await;
    assert!(left.len() == 1 && left[0] != json!(leaked), "{left:?}");

    // Who has a refresh token goes on, by tokens of the next key.
    let refreshed =
        app.endpoint("token", &[("grant_type", "refresh_token"), ("refresh_token", &before[2])]).await;
    let refreshed = refreshed.json();
    let access = refreshed["access_token"].as_str().unwrap_or_else(|| panic!("{refreshed}"));
    assert_eq!(header(access)["kid"], left[0]);
    assert!(app.is_active(access).await);
    let after = tokens(&app, &mut ada).await;
    assert_eq!(takes(&world, &app, &mut ada, &after).await, [true; 4]);

    let listed = world.operate(&reader, ("GET", KEYS), "acme", &Value::Null).await.json();
    let states: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert!(
        states.len() == 2 && states.contains(&json!("revoked")) && states.contains(&json!("active")),
        "{listed}"
    );
    let audit =
        world.operate(&world.key, ("GET", "/admin/portcullis/v1/audit"), "acme", &Value::Null).await.text();
    let records: Vec<_> = audit.lines().filter(|line| line.contains("signing_key.revoked")).collect();
    assert!(records.len() == 1 && records[0].contains(&leaked), "{records:?}");
}

/// Asks an endpoint of a node as the machine does.
async fn asked(world: &World, endpoint: &str, secret: &str, form: &[(&str, &str)]) -> Value {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("machine:{secret}")))),
    ];
    let url = format!("{}/oauth2/{endpoint}", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(form)).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_is_revoked_on_one_node_is_revoked_on_the_other() {
    let Some([first, second]) = World::start_two().await else { return };
    let (_, secret) = first.machine("acme", json!({"access_token_strategy": "jwt"})).await;
    let grant = [("grant_type", "client_credentials")];
    let tokens = asked(&second, "token", &secret, &grant).await;
    let access = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let leaked = header(access)["kid"].as_str().unwrap().to_owned();
    let is_active =
        async || asked(&second, "introspect", &secret, &[("token", access)]).await["active"] == true;
    for _ in 0..3 {
        assert!(is_active().await, "the other node has the keys in memory");
    }
    assert_eq!(revoke(&first, &first.key, &leaked).await.status, 200);
    let ended = tokio::time::timeout(PATIENCE, async {
        while is_active().await {}
        published(&second).await
    });
    let left = ended.await.expect("the other node takes it yet");
    assert_eq!(left, published(&first).await);
    assert!(!left.contains(&json!(leaked)));
    assert_eq!(revoke(&second, &first.key, &leaked).await.status, 200, "again, and elsewhere");
    let next = asked(&second, "token", &secret, &grant).await;
    assert_eq!(header(next["access_token"].as_str().unwrap())["kid"], left[0]);
}

/// Under which key a node signs now.
async fn signs_under(node: &World, secret: &str) -> String {
    let tokens = asked(node, "token", secret, &[("grant_type", "client_credentials")]).await;
    let access = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    header(access)["kid"].as_str().unwrap().to_owned()
}

/// Many revoke acme's only key, in turn at these nodes: all are told that it is, and one other signs.
async fn revoked_by_many(nodes: [&World; 2]) {
    let [first, _] = nodes;
    let (_, secret) = first.machine("acme", json!({"access_token_strategy": "jwt"})).await;
    let leaked = signs_under(first, &secret).await;
    let answers = join_all((0..10).map(|n| revoke(nodes[n % 2], &first.key, &leaked))).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("revoked")), "{}", answer.text());
    }
    let listed = first.operate(&first.key, ("GET", KEYS), "acme", &Value::Null).await.json();
    let of = |state: &str| -> Vec<Value> {
        let of_state = listed["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state);
        of_state.map(|key| key["kid"].clone()).collect()
    };
    let next = of("active");
    assert!(next.len() == 1 && of("revoked") == [json!(leaked)] && of("pending").is_empty(), "{listed}");
    for node in nodes {
        let signs = async { while json!(signs_under(node, &secret).await) != next[0] {} };
        tokio::time::timeout(PATIENCE, signs).await.unwrap();
        assert_eq!(published(node).await, next);
    }
}

/// Attack: operators revoke the last key at the same moment, and each has a successor made, or none has.
#[tokio::test(flavor = "multi_thread")]
async fn last_key_that_many_revoke_at_once_has_one_successor() {
    let world = World::start().await;
    revoked_by_many([&world, &world]).await;
    let Some([first, second]) = World::start_two().await else { return };
    revoked_by_many([&first, &second]).await;
}
