//! The routes of clients that register themselves, of issuers that are trusted, and of sets of keys: their part of the table.

use http::Method;
use tenancy::Scope::{JwksRead, JwksWrite};

use super::Access::{Public, Tenant};
use super::{BodySize, Route};
use crate::admin::{key_sets, signing_keys, trust};
use crate::failure::ErrorForm;
use crate::oauth2::register;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        POST "/oauth2/register" "createOidcDynamicClient", Public, OAuth, register::create, "Registers a client (RFC 7591)";
        GET "/oauth2/register/{id}" "getOidcDynamicClient", Public, OAuth, register::show, "Shows a client to itself (RFC 7592)";
        PUT "/oauth2/register/{id}" "setOidcDynamicClient", Public, OAuth, register::replace, "Replaces a client by its own wish";
        DELETE "/oauth2/register/{id}" "deleteOidcDynamicClient", Public, OAuth, register::delete, "Deletes a client by its own wish";
        // Operators: issuers whose assertions are taken for grants (RFC 7523).
        GET "/admin/trust/grants/jwt-bearer/issuers" "listTrustedOAuth2JwtGrantIssuers", Tenant(JwksRead), OAuth, trust::list, "Lists trusted issuers";
        POST "/admin/trust/grants/jwt-bearer/issuers" "trustOAuth2JwtGrantIssuer", Tenant(JwksWrite), OAuth, trust::create, "Trusts an issuer";
        GET "/admin/trust/grants/jwt-bearer/issuers/{id}" "getTrustedOAuth2JwtGrantIssuer", Tenant(JwksRead), OAuth, trust::show, "Shows a trusted issuer";
        DELETE "/admin/trust/grants/jwt-bearer/issuers/{id}" "deleteTrustedOAuth2JwtGrantIssuer", Tenant(JwksWrite), OAuth, trust::delete, "Trusts an issuer no more";
        // Operators: sets of keys.
        GET "/admin/keys/{set}" "getJsonWebKeySet", Tenant(JwksRead), OAuth, key_sets::show, "Shows a set of keys: whole to who may make keys, else the public halves";
        POST "/admin/keys/{set}" "createJsonWebKeySet", Tenant(JwksWrite), OAuth, key_sets::create, "Makes a key in a set";
        PUT "/admin/keys/{set}" "setJsonWebKeySet", Tenant(JwksWrite), OAuth, key_sets::replace, "Replaces a set of keys";
        DELETE "/admin/keys/{set}" "deleteJsonWebKeySet", Tenant(JwksWrite), OAuth, key_sets::delete, "Deletes a set of keys";
        GET "/admin/keys/{set}/{kid}" "getJsonWebKey", Tenant(JwksRead), OAuth, key_sets::show_key, "Shows a key of a set";
        PUT "/admin/keys/{set}/{kid}" "setJsonWebKey", Tenant(JwksWrite), OAuth, key_sets::put_key, "Puts a key into a set";
        DELETE "/admin/keys/{set}/{kid}" "deleteJsonWebKey", Tenant(JwksWrite), OAuth, key_sets::delete_key, "Deletes a key of a set";
        // Operators: what the tenant signs with.
        GET "/admin/portcullis/v1/signing-keys" "listSigningKeys", Tenant(JwksRead), Problem, signing_keys::list, "Lists the keys that the tenant signs with, will sign with, or has signed with";
        POST "/admin/portcullis/v1/signing-keys/{kid}/revoke" "revokeSigningKey", Tenant(JwksWrite), Problem, signing_keys::revoke, "Takes a key that has leaked out of use: what it signed is worth nothing any more";
    }
}
