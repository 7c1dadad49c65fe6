//! Who is let in to operators' routes.
//!
//! A key is taken as Bearer token or as HTTP Basic password; a client certificate that the listener's
//! authority signed counts as well, and no other; a listener that the operator opened by name asks for nothing. Every
//! refusal is one answer, whatever was wrong with the credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use tenancy::{AdminKey, AdminKeys as _, AdminPrincipal, PlainAdminKey};

use crate::call::Call;
use crate::failure::Failure;
use crate::server::{Entrance, PeerCertificate};

/// Lets the caller in, or says why not.
pub(crate) async fn authenticate(call: &Call, entrance: &Entrance) -> Result<AdminPrincipal, Failure> {
    if entrance.is_open || matches!(entrance.certificate, PeerCertificate::Operator) {
        return Ok(AdminPrincipal::of_listener(&entrance.listener));
    }
    by_key(call).await
}

/// Lets in whoever brings a key, and nobody else.
pub(crate) async fn by_key(call: &Call) -> Result<AdminPrincipal, Failure> {
    prove_key(call).await.map(|key| AdminPrincipal::of_key(&key))
}

/// The key that somebody brings, proven.
pub(crate) async fn prove_key(call: &Call) -> Result<AdminKey, Failure> {
    let presented = call.header("authorization").and_then(presented_key).ok_or_else(unauthorized)?;
    let presented = PlainAdminKey::parse(&presented).ok_or_else(unauthorized)?;
    let found = call.node.storage.find_admin_key(presented.id).await.map_err(|error| {
        tracing::error!(request = %call.request, %error, "an admin key cannot be looked up");
        Failure::unavailable()
    })?;
    let (key, hash) = found.ok_or_else(unauthorized)?;
    let now = call.now();
    if !presented.verify(&key, &hash, call.node.sealer(), now) {
        return Err(unauthorized());
    }
    if let Some(change) = key.touch(now) {
        // Nobody waits for it, and nothing depends on it.
        let storage = call.node.storage.clone();
        tokio::spawn(async move {
            if let Err(error) = storage.apply(change).await {
                tracing::warn!(%error, "the last use of an admin key was not noted");
            }
        });
    }
    Ok(key)
}

/// The key in an `Authorization` header.
fn presented_key(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("api-key") {
        return Some(credentials.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        return decoded.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

fn unauthorized() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", "This listener asks for an admin key.")
}

#[cfg(test)]
mod tests {
    use super::presented_key;

    #[test]
    fn keys_come_as_bearer_or_basic_password() {
        for (header, expect) in [
            ("Bearer pk_x", Some("pk_x")),
            ("bearer  pk_x", Some("pk_x")),
            ("Basic YW55Ym9keTpwa194", Some("pk_x")),
            ("Basic !!!", None),
            ("Digest pk_x", None),
            ("pk_x", None),
        ] {
            assert_eq!(presented_key(header).as_deref(), expect, "{header}");
        }
    }
}
