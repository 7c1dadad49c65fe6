//! What apps are told when a session ends: their servers over the back channel, and in the browser that signs out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jobs::{JobName, Outcome};
use portcullis_http::{GuardedOutbound, OutboundPolicy};
use primitives::Clock as _;
use serde_json::{Value, json};
use tenancy::webhook::{WebhookFilter, WebhookMessages as _};

use super::code::{App, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::peer::Peer;
use crate::world::World;

/// An app's server, which answers with these statuses, then with 200.
struct Receiver {
    peer: Peer,
    statuses: Arc<Mutex<VecDeque<u16>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start() -> Self {
        let (statuses, bodies) = (Arc::<Mutex<VecDeque<u16>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (answers, kept) = (statuses.clone(), bodies.clone());
        let peer = Peer::start(move |_, body| {
            kept.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
            (answers.lock().unwrap().pop_front().unwrap_or(200), String::new())
        });
        Self { peer: peer.await, statuses, bodies }
    }

    /// The claims of the logout tokens that came since.
    fn told(&self) -> Vec<Value> {
        let bodies = std::mem::take(&mut *self.bodies.lock().unwrap());
        bodies.iter().map(|body| claims(body.strip_prefix("logout_token=").unwrap())).collect()
    }
}

fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// A node that may call servers on this machine.
async fn reaching() -> World {
    let policy = OutboundPolicy { granted: vec!["127.0.0.0/8".parse().unwrap()] };
    World::start_reaching(Arc::new(GuardedOutbound::new(policy).unwrap())).await
}

fn document(more: &Value) -> Value {
    let mut document = json!({
        "client_id": "app", "client_name": "The App", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access",
        "post_logout_redirect_uris": ["https://app.example/bye"], "skip_consent": true, "skip_logout_consent": true,
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

/// Signs in to the app; its ID token.
async fn signed_in(world: &World, app: &App<'_>, browser: &mut Browser, email: &str) -> String {
    sign_up(world, browser, email).await;
    let code = browser.get(&app.authorize(&[("scope", "openid")])).await.sent("code").unwrap();
    app.redeem(&code).await.json()["id_token"].as_str().unwrap().to_owned()
}

async fn sign_out(world: &World, browser: &mut Browser, id_token: &str, redirect: Option<&str>) -> Response {
    let mut query = vec![("id_token_hint", id_token)];
    query.extend(redirect.map(|uri| ("post_logout_redirect_uri", uri)));
    browser.get(&format!("{}/oauth2/sessions/logout?{}", world.tenant("acme"), encode(&query))).await
}

async fn errors(world: &World) -> Vec<Option<String>> {
    let (tenant, all) = ("acme".parse().unwrap(), WebhookFilter::default());
    let listed = world.storage.list_webhook_messages(&tenant, &all, 100);
    listed.await.unwrap().into_iter().map(|message| message.error).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn app_is_told_until_it_takes_it_and_by_the_names_that_it_knows() {
    for kind in ["public", "pairwise"] {
        let world = reaching().await;
        let receiver = Receiver::start().await;
        let client = document(&json!({"backchannel_logout_uri": receiver.peer.url("/logout"),
            "backchannel_logout_session_required": true, "subject_type": kind}));
        let app = App::register_as(&world, client).await;
        let mut browser = Browser::default();
        let id_token = signed_in(&world, &app, &mut browser, "ada@acme.example").await;
        assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::NotDue, "nothing has ended");
        sign_out(&world, &mut browser, &id_token, None).await;
        receiver.statuses.lock().unwrap().push_back(500);
        assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
        assert_eq!(errors(&world).await, [Some("its server answered 500".to_owned())]);
        world.clock.advance(Duration::from_mins(1));
        assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(1));
        assert_eq!(errors(&world).await, []);
        let [first, second] = <[Value; 2]>::try_from(receiver.told()).unwrap();
        let known = claims(&id_token);
        for told in [&first, &second] {
            assert_eq!((&told["sub"], &told["sid"]), (&known["sub"], &known["sid"]), "{kind}");
            assert_eq!((&told["iss"], &told["aud"]), (&json!(world.tenant("acme")), &json!("app")));
            assert!(told.get("nonce").is_none() && told["events"].is_object(), "{told}");
        }
        assert_eq!(second["iat"], world.clock.now().seconds(), "signed when it is sent");
        assert_ne!(first["jti"], second["jti"]);
        world.clock.advance(Duration::from_hours(24));
        assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::NotDue, "told once");
    }
}

/// Attack: whoever may register clients has the node post to a server of its own network.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_an_address_that_is_not_public_and_it_can_be_sent_again() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let client = document(&json!({"backchannel_logout_uri": receiver.peer.url("/logout")}));
    let app = App::register_as(&world, client).await;
    let mut browser = Browser::default();
    let id_token = signed_in(&world, &app, &mut browser, "ada@acme.example").await;
    sign_out(&world, &mut browser, &id_token, None).await;
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0));
    let refused = "its server was not reached: the address is not allowed";
    assert_eq!(errors(&world).await, [Some(refused.to_owned())]);
    for _ in 0..20 {
        world.clock.advance(Duration::from_hours(24));
        world.run_job(JobName::Webhooks).await;
    }
    assert!(receiver.told().is_empty());
    let operate = async |request| world.operate(&world.key, request, "acme", &Value::Null).await;
    let listed = operate(("GET", "/admin/portcullis/v1/webhooks/messages?status=given_up")).await.json();
    assert_eq!(listed["messages"][0]["webhook"], "logout:app", "{listed}");
    let resent = operate(("POST", "/admin/portcullis/v1/webhooks/logout:app/resend")).await;
    assert_eq!(resent.status, 204, "{}", resent.text());
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(0), "tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn app_that_is_down_delays_no_other() {
    let world = reaching().await;
    let receiver = Receiver::start().await;
    let down = Receiver::start().await.peer.url("/logout");
    let other = json!({"client_id": "another", "backchannel_logout_uri": down, "skip_consent": true,
        "redirect_uris": ["https://app.example/cb"], "scope": "openid"});
    world.client("acme", other).await;
    let client = document(&json!({"backchannel_logout_uri": receiver.peer.url("/logout")}));
    let app = App::register_as(&world, client).await;
    let mut browser = Browser::default();
    let id_token = signed_in(&world, &app, &mut browser, "ada@acme.example").await;
    let asked = browser.get(&app.authorize(&[("scope", "openid"), ("client_id", "another")])).await;
    assert!(asked.sent("code").is_some(), "{}", asked.text());
    sign_out(&world, &mut browser, &id_token, None).await;
    assert_eq!(world.run_job(JobName::Webhooks).await, Outcome::Done(1));
    assert_eq!(receiver.told().len(), 1);
    assert_eq!(errors(&world).await.len(), 1, "the other's waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn last_page_opens_the_apps_of_the_session_and_goes_on() {
    let world = World::start().await;
    let client = document(&json!({"frontchannel_logout_uri": "https://app.example/out?a=b",
        "frontchannel_logout_session_required": true}));
    let app = App::register_as(&world, client).await;
    let bye = "https://app.example/bye";
    let mut browser = Browser::default();
    let id_token = signed_in(&world, &app, &mut browser, "ada@acme.example").await;
    let sent = sign_out(&world, &mut browser, &id_token, Some(bye)).await;
    assert_eq!((sent.status, sent.location().path()), (303, "/t/acme/ui/signed-out"), "{}", sent.text());
    let page = browser.get(sent.location().as_str()).await;
    let (issuer, known) = (world.tenant("acme"), claims(&id_token));
    let query = encode(&[("a", "b"), ("iss", &issuer), ("sid", known["sid"].as_str().unwrap())]);
    let frame = format!("<iframe src=\"https://app.example/out?{}\"", query.replace('&', "&#38;"));
    assert!(page.text().contains(&frame), "{frame} {}", page.text());
    assert!(page.text().contains(&format!("href=\"{bye}\"")), "{}", page.text());
    let policy = page.header("content-security-policy");
    assert!(policy.contains("; frame-src https://app.example; script-src 'sha256-"), "{policy}");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");

    let plain = format!("{}/ui/signed-out", world.tenant("acme"));
    for url in [plain.clone(), format!("{plain}?farewell=made-up")] {
        let page = browser.get(&url).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("<iframe") && !page.text().contains("<script"), "{}", page.text());
        assert!(!page.header("content-security-policy").contains("frame-src"), "on that page alone");
    }

    // Without anywhere to go it stays, and nothing runs.
    let id_token = signed_in(&world, &app, &mut browser, "bob@acme.example").await;
    let sent = sign_out(&world, &mut browser, &id_token, None).await;
    let page = browser.get(sent.location().as_str()).await;
    assert!(page.text().contains("<iframe") && !page.text().contains("<script"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_by_the_flow_api_opens_apps_too_and_goes_on_to_where_it_was_to() {
    let world = World::start().await;
    let client = document(&json!({"frontchannel_logout_uri": "https://app.example/out"}));
    let app = App::register_as(&world, client).await;
    let mut browser = Browser::default();
    signed_in(&world, &app, &mut browser, "ada@acme.example").await;
    let begun =
        browser.get_json(&format!("{}/self-service/logout/browser", world.tenant("acme"))).await.json();
    let sent = browser.get(begun["logout_url"].as_str().unwrap()).await;
    assert!(sent.sent("farewell").is_some(), "{}", sent.header("location"));
    let page = browser.get(sent.location().as_str()).await.text();
    assert!(page.contains("<iframe src=\"https://app.example/out\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_what_is_served() {
    let world = World::start().await;
    let url = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    let document = Browser::default().get_json(&url).await.json();
    for channel in ["backchannel", "frontchannel"] {
        for what in ["supported", "session_supported"] {
            assert_eq!(document[format!("{channel}_logout_{what}")], true, "{channel} {what}");
        }
    }
    assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));
}
