//! Initial access tokens that are good for so many registrations.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::browser::{Browser, Response, encode};
use crate::plugins::people::set;
use crate::world::World;

const KEYS: &str = "/admin/portcullis/v1/keys";

async fn register(world: &World, token: &str) -> Response {
    let headers =
        [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
    let body = json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
    let url = format!("{}/oauth2/register", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, body.to_string()).await
}

async fn make(world: &World, uses: &Value, scope: &str, tenant: &Value) -> Response {
    let body = json!({ "name": "app store", "tenant": tenant, "scopes": [scope], "uses": uses });
    world.operate(&world.key, ("POST", KEYS), "default", &body).await
}

/// Attack: a token for three registrations is used by twelve at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn counted_token_lets_in_as_many_as_it_may_however_many_come() {
    let world = World::start().await;
    set(&world, &json!({ "oauth2": { "registration": { "mode": "key" } } })).await;
    let acme = json!("acme");
    for (uses, scope, tenant) in [
        (json!(0), "clients:register", &acme),
        (json!(3), "all", &acme),
        (json!(3), "clients:register", &Value::Null),
    ] {
        assert_eq!(make(&world, &uses, scope, tenant).await.status, 400, "{uses} {scope} {tenant}");
    }
    let made = make(&world, &json!(3), "clients:register", &acme).await.json();
    assert_eq!(made["key"]["uses_left"], 3, "{made}");
    let token = made["secret"].as_str().unwrap();
    let answers = join_all((0..12).map(|_| register(&world, token))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(401)), (3, 9));
    let path = format!("{KEYS}?tenant=acme");
    let listed = world.operate(&world.key, ("GET", &path), "default", &Value::Null).await.json();
    assert_eq!(listed["keys"][0]["uses_left"], 0, "{listed}");
    let clients = world.operate(&world.key, ("GET", "/admin/clients"), "acme", &Value::Null).await.json();
    assert_eq!(clients.as_array().unwrap().len(), 3, "{clients}");
    // A client's own token is not counted.
    let own = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    let headers =
        [("authorization", format!("Bearer {}", own["registration_access_token"].as_str().unwrap()))];
    let url = own["registration_client_uri"].as_str().unwrap();
    assert_eq!(Browser::default().send("GET", url, &headers, String::new()).await.status, 200);
}

/// Attack (RFC 9700 section 4.11.2): whoever may register has a link of ours lead to a page that looks like ours.
#[tokio::test(flavor = "multi_thread")]
async fn sign_out_of_nobody_shows_the_way_to_a_client_that_registered_itself_and_does_not_go_there() {
    let world = World::start().await;
    set(&world, &json!({ "oauth2": { "registration": { "mode": "open" } } })).await;
    let bye = "https://app.example/bye?from=acme";
    let body = json!({
        "client_name": "Acme", "redirect_uris": ["https://app.example/cb"], "post_logout_redirect_uris": [bye],
    });
    let headers = [("content-type", "application/json".to_owned())];
    let url = format!("{}/oauth2/register", world.tenant("acme"));
    let made = Browser::default().send("POST", &url, &headers, body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let query =
        encode(&[("client_id", made["client_id"].as_str().unwrap()), ("post_logout_redirect_uri", bye)]);
    let mut browser = Browser::default();
    let sent = browser.get(&format!("{}/oauth2/sessions/logout?{query}", world.tenant("acme"))).await;
    let place = sent.header("location").to_owned();
    assert!(place.contains("/ui/signed-out?farewell="), "{place}");
    let page = browser.get(&place).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    assert!(text.contains("Continue to app.example") && text.contains(bye), "{text}");
    assert!(!text.contains("<script>"), "nothing goes there by itself: {text}");
}
