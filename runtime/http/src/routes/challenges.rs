//! The routes of requests that apps of the tenant's own answer: their part of the table.

use http::Method;
use tenancy::Scope::{TokensRead, TokensWrite};

use super::Access::Tenant;
use super::{BodySize, Route};
use crate::admin::challenges;
use crate::failure::ErrorForm;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/admin/oauth2/auth/requests/login" "getOAuth2LoginRequest", Tenant(TokensRead), OAuth, challenges::show_login, "Shows an app who is to sign in, for what";
        PUT "/admin/oauth2/auth/requests/login/accept" "acceptOAuth2LoginRequest", Tenant(TokensWrite), OAuth, challenges::accept_login, "Takes it from an app that somebody has signed in";
        PUT "/admin/oauth2/auth/requests/login/reject" "rejectOAuth2LoginRequest", Tenant(TokensWrite), OAuth, challenges::reject_login, "Takes it from an app that nobody signs in";
        GET "/admin/oauth2/auth/requests/consent" "getOAuth2ConsentRequest", Tenant(TokensRead), OAuth, challenges::show_consent, "Shows an app what somebody is to consent to";
        PUT "/admin/oauth2/auth/requests/consent/accept" "acceptOAuth2ConsentRequest", Tenant(TokensWrite), OAuth, challenges::accept_consent, "Takes it from an app that somebody has consented";
        PUT "/admin/oauth2/auth/requests/consent/reject" "rejectOAuth2ConsentRequest", Tenant(TokensWrite), OAuth, challenges::reject_consent, "Takes it from an app that somebody has refused";
        GET "/admin/oauth2/auth/requests/logout" "getOAuth2LogoutRequest", Tenant(TokensRead), OAuth, challenges::show_logout, "Shows an app who is to sign out";
        PUT "/admin/oauth2/auth/requests/logout/accept" "acceptOAuth2LogoutRequest", Tenant(TokensWrite), OAuth, challenges::accept_logout, "Takes it from an app that somebody signs out";
        PUT "/admin/oauth2/auth/requests/logout/reject" "rejectOAuth2LogoutRequest", Tenant(TokensWrite), OAuth, challenges::reject_logout, "Takes it from an app that somebody stays";
        PUT "/admin/oauth2/auth/requests/device/accept" "acceptUserCodeRequest", Tenant(TokensWrite), OAuth, challenges::accept_device, "Takes the code that a device shows from an app";
    }
}
