//! A client that nobody registered, from the document at its own host to its tokens, by the program as it is served: the authority and
//! the network of that host are what the configuration says of them.

use serde_json::{Value, json};
use testkit::https::HttpsHost;

use crate::browser::{Browser, Response, encode};
use crate::place::{Place, Running};

/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What the node is told of servers of its own network, where it believes the host, and where it may call it.
const BELIEVES: &str = "ca = \"authority.pem\"\n";
const CALLS: &str = "private_networks = [\"127.0.0.0/8\"]\n";

/// A node that lets in what is at a host.
struct Node {
    base: String,
    _running: Running,
    _place: Place,
}

impl Node {
    fn start(host: &HttpsHost, outbound: &str) -> Self {
        // Browsers must find it at the address that it calls itself.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("http://127.0.0.1:{port}");
        let place = Place::new(&format!(
            "[[listener]]\nname = \"public\"\naddress = \"127.0.0.1:{port}\"\nrouters = [\"public\"]\n\
             [server]\nbase_url = \"{base}\"\n[outbound]\n{outbound}\
             [[tenant]]\nid = \"acme\"\n[tenant.oauth2.registration]\nmetadata_document_hosts = [\"localhost:{}\"]\n\
             scopes = [\"openid\", \"email\", \"offline_access\"]\n",
            host.port()
        ));
        place.write("authority.pem", host.authority());
        let running = Running::start(&place);
        Self { base: format!("{base}/t/acme"), _running: running, _place: place }
    }

    async fn authorize(&self, browser: &mut Browser, host: &HttpsHost, redirect: &str) -> Response {
        let query = encode(&[
            ("client_id", &host.url("/client.json")),
            ("response_type", "code"),
            ("redirect_uri", &host.url(redirect)),
            ("scope", "openid email offline_access"),
            ("state", "the-state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        browser.get(&format!("{}/oauth2/auth?{query}", self.base)).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Response {
        Browser::default().post(&format!("{}/oauth2/token", self.base), form).await
    }

    async fn sign_up(&self, browser: &mut Browser) {
        let flow = browser.get_json(&format!("{}/self-service/registration/browser", self.base)).await.json();
        let nodes = flow["ui"]["nodes"].as_array().unwrap();
        let token = nodes.iter().find(|node| node["attributes"]["name"] == "csrf_token").unwrap();
        let body = json!({
            "method": "password", "csrf_token": token["attributes"]["value"],
            "traits": {"email": "ada@acme.example"}, "password": "moss-covered lantern 71",
        });
        let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
        assert_eq!(done.status, 200, "{}", done.text());
    }
}

fn document(host: &HttpsHost, redirect: &str) -> Value {
    json!({
        "client_id": host.url("/client.json"), "client_name": "Agent", "redirect_uris": [host.url(redirect)],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn described_client_signs_somebody_in_at_a_served_node() {
    let host = HttpsHost::start().await.unwrap();
    host.publishes(&document(&host, "/cb"), 3_600);
    let node = Node::start(&host, &[BELIEVES, CALLS].concat());
    let mut browser = Browser::default();
    node.sign_up(&mut browser).await;
    let asked = node.authorize(&mut browser, &host, "/cb").await;
    assert_eq!(asked.location().path(), "/t/acme/ui/consent", "{}", asked.text());
    let page = browser.get(asked.location().as_str()).await.text();
    let told = format!("localhost:{}", host.port());
    assert!(page.contains("Agent") && page.contains(&told), "{page}");
    let after = page.split_once("name=\"consent_challenge\" value=\"").unwrap().1;
    let challenge = after.split('"').next().unwrap();
    let form = [("consent_challenge", challenge), ("decision", "allow")];
    let code = browser.post(&format!("{}/ui/consent", node.base), &form).await.sent("code").unwrap();

    let (id, redirect) = (host.url("/client.json"), host.url("/cb"));
    let redeem = |verifier| {
        [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", &*redirect),
            ("code_verifier", verifier),
            ("client_id", &*id),
        ]
    };
    assert_eq!(node.token(&redeem(CHALLENGE)).await.status, 400, "another verifier");
    let tokens = node.token(&redeem(VERIFIER)).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &*id)];
    let renewed = node.token(&form).await.json();
    let headers = [("authorization", format!("Bearer {}", renewed["access_token"].as_str().unwrap()))];
    let told = browser.send("GET", &format!("{}/userinfo", node.base), &headers, String::new()).await.json();
    assert_eq!(told["email"], "ada@acme.example");

    // What its host says meanwhile counts when the document is old.
    host.publishes(&document(&host, "/elsewhere"), 3_600);
    assert_eq!(node.authorize(&mut browser, &host, "/elsewhere").await.status, 400);
    assert_eq!(node.authorize(&mut browser, &host, "/cb").await.status, 303);
    assert_eq!(host.requests(), 1, "one question, whatever came of it");
}

/// Attacks: a host in the node's own network; one whose certificate anybody could have made.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_the_configuration_does_not_name_is_told_nothing() {
    let host = HttpsHost::start().await.unwrap();
    host.publishes(&document(&host, "/cb"), 3_600);
    for (outbound, connections) in [("", 0), (BELIEVES, 0), (CALLS, 1)] {
        let node = Node::start(&host, outbound);
        let answer = node.authorize(&mut Browser::default(), &host, "/cb").await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{outbound}");
        assert_eq!(host.connections(), connections, "{outbound}");
    }
    assert_eq!(host.requests(), 0);
}

#[test]
fn node_does_not_start_with_authorities_that_are_none() {
    let place = Place::new("[outbound]\nca = \"authority.pem\"\n");
    place.write("authority.pem", "nothing of the kind");
    place.fails(&["serve"], 1, "outbound.ca");
}
