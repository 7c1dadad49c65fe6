//! HTTP Basic credentials of a client: form-encoded, then base64 (RFC 6749 section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::Secret;
use zeroize::Zeroizing;

/// Reads `Basic …`; `None` if it is another scheme or malformed.
pub(super) fn parse(authorization: &str) -> Option<(String, Secret<String>)> {
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
