//! The routes of pages that stand in for an app of the tenant's own: their part of the table.

use http::Method;

use super::Access::Public;
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::oauth2::fallback;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/oauth2/fallbacks/login" "showLoginFallback", Public, Page, fallback::login, "Says that no login app is set";
        GET "/oauth2/fallbacks/consent" "showConsentFallback", Public, Page, fallback::consent, "Says that no consent app is set";
        GET "/oauth2/fallbacks/logout" "showLogoutFallback", Public, Page, fallback::logout, "Says that no logout app is set";
        GET "/oauth2/fallbacks/logout/callback" "showSignedOutFallback", Public, Page, fallback::signed_out, "Says that one is signed out";
        GET "/oauth2/fallbacks/error" "showErrorFallback", Public, Page, fallback::error, "Says which registered error it was";
        GET "/oauth2/fallbacks/device" "showDeviceFallback", Public, Page, fallback::device, "Says that no page for devices is set";
        GET "/oauth2/fallbacks/device/done" "showDeviceDoneFallback", Public, Page, fallback::device_done, "Says that one goes on at one's device";
    }
}
