//! A provider of sign-ins in the place of the real one: it answers instead of the network, strictly, in the way that a
//! test says the real one does.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use futures_util::future::BoxFuture;
use jose::{JwkSet, PrivateJwk, Signer, SigningAlgorithm, TokenType};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::rng::SeededRng;
use primitives::{Timestamp, base64url};
use ring::{digest, hmac};
use serde_json::{Map, Value, json};
use url::Url;

/// How a provider behaves. What is left out, it does not have.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    /// Its issuer; its documents are below it.
    pub issuer: Option<String>,
    /// What its discovery document says beside the usual.
    pub metadata: Value,
    /// Its token endpoint.
    pub token: String,
    /// Documents about people by their address, with the header or query parameter that must show the access token, e.g.
    /// `authorization: Bearer `; each is `{…}` or `[…]`.
    pub documents: Vec<(String, String, Value)>,
    /// How the client must say who it is: `basic`, `post`, `none`, or `signed`.
    pub client: &'static str,
    /// The client's secret.
    pub secret: String,
    /// Whether codes are bound by PKCE.
    pub pkce: bool,
    /// Whether it takes and gives JSON in camel case.
    pub camel: bool,
    /// What its ID tokens say of somebody; null for none.
    pub id_token: Value,
    /// Whether they are signed with the client's secret.
    pub shared: bool,
    /// What token answers say beside the usual.
    pub beside: Value,
    /// What an answer by the browser has beside the usual.
    pub answer: Vec<(String, String)>,
}

/// What a provider does wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It does not answer in time.
    Slow,
    /// It answers with a page.
    Page,
    /// It answers with more than is read.
    Huge,
    /// Its tokens are signed with a key that it never published.
    ForeignKey,
    /// A claim of its ID tokens is another; `null` leaves it out.
    Claim(&'static str, String),
}

/// The provider.
pub struct FakeProvider {
    manners: Manners,
    now: Mutex<Timestamp>,
    key: PrivateJwk,
    foreign: PrivateJwk,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    codes: HashMap<String, Attempt>,
    pushed: HashMap<String, Vec<(String, String)>>,
    asked: Vec<String>,
    fault: Option<Fault>,
    count: usize,
}

#[derive(Clone)]
struct Attempt {
    nonce: Option<String>,
    challenge: Option<String>,
    redirect_uri: String,
}

impl fmt::Debug for FakeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeProvider").finish_non_exhaustive()
    }
}

impl FakeProvider {
    /// A provider with these manners at this time.
    pub fn new(manners: Manners, now: Timestamp) -> anyhow::Result<Self> {
        let key = |seed| jose::generate(SigningAlgorithm::Es256, &SeededRng::new(seed));
        let inner = Mutex::default();
        Ok(Self { manners, now: Mutex::new(now), key: key(11)?, foreign: key(12)?, inner })
    }

    /// Lets it do something wrong, or nothing again.
    pub fn fault(&self, fault: Option<Fault>) {
        self.inner().fault = fault;
    }

    /// Sets its clock.
    pub fn set_time(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// What it was asked, as `METHOD url`; and is forgotten.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().asked)
    }

    /// The person at the browser agrees: the query of the answer. `url` is where the browser was sent.
    pub fn agree(&self, url: &str) -> anyhow::Result<String> {
        let parameters = self.request(url)?;
        let find = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        ensure!(find("response_type").as_deref() == Some("code"), "asks for no code: {url}");
        ensure!(find("client_id").as_deref() == Some("client"), "is another client: {url}");
        let challenge = find("code_challenge").filter(|_| self.manners.pkce);
        ensure!(challenge.is_some() == self.manners.pkce, "PKCE is missing: {url}");
        let attempt = Attempt {
            nonce: find("nonce"),
            challenge,
            redirect_uri: find("redirect_uri").context("no redirect_uri")?,
        };
        let mut inner = self.inner();
        inner.count += 1;
        let code = format!("code-{}", inner.count);
        inner.codes.insert(code.clone(), attempt);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("code", &code).append_pair("state", &find("state").context("no state")?);
        query.extend_pairs(&self.manners.answer);
        Ok(query.finish())
    }

    /// The person at the browser declines: the query of the answer.
    pub fn decline(&self, url: &str, error: &str) -> anyhow::Result<String> {
        let parameters = self.request(url)?;
        let state = parameters.iter().find(|(name, _)| name == "state").context("no state")?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        Ok(query.append_pair("error", error).append_pair("state", &state.1).finish())
    }

    /// The parameters of an authorization request, pushed or not.
    pub fn request(&self, url: &str) -> anyhow::Result<Vec<(String, String)>> {
        let url = Url::parse(url)?;
        let parameters: Vec<_> = url.query_pairs().into_owned().collect();
        match parameters.iter().find(|(name, _)| name == "request_uri") {
            None => Ok(parameters),
            Some((_, reference)) => {
                self.inner().pushed.remove(reference).context("a request that was not pushed, or is used")
            }
        }
    }

    /// An ID token, as an application gets one by itself.
    pub fn id_token(&self, nonce: Option<&str>) -> anyhow::Result<String> {
        self.sign(nonce, None)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issuer(&self) -> &str {
        self.manners.issuer.as_deref().unwrap_or_default()
    }

    fn answer(&self, request: &OutboundRequest) -> anyhow::Result<(u16, Value)> {
        let address = request.url.as_str();
        if let Some(issuer) = &self.manners.issuer {
            let at = issuer.trim_end_matches('/');
            if address == format!("{at}/.well-known/openid-configuration") {
                return Ok((200, self.metadata(at)));
            }
            if address == format!("{at}/jwks") {
                return Ok((200, json!(JwkSet { keys: vec![self.key.public().clone()] })));
            }
            if address == format!("{at}/par") {
                return self.push(request);
            }
        }
        if address == self.manners.token {
            return self.exchange(request);
        }
        for (url, shown, document) in &self.manners.documents {
            if address.split('?').next() == url.split('?').next() {
                check_shown(request, shown)?;
                return Ok((200, document.clone()));
            }
        }
        anyhow::bail!("nothing is at {address}")
    }

    fn metadata(&self, at: &str) -> Value {
        let mut metadata = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": format!("{at}/authorize"),
            "token_endpoint": self.manners.token,
            "jwks_uri": format!("{at}/jwks"),
        });
        merge(&mut metadata, &self.manners.metadata);
        metadata
    }

    fn push(&self, request: &OutboundRequest) -> anyhow::Result<(u16, Value)> {
        let parameters: Vec<_> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        self.check_client(request, &parameters)?;
        let mut inner = self.inner();
        inner.count += 1;
        let reference = format!("urn:ietf:params:oauth:request_uri:{}", inner.count);
        inner.pushed.insert(reference.clone(), parameters);
        Ok((201, json!({ "request_uri": reference, "expires_in": 60 })))
    }

    fn exchange(&self, request: &OutboundRequest) -> anyhow::Result<(u16, Value)> {
        let parameters: Vec<(String, String)> = if self.manners.camel {
            let body: Map<String, Value> = serde_json::from_slice(&request.body)?;
            let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
            body.into_iter().map(|(name, value)| (name, text(value))).collect()
        } else {
            url::form_urlencoded::parse(&request.body).into_owned().collect()
        };
        self.check_client(request, &parameters)?;
        let named = |name: &str, camel: &str| {
            let name = if self.manners.camel { camel } else { name };
            parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let nonce = match named("grant_type", "grantType") {
            Some("authorization_code") => {
                let code = named("code", "code").context("no code")?;
                let attempt = self.inner().codes.remove(code);
                let Some(attempt) = attempt else { return Ok((400, json!({ "error": "invalid_grant" }))) };
                if let Some(challenge) = &attempt.challenge {
                    let verifier = named("code_verifier", "codeVerifier").context("no verifier")?;
                    let made = digest::digest(&digest::SHA256, verifier.as_bytes());
                    ensure!(base64url::encode(made) == *challenge, "another verifier");
                }
                let redirect_uri = named("redirect_uri", "redirectUri").context("no redirect_uri")?;
                ensure!(redirect_uri == attempt.redirect_uri, "another redirect_uri");
                attempt.nonce
            }
            Some("refresh_token") => {
                let token = named("refresh_token", "refreshToken").unwrap_or_default();
                let expected = format!("refresh-{}", self.inner().count);
                if token != expected {
                    return Ok((400, json!({ "error": "invalid_grant" })));
                }
                None
            }
            _ => anyhow::bail!("no grant"),
        };
        let count = {
            let mut inner = self.inner();
            inner.count += 1;
            inner.count
        };
        let access = format!("access-{count}");
        let mut given = if self.manners.camel {
            json!({ "accessToken": access, "refreshToken": format!("refresh-{count}"), "expireIn": 3600 })
        } else {
            json!({
                "access_token": access,
                "refresh_token": format!("refresh-{count}"),
                "token_type": "Bearer",
                "expires_in": 3600,
            })
        };
        if !self.manners.id_token.is_null() {
            merge(&mut given, &json!({ "id_token": self.sign(nonce.as_deref(), Some(&access))? }));
        }
        merge(&mut given, &self.manners.beside);
        Ok((200, given))
    }

    fn check_client(&self, request: &OutboundRequest, parameters: &[(String, String)]) -> anyhow::Result<()> {
        let header =
            request.headers.iter().find(|(name, _)| name == "authorization").map(|(_, v)| v.as_str());
        let named = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
        let secret = Some(self.manners.secret.as_str());
        let camel = self.manners.camel;
        let (id, shown) = if camel { ("clientId", "clientSecret") } else { ("client_id", "client_secret") };
        match self.manners.client {
            "basic" => {
                let expected = base64_of(&format!("client:{}", self.manners.secret));
                ensure!(header == Some(format!("Basic {expected}").as_str()), "not Basic");
                ensure!(named(shown).is_none(), "the secret is in the body too");
            }
            "post" => ensure!(
                header.is_none() && named(id) == Some("client") && named(shown) == secret,
                "not in the body"
            ),
            "signed" => {
                let token = named(shown).context("no signed secret")?;
                let payload = token.split('.').nth(1).and_then(base64url::decode).context("no JWT")?;
                let claims: Value = serde_json::from_slice(&payload)?;
                let expected = [("aud", "https://appleid.apple.com"), ("sub", "client"), ("iss", "TEAM")];
                for (name, value) in expected {
                    ensure!(claims.get(name).is_some_and(|claim| claim == value), "{claims}");
                }
            }
            _ => {
                ensure!(
                    header.is_none() && named(shown).is_none() && named(id) == Some("client"),
                    "a secret"
                );
            }
        }
        Ok(())
    }

    fn sign(&self, nonce: Option<&str>, access_token: Option<&str>) -> anyhow::Result<String> {
        let now = self.now().seconds();
        let mut claims = json!({ "iss": self.issuer(), "aud": "client", "iat": now, "exp": now + 600 });
        if let Some(nonce) = nonce {
            merge(&mut claims, &json!({ "nonce": nonce }));
        }
        if let Some(token) = access_token {
            let hash = digest::digest(&digest::SHA256, token.as_bytes());
            let half = hash.as_ref().split_at(16).0;
            merge(&mut claims, &json!({ "at_hash": base64url::encode(half) }));
        }
        merge(&mut claims, &self.manners.id_token);
        let fault = self.inner().fault.clone();
        if let Some(Fault::Claim(name, value)) = &fault {
            let value: Value = serde_json::from_str(value)?;
            merge(&mut claims, &json!({ *name: value }));
        }
        if self.manners.shared {
            let header = base64url::encode(json!({ "alg": "HS256", "typ": "JWT" }).to_string());
            let input = format!("{header}.{}", base64url::encode(claims.to_string()));
            let key = hmac::Key::new(hmac::HMAC_SHA256, self.manners.secret.as_bytes());
            return Ok(format!("{input}.{}", base64url::encode(hmac::sign(&key, input.as_bytes()))));
        }
        let key = if fault == Some(Fault::ForeignKey) { &self.foreign } else { &self.key };
        Ok(Signer::new(key)?.sign(TokenType::Jwt, &claims)?)
    }
}

impl Outbound for FakeProvider {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.inner().asked.push(format!("{} {}", request.method, request.url));
        let fault = self.inner().fault.clone();
        let respond = |status, media: &str, body: Vec<u8>| OutboundResponse {
            status,
            headers: vec![("content-type".to_owned(), media.to_owned())],
            body,
        };
        let answer = match fault {
            Some(Fault::Slow) => Err(OutboundError::Timeout),
            Some(Fault::Huge) => Err(OutboundError::TooLarge),
            Some(Fault::Page) => {
                Ok(respond(200, "text/html; charset=utf-8", b"<h1>Maintenance</h1>".to_vec()))
            }
            Some(Fault::ForeignKey | Fault::Claim(..)) | None => Ok(match self.answer(&request) {
                Ok((status, document)) => {
                    respond(status, "application/json", document.to_string().into_bytes())
                }
                Err(error) => {
                    let said = json!({ "error": "fake", "error_description": format!("{error:#}") });
                    self.inner().asked.push(format!("refused: {error:#}"));
                    respond(400, "application/json", said.to_string().into_bytes())
                }
            }),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// Whether the access token is shown where it must be: `header: prefix` or `?parameter`.
fn check_shown(request: &OutboundRequest, shown: &str) -> anyhow::Result<()> {
    if let Some(parameter) = shown.strip_prefix('?') {
        let mut names = parameter.split('&');
        let all = names.all(|name| request.url.query_pairs().any(|(known, _)| known == name));
        ensure!(all, "not shown as {shown}: {}", request.url);
        return Ok(());
    }
    let (header, prefix) = shown.split_once(": ").context("no header")?;
    let value = request.headers.iter().find(|(name, _)| name == header).map(|(_, value)| value.as_str());
    let value = value.and_then(|value| value.strip_prefix(prefix));
    ensure!(value.is_some_and(|token| token.starts_with("access-")), "not shown as {shown}");
    ensure!(request.headers.iter().any(|(name, _)| name == "user-agent"), "nobody asks");
    Ok(())
}

fn merge(into: &mut Value, more: &Value) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        for (name, value) in more {
            if value.is_null() {
                into.remove(name);
            } else {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
