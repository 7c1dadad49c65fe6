//! Request objects (RFC 9101): the client signs its authorization request, and sends it along (`request`), pushes it, or names
//! where it is (`request_uri`).
//!
//! Nobody on the way can change, add or leave out anything: of what stands beside the object only `client_id` counts, and it
//! must be the same (section 6.3). What the object says is then a request like any other, and is checked as one.
//!
//! | attack | what stops it |
//! |---|---|
//! | a person's browser is given another scope, address or challenge | the signature, by the client's own registered keys |
//! | `alg: none`, or a public key as a shared secret | `jose` knows neither; the algorithm is the key's |
//! | a weaker algorithm of the same key set | `request_object_signing_alg` |
//! | another token of the client's (an assertion, a proof) is passed off as a request | `typ` (section 10.8) |
//! | a request is passed off as an assertion of the client | it has no `sub` that is the client (section 10.8) |
//! | one client's object with another's `client_id` | `iss` and `client_id` within, by the keys of that client |
//! | an object that was made for another server | `aud` is this issuer alone, or its client pushes it and proves itself |
//! | an object out of a log, later | `exp`, and `request_object_lifespan` |
//! | the same object again, while it is good | its `jti` names the grant that it becomes, and that exists then |
//! | `request_uri` makes us call where we must not | it is one of the client's `request_uris`; the guarded port, no redirects |
//! | what is there is huge, slow, or something else | bytes, time and media type; so many at once ([`crate::fetch`]) |
//!
//! **An object without `jti`** can be brought again until it expires, as a plain request can be for ever. The code
//! that comes of it is worth something only to whoever has the verifier (PKCE), and its client takes no answer whose `state`
//! it did not just make. RFC 9101 asks for no `jti`, and no widely used client would work without leave to have none.
//!
//! **`request_uris` are compared exactly**, but for the fragment, which is never sent: any rule with a pattern lets whoever
//! can write one page of a site name it (section 10.4).
//!
//! **Who is told** that an object is no good: the address that stands beside it, if that is the client's own. It is
//! where a plain request would have gone with the same words, so nothing is opened that was not open. Else a page.

use primitives::time::ClockTolerance;
use primitives::{ClientId, GrantId};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use uuid::Builder;

use jose::jws::MAX_BYTES;
use jose::{Algorithm, ClaimRules, Expiry, TokenType, UnverifiedJwt, ValidClaims};

use super::error::RedirectError;
use super::page_error::PageError;
use super::redirect::{self, ProvenRedirect};
use super::request::Origin;
use crate::client::Client;
use crate::client_authentication::method::NotProven;
use crate::client_authentication::verify_signature;
use crate::fetch;
use crate::metadata_document::find_client;
use crate::parameters::{Parameters, REPEATABLE};
use crate::ports::PortError;
use crate::published_keys::Asking;
use crate::security_profile::{check_object, takes_other_audiences};
use crate::server::AuthorizationServer;

/// The algorithms of request objects, as discovery and registration list them. None is symmetric.
pub(crate) const REQUEST_OBJECT_ALGORITHMS: [Algorithm; 9] = Algorithm::ASYMMETRIC;

/// What a client serves its request objects as (RFC 9101 section 5.2.3).
const MEDIA_TYPE: &str = "application/oauth-authz-req+jwt";

/// Claims that say something about the object, and are no parameters (RFC 7519 section 4.1).
const ABOUT_ITSELF: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Who brings an object that its client has not pushed is anybody.
const BY_BROWSER: Asking = Asking { again: false, for_browser: true };

/// What a client has signed.
#[derive(Debug)]
pub(super) struct RequestObject {
    parameters: Vec<(String, String)>,
    grant: Option<GrantId>,
}

/// Why an object is not read, and who is told.
#[derive(Debug)]
pub(super) enum Unread {
    /// The client, at the address that stands beside the object.
    Told(Box<ProvenRedirect>, RedirectError),
    /// Only the person.
    Page(PageError),
}

impl RequestObject {
    /// Reads the object that a browser brings, or the reference of; nothing where it brings neither.
    pub(super) async fn find(
        server: &AuthorizationServer,
        parameters: &Parameters<'_>,
    ) -> Result<Option<Self>, Unread> {
        if parameters.find("request").is_none() && parameters.find("request_uri").is_none() {
            return Ok(None);
        }
        match Self::read(server, parameters).await {
            Ok(read) => read.map(Some).map_err(Unread::Page),
            Err(error) => Err(match redirect::prove(server, parameters).await {
                Ok(redirect) => Unread::Told(Box::new(redirect), error),
                Err(PageError::RedirectUri) => Unread::Page(PageError::RequestObject),
                Err(page) => Unread::Page(page),
            }),
        }
    }

    async fn read(
        server: &AuthorizationServer,
        parameters: &Parameters<'_>,
    ) -> Result<Result<Self, PageError>, RedirectError> {
        let nobody = PageError::Malformed("The request names no client.");
        let Some(id) = parameters.find("client_id") else { return Ok(Err(nobody)) };
        let Ok(id) = id.parse::<ClientId>() else { return Ok(Err(PageError::UnknownClient)) };
        let Some(client) = find_client(server, &id).await? else { return Ok(Err(PageError::UnknownClient)) };
        // Which of two counts is nobody's to choose.
        crate::token::check_form(parameters)?;
        match (parameters.find("request"), parameters.find("request_uri")) {
            (Some(_), Some(_)) => {
                Err(RedirectError::InvalidRequest("request and request_uri exclude each other".into()))
            }
            (None, Some(uri)) => {
                let text = fetch(server, &client, uri).await?;
                Self::verify(server, &client, (text.as_str(), BY_BROWSER)).await.map(Ok)
            }
            (text, None) => {
                Self::verify(server, &client, (text.unwrap_or_default(), BY_BROWSER)).await.map(Ok)
            }
        }
    }

    /// Verifies an object of this client. `asking` says for whom its keys are asked for.
    pub(super) async fn verify(
        server: &AuthorizationServer,
        client: &Client,
        (text, asking): (&str, Asking),
    ) -> Result<Self, RedirectError> {
        let document = &client.record.document;
        if document.jwks.is_none() && document.jwks_uri.is_none() {
            return Err(RedirectError::RequestNotSupported);
        }
        // RFC 7516 section 3: five parts.
        if text.bytes().filter(|byte| *byte == b'.').count() == 4 {
            return Err(invalid("encrypted request objects are not supported"));
        }
        let unverified = UnverifiedJwt::parse(text).map_err(|_| {
            invalid("the request object is not a JWT that is signed with an algorithm of ours")
        })?;
        let registered = document.request_object_signing_alg.as_deref();
        let signed = verify_signature(server, client, (registered, asking), unverified).await;
        let signed = signed.map_err(|reason| match reason {
            NotProven::Port(error) => error.into(),
            NotProven::Failed(_) => invalid("the request object is not signed by a key of the client"),
        })?;
        let rules = ClaimRules {
            token_type: Some(TokenType::RequestObject),
            issuer: Some(client.id.as_str()),
            audience: &[server.issuer.as_str()],
            expiry: Expiry::Enforced,
            max_lifetime: Some(server.settings.request_object_lifespan.0),
            tolerance: ClockTolerance::default(),
        };
        let claims = signed.validate(&rules, server.now()).map_err(|error| {
            RedirectError::InvalidRequestObject(
                format!("the request object is not acceptable: {error}").into(),
            )
        })?;
        check_claims(server, client, &claims)?;
        check_object(server, client, &claims)?;
        let parameters =
            parameters(claims.all()).ok_or(invalid("the request object holds no plain parameters"))?;
        Ok(Self { parameters, grant: claims.id().map(|jti| grant(client, jti)) })
    }

    /// What the client asks for.
    pub(super) fn parameters(&self) -> Parameters<'_> {
        Parameters::kept(&self.parameters)
    }

    /// Where it comes from.
    pub(super) const fn origin(&self) -> Origin {
        Origin { grant: self.grant, is_pushed: false, is_signed: true }
    }
}

fn invalid(text: &'static str) -> RedirectError {
    RedirectError::InvalidRequestObject(text.into())
}

/// What the general rules do not say.
fn check_claims(
    server: &AuthorizationServer,
    client: &Client,
    claims: &ValidClaims,
) -> Result<(), RedirectError> {
    let id = Some(client.id.as_str());
    if claims.claim("client_id").and_then(Value::as_str) != id {
        return Err(invalid("client_id within the request object is not that beside it"));
    }
    if claims.audience().len() != 1 && !takes_other_audiences(server, client) {
        return Err(invalid("aud of the request object must be this issuer alone"));
    }
    if claims.subject() == id {
        return Err(invalid("sub of the request object must not be the client"));
    }
    if ["request", "request_uri"].iter().any(|name| claims.claim(name).is_some()) {
        return Err(invalid("a request object holds no other"));
    }
    Ok(())
}

/// The claims as the parameters of a request (RFC 9101 section 4): numbers as they are written, lists as parameters that occur
/// several times where they may, and whatever is JSON as its text. Nothing, where one is none.
pub fn parameters(claims: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(claims.len());
    for (name, value) in claims.iter().filter(|(name, _)| !ABOUT_ITSELF.contains(&name.as_str())) {
        match value {
            Value::Array(list) if REPEATABLE.contains(&name.as_str()) => {
                for one in list {
                    parameters.push((name.clone(), one.as_str()?.to_owned()));
                }
            }
            Value::String(text) => parameters.push((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                parameters.push((name.clone(), value.to_string()));
            }
            Value::Null => return None,
        }
    }
    Some(parameters)
}

/// The grant that an object becomes, once: the same for the same `jti` of the same client, and another for everybody else's.
fn grant(client: &Client, jti: &str) -> GrantId {
    // A client's id has no zero byte.
    let text = format!("request_object\0{}\0{jti}", client.id.as_str());
    let hash = digest(&SHA256, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    GrantId(Builder::from_random_bytes(bytes).into_uuid())
}

/// Fetches what a client has put where it said that it would.
async fn fetch(server: &AuthorizationServer, client: &Client, uri: &str) -> Result<String, RedirectError> {
    let registered = client.record.document.request_uris.as_deref().unwrap_or_default();
    if registered.is_empty() {
        return Err(RedirectError::RequestUriNotSupported);
    }
    let uri = without_fragment(uri);
    if !registered.iter().any(|known| without_fragment(known) == uri) {
        return Err(RedirectError::InvalidRequestUri("request_uri is not one of the client's request_uris"));
    }
    let busy = PortError::busy("too many request objects are being fetched");
    let _place = server.fetch_places.take_for(client).ok_or(busy)?;
    let found = fetch::get(server, uri, MEDIA_TYPE, MAX_BYTES).await;
    let found = found.ok_or(RedirectError::InvalidRequestUri("nothing could be fetched from request_uri"))?;
    let media_type = found.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE) {
        let text = "what is at request_uri is not of type application/oauth-authz-req+jwt";
        return Err(RedirectError::InvalidRequestUri(text));
    }
    let text = String::from_utf8(found.body).map_err(|_| invalid("the request object is not text"))?;
    Ok(text.trim().to_owned())
}

fn without_fragment(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(uri, _)| uri)
}
