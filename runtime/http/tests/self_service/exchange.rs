//! A native application whose user signs in with another provider in a browser, and whoever wants that session.

use serde_json::{Value, json};

use crate::client::{Client, Response, messages};
use crate::providers::{CALLBACK, ISSUER, Place, person};
use crate::site::Site;

const BACK: &str = "com.example.app:/callback";

async fn open(says: Value) -> Place {
    Place::with(says, json!({"flow": {"native_return_urls": [BACK]}}), |_| ()).await
}

/// Begins a form in an application: the form, and the code that it keeps to itself.
async fn begin(app: &mut Client, kind: &str) -> (Value, String) {
    let path = format!("/self-service/{kind}/api?return_session_token_exchange_code=true&return_to={BACK}");
    let begun = app.get_json(&path).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let flow = begun.json();
    let code = flow["session_token_exchange_code"].as_str().unwrap().to_owned();
    (flow, code)
}

/// Where the application sends its user's browser.
async fn press(app: &mut Client, flow: &Value, provider: &str) -> String {
    let body = json!({"method": "oidc", "provider": provider});
    let sent = app.submit_json_native(flow, &body, &[]).await;
    assert_eq!(
        (sent.status, sent.error_id()),
        (422, "browser_location_change_required".to_owned()),
        "{}",
        sent.body
    );
    let url = sent.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{ISSUER}/authorize?")), "{url}");
    url
}

/// What a browser brings back to the application, by the parameter's name.
fn brought(answer: &Response, name: &str) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let start = format!("{BACK}?{name}=");
    assert!(answer.location().starts_with(&start), "{}", answer.location());
    answer.location()[start.len()..].to_owned()
}

async fn fetch(site: &Site, init: &str, back: &str) -> Response {
    site.client().get_json(&format!("/sessions/token-exchange?init_code={init}&return_to_code={back}")).await
}

#[tokio::test]
async fn whoever_brings_both_codes_gets_the_session_once() {
    let place = open(person("1")).await;
    for (kind, met) in [("registration", "somebody new"), ("login", "somebody known")] {
        let mut app = place.site.client();
        let (flow, init) = begin(&mut app, kind).await;
        let id = flow["id"].as_str().unwrap();
        let again = app.get_json(&format!("/self-service/{kind}/flows?id={id}")).await.json();
        assert_eq!(again.get("session_token_exchange_code"), None, "told once");
        let url = press(&mut app, &flow, "acme").await;
        let mut browser = place.site.client();
        let code = brought(&place.agree(&mut browser, &url, "acme").await, "code");
        assert!(!browser.cookies.contains_key("ory_kratos_session"), "the session is the application's");

        let many = (0..50).map(|_| fetch(&place.site, &init, &code));
        let answers = futures_util::future::join_all(many).await;
        let (given, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((given.len(), refused.len()), (1, 49), "{met}");
        assert!(refused.iter().all(|answer| answer.status == 404), "{met}");
        let token = given[0].json()["session_token"].as_str().unwrap().to_owned();
        let who = app.send("GET", "/sessions/whoami", &[("x-session-token", &token)], "").await;
        assert_eq!(who.json()["identity"]["traits"]["email"], "ada@example.com", "{met}");
        assert_eq!(who.json()["id"], given[0].json()["session"]["id"]);
        assert_eq!(fetch(&place.site, &init, &code).await.status, 404, "{met}: once");
    }
}

#[tokio::test]
async fn one_code_alone_or_those_of_two_forms_are_worth_nothing() {
    let place = open(person("1")).await;
    let mut app = place.site.client();
    let (mine, init) = begin(&mut app, "login").await;
    assert_eq!(fetch(&place.site, &init, "x").await.status, 404, "nobody has signed in");
    let (theirs, other_init) = begin(&mut app, "login").await;
    let mut codes = Vec::new();
    for flow in [&mine, &theirs] {
        let url = press(&mut app, flow, "acme").await;
        codes.push(brought(&place.agree(&mut place.site.client(), &url, "acme").await, "code"));
    }
    let id = mine["id"].as_str().unwrap();
    // The first code has the id of its form in it, which others may know: it counts by what nobody else can add to that.
    let mut made_up = primitives::base64url::decode(&init).unwrap();
    *made_up.last_mut().unwrap() ^= 1;
    let made_up = primitives::base64url::encode(&made_up);
    for (first, second) in [
        (made_up.as_str(), codes[0].as_str()),
        (&init, &codes[1]),
        (&other_init, &codes[0]),
        (id, &codes[0]),
        (&codes[0], &codes[0]),
    ] {
        assert_eq!(fetch(&place.site, first, second).await.status, 404);
    }
    for half in [format!("init_code={init}"), format!("return_to_code={}", codes[0])] {
        let refused = place.site.client().get_json(&format!("/sessions/token-exchange?{half}")).await;
        assert_eq!((refused.status, refused.error_id()), (400, "invalid_request".to_owned()));
    }
    // The other tenant knows nothing of either.
    let elsewhere = format!("/t/other/sessions/token-exchange?init_code={init}&return_to_code={}", codes[0]);
    assert_eq!(place.site.client().get_json(&elsewhere).await.status, 404);
    assert_eq!(fetch(&place.site, &init, &codes[0]).await.status, 200);
    place.site.clock.advance(std::time::Duration::from_mins(5));
    assert_eq!(fetch(&place.site, &other_init, &codes[1]).await.status, 404, "too late");
}

/// Attack: whoever is thrown out has a code left from before.
#[tokio::test]
async fn codes_of_somebody_who_was_disabled_meanwhile_are_worth_nothing() {
    let place = open(person("1")).await;
    let mut app = place.site.client();
    let (flow, init) = begin(&mut app, "registration").await;
    let url = press(&mut app, &flow, "acme").await;
    let code = brought(&place.agree(&mut place.site.client(), &url, "acme").await, "code");
    let mut operator = place.site.client();
    let people = operator.get_json("/admin/identities").await.json();
    let path = format!("/admin/identities/{}", people[0]["id"].as_str().unwrap());
    for (state, expect) in [("inactive", 404), ("active", 200)] {
        let change = json!([{"op": "replace", "path": "/state", "value": state}]);
        assert_eq!(operator.json("PATCH", &path, &change).await.status, 200);
        assert_eq!(fetch(&place.site, &init, &code).await.status, expect, "{state}");
    }
}

#[tokio::test]
async fn what_a_provider_says_of_a_user_is_not_left_with_whoever_began_the_form() {
    // The provider tells no address, which signing up asks for.
    let place = open(json!({"sub": "1", "given_name": "Ada"})).await;
    let mut attacker = place.site.client();
    let (flow, init) = begin(&mut attacker, "registration").await;
    let url = press(&mut attacker, &flow, "acme").await;
    let answer = place.agree(&mut place.site.client(), &url, "acme").await;
    assert_ne!(brought(&answer, "error"), "");
    let completed = json!({"method": "oidc", "provider": "acme", "traits": {"email": "evil@example.com"}});
    let sent = attacker.submit_json_native(&flow, &completed, &[]).await;
    assert_eq!(sent.status, 422, "the provider is asked again: {}", sent.body);
    assert_eq!(fetch(&place.site, &init, "").await.status, 400);
    let known = place.site.client().get_json("/admin/identities").await.json();
    assert_eq!(known, json!([]));
}

#[tokio::test]
async fn finishing_a_form_links_nothing_that_its_beginner_left_in_it() {
    let place = open(person("1")).await;
    let mut ada = place.site.signed_in("ada@example.com").await;
    let linked = place.enter(&mut ada, "settings", "other").await;
    assert_eq!(linked.status, 303, "{}", linked.body);
    // Somebody who has the same address at another provider wants to be let into the account.
    let mut attacker = place.site.client();
    let (flow, init) = begin(&mut attacker, "login").await;
    let token = place.provider.id_token(Some("n")).unwrap();
    let presented = json!({"method": "oidc", "provider": "acme", "id_token": token, "id_token_nonce": "n"});
    let asked = attacker.submit_json_native(&flow, &presented, &[]).await;
    assert_eq!(asked.status, 400, "{}", asked.body);
    assert!(!messages(&asked.json()).is_empty(), "the account is to be proven first");
    // Ada is talked into finishing it.
    let url = press(&mut attacker, &flow, "other").await;
    let code = brought(&place.agree(&mut place.site.client(), &url, "other").await, "code");
    assert_eq!(
        fetch(&place.site, &init, &code).await.status,
        200,
        "whoever has both codes is Ada's application"
    );
    let known = place.site.client().get_json("/admin/identities").await.json();
    let id = known[0]["id"].as_str().unwrap();
    let known = place.site.client().get_json(&format!("/admin/identities/{id}")).await.json();
    assert_eq!(known["credentials"]["oidc"]["identifiers"], json!(["other:1"]));
}

#[tokio::test]
async fn browser_goes_back_only_where_the_settings_say() {
    let place = open(person("1")).await;
    let mut app = place.site.client();
    for place in ["com.example.other:/callback", "com.example.app:/callback/x", "https://evil.example/"] {
        let path =
            format!("/self-service/login/api?return_session_token_exchange_code=true&return_to={place}");
        let refused = app.get_json(&path).await;
        assert_eq!(
            (refused.status, refused.error_id()),
            (400, "self_service_flow_return_to_forbidden".to_owned())
        );
    }
    let plain = app.get_json(&format!("/self-service/login/api?return_to={BACK}")).await;
    assert_eq!(plain.status, 400, "no form without the codes leads there");
    let unknown = place.site.client().get(&format!("{CALLBACK}/acme?state=x&code=y")).await;
    assert!(unknown.location().starts_with("/ui/error?id="), "{}", unknown.location());
}

/// Who is told of sign-ups is told of these, too: once, when the account is made, and not when its session is fetched.
#[tokio::test]
async fn webhooks_that_only_listen_are_told_of_a_sign_up_once() {
    let on = json!([{ "flow": "registration", "when": "after", "method": "oidc" }]);
    let webhook =
        json!({"name": "crm", "url": "https://crm.example/hook", "on": on, "response": {"ignore": true}});
    let identity = json!({"flow": {"native_return_urls": [BACK]}});
    let place = Place::hooked(person("1"), identity, json!([webhook]), |_| ()).await;
    let told = async || {
        let listed = place.site.client().get_json("/admin/portcullis/v1/webhooks/messages").await.json();
        let messages = listed["messages"].as_array().unwrap().clone();
        messages.iter().map(|message| message["topic"].clone()).collect::<Vec<_>>()
    };
    // Somebody new, by whichever form; then somebody known.
    for kind in ["login", "registration"] {
        let mut app = place.site.client();
        let (flow, init) = begin(&mut app, kind).await;
        assert_eq!(told().await.len(), usize::from(kind == "registration"), "{kind}");
        let url = press(&mut app, &flow, "acme").await;
        let code = brought(&place.agree(&mut place.site.client(), &url, "acme").await, "code");
        assert_eq!(told().await, ["registration"], "{kind}: the account is made");
        assert_eq!(fetch(&place.site, &init, &code).await.status, 200);
        assert_eq!(told().await, ["registration"], "{kind}: the session is fetched");
    }
}
