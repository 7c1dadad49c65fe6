//! Whether `htu` is an endpoint's address (RFC 9449 section 4.3 check 9): without query and fragment, after the normalisation
//! of RFC 3986 sections 6.2.2 (case, percent-encoding, dot segments) and 6.2.3 (default port, empty path).

use std::fmt::Write as _;

use url::Url;

/// Whether a proof's address is that of an endpoint of ours.
pub(super) fn is_same(htu: &str, endpoint: &str) -> bool {
    match (normalise(htu), normalise(endpoint)) {
        (Some(htu), Some(endpoint)) => htu == endpoint,
        _ => false,
    }
}

/// `None` if it is no absolute URI with an authority. The parser is a browser's, which mends what it should refuse: what
/// RFC 3986 does not allow is refused before.
fn normalise(text: &str) -> Option<String> {
    let is_uri = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let (_, authority) = text.split_once("://")?;
    if !text.bytes().all(is_uri) || authority.starts_with('/') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
    if !is_plain {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}{}", url.scheme(), url.host_str()?, normalise_path(url.path())?))
}

/// Decodes what need not be encoded, and writes the rest in capitals. `None` if an escape is none.
fn normalise_path(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            normal.push(char::from(byte));
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let decoded = u8::try_from(digit()? * 16 + digit()?).ok()?;
        if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
            normal.push(char::from(decoded));
        } else {
            // Writing to a text cannot fail.
            write!(normal, "%{decoded:02X}").ok();
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_addresses_are_equal_however_they_are_written() {
        let endpoint = "https://id.example/t/acme/oauth2/token";
        for htu in [
            endpoint,
            "HTTPS://ID.example/t/acme/oauth2/token",
            "https://id.example:443/t/acme/oauth2/token",
            "https://id.example/t/acme/oauth2/token?x=1",
            "https://id.example/t/acme/oauth2/token#x",
            "https://id.example/t/./acme/x/../oauth2/token",
            "https://id.example/t/%61cme/oauth2/%74oken",
            "https://id.example/t/acme/%6F%61uth2/token",
        ] {
            assert!(is_same(htu, endpoint), "{htu}");
        }
        assert!(is_same("https://id.example", "https://id.example/"));
        assert!(is_same("https://id.example/a%2fb", "https://id.example/a%2Fb"));
    }

    #[test]
    fn other_addresses_are_others() {
        let endpoint = "https://id.example/oauth2/token";
        for htu in [
            "",
            "/oauth2/token",
            "http://id.example/oauth2/token",
            "https://id.example:8443/oauth2/token",
            "https://id.example.evil.example/oauth2/token",
            "https://evil.example/oauth2/token",
            "https://id.example/oauth2/token/",
            "https://id.example/OAuth2/token",
            "https://id.example/oauth2/auth",
            "https://id.example/oauth2%2Ftoken",
            "https://id.example@evil.example/oauth2/token",
            "https://user@id.example/oauth2/token",
            "https:/id.example/oauth2/token",
            "https:///id.example/oauth2/token",
            "https:\\\\id.example\\oauth2\\token",
            "https://id.example\\oauth2\\token",
            " https://id.example/oauth2/token",
            "https://id.exa\tmple/oauth2/token",
            "https://id.example/oauth2/tok%",
            "https://id.example/oauth2/tok%zz",
        ] {
            assert!(!is_same(htu, endpoint), "{htu}");
        }
    }

    proptest::proptest! {
        #[test]
        fn normal_form_is_its_own(text in "https?://[a-z.]{1,12}(:[0-9]{1,4})?(/[a-z.~%2-7Ff]{0,5}){0,4}") {
            if let Some(normal) = normalise(&text) {
                proptest::prop_assert_eq!(normalise(&normal), Some(normal.clone()));
            }
        }

        #[test]
        fn any_text_is_taken_without_harm(text in ".{0,80}") {
            is_same(&text, "https://id.example/oauth2/token");
        }
    }
}
