//! Whether a client that signs has a key for it, when it is written: one that has none would find out at its first request.
//!
//! What is stored is not held to this again, so that a client goes on that was taken before.

use jose::{Algorithm, JwkSet, VerifyingKeys};
use serde_json::{Map, Value};

use super::{AuthenticationMethod, ClientDocument, InvalidClient};
use crate::client_authentication::Proof;
use crate::fetch;
use crate::security_profile::{self, SecurityProfile};
use crate::server::AuthorizationServer;

/// What a client signs, by the property that says by which algorithm; none if that is not said.
fn signed(document: &ClientDocument) -> Vec<(&'static str, Option<Algorithm>)> {
    let named = |alg: Option<&str>| alg.and_then(|alg| alg.parse().ok());
    let method = AuthenticationMethod::parse(&document.token_endpoint_auth_method);
    let proves = method.is_some_and(|method| method.proof() == Proof::Signature);
    let assertion = proves.then(|| {
        ("token_endpoint_auth_signing_alg", named(document.token_endpoint_auth_signing_alg.as_deref()))
    });
    let object = named(document.request_object_signing_alg.as_deref());
    assertion.into_iter().chain(object.map(|alg| ("request_object_signing_alg", Some(alg)))).collect()
}

fn check_set(
    document: &ClientDocument,
    property: &'static str,
    set: &Map<String, Value>,
    profile: Option<SecurityProfile>,
) -> Result<(), InvalidClient> {
    for (needed_by, registered) in signed(document) {
        let malformed = |error: jose::JwkError| InvalidClient::Keys(error.to_string());
        let parsed = JwkSet::from_map(set).map_err(malformed)?;
        let keys = VerifyingKeys::from_set(&parsed, registered).map_err(malformed)?;
        let is_allowed =
            |alg: Algorithm| profile.is_none() || security_profile::ALGORITHMS.contains(&alg.as_str());
        if !keys.iter().any(|key| is_allowed(key.algorithm())) {
            let algorithm = registered.map_or("any algorithm that it may use", Algorithm::as_str);
            return Err(InvalidClient::NoKeyFor { property, algorithm, needed_by });
        }
    }
    Ok(())
}

/// Checks the keys that a document holds itself.
pub(super) fn check_own(
    document: &ClientDocument,
    profile: Option<SecurityProfile>,
) -> Result<(), InvalidClient> {
    match document.own_keys().and_then(Value::as_object) {
        Some(set) => check_set(document, "jwks", set, profile),
        None => Ok(()),
    }
}

impl AuthorizationServer {
    /// Checks the keys of a document, also those at its address, if that answers: an app may be registered before it is there.
    /// What was found for the same properties before stands.
    pub(super) async fn check_signing_keys(
        &self,
        document: &ClientDocument,
        before: Option<&ClientDocument>,
    ) -> Result<(), InvalidClient> {
        let own = document.security_profile.as_deref().and_then(SecurityProfile::parse);
        let profile = self.settings.security_profile.max(own);
        check_own(document, profile)?;
        let Some(uri) = document.keys_uri().filter(|_| !signed(document).is_empty()) else { return Ok(()) };
        if before.is_some_and(|before| before.keys_uri() == Some(uri) && signed(before) == signed(document)) {
            return Ok(());
        }
        let Some(_place) = self.fetch_places.take_for_stranger() else { return Ok(()) };
        match fetch::key_set(self, uri).await {
            Some(fetched) => check_set(document, "jwks_uri", &fetched.set, profile),
            None => Ok(()),
        }
    }
}
