//! A provider that answers as a [`Twist`] says; without one it is a good provider.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(crate) const ACCESS_TOKEN: &str = "access-token-1";
pub(crate) const CODE: &str = "code-1";
pub(crate) const SUBJECT: &str = "subject-1";

/// How the provider departs from what is right.
pub(crate) struct Twist {
    /// Changes the claims of the ID token.
    pub(crate) claims: fn(&mut Value),
    /// Makes the token, when it is not signed properly.
    pub(crate) signature: Signature,
    /// Answers the code with an error.
    pub(crate) token_error: Option<(&'static str, &'static str)>,
    /// Leaves the ID token out.
    pub(crate) no_id_token: bool,
    /// Whom userinfo is about.
    pub(crate) userinfo_subject: &'static str,
    /// Whether discovery promises `iss` in the authorization response.
    pub(crate) promises_iss: bool,
    /// Where discovery sends browsers.
    pub(crate) authorization_endpoint: Option<&'static str>,
    /// The lifetime of an access token in seconds.
    pub(crate) expires_in: u64,
}

/// Who signs the ID token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    Good,
    /// Another key under the same `kid`.
    Forged,
    /// `alg: none`, no signature.
    None,
    /// HMAC with what the attacker knows: the public key.
    HmacOfPublicKey,
    /// A good key under a `kid` that is not published.
    UnknownKey,
}

impl Default for Twist {
    fn default() -> Self {
        Self {
            claims: |_| {},
            signature: Signature::Good,
            token_error: None,
            no_id_token: false,
            userinfo_subject: SUBJECT,
            promises_iss: true,
            authorization_endpoint: None,
            expires_in: 3600,
        }
    }
}

/// The provider, as a test sees it.
pub(crate) struct FakeProvider {
    pub(crate) issuer: String,
    now: i64,
    key: EcdsaKeyPair,
    other_key: EcdsaKeyPair,
    pub(crate) twist: Mutex<Twist>,
    /// What the last authorization request asked for.
    pub(crate) asked: Mutex<HashMap<String, String>>,
    /// The `kid` that is published and used.
    pub(crate) kid: Mutex<&'static str>,
    pub(crate) refreshes: Mutex<u32>,
}

impl FakeProvider {
    /// Serves on a free loopback port until the test's runtime ends.
    pub(crate) async fn start(twist: Twist, now: i64) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            issuer: format!("http://{}/t/acme", listener.local_addr().unwrap()),
            now,
            key: new_key(),
            other_key: new_key(),
            twist: Mutex::new(twist),
            asked: Mutex::default(),
            kid: Mutex::new("key-1"),
            refreshes: Mutex::default(),
        });
        let routes = Router::new()
            .route("/t/acme/.well-known/openid-configuration", get(discovery))
            .route("/t/acme/jwks", get(jwks))
            .route("/t/acme/token", post(token))
            .route("/t/acme/userinfo", get(userinfo))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        provider
    }

    fn id_token(&self, refreshed: bool) -> String {
        let twist = self.twist.lock().unwrap();
        let access_token_hash = digest(&SHA256, ACCESS_TOKEN.as_bytes());
        let mut claims = json!({
            "iss": self.issuer,
            "aud": "nexboard",
            "sub": SUBJECT,
            "exp": self.now + 3600,
            "iat": self.now,
            "at_hash": encode(&access_token_hash.as_ref()[..16]),
            "email": "ada@acme.example",
            "name": "Ada <Example>",
            "plan": "team",
            "seats": if refreshed { 13 } else { 12 },
        });
        if !refreshed {
            claims["nonce"] = json!(self.asked.lock().unwrap()["nonce"]);
        }
        (twist.claims)(&mut claims);
        self.sign(&claims, twist.signature)
    }

    fn sign(&self, claims: &Value, signature: Signature) -> String {
        let published = *self.kid.lock().unwrap();
        let (algorithm, kid) = match signature {
            Signature::Good | Signature::Forged => ("ES256", published),
            Signature::None => ("none", published),
            Signature::HmacOfPublicKey => ("HS256", published),
            Signature::UnknownKey => ("ES256", "key-9"),
        };
        let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let ecdsa =
            |key: &EcdsaKeyPair| encode(key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref());
        let signature = match signature {
            Signature::Good | Signature::UnknownKey => ecdsa(&self.key),
            Signature::Forged => ecdsa(&self.other_key),
            Signature::None => String::new(),
            Signature::HmacOfPublicKey => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.key.public_key().as_ref());
                encode(ring::hmac::sign(&key, signed.as_bytes()).as_ref())
            }
        };
        format!("{signed}.{signature}")
    }
}

async fn discovery(State(provider): State<Arc<FakeProvider>>) -> Json<Value> {
    let (issuer, twist) = (&provider.issuer, provider.twist.lock().unwrap());
    let authorize = format!("{issuer}/authorize");
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": twist.authorization_endpoint.unwrap_or(&authorize),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        "authorization_response_iss_parameter_supported": twist.promises_iss,
    }))
}

async fn jwks(State(provider): State<Arc<FakeProvider>>) -> Json<Value> {
    let point = provider.key.public_key().as_ref();
    Json(json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": *provider.kid.lock().unwrap(),
        "x": encode(&point[1..33]), "y": encode(&point[33..65]),
    }]}))
}

async fn token(
    State(provider): State<Arc<FakeProvider>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let refreshed = form["grant_type"] == "refresh_token";
    if refreshed {
        *provider.refreshes.lock().unwrap() += 1;
    }
    if let Some((error, description)) = provider.twist.lock().unwrap().token_error {
        return refuse(error, description);
    }
    let number = *provider.refreshes.lock().unwrap();
    let good = if refreshed {
        form["refresh_token"] == format!("refresh-token-{}", number - 1)
    } else {
        let asked = provider.asked.lock().unwrap();
        let challenge = encode(digest(&SHA256, form["code_verifier"].as_bytes()).as_ref());
        let same = asked["code_challenge"] == challenge && asked["redirect_uri"] == form["redirect_uri"];
        same && form["code"] == CODE && form["client_id"] == "nexboard"
    };
    if !good {
        return refuse("invalid_grant", "The grant is not good.");
    }
    let mut answer = json!({
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "refresh_token": format!("refresh-token-{number}"),
        "expires_in": provider.twist.lock().unwrap().expires_in,
    });
    if !provider.twist.lock().unwrap().no_id_token {
        answer["id_token"] = json!(provider.id_token(refreshed));
    }
    Json(answer).into_response()
}

async fn userinfo(State(provider): State<Arc<FakeProvider>>, headers: HeaderMap) -> Response {
    if headers["authorization"] != format!("Bearer {ACCESS_TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let subject = provider.twist.lock().unwrap().userinfo_subject;
    Json(json!({ "sub": subject, "email": "ada@acme.example", "team": "tools" })).into_response()
}

fn refuse(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> EcdsaKeyPair {
    let rng = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &rng).unwrap()
}
