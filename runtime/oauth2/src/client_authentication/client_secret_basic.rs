//! `client_secret_basic`: HTTP Basic credentials, form-encoded, then base64 (RFC 6749 section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use primitives::Secret;
use zeroize::Zeroizing;

use super::method::{Credential, Method, NotProven, Presented, Proof};
use super::{AuthenticationError, FailedCause, secret};
use crate::client::Client;
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

pub(super) struct ClientSecretBasic;

impl Method for ClientSecretBasic {
    fn name(&self) -> &'static str {
        "client_secret_basic"
    }

    fn about(&self) -> &'static str {
        "HTTP Basic (RFC 6749 section 2.3.1)."
    }

    fn proof(&self) -> Proof {
        Proof::Secret
    }

    fn find<'a>(&self, request: ClientRequest<'a>) -> Option<Result<Presented<'a>, AuthenticationError>> {
        let authorization = request.authorization?;
        let found = || {
            let failed = |cause| AuthenticationError::Failed { basic: true, cause };
            let (id, secret) = parse(authorization).ok_or_else(|| failed(FailedCause::NoCredentials))?;
            if request.parameters.find("client_id").is_some_and(|named| named != id) {
                let text = "client_id is not that of the Authorization header";
                return Err(AuthenticationError::Malformed(text));
            }
            let client = id.parse().map_err(|_| failed(FailedCause::UnknownClient))?;
            Ok(Presented { client, credential: Credential::Secret(secret, request.source) })
        };
        Some(found())
    }

    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(secret::verify(server, client, credential))
    }
}

/// Reads `Basic …`; `None` if it is another scheme or malformed.
fn parse(authorization: &str) -> Option<(String, Secret<String>)> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decode(id)?, Secret::new(form_decode(secret)?)))
}

/// Undoes form encoding. What is not validly encoded is taken as it stands, because many clients
/// encode nothing and a `%` of theirs is a `%`.
fn form_decode(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let [Some(high), Some(low)] = digits.map(|d| d.and_then(|d| char::from(d).to_digit(16)))
                else {
                    return Some(text.to_owned());
                };
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_form_decoded() {
        for (credentials, expect) in [
            ("app:secret", Some(("app", "secret"))),
            ("app:a:b", Some(("app", "a:b"))),
            ("my+app:p%25%3A", Some(("my app", "p%:"))),
            ("app:100%", Some(("app", "100%"))),
            ("app:", Some(("app", ""))),
            ("app", None),
        ] {
            let header = format!("bAsIc {}", STANDARD.encode(credentials));
            let found = parse(&header);
            let found = found.as_ref().map(|(id, secret)| (id.as_str(), secret.expose().as_str()));
            assert_eq!(found, expect, "{credentials}");
        }
        assert!(parse("Bearer abc").is_none());
        assert!(parse("Basic !!!").is_none());
        assert!(parse("Basic").is_none());
    }
}
