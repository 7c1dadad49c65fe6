//! The routes of clients that register themselves and of issuers that are trusted: their part of the table.

use http::Method;
use tenancy::Scope::{JwksRead, JwksWrite};

use super::Access::{Public, Tenant};
use super::{BodySize, Route};
use crate::admin::trust;
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
    }
}
