//! The routes by which programs find out what there is: the tenant's APIs, and what a listener serves.

use http::Method;

use super::Access::{Description, Public};
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::{openapi, well_known};

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/.well-known/oauth-protected-resource" "describeServerAsProtectedResource", Public, Api, well_known::protected_resource, "Describes the API whose identifier is the issuer (RFC 9728)";
        GET "/.well-known/oauth-protected-resource/{*resource}" "describeProtectedResource", Public, Api, well_known::protected_resource, "Describes an API of the tenant (RFC 9728)";
        GET "/openapi.json" "getApiDocument", Description, Api, openapi::serve::json_document, "Says what this listener serves (OpenAPI 3.1)";
        GET "/openapi" "showApi", Description, Page, openapi::serve::page, "The same, to read";
    }
}
