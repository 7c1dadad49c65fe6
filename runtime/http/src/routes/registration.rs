//! The routes of clients that register themselves: their part of the table.

use http::Method;

use super::Access::Public;
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::oauth2::register;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        POST "/oauth2/register" "createOidcDynamicClient", Public, OAuth, register::create, "Registers a client (RFC 7591)";
        GET "/oauth2/register/{id}" "getOidcDynamicClient", Public, OAuth, register::show, "Shows a client to itself (RFC 7592)";
        PUT "/oauth2/register/{id}" "setOidcDynamicClient", Public, OAuth, register::replace, "Replaces a client by its own wish";
        DELETE "/oauth2/register/{id}" "deleteOidcDynamicClient", Public, OAuth, register::delete, "Deletes a client by its own wish";
    }
}
