//! Clients that come with certificates (RFC 8705), over TLS and through proxies: what they get, and what opens to nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use config::CertificateHeader;
use config::listener::Tls;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use primitives::{TrustedProxies, base64url};
use rcgen::{CertificateParams, DnType, KeyPair};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::browser::{Browser, Response, encode};
use crate::server::tls::{Authority, Files, connect};
use crate::world::World;

const SUBJECT: &str = "CN=machine,O=Example";

/// A certificate of the client `machine`, by an authority, with its key.
pub(super) fn own(authority: &Authority) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, "machine");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.0).unwrap();
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// `x5t#S256`.
pub(super) fn hash(certificate: &[u8]) -> String {
    base64url::encode(digest(&SHA256, certificate))
}

/// The tenant takes certificates of this authority, and the client `machine` comes with one.
pub(super) async fn trust(world: &World, authority: &Authority) {
    let settings =
        json!({"oauth2": {"client_certificates": {"enabled": true, "authorities": [authority.0.pem()]}}});
    let path = "/admin/portcullis/v1/tenants/acme";
    let saved = world.operate(&world.key, ("PATCH", path), "default", &json!({"settings": settings})).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    world
        .machine(
            "acme",
            json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": SUBJECT,
                "tls_client_certificate_bound_access_tokens": true}),
        )
        .await;
}

/// A node whose public listener asks apps for certificates, by TLS of `files`.
async fn start(files: &Files) -> World {
    let tls = Tls { cert: files.path("cert.pem"), key: files.path("key.pem") };
    let listen = |listener: &mut config::Listener| {
        if listener.name == "public" {
            listener.tls = Some(tls.clone());
            listener.app_certificates = true;
        }
    };
    World::start_listening(|_| {}, listen).await.0
}

/// Sends a request on a connection of its own, with a certificate or without.
pub(super) async fn send(
    base: &str,
    authority: &Authority,
    client: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    request: Request<String>,
) -> (u16, Value) {
    let stream = connect(base, authority, client, b"http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request.map(|body| Full::new(Bytes::from(body)))).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

const FORM: [(&str, &str); 3] =
    [("grant_type", "client_credentials"), ("client_id", "machine"), ("scope", "read")];

pub(super) fn token_request() -> Request<String> {
    Request::post("/t/acme/oauth2/token")
        .header("host", "localhost")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encode(&FORM))
        .unwrap()
}

pub(super) fn payload(token: &Value) -> Value {
    super::code::claims(token["access_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn client_gets_tokens_by_the_certificate_of_its_connection_and_bound_to_it() {
    let (server, apps) = (Authority::new("server"), Authority::new("apps"));
    let files = Files::new(&server);
    let world = start(&files).await;
    trust(&world, &apps).await;
    let client = own(&apps);
    let hash = hash(&client.0);
    let (status, token) = send(&world.base, &server, Some(client), token_request()).await;
    assert_eq!(status, 200, "{token}");
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(payload(&token)["cnf"], json!({ "x5t#S256": hash }));
    let form = [("token", token["access_token"].as_str().unwrap())];
    let headers = [
        ("authorization", format!("Bearer {}", world.key)),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let url = format!("{}/t/acme/admin/oauth2/introspect", world.admin);
    let said = Browser::default().send("POST", &url, &headers, encode(&form)).await;
    assert_eq!(said.json()["cnf"], json!({ "x5t#S256": hash }));
    for refused in [None, Some(own(&Authority::new("apps")))] {
        let (status, error) = send(&world.base, &server, refused, token_request()).await;
        assert_eq!((status, &error["error"]), (401, &json!("invalid_client")));
    }
}

/// Attack: an app that has a certificate for its tokens comes with it where operators are.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_an_app_never_opens_the_admin_api() {
    let (server, apps) = (Authority::new("server"), Authority::new("apps"));
    let files = Files::new(&server);
    let tls = Tls { cert: files.path("cert.pem"), key: files.path("key.pem") };
    // No configuration has such an admin listener. If there were one, it would let nobody in by this.
    let listen = |listener: &mut config::Listener| {
        listener.tls = Some(tls.clone());
        listener.app_certificates = true;
    };
    let trusting = |settings: &mut portcullis_http::NodeSettings| {
        settings.trusted_proxies = TrustedProxies(vec!["127.0.0.1".parse().unwrap()]);
        settings.client_certificate_header = Some(CertificateHeader::ClientCert);
    };
    let (world, _) = World::start_listening(trusting, listen).await;
    let clients = || Request::get("/admin/clients").header("host", "localhost");
    let plain = clients().body(String::new()).unwrap();
    assert_eq!(send(&world.admin, &server, Some(own(&apps)), plain).await.0, 401);
    // Nor does one of the very authority that an operator might have.
    let plain = clients().body(String::new()).unwrap();
    assert_eq!(send(&world.admin, &server, Some(own(&server)), plain).await.0, 401);
    let told = format!(":{}:", STANDARD.encode(own(&server).0));
    let told = clients().header("client-cert", told).body(String::new()).unwrap();
    assert_eq!(send(&world.admin, &server, None, told).await.0, 401);
}

/// A node behind a proxy of these addresses, which tells certificates as RFC 9440 has it.
async fn behind(proxies: &[&str], authority: &Authority) -> World {
    let proxies = proxies.iter().map(|address| address.parse().unwrap()).collect();
    let world = World::start_with(|settings| {
        settings.trusted_proxies = TrustedProxies(proxies);
        settings.client_certificate_header = Some(CertificateHeader::ClientCert);
    })
    .await;
    trust(&world, authority).await;
    world
}

async fn ask(world: &World, told: &[String]) -> Response {
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    headers.extend(told.iter().map(|one| ("client-cert", one.clone())));
    let url = format!("{}/oauth2/token", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(&FORM)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_that_a_trusted_proxy_tells_counts_and_a_strangers_does_not() {
    let apps = Authority::new("apps");
    let (certificate, _) = own(&apps);
    let told = format!(":{}:", STANDARD.encode(&certificate));
    let world = behind(&["127.0.0.1"], &apps).await;
    let answer = ask(&world, std::slice::from_ref(&told)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let hash = hash(&certificate);
    assert_eq!(payload(&answer.json())["cnf"], json!({ "x5t#S256": hash }));
    let twice = ask(&world, &[told.clone(), told.clone()]).await;
    assert_eq!((twice.status, &twice.json()["error"]), (400, &json!("invalid_request")));
    // Who tells it here is none of the proxies.
    for proxies in [&[][..], &["192.0.2.1"]] {
        let world = behind(proxies, &apps).await;
        let answer = ask(&world, std::slice::from_ref(&told)).await;
        assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")), "{proxies:?}");
    }
}
