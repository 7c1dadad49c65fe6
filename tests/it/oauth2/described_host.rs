//! Clients that describe themselves at a real host: by https, with the guard that is served, an authority that the node was told of
//! and a network that it was granted. What of a document is kept, for how long, and what a host gets that means ill.

use std::sync::Arc;
use std::time::Duration;

use portcullis_http::{GuardedOutbound, OutboundPolicy};
use serde_json::{Value, json};
use testkit::https::HttpsHost;

use super::code::{claims, sign_up};
use super::metadata_document::{CHALLENGE, VERIFIER, allow, let_in, post, value_of};
use crate::browser::{Browser, Response, encode};
use crate::world::World;

fn document(host: &HttpsHost, redirect: &str) -> Value {
    json!({
        "client_id": host.url("/client.json"), "client_name": "Agent", "redirect_uris": [host.url(redirect)],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

/// A node that may call this machine, and believes the authority of one of the hosts.
pub(super) async fn world(believed: &HttpsHost, granted: &[&str]) -> World {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, believed.authority()).unwrap();
    let granted = granted.iter().map(|network| network.parse().unwrap()).collect();
    let guard = GuardedOutbound::trusting(OutboundPolicy { granted }, &ca).unwrap();
    World::start_reaching(Arc::new(guard)).await
}

async fn authorize(world: &World, browser: &mut Browser, (id, redirect): (&str, &str)) -> Response {
    let query = encode(&[
        ("client_id", id),
        ("response_type", "code"),
        ("redirect_uri", redirect),
        ("scope", "openid email offline_access"),
        ("state", "the-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    browser.get(&format!("{}/oauth2/auth?{query}", world.tenant("acme"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn document_counts_until_its_host_says_that_it_is_old_and_then_the_new_one() {
    let host = HttpsHost::start().await.unwrap();
    let world = world(&host, &["127.0.0.0/8"]).await;
    let_in(&world, json!([format!("localhost:{}", host.port())])).await;
    let (id, before, after) = (host.url("/client.json"), host.url("/before"), host.url("/after"));
    host.publishes(&document(&host, "/before"), 120);
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let asked = authorize(&world, &mut browser, (&id, &before)).await;
    assert_eq!(asked.location().path(), "/t/acme/ui/consent", "{}", asked.text());
    let page = browser.get(asked.location().as_str()).await.text();
    assert!(page.contains(&format!("localhost:{}", host.port())), "{page}");
    let code = allow(&world, &mut browser, &page).await.sent("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", &*before),
        ("code_verifier", VERIFIER),
        ("client_id", &*id),
    ];
    let tokens = post(&world, "/oauth2/token", &form).await.json();
    assert_eq!(claims(tokens["access_token"].as_str().unwrap())["client_id"], json!(id), "{tokens}");

    host.publishes(&document(&host, "/after"), 120);
    assert_eq!(authorize(&world, &mut browser, (&id, &after)).await.status, 400, "the kept document counts");
    assert_eq!(authorize(&world, &mut browser, (&id, &before)).await.status, 303);
    assert_eq!(host.requests(), 1);
    world.clock.advance(Duration::from_secs(121));
    let gone = authorize(&world, &mut browser, (&id, &before)).await;
    assert_eq!(
        (gone.status, gone.header("location")),
        (400, ""),
        "an address that was taken out gets nothing"
    );
    assert_eq!(authorize(&world, &mut browser, (&id, &after)).await.status, 303);
    // On PostgreSQL a node hears of its own change again, and may ask once more for it.
    assert!((2..=3).contains(&host.requests()), "{}", host.requests());

    // In the middle of a flow: the address is proven again when the person has answered.
    let asked = authorize(&world, &mut browser, (&id, &after)).await;
    let page = browser.get(asked.location().as_str()).await.text();
    host.publishes(&document(&host, "/elsewhere"), 120);
    world.clock.advance(Duration::from_secs(121));
    assert!(!value_of(&page, "consent_challenge").is_empty());
    let answered = allow(&world, &mut browser, &page).await;
    assert_eq!((answered.status, answered.header("location")), (400, ""), "{}", answered.text());

    host.says("404 Not Found", "", "");
    world.clock.advance(Duration::from_secs(121));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &*id)];
    assert_eq!(
        post(&world, "/oauth2/token", &form).await.status,
        401,
        "what is not described any more asks for nothing"
    );
}

/// Attacks: a slow host, an endless answer, a redirect, a document of another client, a certificate of somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_means_ill_is_an_unknown_client() {
    let (host, other) = (HttpsHost::start().await.unwrap(), HttpsHost::start().await.unwrap());
    let world = world(&host, &["127.0.0.0/8"]).await;
    let_in(&world, json!([format!("localhost:{}", host.port()), format!("localhost:{}", other.port())]))
        .await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let (id, redirect) = (host.url("/client.json"), host.url("/cb"));
    let document = document(&host, "/cb");
    let foreign = document.to_string().replace("client.json", "other.json");
    let found = format!("location: {}\r\n", host.url("/moved.json"));
    let json_type = "content-type: application/json\r\n";
    let huge = json!({"client_id": id, "client_name": "x".repeat(64 << 10), "redirect_uris": [redirect]})
        .to_string();
    let check = async |what: &str, id: &str| {
        let answer = authorize(&world, &mut Browser::default(), (id, &redirect)).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{what}");
        // Longer than a refusal is kept, and than a host's questions are counted.
        world.clock.advance(Duration::from_secs(61));
    };
    for (what, status, headers, body) in [
        ("moved", "302 Found", found.as_str(), document.to_string()),
        ("huge", "200 OK", json_type, huge),
        ("of another client", "200 OK", json_type, foreign),
        ("no JSON", "200 OK", "content-type: text/html\r\n", document.to_string()),
        ("failed", "500 Internal Server Error", json_type, document.to_string()),
    ] {
        host.says(status, headers, &body);
        check(what, &id).await;
    }
    let asked = host.requests();
    assert_eq!(asked, 5, "none was followed or asked for twice");
    host.says_without_end();
    check("without end", &id).await;
    host.says_nothing();
    check("silent", &id).await;
    other.publishes(&document, 60);
    check("of an authority that is none", &other.url("/client.json")).await;
    assert_eq!((other.requests(), other.connections()), (0, 1), "it was told nothing");
    // It was none of the settings.
    host.publishes(&document, 60);
    assert_eq!(authorize(&world, &mut browser, (&id, &redirect)).await.status, 303);
}

/// Attack: SSRF. The host is at an address of our own network, and nobody has granted that.
#[tokio::test(flavor = "multi_thread")]
async fn host_in_our_own_network_is_not_called_unless_it_is_granted() {
    let host = HttpsHost::start().await.unwrap();
    host.publishes(&document(&host, "/cb"), 60);
    let (id, redirect) = (host.url("/client.json"), host.url("/cb"));
    for granted in [&[][..], &["10.0.0.0/8", "127.0.0.2"]] {
        let world = world(&host, granted).await;
        let_in(&world, json!([format!("localhost:{}", host.port())])).await;
        let answer = authorize(&world, &mut Browser::default(), (&id, &redirect)).await;
        assert_eq!(answer.status, 400, "{granted:?}");
    }
    assert_eq!(host.connections(), 0);
}
