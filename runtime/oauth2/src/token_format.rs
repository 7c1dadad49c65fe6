//! How opaque tokens look, and what is kept of them: 256 random bits between a prefix that secret scanners know and a checksum
//! by which they tell a token from an example, stored only as a keyed hash. `config/tokens.md` says it to whoever scans.
//!
//! A tenant chooses the first word of the prefix. Whatever it chose before, its tokens stay good: by which word they begin is
//! for people and scanners, and proves nothing.

use primitives::KeyedHash;
use primitives::checksum::{LENGTH, strip_checksum, with_checksum};
use primitives::rng::is_token;

use crate::server::AuthorizationServer;

/// The first word of prefixes, unless a tenant says otherwise: that of the API that we are compatible with.
pub const DEFAULT_PREFIX: &str = "ory";
/// Prefix of an opaque access token.
pub const ACCESS_TOKEN: &str = "ory_at_";
/// Prefix of a refresh token.
pub const REFRESH_TOKEN: &str = "ory_rt_";
/// Prefix of an authorization code.
pub const AUTHORIZATION_CODE: &str = "ory_ac_";
/// Prefix of a device code.
pub const DEVICE_CODE: &str = "ory_dc_";
/// Prefix of a client's secret that was made here.
pub const CLIENT_SECRET: &str = "ory_cs_";

const PURPOSE: &str = "oauth2_token";

/// Whether a text may be the first word of prefixes: 2 to 16 lower-case letters and digits, a letter first.
pub fn is_prefix(text: &str) -> bool {
    (2..=16).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A new token of a kind, which its default prefix names, with the tenant's first word.
pub(crate) fn new_token(server: &AuthorizationServer, kind: &str) -> String {
    scannable(&server.settings.token_prefix, kind, &server.rng.token())
}

/// A text that proves something, between a prefix and a checksum.
pub(crate) fn scannable(first: &str, kind: &str, secret: &str) -> String {
    with_checksum(format!("{first}{}{secret}", without_first_word(kind)))
}

fn without_first_word(prefix: &str) -> &str {
    prefix.strip_prefix(DEFAULT_PREFIX).unwrap_or(prefix)
}

/// What stands between the prefix of a kind, whatever its first word, and the checksum; `None` if that is wrong.
pub(crate) fn strip_form<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let (first, rest) = text.split_at_checked(text.find('_')?)?;
    strip_checksum(text)?;
    let rest = rest.strip_prefix(without_first_word(kind)).filter(|_| is_prefix(first))?;
    rest.split_at_checked(rest.len().checked_sub(LENGTH)?).map(|(secret, _)| secret)
}

/// The hash under which a new token is stored.
pub(crate) fn hash_token(server: &AuthorizationServer, token: &str) -> KeyedHash {
    server.sealer.hash(&server.tenant, PURPOSE, token.as_bytes())
}

/// The hashes under which a token may be stored, the newest key's first.
pub(crate) fn hashes(server: &AuthorizationServer, token: &str) -> Vec<KeyedHash> {
    server.sealer.hashes(&server.tenant, PURPOSE, token.as_bytes())
}

/// Whether a text can be one of our tokens at all; others cost no look-up. Those from before there were checksums have none, and the
/// default prefix.
pub(crate) fn has_form(token: &str, prefix: &str) -> bool {
    token.strip_prefix(prefix).is_some_and(is_token) || strip_form(token, prefix).is_some_and(is_token)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::World;

    #[test]
    fn prefix_is_one_short_word() {
        for (text, expect) in [
            ("ory", true),
            ("pc", true),
            ("acme2", true),
            ("", false),
            ("a", false),
            ("2a", false),
            ("Acme", false),
            ("a_b", false),
            ("a-b", false),
            ("é1", false),
            ("abcdefghijklmnopq", false),
        ] {
            assert_eq!(is_prefix(text), expect, "{text}");
        }
    }

    #[test]
    fn text_that_was_never_a_token_is_refused_before_any_look_up() {
        let secret = "A".repeat(43);
        let right = scannable("acme", ACCESS_TOKEN, &secret);
        assert!(right.starts_with("acme_at_") && has_form(&right, ACCESS_TOKEN));
        // Of an earlier first word, and from before there was any checksum.
        assert!(has_form(&scannable("pc", ACCESS_TOKEN, &secret), ACCESS_TOKEN));
        assert!(has_form(&format!("ory_at_{secret}"), ACCESS_TOKEN));
        let without = right.strip_suffix(|_: char| true).unwrap();
        for wrong in [
            without,
            &format!("{without}!"),
            &format!("acme_at_{secret}"),
            &format!("{right}A"),
            &right.replacen("acme", "acma", 1),
            &right.replacen("_at_", "_rt_", 1),
            &scannable("Acme", ACCESS_TOKEN, &secret),
            &scannable("acme", REFRESH_TOKEN, &secret),
            &scannable("acme", ACCESS_TOKEN, "short"),
            &scannable("acme", ACCESS_TOKEN, &"é".repeat(20)),
            "",
            "_",
        ] {
            assert!(!has_form(wrong, ACCESS_TOKEN), "{wrong}");
        }
    }

    #[test]
    fn tenants_word_is_on_its_tokens_and_earlier_ones_stay_good() {
        let client = json!({"access_token_strategy": "opaque"});
        let mut world = World::of_app(|settings| settings.token_prefix = "acme".to_owned(), &client);
        let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
        let refresh = tokens.refresh_token.unwrap();
        assert!(tokens.access_token.starts_with("acme_at_") && refresh.starts_with("acme_rt_"), "{refresh}");
        let mut settings = (*world.server.settings).clone();
        settings.token_prefix = "other".to_owned();
        world.server.settings = std::sync::Arc::new(settings);
        assert!(world.refresh(&refresh).unwrap().access_token.starts_with("other_at_"));
        let told =
            crate::memory::now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST));
        assert_ne!(told.unwrap(), crate::introspection::Introspection::Inactive);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in ".{0,80}") {
            let _ = has_form(&text, ACCESS_TOKEN);
        }

        #[test]
        fn what_is_made_is_read_again(first in "[a-z][a-z0-9]{1,15}", secret in "[A-Za-z0-9_-]{43}") {
            let text = scannable(&first, REFRESH_TOKEN, &secret);
            assert_eq!(strip_form(&text, REFRESH_TOKEN), Some(secret.as_str()));
            assert!(has_form(&text, REFRESH_TOKEN) && !has_form(&text, ACCESS_TOKEN));
        }
    }
}
