//! The hooks `login`, `registration` and `identity-schema` in real requests.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::oauth2::code::{App, claims, code, csrf_token};
use crate::world::{World, guest};

const IDENTITIES: &str = "/admin/identities";

async fn install(world: &World, component: &str) {
    let hooks = ["login", "registration", "identity-schema"].map(|hook| json!({ "hook": hook }));
    let plugin = json!({ "name": "people", "component": guest(component), "bind": hooks });
    set(world, &json!({ "plugin": [plugin] })).await;
}

/// Gives acme new settings, whole.
pub(crate) async fn set(world: &World, settings: &Value) {
    let body = json!({ "settings": settings });
    let path = "/admin/portcullis/v1/tenants/acme";
    let changed = world.operate(&world.key, ("PATCH", path), "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Signs up as a native application does; the status and the document.
pub(crate) async fn sign_up(world: &World, email: &str, first: &str) -> (u16, Value) {
    let body = json!({
        "method": "password",
        "password": "moss-covered lantern 71",
        "traits": { "email": email, "name": { "first": first } },
    });
    submit(world, "registration", &body).await
}

pub(super) async fn sign_in(world: &World, email: &str) -> (u16, Value) {
    let body = json!({ "method": "password", "identifier": email, "password": "moss-covered lantern 71" });
    submit(world, "login", &body).await
}

pub(super) async fn submit(world: &World, kind: &str, body: &Value) -> (u16, Value) {
    let start = format!("{}/self-service/{kind}/api", world.tenant("acme"));
    let flow = Browser::default().get_json(&start).await.json();
    let answer = Browser::default().post_json(flow["ui"]["action"].as_str().unwrap(), body).await;
    (answer.status, answer.json())
}

/// The text of every message of a form.
pub(super) fn messages(form: &Value) -> Vec<&str> {
    let of_nodes = form["ui"]["nodes"].as_array().unwrap().iter().map(|node| &node["messages"]);
    of_nodes
        .chain([&form["ui"]["messages"]])
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|message| message["text"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_has_rules_for_whoever_signs_up_and_in() {
    let world = World::start().await;
    install(&world, "people_rules").await;

    let (status, form) = sign_up(&world, "ada@mailinator.example", "Ada").await;
    assert_eq!((status, messages(&form)), (400, vec!["Use an address that lasts."]));
    let (status, form) = sign_up(&world, "ada@acme.example", "Mallory").await;
    assert_eq!((status, messages(&form)), (400, vec!["Nobody is called that."]));
    let (status, form) = sign_up(&world, "ada@acme.example", "Eve").await;
    assert_eq!((status, messages(&form)), (400, vec!["Not shown by any form."]));

    let (status, made) = sign_up(&world, "CAPITALS@acme.example", "Ada").await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["identity"]["traits"]["email"], "capitals@acme.example");
    assert_eq!(made["identity"]["metadata_public"], json!({ "tenant": "acme" }));
    assert_eq!(sign_in(&world, "capitals@acme.example").await.0, 200);

    let (status, form) = sign_in(&world, "ada@closed.example").await;
    assert_eq!((status, messages(&form)), (400, vec!["Closed for 127.0.0.1 ."]));
    let id = made["identity"]["id"].as_str().unwrap();
    let ban = json!([{ "op": "add", "path": "/metadata_admin", "value": { "banned": true } }]);
    let banned = world.operate(&world.key, ("PATCH", &format!("{IDENTITIES}/{id}")), "acme", &ban).await;
    assert_eq!(banned.status, 200, "{}", banned.text());
    let (status, form) = sign_in(&world, "capitals@acme.example").await;
    assert_eq!((status, messages(&form)), (400, vec!["capitals@acme.example is banned (password, )"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_held_to_the_rules_too() {
    let world = World::start().await;
    install(&world, "people_rules").await;
    for (email, first, status, told) in [
        ("ada@mailinator.example", "Ada", 400, "traits.email: Use an address that lasts."),
        ("ada@acme.example", "Mallory", 400, "traits.name.first: Nobody is called that."),
        ("CAPITAL@acme.example", "Ada", 201, "CAPITAL@acme.example"),
    ] {
        let body =
            json!({ "schema_id": "default", "traits": { "email": email, "name": { "first": first } } });
        let answer = world.operate(&world.key, ("POST", IDENTITIES), "acme", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_fails_lets_nobody_in_and_makes_no_account() {
    let world = World::start().await;
    assert_eq!(sign_up(&world, "ada@acme.example", "Ada").await.0, 200);
    install(&world, "people_bad").await;
    for identifier in ["trap", "loop", "error"] {
        let (status, error) = sign_in(&world, identifier).await;
        assert_eq!(status, 500, "{error}");
        assert!(!error.to_string().contains("people"), "the cause is the operator's: {error}");
    }
    let (status, error) = sign_up(&world, "bob@acme.example", "Bob").await;
    assert_eq!(status, 500, "{error}");
    let found = format!("{IDENTITIES}?credentials_identifier=bob@acme.example");
    let listed = world.operate(&world.key, ("GET", &found), "acme", &Value::Null).await;
    assert_eq!(listed.json(), json!([]));

    // What the plugin breaks, its removal mends.
    install(&world, "people_rules").await;
    assert_eq!(sign_in(&world, "ada@acme.example").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_customer_are_sent_home_by_pages_scripts_and_apps() {
    let world = World::start().await;
    let people =
        json!({ "name": "people", "component": guest("people_rules"), "bind": [{ "hook": "login" }] });
    let flow = json!({ "login_redirect_origins": ["https://login.home.example"] });
    set(&world, &json!({ "plugin": [people], "identity": { "flow": flow } })).await;

    let home = "https://login.home.example/?for=acme";
    let (status, answer) = sign_in(&world, "ada@home.example").await;
    assert_eq!((status, &answer["redirect_browser_to"]), (422, &json!(home)), "{answer}");
    assert_eq!(answer["error"]["id"], "browser_location_change_required");
    let (status, answer) = sign_in(&world, "ada@elsewhere.example").await;
    assert_eq!((status, answer.get("redirect_browser_to")), (500, None), "no listed origin: {answer}");

    let mut browser = Browser::default();
    let start = format!("{}/self-service/login/browser", world.tenant("acme"));
    let flow = browser.get_json(&start).await.json();
    let (action, token) = (flow["ui"]["action"].as_str().unwrap(), csrf_token(&flow));
    let mut body = json!({ "method": "password", "identifier": "ada@home.example", "password": "x" });
    body["csrf_token"] = token.as_str().into();
    let answer = browser.post_json(action, &body).await;
    assert_eq!((answer.status, &answer.json()["redirect_browser_to"]), (422, &json!(home)));
    let form = [
        ("method", "password"),
        ("identifier", "ada@home.example"),
        ("password", "x"),
        ("csrf_token", token.as_str()),
    ];
    let answer = browser.post(action, &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, home), "the form is still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_says_of_a_session_is_in_its_documents_and_for_the_hook_token() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let hooks = ["login", "registration"].map(|hook| json!({ "hook": hook }));
    set(
        &world,
        &json!({ "plugin": [
            { "name": "people", "component": guest("people_rules"), "bind": hooks },
            { "name": "echo", "component": guest("token_echo") },
        ]}),
    )
    .await;
    let made = json!({
        "schema_id": "default",
        "traits": { "email": "ada@acme.example" },
        "credentials": { "password": { "config": { "password": "moss-covered lantern 71" } } },
    });
    let made = world.operate(&world.key, ("POST", IDENTITIES), "acme", &made).await.json();
    let one = format!("{IDENTITIES}/{}", made["id"].as_str().unwrap());
    let desk = json!([{ "op": "add", "path": "/metadata_admin", "value": { "desk": "3.14" } }]);
    assert_eq!(world.operate(&world.key, ("PATCH", &one), "acme", &desk).await.status, 200);

    let mut browser = Browser::default();
    let start = format!("{}/self-service/login/browser", world.tenant("acme"));
    let flow = browser.get_json(&start).await.json();
    let body = json!({
        "method": "password",
        "identifier": "ada@acme.example",
        "password": "moss-covered lantern 71",
        "csrf_token": csrf_token(&flow),
    });
    let signed_in = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    let said = json!({ "desk": "3.14", "again": false });
    assert_eq!(signed_in.json()["session"]["portcullis_claims"], said, "{}", signed_in.text());
    let whoami = browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await;
    assert_eq!(whoami.json()["portcullis_claims"], said);

    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    assert_eq!(claims(tokens["access_token"].as_str().unwrap())["session_claims"], said);
    let require = json!([{ "op": "replace", "path": "/metadata_admin", "value": { "second_factor": true } }]);
    assert_eq!(world.operate(&world.key, ("PATCH", &one), "acme", &require).await.status, 200);
    let (status, form) = sign_in(&world, "ada@acme.example").await;
    assert_eq!((status, &form["ui"]["messages"][0]["id"]), (400, &json!(8_000_003)), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_of_an_app_is_asked_when_people_sign_in_for_it_and_told_of_it() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let made = json!({
        "schema_id": "default",
        "traits": { "email": "ada@acme.example" },
        "metadata_admin": { "banned": true },
        "credentials": { "password": { "config": { "password": "moss-covered lantern 71" } } },
    });
    let made = world.operate(&world.key, ("POST", IDENTITIES), "acme", &made).await;
    assert_eq!(made.status, 201, "{}", made.text());
    for (client, told) in [("app", Some("ada@acme.example is banned (password, app)")), ("another", None)] {
        let bind = json!([{ "hook": "login", "client": client }]);
        let plugin = json!({ "name": "people", "component": guest("people_rules"), "bind": bind });
        set(&world, &json!({ "plugin": [plugin] })).await;
        let mut browser = Browser::default();
        let asked = browser.get(&app.authorize(&[])).await;
        let flow = browser.get_json(asked.location().as_str()).await.json();
        let body = json!({
            "method": "password",
            "identifier": "ada@acme.example",
            "password": "moss-covered lantern 71",
            "csrf_token": csrf_token(&flow),
        });
        let answer = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
        match told {
            Some(told) => assert_eq!((answer.status, messages(&answer.json())), (400, vec![told])),
            None => assert_eq!(answer.status, 422, "signed in, and on to the app: {}", answer.text()),
        }
    }
}
