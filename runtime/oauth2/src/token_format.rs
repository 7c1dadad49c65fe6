//! How opaque tokens look, and what is kept of them: 256 random bits behind a prefix that secret
//! scanners know, stored only as a keyed hash.

use primitives::KeyedHash;

use crate::server::AuthorizationServer;

/// Prefix of an opaque access token.
pub const ACCESS_TOKEN: &str = "ory_at_";
/// Prefix of a refresh token.
pub const REFRESH_TOKEN: &str = "ory_rt_";
/// Prefix of an authorization code.
pub const AUTHORIZATION_CODE: &str = "ory_ac_";
/// Prefix of a device code.
pub const DEVICE_CODE: &str = "ory_dc_";

const PURPOSE: &str = "oauth2_token";

/// The hash under which a new token is stored.
pub(crate) fn hash_token(server: &AuthorizationServer, token: &str) -> KeyedHash {
    server.sealer.hash(&server.tenant, PURPOSE, token.as_bytes())
}

/// The hashes under which a token may be stored, the newest key's first.
pub(crate) fn hashes(server: &AuthorizationServer, token: &str) -> Vec<KeyedHash> {
    server.sealer.hashes(&server.tenant, PURPOSE, token.as_bytes())
}

/// Whether a text can be one of our tokens at all; others cost no look-up.
pub(crate) fn has_form(token: &str, prefix: &str) -> bool {
    token.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == 43 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}
