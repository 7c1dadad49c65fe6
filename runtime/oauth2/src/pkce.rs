//! Proof Key for Code Exchange (RFC 7636): whoever redeems a code shows that it began the request.
//!
//! `S256` is everybody's. `plain` shows the secret to whoever reads the authorization request (RFC 9700 section 2.1.1); it is for
//! an old application that knows nothing else, whose tenant and whose own document both say `pkce_plain`.
//!
//! | attack | what stops it |
//! |---|---|
//! | the method is cut out of a request on its way, which makes it `plain` (section 4.3) | such a request is refused, but of a client that has `plain` |
//! | a challenge out of a request is brought as the verifier of its code | the method is kept with the code, and nothing else says how to compare |
//! | a client gives itself `plain` | it is an operator's word alone (`registration/whose.rs`) |
//! | what was asked for by `plain` is answered or redeemed after it was taken away | it is looked at again each time |

use std::str::FromStr;

use primitives::base64url;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::client::Client;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::settings::Settings;

/// How a challenge is made of its verifier (RFC 7636 section 4.2): `code_challenge_method`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeMethod {
    /// It is the SHA-256 hash.
    #[default]
    S256,
    /// It is the verifier itself.
    #[serde(rename = "plain")]
    Plain,
}

/// The text names no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a method of a code challenge")]
pub struct UnknownMethod;

impl ChallengeMethod {
    const ALL: [Self; 2] = [Self::S256, Self::Plain];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S256 => "S256",
            Self::Plain => "plain",
        }
    }

    /// What a request asks for: `plain` where it names none (section 4.3).
    pub(crate) fn requested(named: Option<&str>) -> Result<Self, UnknownMethod> {
        named.map_or(Ok(Self::Plain), str::parse)
    }

    /// Whether a client may use it.
    pub(crate) fn is_allowed(self, server: &AuthorizationServer, client: &Client) -> bool {
        match self {
            Self::S256 => true,
            Self::Plain => {
                server.settings.pkce_plain
                    && client.record.document.pkce_plain == Some(true)
                    && security_profile::of(server, client).is_none()
            }
        }
    }

    /// Whether a text can be a challenge of this method.
    pub(crate) fn is_challenge(self, text: &str) -> bool {
        match self {
            // 256 bits in base64url.
            Self::S256 => text.len() == 43 && base64url::decode(text).is_some_and(|bytes| bytes.len() == 32),
            Self::Plain => is_verifier(text),
        }
    }

    /// Whether `verifier` is what `challenge` was made of.
    pub(crate) fn verifies(self, verifier: &str, challenge: &str) -> bool {
        if !is_verifier(verifier) {
            return false;
        }
        match self {
            Self::S256 => is_same(&base64url::encode(digest(&SHA256, verifier.as_bytes())), challenge),
            Self::Plain => is_same(verifier, challenge),
        }
    }
}

impl FromStr for ChallengeMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}

/// The methods that a tenant has, as discovery lists them.
pub(crate) fn offered(settings: &Settings) -> &'static [ChallengeMethod] {
    if settings.pkce_plain && settings.security_profile.is_none() {
        &[ChallengeMethod::S256, ChallengeMethod::Plain]
    } else {
        &[ChallengeMethod::S256]
    }
}

/// Whether a text can be a verifier: 43 to 128 unreserved characters (section 4.1).
fn is_verifier(text: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// In a time that tells nothing but whether the lengths are the same.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ChallengeMethod::{Plain, S256};
    use super::*;
    use crate::memory::{CHALLENGE, VERIFIER, World, now};
    use crate::security_profile::SecurityProfile;

    #[test]
    fn only_the_verifier_behind_the_challenge_fits() {
        assert!(S256.verifies(VERIFIER, CHALLENGE));
        assert!(Plain.verifies(VERIFIER, VERIFIER));
        let other = VERIFIER.replace('k', "l");
        for method in ChallengeMethod::ALL {
            for wrong in ["", &other, &VERIFIER[..42], &format!("{VERIFIER}k"), &"é".repeat(30)] {
                assert!(!method.verifies(wrong, CHALLENGE), "{method:?} {wrong}");
                assert!(!method.verifies(wrong, VERIFIER), "{method:?} {wrong}");
            }
        }
    }

    /// Attack: a challenge that somebody has read in a request is its own verifier, by the other method.
    #[test]
    fn verifier_of_one_method_is_none_of_the_other() {
        assert!(!S256.verifies(VERIFIER, VERIFIER));
        assert!(!S256.verifies(CHALLENGE, CHALLENGE));
        assert!(!Plain.verifies(VERIFIER, CHALLENGE));
    }

    #[test]
    fn verifier_has_43_to_128_unreserved_characters_whatever_the_method() {
        let check = |verifier: &str, expect: bool| {
            let hash = base64url::encode(digest(&SHA256, verifier.as_bytes()));
            assert_eq!(S256.verifies(verifier, &hash), expect, "{verifier}");
            assert_eq!(Plain.verifies(verifier, verifier), expect, "{verifier}");
            assert_eq!(Plain.is_challenge(verifier), expect, "{verifier}");
        };
        check(&"a".repeat(43), true);
        check(&"~".repeat(128), true);
        check(&"-._~Az09".repeat(8), true);
        check("", false);
        check(&"a".repeat(42), false);
        check(&"a".repeat(129), false);
        check(&"é".repeat(30), false);
        for stranger in ['+', '/', '=', ' ', '%', '\0', '!'] {
            check(&format!("{}{stranger}", "a".repeat(43)), false);
        }
    }

    #[test]
    fn hashed_challenge_is_256_bits() {
        for text in ["", "short", &"=".repeat(43), &"A".repeat(42), &"A".repeat(44), &"B".repeat(43)] {
            assert!(!S256.is_challenge(text), "{text}");
        }
        assert!(S256.is_challenge(&"A".repeat(43)));
    }

    #[test]
    fn method_that_is_not_named_is_plain() {
        for (named, expect) in [
            (None, Ok(Plain)),
            (Some("plain"), Ok(Plain)),
            (Some("S256"), Ok(S256)),
            (Some("s256"), Err(UnknownMethod)),
            (Some("PLAIN"), Err(UnknownMethod)),
            (Some("S512"), Err(UnknownMethod)),
        ] {
            assert_eq!(ChallengeMethod::requested(named), expect, "{named:?}");
        }
        for method in ChallengeMethod::ALL {
            assert_eq!(json!(method), method.as_str());
        }
    }

    #[test]
    fn plain_is_there_where_tenant_and_client_have_it_and_no_profile() {
        for (tenant, client, profile, expect) in [
            (false, json!(null), None, false),
            (true, json!(null), None, false),
            (true, json!(false), None, false),
            (false, json!(true), None, false),
            (true, json!(true), None, true),
            (true, json!(true), Some(SecurityProfile::Fapi2Security), false),
        ] {
            let edit = |settings: &mut Settings| {
                (settings.pkce_plain, settings.security_profile) = (tenant, profile);
            };
            let world = World::of_app(edit, &json!({ "pkce_plain": client }));
            let id = "app".parse().unwrap();
            let app = now(crate::metadata_document::find_client(&world.server, &id)).unwrap().unwrap();
            let case = format!("{tenant} {client} {profile:?}");
            assert_eq!(Plain.is_allowed(&world.server, &app), expect, "{case}");
            assert!(S256.is_allowed(&world.server, &app), "{case}");
            let told = offered(&world.server.settings).contains(&Plain);
            assert_eq!(told, tenant && profile.is_none(), "{case}");
        }
    }
}
