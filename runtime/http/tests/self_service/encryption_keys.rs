//! Keys that somebody publishes to have answers encrypted to them, and how large they may be.
//!
//! Attack: a key of a million bits keeps whoever encrypts to it busy for minutes (RFC 7516 section 11.1 leaves sizes to us); or
//! it has the client told something in clear, since nothing can be encrypted to it.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use primitives::base64url;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use serde_json::{Value, json};

use crate::client::Response;
use crate::site::Site;

const REDIRECT: &str = "https://app.example/cb";
const PUBLISHED: &str = "https://app.example/keys";

/// A modulus of so many bits, which nobody has the factors of.
fn modulus(bits: usize) -> String {
    base64url::encode(vec![0xc5; bits / 8])
}

fn keys(bits: usize) -> Value {
    json!({"keys": [{"kty": "RSA", "use": "enc", "kid": "k", "e": "AQAB", "n": modulus(bits)}]})
}

fn client(keys: &Value) -> Value {
    let mut client = json!({
        "client_id": "app", "redirect_uris": [REDIRECT], "scope": "openid", "token_endpoint_auth_method": "none",
        "authorization_encrypted_response_alg": "RSA-OAEP-256",
    });
    let fields = client.as_object_mut().unwrap();
    fields.extend(keys.as_object().unwrap().clone());
    client
}

/// A server of the client's, which publishes its keys.
#[derive(Debug)]
struct Keys(Mutex<Value>);

impl Outbound for Keys {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        assert_eq!(request.url.as_str(), PUBLISHED);
        let body = self.0.lock().unwrap().to_string().into_bytes();
        let answer = if body.len() > request.max_response_bytes {
            Err(OutboundError::TooLarge)
        } else {
            Ok(OutboundResponse { status: 200, headers: Vec::new(), body })
        };
        Box::pin(std::future::ready(answer))
    }
}

async fn operate(site: &Site, method: &str, path: &str, body: &Value) -> Response {
    site.client().json(method, path, body).await
}

#[tokio::test]
async fn key_of_a_million_bits_is_refused_of_a_client_that_brings_it() {
    let site = Site::open().await;
    let made = operate(&site, "POST", "/admin/clients", &client(&json!({"jwks": keys(2_048)}))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let put = async |bits| {
        let document = client(&json!({"jwks": keys(bits)}));
        operate(&site, "PUT", "/admin/clients/app", &document).await
    };
    for bits in [1 << 20, 8_200, 1_024] {
        let refused = put(bits).await;
        assert_eq!(refused.status, 400, "{bits}: {}", refused.body);
        assert!(refused.body.len() < 2_000, "the key is not told back: {} bytes", refused.body.len());
        let stands = site.client().get_json("/admin/clients/app").await.json();
        assert_eq!(stands["jwks"]["keys"][0]["n"], json!(modulus(2_048)), "{bits}");
    }
    // More than a request may bring.
    assert_eq!(put(1 << 23).await.status, 413);
    assert_eq!(put(8_192).await.status, 200);
}

#[tokio::test]
async fn key_of_a_million_bits_at_an_address_of_the_client_is_as_if_there_were_none() {
    let published = Arc::new(Keys(Mutex::new(keys(1 << 20))));
    let site = Site::reaching(json!({}), &json!({}), published.clone()).await;
    let document = client(&json!({"jwks_uri": PUBLISHED}));
    // The last is more than is read of such a document.
    for bits in [1 << 20, 8_200, 1 << 22] {
        *published.0.lock().unwrap() = keys(bits);
        let refused = operate(&site, "POST", "/admin/clients", &document).await;
        assert_eq!(refused.status, 400, "{bits}: {}", refused.body);
        assert!(refused.body.contains("nothing that encrypts by RSA-OAEP-256"), "{}", refused.body);
    }
    *published.0.lock().unwrap() = keys(2_048);
    let made = operate(&site, "POST", "/admin/clients", &document).await;
    assert_eq!(made.status, 201, "{}", made.body);

    // It puts such a key there later.
    let asked = "/oauth2/auth?client_id=app&response_type=code&scope=openid&prompt=none&response_mode=jwt&state=12345678\
                 &redirect_uri=https%3A%2F%2Fapp.example%2Fcb&code_challenge_method=S256\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for (bits, is_told) in [(2_048, true), (1 << 20, false), (1 << 22, false), (4_096, true)] {
        *published.0.lock().unwrap() = keys(bits);
        site.clock.advance(std::time::Duration::from_hours(24));
        let answer = site.client().get(asked).await;
        let sent = answer.location().strip_prefix("https://app.example/cb?response=");
        assert_eq!(sent.is_some(), is_told, "{bits}: {} {}", answer.status, answer.location());
        match sent {
            Some(sealed) => assert_eq!(sealed.split('.').count(), 5, "encrypted: {sealed}"),
            // Nothing in clear in its place.
            None => assert!(!answer.location().starts_with(REDIRECT), "{bits}: {}", answer.location()),
        }
    }
}
