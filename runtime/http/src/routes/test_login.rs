//! The routes by which a provider is tried out: their part of the table.

use http::Method;
use tenancy::Scope;

use super::Access::{Public, Tenant};
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::self_service::test_login;

/// Their part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        POST "/admin/test-login-flows" "createTestLoginFlow", Tenant(Scope::TenantsWrite), Api, test_login::create, "Begins a sign-in that tries a provider out";
        POST "/self-service/login/test" "updateTestLoginFlow", Public, Api, test_login::submit, "Goes to the provider that is tried out";
        DELETE "/self-service/login/test" "deleteTestLoginFlow", Public, Api, test_login::delete, "Deletes a sign-in that tried a provider out";
    }
}
