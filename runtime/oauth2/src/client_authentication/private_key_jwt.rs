//! `private_key_jwt` (RFC 7523 section 3, OpenID Connect Core section 9).
//!
//! Attacks: an assertion made for another server (its `aud` must be us and nobody else), one signed
//! with a public key as a shared secret (no symmetric algorithm is ever tried), one used twice (its
//! `jti` is a row whose insertion is part of the very change that issues the tokens, or that refuses them).

use std::iter;

use futures_util::future::BoxFuture;
use jose::{UnverifiedJwt, ValidClaims};
use primitives::base64url;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::assertion::{remembered_until, rules};
use super::assertion_keys::verify_signature;
use super::method::{Credential, Method, NotProven, Presented, Proof};
use super::{AuthenticationError, FailedCause};
use crate::client::{Client, ClientDocument, InvalidClient};
use crate::published_keys::Asking;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) struct PrivateKeyJwt;

impl Method for PrivateKeyJwt {
    fn name(&self) -> &'static str {
        "private_key_jwt"
    }

    fn about(&self) -> &'static str {
        "A signed assertion (RFC 7523)."
    }

    fn proof(&self) -> Proof {
        Proof::Signature
    }

    fn check_document(&self, document: &ClientDocument) -> Result<(), InvalidClient> {
        document.check_has_keys(self.name())
    }

    fn find<'a>(&self, request: ClientRequest<'a>) -> Option<Result<Presented<'a>, AuthenticationError>> {
        let parameters = request.parameters;
        let assertion = parameters.find("client_assertion")?;
        let is_ours = parameters.find("client_assertion_type") == Some(ASSERTION_TYPE);
        is_ours.then(|| {
            let failed = |cause| AuthenticationError::Failed { basic: false, cause };
            let unverified =
                UnverifiedJwt::parse(assertion).map_err(|_| failed(FailedCause::AssertionMalformed))?;
            let claimed = unverified.unverified_claim("sub").unwrap_or("");
            if parameters.find("client_id").is_some_and(|id| id != claimed) {
                return Err(failed(FailedCause::AssertionClaims));
            }
            let client = claimed.parse().map_err(|_| failed(FailedCause::UnknownClient))?;
            Ok(Presented { client, credential: Credential::Assertion(Box::new(unverified)) })
        })
    }

    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(verify(server, client, credential))
    }
}

async fn verify(
    server: &AuthorizationServer,
    client: &Client,
    credential: Credential<'_>,
) -> Result<Vec<Write>, NotProven> {
    let Credential::Assertion(unverified) = credential else { return Err(FailedCause::Method.into()) };
    let registered = client.record.document.token_endpoint_auth_signing_alg.as_deref();
    let signed = verify_signature(server, client, (registered, Asking::default()), *unverified).await?;
    let now = server.clock.now();
    let is_strict = security_profile::of(server, client).is_some();
    let endpoints: &[String] =
        if is_strict { &[] } else { server.assertion_endpoints.get_or_init(|| endpoints(server)) };
    let us: Vec<&str> =
        iter::once(server.issuer.as_str()).chain(endpoints.iter().map(String::as_str)).collect();
    let claims = signed
        .validate(&rules(server, client.id.as_str(), &us), now)
        .map_err(|_| FailedCause::AssertionClaims)?;
    if is_strict && !claims.claim("aud").is_some_and(Value::is_string) {
        return Err(FailedCause::AssertionClaims.into());
    }
    let write = check_claims(client, &claims).ok_or(FailedCause::AssertionClaims)?;
    if let Write::UseAssertion { jti, .. } = &write
        && server.ports.tokens.is_assertion_used(&server.tenant, &client.id, jti).await?
    {
        return Err(FailedCause::AssertionReplayed.into());
    }
    Ok(vec![write])
}

/// The endpoints where a client proves who it is, each by both of its addresses: libraries name the one that they call.
fn endpoints(server: &AuthorizationServer) -> Vec<String> {
    let all = &server.endpoints;
    let own = [
        &all.token,
        &all.pushed_authorization_request,
        &all.device_authorization,
        &all.revocation,
        &all.introspection,
    ];
    let aliases = own.into_iter().filter_map(|endpoint| server.certificate_alias(endpoint));
    own.into_iter().cloned().chain(aliases).collect()
}

/// What the general rules do not say: the client speaks about itself, to us alone, once.
fn check_claims(client: &Client, claims: &ValidClaims) -> Option<Write> {
    if claims.subject() != Some(client.id.as_str()) || claims.audience().len() != 1 {
        return None;
    }
    let jti = claims.id().filter(|jti| !jti.is_empty())?;
    Some(Write::UseAssertion {
        client: client.id.clone(),
        jti: base64url::encode(digest(&SHA256, jti.as_bytes())),
        expires_at: remembered_until(claims)?,
    })
}
