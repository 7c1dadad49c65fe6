//! The route by which whoever is trusted with it ends everything of somebody: its part of the table.

use http::Method;

use super::Access::Public;
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::oauth2::global_revocation;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        POST "/oauth2/global-token-revocation" "revokeTokensOfSubject", Public, OAuth, global_revocation::post, "Ends every token and session of somebody";
    }
}
